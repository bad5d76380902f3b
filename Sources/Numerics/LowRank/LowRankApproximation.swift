/// The best approximation of a matrix by one of low rank, as the product of two factors.
///
/// Small ranks of large matrices are found by subspace iteration (Halko, Martinsson and Tropp 2011,
/// algorithm 4.4) until the energy that it captures no longer grows; all others from the
/// eigenvectors of the smaller Gram matrix.
public struct LowRankApproximation: Sendable {
  /// The rank.
  public let rank: Int
  /// The left factor, `[rows, rank]`, row by row: singular vectors times the roots of their values.
  public let left: [Float]
  /// The right factor, `[rank, columns]`, row by row: the same for the right vectors.
  public let right: [Float]
  /// The singular values that were kept, largest first.
  public let singularValues: [Float]
  /// The sum of the squares of the matrix.
  public let energy: Double
  /// The sum of the squares of the approximation, at most `energy`.
  public let capturedEnergy: Double

  /// The part of the energy that the approximation holds; 1 of a matrix of zeros.
  public var capturedShare: Double { energy > 0 ? min(capturedEnergy / energy, 1) : 1 }

  /// How far to go.
  public enum Goal: Sendable, Hashable {
    /// This rank, or the shorter side's length where that is smaller.
    case rank(Int)
    /// The smallest rank that holds this share of the energy, but none above a limit.
    case energy(Double, limit: Int)
  }

  /// Approximates a matrix `[rows, columns]` that lies row by row and holds finite values.
  public init(of matrix: [Float], rows: Int, columns: Int, goal: Goal) {
    precondition(matrix.count == rows * columns, "not a matrix of that shape")
    energy = matrix.withUnsafeBufferPointer { values in
      stride(from: 0, to: values.count, by: 4096).reduce(0) { sum, start in
        sum + Double(values[start..<min(start + 4096, values.count)].reduce(0) { $0 + $1 * $1 })
      }
    }
    let limit: Int =
      switch goal {
      case .rank(let rank): min(rank, min(rows, columns))
      case .energy(_, let limit): min(limit, min(rows, columns))
      }
    guard energy > 0, limit > 0 else {
      (rank, left, right, singularValues, capturedEnergy) = (0, [], [], [], 0)
      return
    }
    let basis = Self.basis(of: matrix, rows, columns, goal, limit, energy)
    (rank, left, right, singularValues) = Self.factors(
      basis, of: matrix, rows, columns, goal, limit, energy)
    capturedEnergy = singularValues.reduce(0) { $0 + Double($1) * Double($1) }
  }

  /// An orthonormal basis of what the strongest left singular vectors span, as rows.
  private struct Basis {
    var vectors: [Float]
    let count: Int
  }

  private static func basis(
    of matrix: [Float], _ rows: Int, _ columns: Int, _ goal: Goal, _ limit: Int, _ energy: Double
  ) -> Basis {
    let smaller = min(rows, columns)
    var wanted = limit
    if case .energy = goal { wanted = min(limit, 32) }
    while true {
      let size = wanted + max(16, wanted / 4)
      // Beyond this the whole decomposition is no slower.
      guard size * 2 < smaller else { break }
      let found = iterated(matrix, rows, columns, size, wanted)
      guard case .energy(let share, _) = goal, wanted < limit else { return found.basis }
      if found.captured >= share * energy { return found.basis }
      wanted = min(wanted * 2, limit)
    }
    return rows <= columns
      ? whole(matrix, rows, columns)
      : Basis(vectors: ofColumns(matrix, rows, columns), count: columns)
  }

  /// Subspace iteration from random signs.
  private static func iterated(
    _ matrix: [Float], _ rows: Int, _ columns: Int, _ size: Int, _ wanted: Int
  ) -> (basis: Basis, captured: Double) {
    var state: UInt64 = 0x9E37_79B9_7F4A_7C15
    var right = (0..<size * columns).map { _ -> Float in
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      return state >> 63 == 0 ? 1 : -1
    }
    var left = [Float](repeating: 0, count: size * rows)
    var captured = 0.0
    for _ in 0..<12 {
      multiply(
        rows: size, columns: rows, inner: columns, a: right, strideA: columns, b: matrix,
        strideB: columns, transposeB: true, c: &left, strideC: rows)
      LAPACK.orthonormalize(&left, count: size, length: rows)
      multiply(
        rows: size, columns: columns, inner: rows, a: left, strideA: rows, b: matrix,
        strideB: columns, c: &right, strideC: columns)
      var gram = products(right, size, columns)
      let values = LAPACK.eigenvalues(of: &gram, size: size)
      let now = values.suffix(wanted).reduce(0) { $0 + Double(max($1, 0)) }
      guard now > captured * (1 + 2e-5) else {
        captured = max(now, captured)
        break
      }
      captured = now
      LAPACK.orthonormalize(&right, count: size, length: columns)
    }
    return (Basis(vectors: left, count: size), captured)
  }

  /// The products of all pairs of rows, `[count, count]`.
  private static func products(_ rows: [Float], _ count: Int, _ length: Int) -> [Float] {
    var products = [Float](repeating: 0, count: count * count)
    multiply(
      rows: count, columns: count, inner: length, a: rows, strideA: length, b: rows,
      strideB: length, transposeB: true, c: &products, strideC: count)
    return products
  }

  /// The eigenvectors of the rows' Gram matrix: all left singular vectors.
  private static func whole(_ matrix: [Float], _ rows: Int, _ columns: Int) -> Basis {
    var gram = products(matrix, rows, columns)
    _ = LAPACK.eigenvectors(of: &gram, size: rows)
    return Basis(vectors: gram, count: rows)
  }

  /// The same for a matrix with more rows than columns, by way of the columns' Gram matrix.
  private static func ofColumns(_ matrix: [Float], _ rows: Int, _ columns: Int) -> [Float] {
    var gram = [Float](repeating: 0, count: columns * columns)
    multiply(
      rows: columns, columns: columns, inner: rows, a: matrix, strideA: columns,
      transposeA: true, b: matrix, strideB: columns, c: &gram, strideC: columns)
    _ = LAPACK.eigenvectors(of: &gram, size: columns)
    var left = [Float](repeating: 0, count: columns * rows)
    multiply(
      rows: columns, columns: rows, inner: columns, a: gram, strideA: columns, b: matrix,
      strideB: columns, transposeB: true, c: &left, strideC: rows)
    LAPACK.orthonormalize(&left, count: columns, length: rows)
    return left
  }

  /// The factors within a basis: the strongest singular vectors of the matrix as it is seen there.
  private static func factors(
    _ basis: Basis, of matrix: [Float], _ rows: Int, _ columns: Int, _ goal: Goal, _ limit: Int,
    _ energy: Double
  ) -> (rank: Int, left: [Float], right: [Float], values: [Float]) {
    var seen = [Float](repeating: 0, count: basis.count * columns)
    multiply(
      rows: basis.count, columns: columns, inner: rows, a: basis.vectors, strideA: rows, b: matrix,
      strideB: columns, c: &seen, strideC: columns)
    var turns = products(seen, basis.count, columns)
    let squares = LAPACK.eigenvectors(of: &turns, size: basis.count)
    let values = squares.reversed().map { max($0, 0).squareRoot() }
    var rank = min(limit, values.count)
    if case .energy(let share, _) = goal {
      var sum = 0.0
      rank =
        values.prefix(rank).prefix { value in
          defer { sum += Double(value) * Double(value) }
          return sum < share * energy
        }.count
    }
    // The strongest are the last rows.
    var strongest: [Float] = []
    for place in 0..<rank {
      let row = (basis.count - 1 - place) * basis.count
      strongest += turns[row..<row + basis.count]
    }
    var (leftRows, right) = (
      [Float](repeating: 0, count: rank * rows), [Float](repeating: 0, count: rank * columns)
    )
    multiply(
      rows: rank, columns: rows, inner: basis.count, a: strongest, strideA: basis.count,
      b: basis.vectors, strideB: rows, c: &leftRows, strideC: rows)
    multiply(
      rows: rank, columns: columns, inner: basis.count, a: strongest, strideA: basis.count,
      b: seen, strideB: columns, c: &right, strideC: columns)
    // Each factor takes the root of the singular value, so that both have the same range.
    var left = [Float](repeating: 0, count: rows * rank)
    for place in 0..<rank {
      let root = values[place].squareRoot()
      let inverse = root > 0 ? 1 / root : 0
      for row in 0..<rows { left[row * rank + place] = leftRows[place * rows + row] * root }
      for column in 0..<columns {
        right[place * columns + column] *= inverse
      }
    }
    return (rank, left, right, Array(values.prefix(rank)))
  }
}
