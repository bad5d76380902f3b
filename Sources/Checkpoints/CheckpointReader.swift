internal import TensorCore

/// The reader of a container that is one file: what a format implements beside `TensorSource`.
protocol CheckpointReader: TensorSource {
  /// The container.
  static var format: ContainerFormat { get }

  /// Whether a file's bytes look like the container. Cheap, and never a judgement of validity.
  static func recognises(_ bytes: ByteStorage) -> Bool

  /// Whether tensors may lie in nested dictionaries, of which `ReadingOptions.root` chooses one.
  static var hasRoots: Bool { get }

  /// Checks the file's whole directory before any view of a tensor exists.
  ///
  /// - Parameters:
  ///   - path: for messages.
  ///   - options: what the user wishes.
  /// - Throws: the format's own error when the file is not sound.
  init(storage: ByteStorage, path: String, options: ReadingOptions) throws

  /// The file with everything that it says.
  var checkpoint: Checkpoint { get }
}

extension CheckpointReader {
  static var hasRoots: Bool { false }
}
