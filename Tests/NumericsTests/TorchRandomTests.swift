import Checkpoints
import Foundation
@testable import Numerics
import TensorCore
import Testing

/// Every value is torch's, to the bit.
@Suite struct TorchRandomTests {
  let reference = NumericsReference.shared

  /// Values themselves, so that a failure shows where it lies.
  static let recorded: [(seed: UInt64, count: Int)] =
    NumericsReference.shared.checkpoint.source.tensors.compactMap { tensor in
      let parts = tensor.name.split(separator: ".")
      guard parts.count == 3, parts[0] == "randn", let seed = UInt64(parts[1]),
        let count = Int(parts[2])
      else { return nil }
      return (seed, count)
    }

  @Test func everySizeIsRecorded() { #expect(Self.recorded.count == 65 + 4 * 5) }

  @Test(arguments: recorded)
  func normalValuesAreTorchs(seed: UInt64, count: Int) throws {
    var random = TorchRandom(seed: seed)
    var values = random.normal(count)
    if count > 300 { values = values.prefix(8) + values.suffix(24) }
    let expected = try reference.tensor("randn.\(seed).\(count)").floats
    #expect(values.map(\.bitPattern) == expected.map(\.bitPattern))
  }

  /// Six seeds, sizes 1 to 64, latents' own and a million, and calls that follow one another.
  @Test func digestsAreTorchs() throws {
    let file = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../../Fixtures/numerics/random.json").standardized
    let cases = try JSON(parsing: Array(Data(contentsOf: file)))["cases"]?.arrayValue ?? []
    #expect(cases.count == 6 * 69)
    for entry in cases {
      let text = try #require(entry["seed"]?.stringValue)
      let seed = try #require(UInt64(text))
      let sizes = entry["sizes"]?.arrayValue?.compactMap(\.intValue) ?? []
      var random = TorchRandom(seed: seed)
      let values = sizes.flatMap { random.normal($0) }
      let bits = values.map(\.bitPattern.littleEndian)
      #expect(
        SHA256.hexDigest(of: bits.span.bytes) == entry["sha256"]?.stringValue,
        "seed \(seed), sizes \(sizes)")
    }
  }

  /// No size makes it write a negative zero: torch adds the mean, which is +0.
  @Test func zerosArePositive() {
    let (first, second) = BoxMuller.transform(0, 0.75)
    #expect([first, second].allSatisfy { $0 == 0 && $0.sign == .plus })
  }
}
