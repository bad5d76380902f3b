/// Something a pickle refers to that is no plain data: a class or a function. It was not imported
/// and not called; its place is kept by this note.
public struct OpaqueValue: Sendable, Hashable {
  /// The Python module: `pytorch_lightning.callbacks.model_checkpoint`.
  public let module: String
  /// The qualified name in the module: `ModelCheckpoint`.
  public let name: String
  /// Where the pickle names it, in bytes from the start of the pickle.
  public let offset: Int
  /// Whether Python would have called it while loading, and not only referred to it.
  public let isCalled: Bool

  /// Notes a reference.
  public init(module: String, name: String, offset: Int, isCalled: Bool) {
    self.module = module
    self.name = name
    self.offset = offset
    self.isCalled = isCalled
  }

  /// Module and name joined by a dot.
  public var qualifiedName: String { "\(module).\(name)" }
}
