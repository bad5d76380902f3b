public import KeyLayouts
internal import TensorCore

/// A weight that holds NaN or an infinity: the usual reason why a network gives no numbers.
public struct NonFiniteWeight: Sendable, Hashable {
  /// The canonical name of the tensor.
  public let tensor: String
  /// The number of its values that are NaN or infinite.
  public let count: Int

  /// Reads the weights of one component until one holds such a value; `nil` when none does.
  public init?(in model: CanonicalModel, component: String) {
    for (index, tensor) in model.tensors.tensors.enumerated()
    where tensor.name.hasPrefix(component + ".") {
      guard let view = try? model.tensors.tensor(at: index),
        let statistics = view.withBytes({ TensorStatistics(of: $0, type: view.elementType) }),
        statistics.nonFiniteCount > 0
      else { continue }
      self.tensor = tensor.name
      count = statistics.nonFiniteCount
      return
    }
    return nil
  }
}

extension NonFiniteWeight: CustomStringConvertible {
  /// `tensor 'unet.conv_in.weight' holds 3 values that are NaN or infinite`.
  public var description: String {
    "tensor '\(tensor)' holds \(count) value\(count == 1 ? "" : "s") that "
      + "\(count == 1 ? "is" : "are") NaN or infinite"
  }
}

extension Pipeline {
  /// Ends the run when a network gave what is no number: the picture would be black and look like
  /// a result.
  ///
  /// - Throws: `GenerationError` that names the weight to blame, where one is.
  func checkFinite(_ values: [Float], from component: String) throws(GenerationError) {
    guard !values.allSatisfy(\.isFinite) else { return }
    let reason = NonFiniteWeight(in: model, component: component).map { "\($0)" }
    throw GenerationError(
      problem: "\(model.origin): "
        + (reason ?? "the output of '\(component)' overflows, although its weights are finite"))
  }
}
