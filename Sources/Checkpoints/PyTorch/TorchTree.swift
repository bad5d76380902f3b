public import TensorCore

/// A value for `torch.save`: dictionaries of plain values and tensors, for files that are no state
/// dictionary.
public indirect enum TorchTree: Sendable {
  /// The tensor at an index of the source.
  case tensor(Int)
  /// A plain value.
  case value(JSON)
  /// A dictionary, in the order of insertion.
  case dictionary([(key: String, value: TorchTree)])
}

extension PyTorchWriter {
  /// Writes a value and the tensors that it refers to, each once.
  ///
  /// - Throws: `CheckpointError` when torch has no such element type, the errors of the source,
  ///   `FileError` when the disk fails. Nothing is left of the file then.
  public static func write(
    _ tree: TorchTree, of tensors: any TensorSource, to path: String
  ) throws {
    var writer = try PyTorchWriter(path: path)
    var pickler = Pickler()
    try writer.append(tree, tensors.tensors, to: &pickler)
    try writer.begin(tensors.tensors, pickle: pickler.finish())
    for index in tensors.tensors.indices { try writer.append(try tensors.tensor(at: index)) }
    try writer.finish()
  }

  private func append(
    _ tree: TorchTree, _ tensors: [TensorDescription], to pickler: inout Pickler
  ) throws(CheckpointError) {
    switch tree {
    case .tensor(let index): try append(tensors[index], at: index, to: &pickler)
    case .value(let value): pickler.append(value)
    case .dictionary(let entries):
      pickler.append(.emptyDictionary)
      pickler.append(.mark)
      for entry in entries {
        pickler.append(string: entry.key)
        try append(entry.value, tensors, to: &pickler)
      }
      pickler.append(.setItems)
    }
  }
}
