internal import Foundation

/// All singular values of a matrix, and the ranks that hold shares of its energy.
public struct Spectrum: Sendable, Hashable {
  /// The squares of the singular values, largest first.
  public let energies: [Double]

  /// Decomposes a matrix `[rows, columns]` that lies row by row and holds finite values, by the
  /// eigenvalues of the smaller of its Gram matrices. Values below a thousandth of the largest are
  /// lost in float32's rounding, and with them less than a millionth of its energy.
  public init(of matrix: [Float], rows: Int, columns: Int) {
    precondition(matrix.count == rows * columns, "not a matrix of that shape")
    let size = min(rows, columns)
    guard size > 0 else {
      energies = []
      return
    }
    var gram = [Float](repeating: 0, count: size * size)
    let isWide = rows <= columns
    multiply(
      rows: size, columns: size, inner: max(rows, columns), a: matrix, strideA: columns,
      transposeA: !isWide, b: matrix, strideB: columns, transposeB: isWide, c: &gram,
      strideC: size)
    energies = LAPACK.eigenvalues(of: &gram, size: size).reversed().map { Double(max($0, 0)) }
  }

  /// The sum of all energies.
  public var total: Double { energies.reduce(0, +) }

  /// The smallest rank that holds a share of the energy; 0 of a matrix of zeros.
  public func rank(holding share: Double) -> Int {
    let wanted = share * total
    var sum = 0.0
    return energies.prefix { energy in
      defer { sum += energy }
      return sum < wanted && energy > 0
    }.count
  }

  /// The share of the energy that a rank holds; 1 of a matrix of zeros.
  public func share(of rank: Int) -> Double {
    total > 0 ? energies.prefix(rank).reduce(0, +) / total : 1
  }

  /// The effective rank: the exponential of the entropy of the energies' shares (Roy and Vetterli
  /// 2007, with energies in place of values). Equal energies count in full, small ones hardly.
  public var effectiveRank: Double {
    let total = total
    guard total > 0 else { return 0 }
    let entropy = energies.reduce(0.0) { sum, energy in
      let share = energy / total
      return share > 0 ? sum - share * log(share) : sum
    }
    return exp(entropy)
  }
}
