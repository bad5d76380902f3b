internal import Foundation
public import TensorCore

/// What a file's metadata say about how it was made, in order and without their codes: kohya's
/// `ss_…`, Stability's `modelspec.…`, and the recipes of merges.
public struct TrainingSummary: Sendable, Hashable {
  /// One line.
  public struct Line: Sendable, Hashable {
    /// What it is about: `network`.
    public let title: String
    /// What is said: `networks.lora, dimension 16, alpha 8`.
    public let text: String
  }

  /// The lines.
  public let lines: [Line]
  /// The keys of the metadata that the lines account for.
  public let usedKeys: Set<String>

  /// Reads metadata; no lines where nothing is said.
  public init(metadata: JSONObject) {
    var reader = Reader(metadata)
    reader.about()
    reader.training()
    reader.data()
    reader.merge()
    lines = reader.lines
    usedKeys = reader.used
  }
}

extension TrainingSummary {
  /// Goes through metadata and notes what it used.
  private struct Reader {
    private let metadata: JSONObject
    private(set) var lines: [Line] = []
    private(set) var used: Set<String> = []

    init(_ metadata: JSONObject) { self.metadata = metadata }

    /// A value that says something: not empty, `None` or `null`.
    private mutating func value(_ key: String) -> String? {
      guard let value = metadata[key] else { return nil }
      let text = value.stringValue ?? value.text()
      used.insert(key)
      return ["", "None", "null", "{}", "[]"].contains(text) ? nil : text
    }

    /// A value that is JSON, by itself or as text.
    private mutating func object(_ key: String) -> JSONObject? {
      let object = metadata[key]?.unquoted.objectValue
      if object != nil { used.insert(key) }
      return object
    }

    /// A line of the values that are there, each with what it is called.
    private mutating func line(_ title: String, _ parts: [(key: String, name: String)]) {
      let found = parts.compactMap { part in
        value(part.key).map { part.name.isEmpty ? $0 : "\(part.name) \($0)" }
      }
      if !found.isEmpty { lines.append(Line(title: title, text: found.joined(separator: ", "))) }
    }

    mutating func about() {
      line("title", [("modelspec.title", ""), ("ss_output_name", "file")])
      line("author", [("modelspec.author", "")])
      line("description", [("modelspec.description", "")])
      line("license", [("modelspec.license", "")])
      line("trigger", [("modelspec.trigger_phrase", "")])
      line("hint", [("modelspec.usage_hint", "")])
      line("made", [("modelspec.date", ""), ("modelspec.merged_from", "from")])
      line(
        "architecture",
        [
          ("modelspec.architecture", ""), ("modelspec.implementation", ""),
          ("modelspec.resolution", "at"), ("modelspec.prediction_type", "predicts"),
        ])
    }

    mutating func training() {
      line(
        "network",
        [
          ("ss_network_module", ""), ("ss_network_dim", "dimension"),
          ("ss_network_alpha", "alpha"), ("ss_network_dropout", "dropout"),
        ])
      if let arguments = object("ss_network_args"), !arguments.members.isEmpty {
        let texts = arguments.members.map { "\($0.key) \($0.value.stringValue ?? $0.value.text())" }
        lines.append(Line(title: "arguments", text: texts.joined(separator: ", ")))
      }
      adapter()
      line(
        "trained on",
        [
          ("ss_sd_model_name", ""), ("ss_base_model_version", "version"),
          ("ss_sd_model_hash", "AutoV1"), ("ss_vae_name", "VAE"),
        ])
      let lengths = [
        share("ss_steps", of: "ss_max_train_steps", "step"),
        share("ss_epoch", of: "ss_num_epochs", "epoch"),
      ].compactMap(\.self)
      if !lengths.isEmpty {
        lines.append(Line(title: "length", text: lengths.joined(separator: ", ")))
      }
      line(
        "learning rate",
        [
          ("ss_learning_rate", ""), ("ss_unet_lr", "U-Net"),
          ("ss_text_encoder_lr", "text encoder"), ("ss_lr_scheduler", "schedule"),
          ("ss_lr_warmup_steps", "warm-up"), ("ss_optimizer", "by"),
        ])
      line(
        "settings",
        [
          ("ss_mixed_precision", ""), ("ss_clip_skip", "clip skip"),
          ("ss_noise_offset", "noise offset"), ("ss_min_snr_gamma", "min SNR gamma"),
          ("ss_gradient_accumulation_steps", "gradients of"),
          ("ss_caption_dropout_rate", "caption dropout"), ("ss_seed", "seed"),
        ])
      for (title, key) in [
        ("begun", "ss_training_started_at"), ("ended", "ss_training_finished_at"),
      ] {
        guard let seconds = value(key).flatMap(Double.init), seconds > 0, seconds < 1e11 else {
          continue
        }
        let date = Date(timeIntervalSince1970: seconds)
        lines.append(Line(title: title, text: date.formatted(.iso8601)))
      }
      line("note", [("ss_training_comment", "")])
    }

    /// `1200 of 1500 steps`, as far as it is said.
    private mutating func share(_ done: String, of all: String, _ unit: String) -> String? {
      let numbers = [value(done), value(all)].compactMap(\.self)
      guard let last = numbers.last else { return nil }
      return numbers.joined(separator: " of ") + " \(unit)" + (last == "1" ? "" : "s")
    }

    /// What PEFT says of its adapters, which diffusers keeps: `unet.r`, `unet.lora_alpha`, ….
    private mutating func adapter() {
      guard let settings = object("lora_adapter_metadata") else { return }
      let shown = ["r", "lora_alpha", "use_dora", "use_rslora"]
      let texts = settings.members.compactMap { member -> String? in
        let key = member.key.split(separator: ".").last.map(String.init) ?? ""
        guard shown.contains(key), member.value != .bool(false), member.value != .null else {
          return nil
        }
        return "\(member.key) \(member.value.stringValue ?? member.value.text())"
      }
      if !texts.isEmpty {
        lines.append(Line(title: "adapter", text: texts.joined(separator: ", ")))
      }
    }

    mutating func data() {
      line(
        "pictures",
        [
          ("ss_num_train_images", ""), ("ss_num_reg_images", "regularisation"),
          ("ss_resolution", "at"), ("ss_batch_size_per_device", "batch"),
          ("ss_total_batch_size", "batch in all"),
        ])
      if let folders = object("ss_dataset_dirs") {
        let texts = folders.members.map { member in
          let count = member.value["img_count"]?.intValue.map { " (\($0))" } ?? ""
          return member.key + count
        }
        if !texts.isEmpty {
          lines.append(Line(title: "folders", text: texts.joined(separator: ", ")))
        }
      }
      datasets()
      tags(in: [object("ss_tag_frequency")].compactMap(\.self))
    }

    /// What sd-scripts writes where a file describes the data: a list of sets with folders of their
    /// own.
    private mutating func datasets() {
      guard let sets = metadata["ss_datasets"]?.unquoted.arrayValue, !sets.isEmpty else { return }
      used.insert("ss_datasets")
      let pictures = sets.map { set in
        let size = set["resolution"]?.arrayValue?.compactMap(\.intValue).map(String.init)
        return [
          set["num_train_images"]?.intValue.map { "\($0)" },
          size.map { "at \($0.joined(separator: " x "))" },
          set["batch_size_per_device"]?.intValue.map { "batch \($0)" },
        ].compactMap(\.self).joined(separator: ", ")
      }.filter { !$0.isEmpty }
      if !pictures.isEmpty {
        lines.append(Line(title: "pictures", text: pictures.joined(separator: "; ")))
      }
      let folders = sets.flatMap { $0["subsets"]?.arrayValue ?? [] }.compactMap { subset in
        (subset["image_dir"] ?? subset["metadata_file"])?.stringValue.map { folder in
          let count = subset["img_count"]?.intValue.map { " (\($0)" } ?? ""
          let repeats = subset["num_repeats"]?.intValue.map { " x \($0)" } ?? ""
          return folder + (count.isEmpty ? "" : count + repeats + ")")
        }
      }
      if !folders.isEmpty {
        lines.append(Line(title: "folders", text: folders.joined(separator: ", ")))
      }
      if metadata["ss_tag_frequency"] == nil {
        tags(in: sets.compactMap { $0["tag_frequency"]?.objectValue })
      }
    }

    /// The commonest tags of folders.
    private mutating func tags(in sets: [JSONObject]) {
      var counts: [String: Int] = [:]
      for tag in sets.flatMap(\.members).flatMap({ $0.value.objectValue?.members ?? [] }) {
        let name = tag.key.trimmingCharacters(in: .whitespaces)
        counts[name, default: 0] =
          counts[name, default: 0].addingReportingOverflow(tag.value.intValue ?? 0).partialValue
      }
      let top = counts.sorted { ($0.value, $1.key) > ($1.value, $0.key) }
      guard !top.isEmpty else { return }
      let shown = top.prefix(12).map { "\($0.key) (\($0.value))" }.joined(separator: ", ")
      let more = top.count > 12 ? " and \(top.count - 12) more" : ""
      lines.append(Line(title: "tags", text: shown + more))
    }

    /// What the web interface's merger writes.
    mutating func merge() {
      guard let recipe = object("sd_merge_recipe") else { return }
      let parts = recipe.members.filter { member in
        member.value != .null && member.value.stringValue != ""
      }.map { "\($0.key) \($0.value.stringValue ?? $0.value.text())" }
      lines.append(Line(title: "merged", text: parts.joined(separator: ", ")))
      let names = (object("sd_merge_models")?.members ?? []).compactMap {
        $0.value["name"]?.stringValue
      }
      if !names.isEmpty {
        lines.append(Line(title: "merged from", text: names.joined(separator: ", ")))
      }
    }
  }
}
