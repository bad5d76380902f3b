import Numerics
import TensorCore
import TestSupport
import Testing

/// Every operation against torch's result in double precision. The bound is what single precision
/// costs: a few units in the last place of the largest value.
@Suite struct OperationTests {
  let reference = NumericsReference.shared
  let bound: Float = 2e-6

  @Test(arguments: NumericsReference.cases("convolution"))
  func convolutionMatchesTorch(name: String) throws {
    let parameters = try reference.parameters(name)
    let sides = try #require(parameters["padding"]?.arrayValue)
    let pad = sides.compactMap(\.intValue)
    let y = convolution2D(
      try reference.tensor("\(name).x"), weight: try reference.weight("\(name).weight"),
      bias: try reference.weight("\(name).bias"),
      stride: try #require(parameters["stride"]?.intValue),
      padding: Padding(top: pad[0], bottom: pad[1], left: pad[2], right: pad[3]))
    #expect(relativeError(y, try reference.tensor("\(name).y")) < bound)
  }

  @Test(arguments: NumericsReference.cases("linear"))
  func linearMatchesTorch(name: String) throws {
    let y = linear(
      try reference.tensor("\(name).x"), weight: try reference.weight("\(name).weight"),
      bias: try reference.weight("\(name).bias"))
    #expect(relativeError(y, try reference.tensor("\(name).y")) < bound)
  }

  @Test(
    arguments: NumericsReference.cases("groupNorm") + NumericsReference.cases("groupNormSiLU"))
  func groupNormMatchesTorch(name: String) throws {
    let parameters = try reference.parameters(name)
    let y = groupNorm(
      try reference.tensor("\(name).x"), groups: try #require(parameters["groups"]?.intValue),
      weight: try reference.weight("\(name).weight"),
      bias: try reference.weight("\(name).bias"), epsilon: 1e-5,
      fusedSiLU: name.hasPrefix("groupNormSiLU"))
    var inPlace = try reference.tensor("\(name).x")
    groupNorm(
      inPlace: &inPlace, groups: try #require(parameters["groups"]?.intValue),
      weight: try reference.weight("\(name).weight"),
      bias: try reference.weight("\(name).bias"), epsilon: 1e-5,
      fusedSiLU: name.hasPrefix("groupNormSiLU"))
    #expect(inPlace.floats == y.floats)
    // Values around 100 lose two digits when the mean is taken off, in torch as here.
    let allowed: Float = name.hasSuffix("offset") ? 5e-6 : bound
    #expect(relativeError(y, try reference.tensor("\(name).y")) < allowed)
  }

  @Test(arguments: NumericsReference.cases("layerNorm"))
  func layerNormMatchesTorch(name: String) throws {
    let y = layerNorm(
      try reference.tensor("\(name).x"), weight: try reference.weight("\(name).weight"),
      bias: try reference.weight("\(name).bias"), epsilon: 1e-5)
    #expect(relativeError(y, try reference.tensor("\(name).y")) < bound)
  }

  @Test(arguments: NumericsReference.cases("attention"))
  func attentionMatchesTorch(name: String) throws {
    let parameters = try reference.parameters(name)
    let y = attention(
      query: try reference.tensor("\(name).query"), key: try reference.tensor("\(name).key"),
      value: try reference.tensor("\(name).value"),
      heads: try #require(parameters["heads"]?.intValue),
      isCausal: parameters["causal"]?.boolValue == true)
    #expect(relativeError(y, try reference.tensor("\(name).y")) < bound)
  }

  @Test(
    arguments: [
      ("silu", silu), ("quickGELU", quickGELU), ("gelu", gelu), ("geglu", geglu),
    ] as [(String, @Sendable (Tensor) -> Tensor)])
  func activationMatchesTorch(name: String, function: @Sendable (Tensor) -> Tensor) throws {
    let x = try reference.tensor("activation.\(name).x")
    let expected = try reference.tensor("activation.\(name).y")
    let y = function(x)
    #expect(y.shape == expected.shape)
    for (actual, wanted) in zip(y.floats, expected.floats) {
      #expect(abs(actual - wanted) <= 1e-6 * max(abs(wanted), 0.01), "\(actual) \(wanted)")
    }
  }

  /// Few rows and many are shared out differently.
  @Test(arguments: [(rows: 200, inner: 3000, columns: 1500), (1100, 24, 40)])
  func manyRowsGiveWhatFewGive(rows: Int, inner: Int, columns: Int) throws {
    let x = noise([rows, inner], seed: 1)
    let w = try weight(noise([columns, inner], seed: 2, scale: 0.05))
    let b = try weight(noise([columns], seed: 3))
    let parts = stride(from: 0, to: rows, by: 100).map { row in
      let values = Array(x.floats[row * inner..<(row + 100) * inner])
      return linear(Tensor(shape: [100, inner], values: values), weight: w, bias: b)
    }
    let whole = linear(x, weight: w, bias: b)
    #expect(relativeError(whole, Tensor.stacked(parts)) < 1e-6)
  }

  /// Widths that leave several panels and tiles.
  @Test(arguments: [(rows: 3, inner: 5, width: 7), (40, 3000, 1500), (1100, 24, 40)])
  func gatedLinearIsGEGLUOfLinear(rows: Int, inner: Int, width: Int) throws {
    let x = noise([rows, inner], seed: 1)
    let w = try weight(noise([2 * width, inner], seed: 2, scale: 0.05))
    let b = try weight(noise([2 * width], seed: 3))
    let y = linearGEGLU(x, weight: w, bias: b)
    #expect(relativeError(y, geglu(linear(x, weight: w, bias: b))) < 1e-6)
  }

  @Test func pixelsAndTokensAreInverse() {
    let x = Tensor(shape: [2, 3, 5, 7], values: (0..<210).map(Float.init))
    let tokens = nchwToTokens(x)
    #expect(tokens.shape == [2, 35, 3])
    #expect(tokens.floats[0..<3] == [0, 35, 70])
    #expect(tokensToNCHW(tokens, height: 5, width: 7).floats == x.floats)
  }

  @Test func upsamplingRepeatsPixels() {
    let x = Tensor(shape: [1, 1, 2, 2], values: [1, 2, 3, 4])
    #expect(upsampleNearest2x(x).floats == [1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4, 3, 3, 4, 4])
    #expect(upsampleNearest2x(x, to: (3, 4)).floats == [1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4])
    #expect(upsampleNearest2x(x, to: (4, 3)).floats == [1, 1, 2, 1, 1, 2, 3, 3, 4, 3, 3, 4])
  }

  @Test func channelsAreJoinedPictureByPicture() {
    let a = Tensor(shape: [2, 1, 1, 1], values: [1, 2])
    let b = Tensor(shape: [2, 2, 1, 1], values: [3, 4, 5, 6])
    #expect(concatenateChannels(a, b).floats == [1, 3, 4, 2, 5, 6])
  }

  @Test func additionLeavesSharersAlone() {
    let x = Tensor(shape: [2], values: [1, 2])
    var sum = x
    add(x, to: &sum)
    #expect(sum.floats == [2, 4])
    #expect(x.floats == [1, 2])
  }

  @Test func channelBiasReachesItsPlaneOnly() {
    var x = Tensor(zeros: [1, 2, 1, 2])
    let bias = Tensor(shape: [1, 2], values: [1, -2])
    addChannelBias(bias, to: &x)
    #expect(x.floats == [1, 1, -2, -2])
  }

  @Test(arguments: [ElementType.float16, .bfloat16, .float64])
  func narrowWeightsAreWidened(type: ElementType) throws {
    let view = try reference.view("linear.wide.weight")
    let bytes = view.withBytes {
      ElementConversion.convert($0, from: .float32, to: type)
    }
    let storage = ByteStorage(copying: bytes.span.bytes)
    let narrow = try Weight(
      TensorView(
        description: TensorDescription(name: "w", elementType: type, shape: view.shape),
        storage: storage, byteRange: 0..<storage.count))
    let x = try reference.tensor("linear.wide.x")
    let bound: Float = type == .bfloat16 ? 1e-2 : type == .float16 ? 1e-3 : 2e-6
    let exact = linear(x, weight: try Weight(view))
    #expect(relativeError(linear(x, weight: narrow), exact) < bound)
  }
}
