internal import Checkpoints
internal import Conversion
internal import KeyLayouts
internal import TensorCore

extension EmbeddingReport {
  /// What was read, and what was written from it.
  var text: String {
    let parts = parts.map {
      "\($0.target.shape[0]) of \($0.target.shape[1]) as '\($0.target.name.escapingControls)'"
    }
    let origin = isTokenFromFile ? ", from the file's name" : ""
    return """
      \(source.escapingControls): textual inversion, \(sourceForm.title)
      \(output.escapingControls): \(container.rawValue), \(form.title), token \
      '\(token.escapingControls)'\(origin), vectors: \(parts.joined(separator: "; "))

      """
  }

  /// What a user should know although the conversion went well.
  var warnings: [String] {
    var warnings: [String] = []
    if let first = leftBehind.first {
      let count = leftBehind.count
      warnings.append(
        "\(source): \(count) tensor\(count == 1 ? " was" : "s were") left behind, first '\(first)'")
    }
    if !droppedMetadata.isEmpty {
      warnings.append(
        "\(output): the \(form.title) has no place in a pickle for "
          + droppedMetadata.joined(separator: ", ") + ", left behind")
    }
    for overflow in overflows {
      warnings.append(
        "\(source): \(overflow.count) value\(overflow.count == 1 ? "" : "s") beyond the range of "
          + "\(overflow.elementType) became infinite in '\(overflow.tensor)'")
    }
    return warnings
  }

  /// The outcome for machines.
  var json: JSON {
    [
      "source": ["path": .string(source), "embedding_form": .string(sourceForm.rawValue)],
      "output": [
        "path": .string(output), "format": .string(container.rawValue),
        "embedding_form": .string(form.rawValue), "token": .string(token),
        "token_from_file_name": .bool(isTokenFromFile),
      ],
      "tensors": .array(
        parts.map { part in
          [
            "source": .string(part.source), "target": .string(part.target.name),
            "dtype": .string(part.target.elementType.name),
            "vectors": .integer(part.target.shape[0]), "width": .integer(part.target.shape[1]),
            "fits": .string(part.fitting),
          ]
        }),
      "left_behind": .array(leftBehind.map { .string($0) }),
      "metadata_left_behind": .array(droppedMetadata.map { .string($0) }),
      "overflows": .array(
        overflows.map { ["tensor": .string($0.tensor), "values": .integer($0.count)] }),
    ]
  }
}
