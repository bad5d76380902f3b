internal import Numerics
internal import TensorCore

/// The singular values of a matrix's change, and how many of them stand out of what rounding alone
/// makes.
///
/// A LoRA of rank r adds a matrix of rank r, and rounding the sum to its stored type adds noise of
/// every rank; the singular values of such noise stay below s (√m + √n), where s is its standard
/// deviation (Davidson and Szarek 2001). A part of a matrix of rank r, evenly spread rows and
/// columns, has rank r too, if it is large enough.
public struct ChangeRank: Sendable, Hashable {
  /// How much of a matrix is looked at.
  public enum Extent: Sendable, Hashable {
    /// Evenly spread rows and columns, up to 256 of each: what a verdict needs.
    case sample
    /// The whole matrix, if its shorter side is no longer than 4096; otherwise so many rows and
    /// columns.
    case whole

    fileprivate var limit: Int {
      switch self {
      case .sample: 256
      case .whole: 4096
      }
    }
  }

  /// The tensor's name.
  public let name: String
  /// Where in the model it is.
  public let place: TensorPlace
  /// The number of rows and columns that were looked at.
  public let rows: Int, columns: Int
  /// Whether that is the whole matrix; convolution kernels count as rows of `inputs · height · width`.
  public let isWhole: Bool
  /// The singular values of the change there, places that are not finite left out.
  let spectrum: Spectrum
  /// The bytes of both tensors that were read for it.
  let readBytes: Int
  /// The number of singular values above the noise; `nil` for types whose rounding is not known.
  public let rank: Int?

  /// Whether the rank is so far below the size that the change is no ordinary training; `nil` where
  /// the matrix is too small to tell, or the rank is unknown.
  public var isLow: Bool? {
    let size = min(rows, columns)
    return size < Self.sizeLimit ? nil : rank.map { 4 * $0 <= size }
  }

  /// The number of singular values.
  public var size: Int { spectrum.energies.count }
  /// The sum of the squares of the change.
  public var energy: Double { spectrum.total }
  /// The exponential of the entropy of the energy's shares: how many directions of equal strength
  /// would be as spread.
  public var effectiveRank: Double { spectrum.effectiveRank }

  /// The smallest rank that holds a share of the change's energy.
  public func rank(holding share: Double) -> Int { spectrum.rank(holding: share) }

  /// The energy that a LoRA of a rank would hold at best.
  public func energy(of rank: Int) -> Double { spectrum.energy(of: rank) }

  /// The share of the energy that a LoRA of a rank would hold at best.
  public func share(of rank: Int) -> Double { spectrum.share(of: rank) }

  /// Smaller matrices tell nothing about how they were trained.
  private static let sizeLimit = 32
  /// By how much a singular value must exceed the bound, which holds with a probability only.
  private static let margin = 1.2

  /// Looks at a pair; `nil` for what is no matrix or has nothing to compare, or a change whose square is
  /// beyond all numbers.
  init?(_ a: TensorView, _ b: TensorView, of pair: TensorPair, _ extent: Extent) {
    guard pair.relation.keepsMatrix, a.shape.rank > 1, a.shape[0] > 0, a.shape.elementCount > 0,
      // The Gram matrix holds sums of squares.
      pair.difference?.sumSquares.isFinite == true,
      a.elementType.hasKnownNumbers, b.elementType.hasKnownNumbers,
      let views = AlignedViews(a, b, pair.relation)?.parts.first
    else { return nil }
    let (height, width) = (a.shape[0], a.shape.elementCount / a.shape[0])
    // A long side costs time, a long shorter side memory too.
    let limit = extent.limit
    let isSampled = extent == .sample || min(height, width) > limit
    let sides = [height, width].map { SpreadPlaces($0, limit: isSampled ? limit : $0) }
    let matrix = MatrixDifference(a: views.a, b: views.b, width: width)
    name = pair.name
    place = pair.place
    (rows, columns) = (sides[0].count, sides[1].count)
    isWhole = rows == height && columns == width
    let spectrum = Spectrum(rows: sides[0].count, columns: sides[1].count) {
      matrix.fill($2, $0.map { sides[0][$0] }, $1.map { sides[1][$0] })
    }
    self.spectrum = spectrum
    rank = RoundingNoise(a.elementType, b.elementType).map { noise in
      let deviation = noise.deviation(
        in: matrix, SpreadPlaces(height, limit: 64), SpreadPlaces(width, limit: 256))
      return spectrum.rank(
        above: Self.margin * deviation
          * (Double(sides[0].count).squareRoot() + Double(sides[1].count).squareRoot()))
    }
    readBytes = matrix.readBytes
  }
}

extension TensorPair.Relation {
  /// Whether the places of both tensors are those of one matrix.
  fileprivate var keepsMatrix: Bool {
    switch self {
    case .same, .reshaped, .transposed: true
    case .halvesSwapped, .rows, .incomparable: false
    }
  }
}

/// Places evenly spread over a side of a matrix.
struct SpreadPlaces {
  private let length: Int
  /// How many there are.
  let count: Int

  init(_ length: Int, limit: Int) {
    self.length = length
    count = min(length, limit)
  }

  subscript(index: Int) -> Int { index * length / count }

  /// All of them, in order.
  var all: [Int] { (0..<count).map { self[$0] } }
}
