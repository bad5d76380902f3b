internal import Numerics
internal import TensorCore

/// One adapter's change of one tensor, ready to be computed.
struct AdapterStep: Sendable {
  /// DoRA's magnitudes: of each row or, as early LyCORIS has them, of each input.
  enum Magnitude: Sendable {
    case rows([Float])
    case inputs([Float])
  }

  let change: any WeightChange
  /// alpha / rank times the user's strength.
  let scale: Float
  var magnitude: Magnitude?
}

/// A tensor with the changes of adapters added, in the order in which PEFT merges them.
///
/// Operations are PEFT's: the product, times the scale, added to the weight; each rounded to
/// float32. With DoRA (arXiv 2402.09353, PEFT's `DoraLinearVariant.merge_unsafe`) the sum is then
/// multiplied by `magnitude / ‖W₀ + change‖`, where `W₀` is the weight before any adapter. A row
/// whose norm is zero stays zero: PEFT makes NaN of it.
struct AdaptedRows: RowComputation {
  let rows: Int
  let columns: Int
  private let base: TensorView
  private let steps: [AdapterStep]
  /// By step, the factor of each input.
  private let inputFactors: [Int: [Float]]
  private let needsBase: Bool

  /// - Parameter base: the weight, of a decodable type.
  init(_ base: TensorView, _ steps: [AdapterStep]) {
    self.base = base
    self.steps = steps
    rows = base.shape.dimensions.first ?? 1
    columns = rows == 0 ? 0 : base.shape.elementCount / rows
    needsBase = steps.contains { $0.change.needsBase || $0.magnitude != nil }
    var factors: [Int: [Float]] = [:]
    for (place, step) in steps.enumerated() {
      guard case .inputs(let magnitudes)? = step.magnitude else { continue }
      factors[place] = Self.factors(magnitudes, base, step, rows: rows, columns: columns)
    }
    inputFactors = factors
  }

  /// Half a megabyte of floats, which stays in a cache, and enough rows for a matrix product to have
  /// work to do.
  var pieceRows: Int { max(32, (1 << 17) / max(columns, 1)) }

  func compute(_ part: Range<Int>, into target: UnsafeMutableBufferPointer<Float>) {
    guard let start = target.baseAddress else { return }
    let count = part.count * columns
    base.load(elements(part), into: start)
    Scratch.withFloats(count) { change in
      guard needsBase else { return apply(part, base: start, change, to: start) }
      Scratch.withFloats(count) { original in
        original.update(from: start, count: count)
        apply(part, base: original, change, to: start)
      }
    }
  }

  func release(_ part: Range<Int>) {
    base.storage.advise(.dontNeed, range: base.bytes(of: elements(part)))
  }

  private func elements(_ part: Range<Int>) -> Range<Int> {
    part.lowerBound * columns..<part.upperBound * columns
  }

  private func apply(
    _ part: Range<Int>, base: UnsafePointer<Float>, _ change: UnsafeMutablePointer<Float>,
    to target: UnsafeMutablePointer<Float>
  ) {
    let count = part.count * columns
    for (place, step) in steps.enumerated() {
      step.change.write(part, base: base, into: change)
      for index in 0..<count { change[index] *= step.scale }
      switch step.magnitude {
      case nil:
        for index in 0..<count { target[index] += change[index] }
      case .rows(let magnitudes)?:
        for row in 0..<part.count {
          let start = row * columns
          var squares = 0.0
          for index in start..<start + columns {
            let sum = Double(base[index] + change[index])
            squares += sum * sum
          }
          let factor = Self.factor(magnitudes[part.lowerBound + row], squares)
          for index in start..<start + columns {
            target[index] = factor * (target[index] + change[index])
          }
        }
      case .inputs?:
        let factors = inputFactors[place] ?? []
        let kernel = columns / max(factors.count, 1)
        for row in 0..<part.count {
          var index = row * columns
          for factor in factors {
            for _ in 0..<kernel {
              target[index] = factor * (target[index] + change[index])
              index += 1
            }
          }
        }
      }
    }
  }

  private static func factor(_ magnitude: Float, _ squares: Double) -> Float {
    squares == 0 ? 1 : magnitude / Float(squares.squareRoot())
  }

  /// What each input is multiplied by: its norm runs over all rows, so it takes a pass of its own.
  private static func factors(
    _ magnitudes: [Float], _ base: TensorView, _ step: AdapterStep, rows: Int, columns: Int
  ) -> [Float] {
    var squares = [Double](repeating: 0, count: magnitudes.count)
    let kernel = columns / max(magnitudes.count, 1)
    let length = max(1, (1 << 18) / max(columns, 1))
    for first in stride(from: 0, to: rows, by: length) {
      let part = first..<min(first + length, rows)
      let count = part.count * columns
      Scratch.withFloats(2 * count) { weight in
        let change = weight + count
        base.load(part.lowerBound * columns..<part.upperBound * columns, into: weight)
        step.change.write(part, base: weight, into: change)
        for index in 0..<count {
          let sum = Double(weight[index] + change[index] * step.scale)
          squares[index % columns / kernel] += sum * sum
        }
      }
    }
    return zip(magnitudes, squares).map { factor($0, $1) }
  }
}
