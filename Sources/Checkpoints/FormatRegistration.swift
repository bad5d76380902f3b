internal import TensorCore

/// How one container is recognised and opened.
struct FormatRegistration: Sendable {
  /// The container.
  let format: ContainerFormat
  /// Whether a file's bytes look like the container. Cheap, and never a judgement of validity.
  let recognises: @Sendable (RawSpan) -> Bool
  /// Opens a file of the container: its bytes and the path for messages.
  let open: @Sendable (ByteStorage, String) throws -> Checkpoint

  /// Every container, the surest signature first: one line each.
  static let all: [FormatRegistration] = [
    IngotReader.registration,
    SafetensorsReader.registration,
    PyTorchReader.registration,
  ]
}
