import Testing

@testable import Validation

@Suite struct ComparisonTests {
  @Test func equalValuesPassEveryBound() {
    let values: [Float] = [0, -1, 250]
    let comparison = Comparison(found: values, expected: values, shape: [3], peak: 255)
    #expect(comparison.maxAbsoluteError == 0)
    #expect(comparison.relativeError == 0)
    #expect(abs(comparison.cosineSimilarity - 1) < 1e-15)
    #expect(comparison.peakSignalToNoise == .infinity)
    for bound in [Bound.tokenizer, .textEncoder, .unet, .vae, .scheduler, .picture] {
      #expect(bound.accepts(comparison))
    }
  }

  @Test func figuresAreThoseOfTheDefinition() {
    let comparison = Comparison(found: [3, 0.5], expected: [4, 0], shape: [2], peak: 255)
    #expect(comparison.maxAbsoluteError == 1)
    #expect(comparison.relativeError == 0.25)
    #expect(abs(comparison.cosineSimilarity - 12 / (9.25.squareRoot() * 4)) < 1e-12)
    // The mean square error is 0.625.
    #expect(abs((comparison.peakSignalToNoise ?? 0) - 50.17_200) < 1e-3)
  }

  @Test(arguments: [Float.nan, .infinity, -.infinity])
  func valuesThatAreNotFiniteFail(value: Float) {
    let pairs: [(found: [Float], expected: [Float])] = [
      ([1, value], [1, 2]), ([1, 2], [1, value]), ([1, value], [1, value]),
    ]
    for pair in pairs {
      let comparison = Comparison(
        found: pair.found, expected: pair.expected, shape: [2], peak: 255)
      #expect(comparison.nonFiniteCount == 1)
      for bound in [Bound.tokenizer, .textEncoder, .unet, .vae, .scheduler, .picture] {
        #expect(!bound.accepts(comparison))
      }
    }
  }

  @Test func anErrorWhereZeroIsExpectedFails() {
    let comparison = Comparison(found: [1e-20, 0], expected: [0, 0], shape: [2])
    #expect(comparison.relativeError == .infinity)
    #expect(!Bound.vae.accepts(comparison))
  }

  @Test func aPictureMayBeOffByTwo() {
    let expected = [Float](repeating: 100, count: 100_000)
    var found = expected
    found[7] = 102
    #expect(
      Bound.picture.accepts(
        Comparison(found: found, expected: expected, shape: [100_000], peak: 255)))
    found[7] = 103
    #expect(
      !Bound.picture.accepts(
        Comparison(found: found, expected: expected, shape: [100_000], peak: 255)))
    // Off by one everywhere is 48 dB.
    found = expected.map { $0 + 1 }
    #expect(
      !Bound.picture.accepts(
        Comparison(found: found, expected: expected, shape: [100_000], peak: 255)))
  }

  @Test func boundsAreShownWithTheirFigures() {
    #expect("\(Bound.tokenizer)" == "identical")
    #expect("\(Bound.textEncoder)" == "relative error <= 1e-05")
    #expect("\(Bound.picture)" == "PSNR >= 60 dB, max abs <= 2")
  }
}
