internal import KeyLayouts
internal import TensorCore

/// A model's tensors with all repairs. Nothing is copied before it is asked for.
struct RepairedTensors: TensorSource {
  let tensors: [TensorDescription]
  private let kept: any TensorSource
  private let made: [RepairPlan.Made]

  /// - Parameter ledger: the plan's.
  init(_ source: any TensorSource, by plan: RepairPlan, _ ledger: Ledger) {
    let mapped = MappedTensors(source, by: ledger)
    let types = mapped.targets.map { target in
      if case .scaled = target.recipe { plan.scaledType } else { nil as ElementType? }
    }
    kept = CastTensors(mapped, to: types)
    made = plan.made
    tensors = kept.tensors + made.map(\.tensor)
  }

  func tensor(at index: Int) throws -> TensorView {
    guard index >= kept.tensors.count else { return try kept.tensor(at: index) }
    let made = made[index - kept.tensors.count]
    let bytes = made.tensor.elementType.bytes(of: made.numbers)
    return TensorView(
      description: made.tensor, storage: ByteStorage(copying: bytes.span.bytes),
      byteRange: 0..<bytes.count)
  }
}

extension ElementType {
  /// The little-endian elements that hold numbers. Traps for types that a repair does not write.
  func bytes(of numbers: [Double]) -> [UInt8] {
    func store<Number: FixedWidthInteger>(_ values: [Number]) -> [UInt8] {
      values.flatMap { value in
        (0..<Number.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
      }
    }
    switch self {
    case .int64: return store(numbers.map { Int64($0) })
    case .float64: return store(numbers.map(\.bitPattern))
    default:
      let doubles = store(numbers.map(\.bitPattern))
      return ElementConversion.convert(doubles.span.bytes, from: .float64, to: self)
    }
  }
}
