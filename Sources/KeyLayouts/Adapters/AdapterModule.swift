internal import TensorCore

/// One module of an adapter: what it changes in a layer, as places among the file's tensors.
public struct AdapterModule: Sendable, Hashable {
  /// How the weight changes.
  public enum Change: Sendable, Hashable {
    /// LoRA and LoCon: `scale · up·down`.
    case lowRank(AdapterProduct)
    /// LoHa: `scale · (first ∘ second)`, element by element.
    case hadamard(AdapterProduct, AdapterProduct)
    /// LoKr: `scale · (first ⊗ second)`.
    case kronecker(AdapterFactor, AdapterFactor)
    /// GLoRA: `scale · (W·a1·a2 + b1·b2)`; `b` with the rows and columns of the layer.
    case generalised(a: [Int], b: AdapterProduct)
    /// The difference itself, whatever the scale.
    case difference(Int)
  }

  /// The module's name.
  public let name: AdapterModuleName
  /// How the weight changes; `nil` where only the bias does.
  public let change: Change?
  /// The place of the scale's numerator.
  public let alpha: Int?
  /// The rank that the scale divides by; `nil` where there is none: the scale is 1 then.
  public let rank: Int?
  /// The place of DoRA's magnitudes.
  public let magnitude: Int?
  /// The place of a difference of the bias.
  public let bias: Int?
  /// Whether that difference is scaled as the weight's: PEFT's `lora_B.bias`.
  public let isBiasScaled: Bool
  /// The naming, where it tells.
  public let naming: AdapterNaming?
  /// The places of all tensors of the module by role.
  public let parts: [AdapterRole: Int]

  /// The name of the form for people.
  public var kind: String {
    switch change {
    case .lowRank(let product) where product.core != nil: "LoCon"
    case .lowRank: "LoRA"
    case .hadamard: "LoHa"
    case .kronecker: "LoKr"
    case .generalised: "GLoRA"
    case .difference: parts[.normWeight] != nil ? "norm" : "difference"
    case nil: "bias"
    }
  }

  /// Puts a module together of its tensors.
  ///
  /// - Returns: `nil` when parts are missing: what is there makes no change.
  /// - Throws: `AdapterError` when parts contradict each other.
  init?(
    _ name: AdapterModuleName, _ parts: [AdapterRole: Int], naming: AdapterNaming?,
    in tensors: [TensorDescription]
  ) throws(AdapterError) {
    let used: Set<AdapterRole>
    (change, used) = try Self.change(parts, tensors)
    bias = parts[.biasDifference] ?? parts[.normBias] ?? parts[.upBias]
    guard change != nil || bias != nil, Self.isComplete(parts, used) else { return nil }
    self.name = name
    self.parts = parts
    self.naming = naming
    alpha = parts[.alpha]
    magnitude = parts[.doraScale] ?? parts[.magnitude]
    isBiasScaled = parts[.biasDifference] == nil && parts[.normBias] == nil
    switch change {
    case .lowRank(let product): rank = product.rank
    case .hadamard(let first, _): rank = first.rank
    case .kronecker(let first, let second):
      // As LyCORIS loads it: the second factor's rank counts for more; two whole factors have none.
      rank =
        switch (second, first) {
        case (.product(let product), _), (_, .product(let product)): product.rank
        default: nil
        }
    case .generalised(_, let product): rank = product.rank
    case .difference, nil: rank = nil
    }
  }

  /// Whether no tensor is there for a change that lacks its other half.
  private static func isComplete(
    _ parts: [AdapterRole: Int], _ used: Set<AdapterRole>
  ) -> Bool {
    let besides: Set<AdapterRole> = [
      .alpha, .doraScale, .magnitude, .biasDifference, .normBias, .upBias,
    ]
    return parts.keys.allSatisfy { used.contains($0) || besides.contains($0) }
  }

  private static func change(
    _ parts: [AdapterRole: Int], _ tensors: [TensorDescription]
  ) throws(AdapterError) -> (Change?, used: Set<AdapterRole>) {
    if let up = parts[.up], let down = parts[.down] {
      let product = try AdapterProduct(tensors, left: up, right: down, core: parts[.mid])
      return (.lowRank(product), [.up, .down, .mid])
    }
    if let a1 = parts[.hadamard1A], let b1 = parts[.hadamard1B], let a2 = parts[.hadamard2A],
      let b2 = parts[.hadamard2B]
    {
      let (core1, core2) = (parts[.hadamard1Core], parts[.hadamard2Core])
      let first = try AdapterProduct(
        tensors, left: a1, right: b1, core: core1, isLeftTransposed: core1 != nil)
      let second = try AdapterProduct(
        tensors, left: a2, right: b2, core: core2, isLeftTransposed: core2 != nil)
      guard first.rows == second.rows, first.columns == second.columns else {
        throw AdapterError(
          .misfit(
            tensors[b2].name, found: tensors[b2].shape,
            expected: "as many columns as '\(tensors[b1].name)' \(tensors[b1].shape)"))
      }
      return (
        .hadamard(first, second),
        [.hadamard1A, .hadamard1B, .hadamard2A, .hadamard2B, .hadamard1Core, .hadamard2Core]
      )
    }
    if let first = try factor(
      parts[.kronecker1], parts[.kronecker1A], parts[.kronecker1B], nil, tensors),
      let second = try factor(
        parts[.kronecker2], parts[.kronecker2A], parts[.kronecker2B], parts[.kronecker2Core],
        tensors)
    {
      return (
        .kronecker(first, second),
        [
          .kronecker1, .kronecker1A, .kronecker1B, .kronecker2, .kronecker2A, .kronecker2B,
          .kronecker2Core,
        ]
      )
    }
    if let a1 = parts[.gloraA1], let a2 = parts[.gloraA2], let b1 = parts[.gloraB1],
      let b2 = parts[.gloraB2]
    {
      return (
        try generalised(a1, a2, b1, b2, tensors), [.gloraA1, .gloraA2, .gloraB1, .gloraB2]
      )
    }
    if let whole = parts[.difference] { return (.difference(whole), [.difference]) }
    if let whole = parts[.normWeight] { return (.difference(whole), [.normWeight]) }
    return (nil, [])
  }

  /// A Kronecker factor, whole or as a product; `nil` when it is missing.
  private static func factor(
    _ whole: Int?, _ left: Int?, _ right: Int?, _ core: Int?, _ tensors: [TensorDescription]
  ) throws(AdapterError) -> AdapterFactor? {
    if let whole {
      let shape = tensors[whole].shape
      guard shape.rank >= 2, shape.elementCount > 0 else { throw .rank(tensors[whole]) }
      return .whole(whole, rows: shape[0], columns: shape.elementCount / shape[0])
    }
    guard let left, let right else { return nil }
    return .product(
      try AdapterProduct(
        tensors, left: left, right: right, core: core, isLeftTransposed: core != nil))
  }

  /// GLoRA in LyCORIS' form, `b1 [out, rank]` and `b2 [rank, in]`; before version 1.9 it wrote the
  /// same with the numbers exchanged.
  private static func generalised(
    _ a1: Int, _ a2: Int, _ b1: Int, _ b2: Int, _ tensors: [TensorDescription]
  ) throws(AdapterError) -> Change {
    for place in [a1, a2, b1, b2] where tensors[place].shape.rank < 2 {
      throw .rank(tensors[place])
    }
    let (newRank, oldRank) = (tensors[b1].shape[1], tensors[b1].shape[0])
    let isNew =
      [a1, b1].allSatisfy { tensors[$0].shape[1] == newRank }
      && [a2, b2].allSatisfy { tensors[$0].shape[0] == newRank }
    let couldBeOld =
      [a1, b1].allSatisfy { tensors[$0].shape[0] == oldRank }
      && [a2, b2].allSatisfy { tensors[$0].shape[1] == oldRank }
    // Of a square layer both may fit; the rank is the smaller number.
    let isOld = couldBeOld && (!isNew || oldRank < newRank)
    let (a, b) = isOld ? ((a2, a1), (b2, b1)) : ((a1, a2), (b1, b2))
    let square = try AdapterProduct(tensors, left: a.0, right: a.1)
    let product = try AdapterProduct(tensors, left: b.0, right: b.1)
    let inputs = tensors[b.1].shape[1]
    guard square.rows == inputs, square.columns == inputs else {
      throw AdapterError(
        .misfit(
          tensors[a.0].name, found: tensors[a.0].shape, expected: "[\(inputs), \(square.rank)]"))
    }
    return .generalised(a: [a.0, a.1], b: product)
  }
}
