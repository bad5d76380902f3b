internal import Foundation
internal import KeyLayouts
internal import TensorCore

/// Tells whether a reference was made for the model at hand.
///
/// A reference holds the shape and the first values of several weights. They are compared with a
/// tolerance that a cast to bfloat16 passes (a half unit is 2⁻⁹ of a value): a cast is judged by
/// its results, another model is refused.
struct ModelIdentity {
  /// The largest accepted difference, as a part of the largest recorded value.
  static let tolerance: Float = 0x1p-7

  let reference: ReferenceBundle

  /// Throws unless the weights of every component that the model has are those that the reference
  /// was made with.
  ///
  /// - Throws: `ReferenceError` naming the first weight that differs.
  func check(_ model: CanonicalModel) throws {
    guard let probes = try reference.json("probes").objectValue, !probes.members.isEmpty else {
      throw ReferenceError(
        path: reference.path,
        problem: .metadata(key: "probes", problem: "expected an object of shapes"))
    }
    let places = Dictionary(
      model.tensors.tensors.enumerated().map { (Self.plainName($1.name), $0) },
      uniquingKeysWith: { first, _ in first })
    let components = Set(places.keys.map(Self.component))
    let present = probes.members.filter { components.contains(Self.component($0.key)) }
    // A file may hold the U-Net alone: its own probes are proof enough.
    for probe in present.isEmpty ? probes.members : present {
      let recorded = try reference.floats("probe/\(probe.key)", shape: [nil])
      let extents = probe.value.arrayValue?.map { $0.intValue ?? -1 } ?? [-1]
      guard let shape = TensorShape(checking: extents) else {
        throw ReferenceError(
          path: reference.path,
          problem: .metadata(key: "probes", problem: "expected the shape of '\(probe.key)'"))
      }
      guard let place = places[probe.key] else {
        throw other(model, probe.key, "is missing from the model")
      }
      let view = try model.tensors.tensor(at: place)
      // Original checkpoints hold some matrices as 1x1 convolutions.
      guard view.shape.dimensions.filter({ $0 != 1 }) == shape.dimensions.filter({ $0 != 1 }) else {
        throw other(
          model, probe.key, "is \(view.shape) in the model, \(shape) in the reference")
      }
      guard let values = Self.firstValues(of: view, count: recorded.values.count) else { continue }
      let scale = recorded.values.map(abs).max() ?? 0
      for (found, expected) in zip(values, recorded.values)
      where !(abs(found - expected) <= Self.tolerance * scale) {
        throw other(
          model, probe.key, "holds \(found) in the model, \(expected) in the reference")
      }
    }
  }

  private func other(
    _ model: CanonicalModel, _ tensor: String, _ difference: String
  ) -> ReferenceError {
    ReferenceError(
      path: reference.path,
      problem: .otherModel(
        origin: model.origin, tensor: tensor, difference: difference,
        recordedFrom: reference.model))
  }

  /// The component of a canonical name: `unet`.
  private static func component(_ name: String) -> Substring { name.prefix { $0 != "." } }

  /// The name without the `text_model.` level, which transformers keeps or drops by version.
  private static func plainName(_ name: String) -> String {
    name.hasPrefix("text_encoder.text_model.")
      ? "text_encoder." + name.dropFirst("text_encoder.text_model.".count) : name
  }

  /// The first values of a weight of a plain float type; `nil` for other types.
  private static func firstValues(of view: TensorView, count: Int) -> [Float]? {
    guard view.elementType.isPlainFloat, view.shape.elementCount >= count else { return nil }
    return view.withBytes { span in
      let bytes = span.extracting(first: count * view.elementType.blockBytes)
      let converted = ElementConversion.convert(bytes, from: view.elementType, to: .float32)
      return (0..<count).map { index in
        let start = index * 4
        return Float(
          bitPattern: (0..<4).reduce(0) { $0 | UInt32(converted[start + $1]) << UInt32(8 * $1) })
      }
    }
  }
}
