internal import Checkpoints
public import TensorCore

/// Numbers that stand for a model's weights, whatever container, layout, order and metadata they
/// come with: see `WeightsFingerprint`.
public struct Fingerprints: Sendable, Hashable {
  /// Of a component: its tensors' names count without the component in front.
  public struct Component: Sendable, Hashable {
    /// The component: `unet`.
    public let name: String
    /// The fingerprint.
    public let fingerprint: Digest128
  }

  /// Of all tensors that are a part of the model, under their canonical names.
  public let whole: Digest128
  /// Of each component, in the model's order. None where the family is unknown.
  public let components: [Component]

  /// Puts together what the facts about all tensors tell.
  public init(of facts: ModelFacts) {
    let canonical = facts.tensors.filter(\.isCanonical)
    let all = canonical.isEmpty ? facts.tensors : canonical
    whole = WeightsFingerprint.of(all.map { ($0.description, $0.digest) })
    var order: [String] = []
    var parts: [String: [(description: TensorDescription, digest: Digest128)]] = [:]
    for tensor in canonical {
      let name = tensor.description.name
      guard let dot = name.firstIndex(of: ".") else { continue }
      let component = String(name[..<dot])
      var description = tensor.description
      description.name = String(name[name.index(after: dot)...])
      if parts[component] == nil { order.append(component) }
      parts[component, default: []].append((description, tensor.digest))
    }
    components = order.map {
      Component(name: $0, fingerprint: WeightsFingerprint.of(parts[$0] ?? []))
    }
  }
}
