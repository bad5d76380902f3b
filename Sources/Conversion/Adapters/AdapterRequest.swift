public import Checkpoints
public import KeyLayouts
public import TensorCore

/// What to make of an adapter.
public struct AdapterRequest: Sendable, Hashable {
  /// Where the result goes.
  public var output: String
  /// The container of the result.
  public var container: ContainerFormat
  /// The naming of the result.
  public var naming: AdapterNaming
  /// The type that floating tensors are cast to; their own by default.
  public var elementType: ElementType?
  /// What the result is to say beside what the source says.
  public var metadata: JSONObject
  /// Whether a module or tensor without a place in the result is an error.
  public var isStrict: Bool

  /// Describes a conversion.
  public init(
    output: String, container: ContainerFormat, naming: AdapterNaming,
    elementType: ElementType? = nil, metadata: JSONObject = [:], isStrict: Bool = false
  ) {
    self.output = output
    self.container = container
    self.naming = naming
    self.elementType = elementType
    self.metadata = metadata
    self.isStrict = isStrict
  }
}

/// What came of an adapter's conversion.
public struct AdapterReport: Sendable, Hashable {
  /// The file that was read.
  public let source: String
  /// Its naming, where it tells.
  public let sourceNaming: AdapterNaming?
  /// What was written.
  public let output: String
  /// Its container.
  public let container: ContainerFormat
  /// Its naming.
  public let naming: AdapterNaming
  /// The family whose modules the adapter names.
  public let family: Family
  /// The number of modules by form.
  public let kinds: [String: Int]
  /// What was left behind, and why.
  public let leftovers: [AdapterOutcome.Leftover]
  /// The number of modules.
  public let total: Int
  /// Tensors with values beyond the type that they were cast to.
  public let overflows: [CastOverflow]
  /// The keys of metadata that the container has for itself, with the names that took their place.
  public let renamedMetadata: [String: String]
}
