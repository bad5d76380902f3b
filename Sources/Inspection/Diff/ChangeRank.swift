internal import TensorCore

/// How many directions a matrix's change has that stand out of what rounding alone makes.
///
/// A LoRA of rank r adds a matrix of rank r, and rounding the sum to its stored type adds noise of
/// every rank; the singular values of such noise stay below s (√m + √n), where s is its standard
/// deviation (Davidson and Szarek 2001). Looked at are evenly spread rows and columns: a part of a
/// matrix of rank r has rank r, if it is large enough.
public struct ChangeRank: Sendable, Hashable {
  /// The tensor's name.
  public let name: String
  /// The number of rows and columns that were looked at.
  public let rows: Int, columns: Int
  /// The number of singular values above the noise.
  public let rank: Int

  /// Whether the rank is so far below the size that the change is no ordinary training.
  public var isLow: Bool { 4 * rank <= min(rows, columns) }

  /// The most rows and columns to look at.
  private static let sampleLimit = 256
  /// Smaller matrices tell nothing.
  private static let sizeLimit = 32
  /// By how much a singular value must exceed the bound, which holds with a probability only.
  private static let margin = 1.2

  /// Looks at a pair; `nil` for small matrices and for types whose rounding is not uniform.
  init?(_ a: TensorView, _ b: TensorView, named name: String) {
    guard a.shape.rank > 1, a.shape == b.shape, a.shape[0] > 0,
      let (digitsA, digitsB) = Self.digits(a.elementType, b.elementType)
    else { return nil }
    let (height, width) = (a.shape[0], a.shape.elementCount / a.shape[0])
    guard min(height, width) >= Self.sizeLimit else { return nil }
    let rowPlaces = Self.spread(height)
    let columnPlaces = Self.spread(width)
    var noise = 0.0
    var change: [[Double]] = []
    for row in rowPlaces {
      let (x, y) = (Self.row(row, of: a, width), Self.row(row, of: b, width))
      change.append(
        columnPlaces.map { column in
          let (left, right) = (x[column], y[column])
          guard left.isFinite, right.isFinite else { return 0 }
          noise += digitsA.variance(of: left) + digitsB.variance(of: right)
          return right - left
        })
    }
    self.name = name
    (rows, columns) = (rowPlaces.count, columnPlaces.count)
    let deviation = (noise / Double(rows * columns)).squareRoot()
    let bound = Self.margin * deviation * (Double(rows).squareRoot() + Double(columns).squareRoot())
    let spectrum = SymmetricSpectrum(productsOf: change)
    // Of sums of squares in double precision, what is below a part in 10¹³ is not to be trusted.
    rank = spectrum.count(above: max(bound * bound, 1e-13 * spectrum.largest))
  }

  private static func spread(_ count: Int) -> [Int] {
    let taken = min(count, sampleLimit)
    return (0..<taken).map { $0 * count / taken }
  }

  private static func row(_ row: Int, of view: TensorView, _ width: Int) -> [Double] {
    let length = view.elementType.byteCount(of: width)
    let start = view.byteRange.lowerBound + row * length
    return view.storage.withBytes(in: start..<start + length) {
      NumberList($0, view.elementType).values
    }
  }

  /// How a type rounds.
  private struct Digits {
    let bits: Int
    let leastExponent: Int

    /// The variance of the rounding error of a value: a twelfth of its step's square.
    func variance(of value: Double) -> Double {
      let exponent = value == 0 ? leastExponent : max(Int(value.exponent), leastExponent)
      let step = Double(sign: .plus, exponent: exponent - bits + 1, significand: 1)
      return step * step / 12
    }
  }

  private static func digits(_ a: ElementType, _ b: ElementType) -> (Digits, Digits)? {
    func digits(_ type: ElementType) -> Digits? {
      switch type {
      case .float16: Digits(bits: 11, leastExponent: -14)
      case .bfloat16: Digits(bits: 8, leastExponent: -126)
      case .float32: Digits(bits: 24, leastExponent: -126)
      case .float64: Digits(bits: 53, leastExponent: -1022)
      default: nil
      }
    }
    return digits(a).flatMap { first in digits(b).map { (first, $0) } }
  }
}
