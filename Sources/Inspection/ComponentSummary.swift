internal import Checkpoints
public import KeyLayouts
internal import TensorCore

/// One component of a model: what it weighs and how it is configured.
public struct ComponentSummary: Sendable, Hashable {
  /// The component.
  public let component: Component
  /// Its tensors, counted by element type.
  public let elementTypes: [CheckpointSummary.ElementTypeCount]
  /// diffusers' configuration of it, with a note for each field of how it is known.
  public let configuration: NotedConfiguration

  /// The number of tensors.
  public var tensorCount: Int { elementTypes.reduce(0) { $0 + $1.tensorCount } }
  /// The number of parameters.
  public var parameterCount: Int { elementTypes.reduce(0) { $0 + $1.elementCount } }
  /// The number of bytes that the tensors take.
  public var byteCount: Int { elementTypes.reduce(0) { $0 + $1.byteCount } }

  /// The components of a checkpoint, by what its tensors mean.
  static func all(of reading: LayoutReading) -> [ComponentSummary] {
    let targets = reading.ledger.targets.map(\.description)
    return reading.components.map { component in
      let name = component.rawValue
      return ComponentSummary(
        component: component,
        elementTypes: CheckpointSummary.elementTypes(
          of: targets.filter { $0.name.hasPrefix(component.prefix) }),
        configuration: reading.noted[name] ?? NotedConfiguration())
    }
  }
}
