internal import Conversion
internal import KeyLayouts
internal import TensorCore

extension MergeReport {
  /// The conversion's lines, and one for each LoRA.
  var text: String {
    conversion.text + adapters.map(\.text).joined() + (models?.text ?? "")
  }

  /// What a user should know although the merge went well.
  var warnings: [String] {
    var warnings = conversion.warnings + adapters.flatMap(\.warnings) + (models?.warnings ?? [])
    if let first = leftBehind.first {
      warnings.append(
        "\(conversion.source): \(leftBehind.count) tensors of the running average are as before "
          + "the merge and were left behind, first '\(first)'")
    }
    if let first = overflows.first {
      let (count, values) = (overflows.count, overflows.reduce(0) { $0 + $1.count })
      warnings.append(
        "\(conversion.source): \(values) merged value\(values == 1 ? "" : "s") beyond the range of "
          + "\(first.elementType) became infinite, in \(count) tensor\(count == 1 ? "" : "s"), "
          + "first '\(first.tensor)'")
    }
    if let first = nonFinite.first {
      let (count, values) = (nonFinite.count, nonFinite.reduce(0) { $0 + $1.count })
      warnings.append(
        "\(conversion.source): \(values) merged value\(values == 1 ? " is" : "s are") NaN or "
          + "infinite, in \(count) tensor\(count == 1 ? "" : "s"), first '\(first.tensor)'")
    }
    return warnings
  }

  /// The outcome for machines.
  var json: JSON {
    var members = conversion.json.objectValue ?? [:]
    if let models {
      members["merge"] = models.json
    } else {
      members["loras"] = .array(adapters.map(\.json))
    }
    members["merge_overflows"] = .array(overflows.map(\.json))
    members["merge_non_finite"] = .array(nonFinite.map(\.json))
    members["left_behind"] = .array(leftBehind.map { .string($0) })
    return .object(members)
  }
}

extension CheckpointMerge {
  /// One line: the method and the ratios.
  fileprivate var text: String {
    let blocks = ratios.blocks.map { ", \($0.name.description.escapingControls) \($0.ratio)" }
    return "\(method.rawValue), ratio \(ratios.base)\(blocks.joined())\n"
  }

  /// Components that are not in every model.
  fileprivate var warnings: [String] {
    kept.map { "\($0.path): has no \($0.component): \(Self.count($0)) stay as they are" }
      + unused.map { "\($0.path): \(Self.count($0)) of \($0.component) have no counterpart" }
      + disagreements.map {
        "\($0.path): predicts \($0.prediction.type.rawValue) (\($0.prediction.reason)), the first "
          + "model \($0.base.type.rawValue) (\($0.base.reason)): a mix of both draws noise"
      }
  }

  private static func count(_ kept: Kept) -> String {
    "\(Format.count(kept.count)) tensor\(kept.count == 1 ? "" : "s")"
  }

  fileprivate var json: JSON {
    [
      "method": .string(method.rawValue), "ratio": .number(ratios.base),
      "blocks": .object(
        JSONObject(ratios.blocks.map { ($0.name.description, .number($0.ratio)) })),
      "other_predictions": .array(disagreements.map { .string($0.path) }),
      "kept": .array(kept.map(Self.json)), "unused": .array(unused.map(Self.json)),
    ]
  }

  private static func json(_ kept: Kept) -> JSON {
    [
      "path": .string(kept.path), "component": .string(kept.component),
      "tensors": .integer(kept.count),
    ]
  }
}

extension AdapterOutcome {
  /// One line: how much of the LoRA was applied.
  fileprivate var text: String {
    let forms = AdapterForms(kinds: kinds).text
    let known = leftovers.count - surprises.count
    let rest =
      (idle == 0 ? "" : ", \(Format.count(idle)) of them zero")
      + (known == 0 ? "" : ", \(known) tensor\(known == 1 ? "" : "s") bundled with it left alone")
    return "\(path.escapingControls) x \(strength): \(Format.count(applied)) of "
      + "\(Format.count(total)) modules applied (\(forms))\(rest)\n"
  }

  /// What has no place in the model, each by name.
  fileprivate var warnings: [String] {
    surprises.map { "\(path): '\($0.name)' was not applied: \($0.reason)" }
      + (otherOrigin.map {
        [
          "\(path): was trained for \($0.title) (\($0.evidence)), and the model is of another family"
        ]
      } ?? [])
      + (idle == applied && applied > 0
        ? ["\(path): changes nothing: the values or alpha of all modules are zero"] : [])
  }

  fileprivate var json: JSON {
    [
      "path": .string(path), "strength": .number(strength), "applied": .integer(applied),
      "modules": .integer(total), "zero_modules": .integer(idle),
      "forms": AdapterForms(kinds: kinds).json, "not_applied": .array(leftovers.map(\.json)),
    ]
  }
}
