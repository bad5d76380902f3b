import Checkpoints
import Numerics
import TensorCore
import Testing

@Suite struct TorchRandomTests {
  let reference = NumericsReference.shared

  static let recorded: [(seed: UInt64, count: Int)] =
    NumericsReference.shared.checkpoint.source.tensors.compactMap { tensor in
      let parts = tensor.name.split(separator: ".")
      guard parts.count == 3, parts[0] == "randn", let seed = UInt64(parts[1]),
        let count = Int(parts[2])
      else { return nil }
      return (seed, count)
    }

  @Test func everySizeIsRecorded() { #expect(Self.recorded.count == 65 + 4 * 5) }

  /// The uniforms are equal to the bit; logarithm and cosine come from another mathematics library
  /// than torch's vector code, which moves some values by a unit or two in the last place.
  @Test(arguments: recorded)
  func normalValuesMatchTorch(seed: UInt64, count: Int) throws {
    var random = TorchRandom(seed: seed)
    var values = random.normal(count)
    if count > 300 { values = values.prefix(8) + values.suffix(24) }
    let expected = try reference.tensor("randn.\(seed).\(count)").floats
    #expect(values.count == expected.count)
    for (value, wanted) in zip(values, expected) {
      #expect(abs(value - wanted) <= 4 * max(wanted.ulp, 0x1p-24), "\(value) \(wanted)")
    }
  }

  @Test func callsFollowOneAnotherAsInTorch() throws {
    var random = TorchRandom(seed: 1024)
    let values = [3, 20, 1, 64].flatMap { random.normal($0) }
    let expected = try reference.tensor("randn.sequence").floats
    for (value, wanted) in zip(values, expected) {
      #expect(abs(value - wanted) <= 4 * max(wanted.ulp, 0x1p-24), "\(value) \(wanted)")
    }
  }
}
