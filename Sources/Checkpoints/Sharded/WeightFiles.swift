internal import Foundation
internal import TensorCore

/// Finds the weights in a folder by the names that diffusers and transformers look for.
struct WeightFiles: Sendable, Hashable {
  /// Where the weights are.
  enum Place: Sendable, Hashable {
    case file(String)
    case index(String)
  }

  /// The file or index by variant; `""` for the model's own.
  private(set) var places: [String: Place] = [:]

  /// diffusers' name, transformers' with safetensors, transformers' with pickles.
  private static let stems = ["diffusion_pytorch_model", "model", "pytorch_model"]
  private static let endings = ["safetensors", "bin"]
  /// Weights that are the model's own come before its variants.
  private static let knownVariants = ["", "fp16", "non_ema", "ema_only"]

  /// Looks through the names of a folder's files.
  init(among names: [String]) {
    // The better names last: they replace the others.
    for ending in Self.endings.reversed() {
      for stem in Self.stems.reversed() {
        var (files, indexes): ([String: Place], [String: Place]) = ([:], [:])
        for name in names where name.hasPrefix(stem + ".") {
          let rest = name.dropFirst(stem.count)
          if let variant = Self.variant(rest, "", ".\(ending)") { files[variant] = .file(name) }
          if let variant = Self.variant(rest, "", ".\(ending).index.json")
            // transformers and diffusers put the variant in different places.
            ?? Self.variant(rest, ".\(ending).index", ".json")
          {
            indexes[variant] = .index(name)
          }
        }
        // Where both are there, diffusers takes the shards, transformers the whole file.
        let takesShards = stem == Self.stems[0]
        for found in takesShards ? [files, indexes] : [indexes, files] {
          places.merge(found) { $1 }
        }
      }
    }
  }

  /// The variant in `<start>.<variant><end>`, or `""` in `<start><end>`.
  private static func variant(_ name: Substring, _ start: String, _ end: String) -> String? {
    guard name.count >= start.count + end.count, name.hasPrefix(start), name.hasSuffix(end) else {
      return nil
    }
    let middle = name.dropFirst(start.count).dropLast(end.count)
    if middle.isEmpty { return "" }
    guard middle.first == ".", middle.count > 1, !middle.dropFirst().contains("."),
      !isShard(String(name))
    else { return nil }
    return String(middle.dropFirst())
  }

  /// The variants that are there: the model's own, the usual ones, and others by name.
  var variants: [String] {
    Self.knownVariants.filter { places[$0] != nil }
      + places.keys.filter { !Self.knownVariants.contains($0) }.sorted()
  }

  /// The weights of a variant, or without a wish the first ones there are.
  func place(variant: String?) -> Place? {
    if let variant { return places[variant] }
    return variants.first.flatMap { places[$0] }
  }
}

extension WeightFiles {
  /// The endings of files that may be weights, whatever their names.
  private static let weightEndings = FormatRegistration.all.flatMap(\.endings) + ["npy"]

  /// The weights in a folder that says nothing else about its model: those with a usual name, or
  /// the one index or file of weights that there is.
  ///
  /// - Returns: `nil` when there is nothing that could be weights.
  /// - Throws: `FileError` when the folder cannot be listed, `ShardError` when several files could
  ///   be meant, or none is of the variant wanted.
  static func lone(in folder: String, variant: String?) throws -> Place? {
    let names = try Self.names(in: folder)
    let usual = WeightFiles(among: names)
    if let place = usual.place(variant: variant) { return place }
    let indexes = names.filter { $0.hasSuffix(".index.json") }
    let files = names.filter { name in
      weightEndings.contains { name.lowercased().hasSuffix("." + $0) } && !isShard(name)
    }
    var candidates = indexes.map(Place.index) + files.map(Place.file)
    if let variant {
      candidates = candidates.filter { $0.name.split(separator: ".").contains(Substring(variant)) }
      guard !candidates.isEmpty else {
        guard !usual.variants.isEmpty || !files.isEmpty || !indexes.isEmpty else { return nil }
        throw ShardError(path: folder, problem: .noVariant(variant, found: usual.variants))
      }
    }
    guard candidates.count < 2 else {
      throw ShardError(path: folder, problem: .ambiguous(files: candidates.map(\.name).sorted()))
    }
    return candidates.first
  }

  /// The names of the files in a folder, sorted, without hidden ones.
  static func names(in folder: String) throws(FileError) -> [String] {
    do {
      return try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
        .filter { !$0.hasPrefix(".") }
    } catch {
      throw FileError(.open, path: folder, code: errno)
    }
  }

  /// Whether a name is that of one shard of several: `model-00001-of-00002.safetensors`.
  private static func isShard(_ name: String) -> Bool {
    name.contains(#/-\d{5}-of-\d{5}\.[^.]+$/#)
  }
}

extension WeightFiles.Place {
  /// The name of the file or index.
  var name: String {
    switch self {
    case .file(let name), .index(let name): name
    }
  }

  /// Opens the weights.
  ///
  /// - Returns: the checkpoint, with the names of its files in `folder`.
  func open(in folder: String, options: ReadingOptions) throws -> Checkpoint {
    switch self {
    case .file(let name): try Checkpoint.open(file: "\(folder)/\(name)", options: options)
    case .index(let name):
      try ShardedReader(path: "\(folder)/\(name)", options: options).checkpoint
    }
  }
}
