internal import TensorCore

/// How one container is recognised and opened.
struct FormatRegistration: Sendable {
  /// The container.
  let format: ContainerFormat
  /// Whether a file's bytes look like the container. Cheap, and never a judgement of validity.
  let recognises: @Sendable (RawSpan) -> Bool
  /// Opens a file of the container: its bytes, the path for messages, and the user's wishes.
  let open: @Sendable (ByteStorage, String, ReadingOptions) throws -> Checkpoint

  /// Every container, the surest signature first: one line each.
  static let all: [FormatRegistration] = [
    IngotReader.registration,
    SafetensorsReader.registration,
    PyTorchReader.registration,
  ]
}
