import Foundation
import Numerics
import TensorCore
import TestSupport
import Testing

/// Against NumPy's singular values of matrices that both make by one rule (`spectra.py`).
@Suite struct LowRankTests {
  struct Case: Sendable {
    let rows: Int
    let columns: Int
    let matrix: [Float]
    let energy: Double
    let values: [Double]
  }

  static let cases: [Case] = {
    guard
      let data = try? Data(
        contentsOf: URL(filePath: FixtureFile.path("numerics/spectra.json"))),
      let list = try? JSON(parsing: Array(data)).arrayValue
    else { return [] }
    return list.compactMap { json in
      guard let rows = json["rows"]?.intValue, let columns = json["columns"]?.intValue,
        let terms = json["terms"]?.intValue, let decay = json["decay"]?.doubleValue
      else { return nil }
      let left = noise(rows, rows * terms)
      let right = noise(columns + 7, terms * columns)
      let matrix = (0..<rows * columns).map { place -> Float in
        let (row, column) = place.quotientAndRemainder(dividingBy: columns)
        return Float(
          (0..<terms).reduce(0.0) {
            $0 + left[row * terms + $1] * pow(decay, Double($1)) * right[$1 * columns + column]
          })
      }
      return Case(
        rows: rows, columns: columns, matrix: matrix, energy: json["energy"]?.doubleValue ?? 0,
        values: json["values"]?.arrayValue?.compactMap(\.doubleValue) ?? [])
    }
  }()

  private static func noise(_ seed: Int, _ count: Int) -> [Double] {
    var state = UInt32(seed)
    return (0..<count).map { _ in
      state = state &* 1_664_525 &+ 1_013_904_223
      return Double(state >> 8) / 16_777_216 - 0.5
    }
  }

  @Test func theReferencesAreThere() { #expect(Self.cases.count == 4) }

  @Test(arguments: 0..<4, [1, 4, 8, 24, 64])
  func theStrongestSingularValuesAreKept(number: Int, rank: Int) {
    let this = Self.cases[number]
    let found = LowRankApproximation(
      of: this.matrix, rows: this.rows, columns: this.columns, goal: .rank(rank))
    #expect(abs(found.energy / this.energy - 1) < 1e-5)
    let strong = this.values.filter { $0 > 1e-3 * this.values[0] }
    #expect(found.rank == min(rank, this.rows, this.columns))
    for (value, expected) in zip(found.singularValues, strong.prefix(rank)) {
      #expect(abs(Double(value) - expected) < 2e-3 * this.values[0])
    }
    let best = this.values.prefix(rank).reduce(0) { $0 + $1 * $1 }
    #expect(found.capturedEnergy > 0.9995 * best)
    #expect(found.capturedEnergy < 1.0001 * best)
  }

  /// What the factors leave is what the dropped singular values hold.
  @Test(arguments: 0..<4, [4, 24])
  func theProductOfTheFactorsIsTheApproximation(number: Int, rank: Int) {
    let this = Self.cases[number]
    let found = LowRankApproximation(
      of: this.matrix, rows: this.rows, columns: this.columns, goal: .rank(rank))
    var left = 0.0
    for row in 0..<this.rows {
      for column in 0..<this.columns {
        var value = Double(this.matrix[row * this.columns + column])
        for term in 0..<found.rank {
          value -=
            Double(found.left[row * found.rank + term])
            * Double(found.right[term * this.columns + column])
        }
        left += value * value
      }
    }
    let expected = this.energy - this.values.prefix(rank).reduce(0) { $0 + $1 * $1 }
    #expect(abs(left - expected) < 1e-3 * this.energy)
    #expect(abs(left - (found.energy - found.capturedEnergy)) < 1e-4 * this.energy)
  }

  @Test(arguments: 0..<4, [0.5, 0.9, 0.99, 0.9999])
  func theRankFollowsTheEnergy(number: Int, share: Double) {
    let this = Self.cases[number]
    var sum = 0.0
    let expected = this.values.prefix { value in
      defer { sum += value * value }
      return sum < share * this.energy
    }.count
    let found = LowRankApproximation(
      of: this.matrix, rows: this.rows, columns: this.columns,
      goal: .energy(share, limit: 1000))
    let spectrum = Spectrum(of: this.matrix, rows: this.rows, columns: this.columns)
    if expected < 64 {
      #expect(abs(found.rank - expected) <= 1)
      #expect(abs(spectrum.rank(holding: share) - expected) <= 1)
    }
    #expect(found.capturedShare > share - 1e-4)
    let limited = LowRankApproximation(
      of: this.matrix, rows: this.rows, columns: this.columns, goal: .energy(share, limit: 3))
    #expect(limited.rank == min(3, found.rank))
  }

  @Test func effectiveRanksCountEqualDirections() {
    var identity = [Float](repeating: 0, count: 32 * 48)
    for place in 0..<8 { identity[place * 48 + place] = 3 }
    let spectrum = Spectrum(of: identity, rows: 32, columns: 48)
    #expect(abs(spectrum.effectiveRank - 8) < 1e-3)
    #expect(spectrum.rank(holding: 0.5) == 4)
    #expect(spectrum.share(of: 2) == 0.25)
  }

  @Test func aMatrixOfZerosHasNoRank() {
    let zeros = [Float](repeating: 0, count: 12)
    let found = LowRankApproximation(of: zeros, rows: 3, columns: 4, goal: .rank(2))
    #expect(found.rank == 0 && found.capturedShare == 1)
    #expect(Spectrum(of: zeros, rows: 3, columns: 4).effectiveRank == 0)
    #expect(LowRankApproximation(of: [], rows: 0, columns: 4, goal: .rank(2)).rank == 0)
  }

  /// The second difference of n places has the eigenvalues 2 − 2 cos(kπ / (n + 1)); it is the matrix
  /// of inner products of the n first differences.
  @Test(arguments: [1, 2, 3, 40])
  func knownSingularValuesAreFound(count: Int) {
    var differences = [Float](repeating: 0, count: count * (count + 1))
    for row in 0..<count {
      differences[row * (count + 1) + row] = 1
      differences[row * (count + 1) + row + 1] = -1
    }
    let spectrum = Spectrum(of: differences, rows: count, columns: count + 1)
    let known = (1...count).map { place -> Double in
      2 - 2 * cos(Double(place) * Double.pi / Double(count + 1))
    }
    for (index, value) in known.enumerated() {
      #expect(abs(spectrum.energies[count - 1 - index] - value) < 1e-12)
      #expect(spectrum.rank(above: (value * (1 + 1e-9)).squareRoot()) == count - index - 1)
    }
  }

  /// Small singular values beside large ones, which single precision would lose.
  @Test func sevenPowersOfTenAreTold() {
    var matrix = [Float](repeating: 0, count: 40 * 1100)
    for place in 0..<7 { matrix[place * 1100 + 150 * place] = Float(pow(10, -Double(place))) }
    for isWide in [true, false] {
      let spectrum = Spectrum(
        rows: isWide ? 40 : 1100, columns: isWide ? 1100 : 40
      ) { rows, columns, panel in
        var place = 0
        for row in rows {
          for column in columns {
            panel[place] = Double(
              isWide ? matrix[row * 1100 + column] : matrix[column * 1100 + row])
            place += 1
          }
        }
      }
      #expect(spectrum.rank(above: 0) == 7)
      #expect(spectrum.rank(above: 1e-5 * 1.01) == 5)
      #expect(abs(spectrum.energies[6] / 1e-12 - 1) < 1e-3)
    }
  }

  /// Against NumPy, in double precision and with panels of both kinds.
  @Test(arguments: 0..<4)
  func allSingularValuesAreThoseOfNumPy(number: Int) {
    let this = Self.cases[number]
    let spectrum = Spectrum(of: this.matrix, rows: this.rows, columns: this.columns)
    #expect(abs(spectrum.total / this.energy - 1) < 1e-6)
    for (energy, value) in zip(spectrum.energies, this.values) where value > 1e-4 * this.values[0] {
      #expect(abs(energy.squareRoot() - value) < 1e-5 * this.values[0])
    }
    #expect(spectrum.share(of: 4) == spectrum.energy(of: 4) / spectrum.total)
  }
}
