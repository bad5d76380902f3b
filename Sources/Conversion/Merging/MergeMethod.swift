/// How several checkpoints become one. All arithmetic is in float32, and the result is rounded once.
public enum MergeMethod: String, Sendable, Hashable, CaseIterable {
  /// `(1 − ratio) · A + ratio · B`.
  case weightedSum = "weighted-sum"
  /// `A + ratio · (B − C)`.
  case addDifference = "add-difference"
  /// Along the arc between A and B, tensor by tensor: `sin((1 − ratio)·θ)/sin θ · A +
  /// sin(ratio·θ)/sin θ · B`, where θ is the angle between the two as vectors. Where they point
  /// nearly the same way (|cos θ| > 0.9995), the weighted sum, as in mergekit.
  case slerp

  /// How many models it takes.
  public var modelCount: Int { self == .addDifference ? 3 : 2 }

  /// The ratio when the user gives none.
  public var defaultRatio: Double { self == .addDifference ? 1 : 0.5 }
}
