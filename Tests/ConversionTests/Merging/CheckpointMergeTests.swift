import Checkpoints
import Foundation
import KeyLayouts
import TensorCore
import TestSupport
import Testing

@testable import Conversion

/// Mixes of the tiny models: A is `sd15`, B the same architecture with every weight changed.
@Suite struct CheckpointMergeTests {
  private let scratch: ScratchFolder
  private let a: String
  private var b: String { scratch.path("b.safetensors") }
  private var c: String { scratch.path("c.safetensors") }

  init() throws {
    scratch = try ScratchFolder()
    a = AdapterFixture.model("sd15")
    let source = try Checkpoint.open(path: a).source
    try Shaken(source: source, seed: 1).write(to: scratch.path("b.safetensors"))
    try Shaken(source: source, seed: 2).write(to: scratch.path("c.safetensors"))
  }

  @discardableResult
  private func merge(
    _ method: MergeMethod, _ models: [String], to name: String, _ ratios: BlockRatios? = nil,
    type: ElementType? = nil, layout: Layout? = nil
  ) throws -> MergeReport {
    let request = ConversionRequest(
      output: scratch.path(name), container: try .named(byOutput: name), layout: layout,
      elementType: type)
    let opened = try models.map { try ModelReader.open(path: $0) }
    return try Merger(opened[0], request).run(
      method, with: Array(opened.dropFirst()), ratios: ratios)
  }

  private func convert(_ path: String, to name: String, layout: Layout? = nil) throws -> String {
    let request = ConversionRequest(
      output: scratch.path(name), container: try .named(byOutput: name), layout: layout)
    _ = try Converter(try ModelReader.open(path: path), request).run()
    return scratch.path(name)
  }

  /// Every float of the result against the formula on the inputs' floats.
  private func expect(
    _ result: String, of inputs: [String], within tolerance: Float = 0,
    _ formula: (_ name: String, _ values: [[Float]]) -> [Float]
  ) throws {
    let found = try floats(ofFile: result)
    let inputs = try inputs.map(floats(ofFile:))
    #expect(Set(found.keys) == Set(inputs[0].keys))
    for (name, tensor) in found {
      let parts = try inputs.map { try #require($0[name]).values }
      // Schedule buffers and the like are no part of the model, and stay.
      let isModel = name.contains("model") || name.hasPrefix("unet.")
      let wanted = isModel ? formula(name, parts) : parts[0]
      let largest = wanted.reduce(1) { max($0, abs($1)) }
      let worst = zip(tensor.values, wanted).reduce(Float(0)) { max($0, abs($1.0 - $1.1)) }
      #expect(worst <= tolerance * largest, "\(name): \(worst)")
    }
  }

  @Test(arguments: [Float(0.3), 0, 1, -0.5, 1.25])
  func aWeightedSumIsExactInFloat32(ratio: Float) throws {
    try merge(
      .weightedSum, [a, b], to: "out.safetensors", BlockRatios(Double(ratio)), type: .float32)
    let left = Float(1 - Double(ratio))
    try expect(scratch.path("out.safetensors"), of: [a, b]) { _, values in
      ratio == 0 ? values[0] : zip(values[0], values[1]).map { left * $0 + ratio * $1 }
    }
  }

  @Test func aDifferenceIsAdded() throws {
    try merge(
      .addDifference, [a, b, c], to: "out.safetensors", BlockRatios(0.75), type: .float32)
    try expect(scratch.path("out.safetensors"), of: [a, b, c]) { _, values in
      values[0].indices.map { values[0][$0] + 0.75 * (values[1][$0] - values[2][$0]) }
    }
  }

  @Test func slerpFollowsTheArc() throws {
    try merge(.slerp, [a, b], to: "out.safetensors", BlockRatios(0.3), type: .float32)
    try expect(scratch.path("out.safetensors"), of: [a, b], within: 1e-6) { _, values in
      let (x, y) = (values[0].map(Double.init), values[1].map(Double.init))
      func product(_ one: [Double], _ other: [Double]) -> Double {
        zip(one, other).reduce(0) { $0 + $1.0 * $1.1 }
      }
      let cosine = product(x, y) / (product(x, x) * product(y, y)).squareRoot()
      guard abs(cosine) <= 0.9995 else { return zip(x, y).map { Float(0.7 * $0 + 0.3 * $1) } }
      let angle = acos(cosine)
      let (left, right) = (sin(0.7 * angle) / sin(angle), sin(0.3 * angle) / sin(angle))
      return zip(x, y).map { Float(left * $0 + right * $1) }
    }
  }

  /// Halves are computed with in float32 and rounded once.
  @Test func halvesAreRoundedOnce() throws {
    try merge(.weightedSum, [a, b], to: "half.safetensors", BlockRatios(0.3))
    try merge(.weightedSum, [a, b], to: "wide.safetensors", BlockRatios(0.3), type: .float32)
    _ = try convertType(scratch.path("wide.safetensors"), to: "narrow.safetensors")
    let half = try contents(of: try Checkpoint.open(path: scratch.path("half.safetensors")).source)
    let narrow = try contents(
      of: try Checkpoint.open(path: scratch.path("narrow.safetensors")).source)
    for (name, content) in half where content.type == .float16 {
      #expect(narrow[name] == content, "\(name)")
    }
  }

  private func convertType(_ path: String, to name: String) throws -> String {
    let request = ConversionRequest(
      output: scratch.path(name), container: .safetensors, elementType: .float16)
    _ = try Converter(try ModelReader.open(path: path), request).run()
    return scratch.path(name)
  }

  @Test func blocksHaveRatiosOfTheirOwn() throws {
    let ratios = BlockRatios(
      0.5,
      blocks: [
        (BlockName("unet.mid"), 0), (BlockName("unet.down.0"), 1), (BlockName("text_encoder"), 0),
      ])
    try merge(.weightedSum, [a, b], to: "out.safetensors", ratios, type: .float32)
    try expect(scratch.path("out.safetensors"), of: [a, b]) { name, values in
      if name.contains(".middle_block.") || name.hasPrefix("cond_stage_model") { return values[0] }
      let isFirst = ["input_blocks.1.", "input_blocks.2."].contains(where: name.contains)
      if name.hasPrefix("model.diffusion_model"), isFirst { return values[1] }
      return zip(values[0], values[1]).map { 0.5 * $0 + 0.5 * $1 }
    }
  }

  /// Whatever the containers and names of the inputs, the sum is the same.
  @Test(arguments: ["b.ingot", "folder", "b.ckpt", "b.gguf", "diffusers.safetensors"])
  func inputsMayBeOfAnyContainer(name: String) throws {
    let other = try convert(
      b, to: name, layout: name.hasPrefix("diffusers") ? .diffusers : nil)
    try merge(.weightedSum, [a, b], to: "direct.safetensors", BlockRatios(0.3))
    try merge(.weightedSum, [a, other], to: "mixed.safetensors", BlockRatios(0.3))
    let direct = try contents(
      of: try Checkpoint.open(path: scratch.path("direct.safetensors")).source)
    let mixed = try contents(
      of: try Checkpoint.open(path: scratch.path("mixed.safetensors")).source)
    #expect(direct == mixed)
    try merge(
      .weightedSum, [other, a], to: "turned.safetensors", BlockRatios(0.7), layout: .ldm)
    try expect(scratch.path("turned.safetensors"), of: [scratch.path("turned.safetensors")]) {
      $1[0]
    }
  }

  @Test func theRecordNamesModelsAndRatios() throws {
    let ratios = BlockRatios(0.3, blocks: [(BlockName("unet.mid"), 0.25)])
    try merge(.weightedSum, [a, b], to: "out.ingot", ratios)
    let record = try IngotReader(path: scratch.path("out.ingot")).metadata["assay.merge"]
    #expect(
      record == [
        [
          "method": "weighted-sum", "models": ["sd15.safetensors", "b.safetensors"], "ratio": 0.3,
          "blocks": ["unet.mid": 0.25],
        ]
      ])
  }

  /// The trick that makes an inpainting model of any: what is special of it, added to the first
  /// channels of its first convolution too.
  @Test func anInpaintingModelTakesPlainOnes() throws {
    let inpainting = AdapterFixture.model("sd15-inpainting")
    try merge(
      .addDifference, [inpainting, b, a], to: "out.safetensors", BlockRatios(1), type: .float32)
    let found = try floats(ofFile: scratch.path("out.safetensors"))
    let inputs = try [inpainting, b, a].map(floats(ofFile:))
    let name = "model.diffusion_model.input_blocks.0.0.weight"
    let values = try #require(found[name])
    #expect(values.description.shape == [8, 9, 3, 3])
    let base = try #require(inputs[0][name]).values
    let (plus, minus) = (
      try #require(inputs[1][name]).values, try #require(inputs[2][name]).values
    )
    for row in 0..<8 {
      for column in 0..<81 {
        let place = row * 81 + column
        let wanted =
          column < 36
          ? base[place] + (plus[row * 36 + column] - minus[row * 36 + column]) : base[place]
        #expect(values.values[place] == wanted)
      }
    }
  }

  /// Models that cannot be mixed, and the line that says why.
  struct Mismatch: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let models: [String]
    let message: String
    var block: String?
  }

  static let mismatches = [
    Mismatch(
      testDescription: "another family", models: ["sd15", "sd21-base"],
      message: "sd21-base.safetensors: is Stable Diffusion 2.x, but "),
    Mismatch(
      testDescription: "more inputs second", models: ["sd15", "sd15-inpainting"],
      message: "sd15-inpainting.safetensors: tensor 'unet.conv_in.weight' is [8, 9, 3, 3], but "
        + "[8, 4, 3, 3] in "),
    Mismatch(
      testDescription: "no such block", models: ["sd15", "sd15"],
      message: "sd15.safetensors: has no tensor in the block 'unet.down.9' that --ratio names",
      block: "unet.down.9"),
  ]

  @Test(arguments: mismatches)
  func whatCannotBeMixedIsRefused(_ mismatch: Mismatch) throws {
    let ratios: BlockRatios =
      switch mismatch.block {
      case "all"?: BlockRatios(0)
      case let block?: BlockRatios(0.5, blocks: [(BlockName(block), 1)])
      case nil: BlockRatios(0.5)
      }
    let error = #expect(throws: ConversionError.self) {
      try merge(
        .weightedSum, mismatch.models.map(AdapterFixture.model), to: "out.safetensors", ratios)
    }
    #expect(error?.description.contains(mismatch.message) == true, "\(error as Any)")
    #expect(!scratch.contents.contains("out.safetensors"))
  }

  @Test func aMethodTakesItsNumberOfModels() throws {
    let error = #expect(throws: ConversionError.self) {
      try merge(.addDifference, [a, b], to: "out.safetensors")
    }
    #expect(error?.description.hasSuffix("add-difference takes 3 models, not 2") == true)
  }

  /// A model without VAE leaves the first one's as it is, and says so.
  @Test func componentsThatAreMissingStay() throws {
    let source = try Checkpoint.open(path: b).source
    let request = Shaken(source: source, seed: 0)
    try request.write(to: scratch.path("unet.safetensors")) {
      $0.hasPrefix("model.diffusion_model.")
    }
    let report = try merge(
      .weightedSum, [a, scratch.path("unet.safetensors")], to: "out.safetensors",
      BlockRatios(0.5), type: .float32)
    let merge = try #require(report.models)
    #expect(merge.kept.map(\.component) == ["text_encoder", "vae"])
    #expect(merge.unused.isEmpty)
    try expect(scratch.path("out.safetensors"), of: [a, b]) { name, values in
      name.hasPrefix("model.diffusion_model.")
        ? zip(values[0], values[1]).map { 0.5 * $0 + 0.5 * $1 } : values[0]
    }
  }

  /// Noise and velocities have no middle.
  @Test func anotherPredictionIsReported() throws {
    let source = try Checkpoint.open(path: a).source
    var writer = try SafetensorsWriter(path: scratch.path("velocity.safetensors"))
    try writer.begin(
      tensors: source.tensors, metadata: ["modelspec.prediction_type": "v"])
    for index in source.tensors.indices { try writer.append(try source.tensor(at: index)) }
    try writer.finish()
    let velocity = scratch.path("velocity.safetensors")
    let report = try merge(.weightedSum, [a, velocity], to: "out.safetensors")
    let disagreements = try #require(report.models).disagreements
    #expect(disagreements.map(\.path) == [velocity])
    #expect(disagreements.map(\.prediction.type) == [.velocity])
    #expect(disagreements.map(\.base.type) == [.epsilon])
    let texts = BlockRatios(0, blocks: [(BlockName("text_encoder"), 0.5)])
    let apart = try merge(.weightedSum, [a, velocity], to: "text.safetensors", texts)
    #expect(apart.models?.disagreements == [])
  }

  /// A value that is no number makes the result's one, and that is said.
  @Test func valuesThatAreNoNumbersAreCounted() throws {
    let source = try Checkpoint.open(path: a).source
    let place = try #require(
      source.tensors.firstIndex { $0.name.hasSuffix("output_blocks.0.0.in_layers.2.weight") })
    var writer = try SafetensorsWriter(path: scratch.path("damaged.safetensors"))
    try writer.begin(tensors: source.tensors, metadata: [:])
    for index in source.tensors.indices {
      let view = try source.tensor(at: index)
      guard index == place else {
        try writer.append(view)
        continue
      }
      var bytes = view.withBytes { $0.withUnsafeBytes { Array($0) } }
      (bytes[0], bytes[1]) = (0, 0x7E)
      try writer.append(
        TensorView(
          description: view.description, storage: ByteStorage(copying: bytes.span.bytes),
          byteRange: 0..<bytes.count))
    }
    try writer.finish()
    for type in [nil, ElementType.float32] {
      let report = try merge(
        .weightedSum, [a, scratch.path("damaged.safetensors")], to: "out.safetensors", type: type)
      #expect(report.nonFinite.map(\.count) == [1])
      #expect(report.nonFinite.first?.tensor.hasPrefix("unet.up_blocks.0.resnets.0") == true)
    }
    let report = try merge(.weightedSum, [a, b], to: "out.safetensors")
    #expect(report.nonFinite == [])
  }

  /// Blocks cannot be computed with in place: they are decoded, and coded again.
  @Test func quantisedModelsAreMixed() throws {
    let digits = AdapterFixture.path("digits/digits.ckpt")
    let request = ConversionRequest(
      output: scratch.path("q8.gguf"), container: .gguf, elementType: .q80)
    _ = try Converter(try ModelReader.open(path: digits), request).run()
    let report = try merge(
      .weightedSum, [scratch.path("q8.gguf"), digits], to: "out.gguf", BlockRatios(0.5))
    #expect(report.overflows.isEmpty)
    let before = try Checkpoint.open(path: scratch.path("q8.gguf")).source.tensors
    #expect(try Checkpoint.open(path: scratch.path("out.gguf")).source.tensors == before)
  }
}

/// A source whose every float is changed, by a rule that tells tensors and seeds apart.
private struct Shaken: TensorSource {
  let source: any TensorSource
  let seed: Int

  var tensors: [TensorDescription] { source.tensors }

  func tensor(at index: Int) throws -> TensorView {
    let view = try source.tensor(at: index)
    guard view.elementType.isPlainFloat, seed > 0 else { return view }
    let bytes = view.withBytes {
      ElementConversion.convert($0, from: view.elementType, to: .float32)
    }
    var values = bytes.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
    for place in values.indices {
      let step = (place &* 31 &+ index &* 17 &+ seed &* 7) % 19
      values[place] = values[place] * 0.5 + Float(step - 9) * 0.03125
    }
    let narrowed = values.withUnsafeBytes {
      ElementConversion.convert($0.bytes, from: .float32, to: view.elementType)
    }
    return TensorView(
      description: view.description, storage: ByteStorage(copying: narrowed.span.bytes),
      byteRange: 0..<narrowed.count)
  }

  func write(
    to path: String, where isWanted: (String) -> Bool = { _ in true }
  ) throws {
    let places = tensors.indices.filter { isWanted(tensors[$0].name) }
    var writer = try SafetensorsWriter(path: path)
    try writer.begin(tensors: places.map { tensors[$0] }, metadata: [:])
    for place in places { try writer.append(try tensor(at: place)) }
    try writer.finish()
  }
}
