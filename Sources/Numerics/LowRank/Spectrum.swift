internal import Foundation

/// All singular values of a matrix, and the ranks that hold shares of its energy.
///
/// They are the eigenvalues of the smaller of its Gram matrices, which is summed up in double
/// precision from panels, so that a large matrix needs not be there as a whole. Singular values
/// below some 10⁻⁷ of the largest are lost in rounding, and with them 10⁻¹⁴ of its energy.
public struct Spectrum: Sendable, Hashable {
  /// The squares of the singular values, largest first.
  public let energies: [Double]

  /// The rows or columns of a panel.
  private static let panelLength = 512

  /// Decomposes a matrix `[rows, columns]` of finite values.
  ///
  /// - Parameter panel: fills a panel row by row: the given rows and columns of the matrix, all of
  ///   one or all of the other.
  public init(
    rows: Int, columns: Int,
    panel: (_ rows: Range<Int>, _ columns: Range<Int>, UnsafeMutableBufferPointer<Double>)
      throws -> Void
  ) rethrows {
    let (size, length) = (min(rows, columns), max(rows, columns))
    guard size > 0 else {
      energies = []
      return
    }
    let isWide = rows <= columns
    let step = min(Self.panelLength, length)
    var gram = [Double](repeating: 0, count: size * size)
    var values = [Double](repeating: 0, count: size * step)
    for start in stride(from: 0, to: length, by: step) {
      let range = start..<min(start + step, length)
      try values.withUnsafeMutableBufferPointer { values in
        try panel(
          isWide ? 0..<rows : range, isWide ? range : 0..<columns,
          UnsafeMutableBufferPointer(rebasing: values[..<(size * range.count)]))
      }
      // The lower triangle of rows is the upper one of LAPACK's columns.
      typealias Flag = OpenBLAS.Flag
      OpenBLAS.dsyrk(
        Flag.rowMajor, Flag.lower, isWide ? Flag.plain : Flag.transposed, Int32(size),
        Int32(range.count), 1, values, Int32(isWide ? range.count : columns), 1, &gram,
        Int32(size))
    }
    energies = LAPACK.eigenvalues(of: &gram, size: size).reversed().map { max($0, 0) }
  }

  /// Decomposes a matrix `[rows, columns]` that lies row by row and holds finite values.
  public init(of matrix: [Float], rows: Int, columns: Int) {
    precondition(matrix.count == rows * columns, "not a matrix of that shape")
    self.init(rows: rows, columns: columns) { panelRows, panelColumns, values in
      var place = 0
      for row in panelRows {
        for column in panelColumns {
          values[place] = Double(matrix[row * columns + column])
          place += 1
        }
      }
    }
  }

  /// The sum of all energies.
  public var total: Double { energies.reduce(0, +) }

  /// How many singular values are greater than a number that is not negative. What rounding alone
  /// can make of the largest does not count.
  public func rank(above value: Double) -> Int {
    let floor = max(value * value, 1e-13 * (energies.first ?? 0))
    return energies.prefix { $0 > floor }.count
  }

  /// The smallest rank that holds a share of the energy; 0 of a matrix of zeros.
  public func rank(holding share: Double) -> Int {
    let wanted = share * total
    var sum = 0.0
    return energies.prefix { energy in
      defer { sum += energy }
      return sum < wanted && energy > 0
    }.count
  }

  /// The energy that a rank holds.
  public func energy(of rank: Int) -> Double { energies.prefix(rank).reduce(0, +) }

  /// The share of the energy that a rank holds; 1 of a matrix of zeros.
  public func share(of rank: Int) -> Double {
    total > 0 ? energy(of: rank) / total : 1
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
