internal import TensorCore

extension CanonicalModel {
  /// The components that the model has tensors of.
  public var components: [Component] {
    Component.allCases.filter { component in
      tensors.tensors.contains { $0.name.hasPrefix(component.prefix) }
    }
  }

  /// Refuses a model that lacks components which are needed.
  ///
  /// - Throws: `LayoutError` that names the model and every component that is absent:
  ///   `model.ingot: has no text encoder`.
  public func require(
    _ needed: [Component] = [.unet, .vae, .textEncoder]
  ) throws(LayoutError) {
    let present = components
    let absent = needed.filter { !present.contains($0) }
    if !absent.isEmpty { throw LayoutError(.absent(absent), origin: origin) }
  }
}
