import Checkpoints
import Foundation
import KeyLayouts
import TensorCore
import TestSupport
import Testing

@testable import Conversion

/// Float8 weights with scales beside them: `Fixtures/quantised`.
@Suite struct ScaledWeightTests {
  private let scratch: ScratchFolder

  init() throws { scratch = try ScratchFolder() }

  private static let files = ["scaled", "scaled-rows", "scaled-folder", "unknown"]

  private static func path(_ name: String) -> String {
    FixtureFile.path("quantised/\(name).safetensors")
  }

  /// The SHA-256 of all weights in the order of their names, and their number.
  private func digest(ofFile path: String) throws -> (count: Int, digest: String) {
    let source = try Checkpoint.open(path: path).source
    let weights = source.tensors.indices.filter { source.tensors[$0].elementType.isPlainFloat }
      .sorted { source.tensors[$0].name < source.tensors[$1].name }
    var digest = SHA256()
    for index in weights { try source.tensor(at: index).withBytes { digest.update($0) } }
    let hex = digest.finish().map { String(UInt16($0) + 256, radix: 16).dropFirst() }.joined()
    return (weights.count, hex)
  }

  private func expected(_ name: String, _ type: ElementType) throws -> (count: Int, digest: String)
  {
    let file = URL(filePath: FixtureFile.path("quantised/expected.json"))
    let entry = try JSON(parsing: Array(Data(contentsOf: file)))[name]
    return (
      try #require(entry?["weights"]?.intValue), try #require(entry?[type.name]?.stringValue)
    )
  }

  /// `(weight.float() * scale.float()).to(type)`, to the bit.
  @Test(arguments: files, [ElementType.float16, .bfloat16, .float32])
  func aCastMultipliesTheScalesIn(name: String, type: ElementType) throws {
    let output = scratch.path("out.safetensors")
    let report = try convert(Self.path(name), to: output) { $0.elementType = type }
    #expect(report.ledger.unexplained == [])
    let (found, wanted) = (try digest(ofFile: output), try expected(name, type))
    #expect(found == wanted)
    let names = try contents(ofFile: output).keys
    #expect(!names.contains { $0.contains("scale") && !$0.hasSuffix("logit_scale") })
    let reasons = report.ledger.ignored.map(\.reason)
    #expect(reasons.contains("multiplied into its weight"))
  }

  /// Scales go along through other names, through other containers and back.
  @Test(arguments: ["scaled", "scaled-rows", "scaled-folder"])
  func scalesStayBesideTheirWeightsInEveryLayout(name: String) throws {
    let isFolder = name == "scaled-folder"
    let (there, back) = (scratch.path("there.ckpt"), scratch.path("back.safetensors"))
    let report = try convert(Self.path(name), to: there) {
      $0.layout = isFolder ? .ldm : .diffusers
    }
    #expect(report.ledger.unexplained == [])
    try convert(there, to: back) { $0.layout = isFolder ? .diffusers : .ldm }
    let (output, direct) = (scratch.path("f16.safetensors"), scratch.path("direct.safetensors"))
    try convert(back, to: output) { $0.elementType = .float16 }
    try convert(Self.path(name), to: direct) {
      $0.elementType = .float16
      $0.isPruned = true
    }
    let (found, wanted) = (
      try canonicalContents(ofFile: output), try canonicalContents(ofFile: direct)
    )
    #expect(found == wanted)
  }

  @Test func scalesGetTheNamesOfTheirWeights() throws {
    let output = scratch.path("out.safetensors")
    try convert(Self.path("scaled"), to: output) { $0.layout = .diffusers }
    let found = try Checkpoint.open(path: output).source.tensors
    let shapes = Dictionary(uniqueKeysWithValues: found.map { ($0.name, $0.shape) })
    // One value of a fused matrix is each part's.
    for part in ["q", "k", "v"] {
      let name = "text_encoder_2.text_model.encoder.layers.0.self_attn.\(part)_proj"
      #expect(shapes["\(name).scale_weight"]?.elementCount == 1)
      #expect(shapes["\(name).weight"] == [4, 4])
    }
    #expect(shapes["text_encoder_2.text_projection.scale_weight"]?.elementCount == 1)
    #expect(shapes["unet.scaled_fp8"] == [0])
  }

  @Test func oneScaleARowIsDividedWithItsMatrix() throws {
    let output = scratch.path("out.safetensors")
    try convert(Self.path("scaled-rows"), to: output) { $0.layout = .diffusers }
    let found = try Checkpoint.open(path: output).source.tensors
    let shapes = Dictionary(uniqueKeysWithValues: found.map { ($0.name, $0.shape) })
    for layer in 0..<2 {
      let name = "text_encoder_2.text_model.encoder.layers.\(layer).self_attn.k_proj.weight_scale"
      #expect(shapes[name]?.dimensions.first == 4)
      #expect(shapes[name]?.elementCount == 4)
    }
    // A row there is a column of the transposed matrix here.
    #expect(shapes["text_encoder_2.text_projection.weight_scale"] == [1, 4])
  }

  @Test func theScalesOfJoinedMatricesBecomeOneARow() throws {
    let output = scratch.path("out.safetensors")
    let report = try convert(Self.path("scaled-folder"), to: output) { $0.layout = .ldm }
    let found = try Checkpoint.open(path: output).source.tensors
    let name = "conditioner.embedders.1.model.transformer.resblocks.0.attn.in_proj_weight"
    #expect(found.first { $0.name == name + "_scale" }?.shape == [12])
    // What concerns the input of one of three layers says nothing of the one layer.
    #expect(
      report.ledger.ignored.map(\.reason) == ["of one part of what is one weight here"])
  }

  @Test(arguments: [nil, ElementType.float16])
  func packedFormsGoFromContainerToContainerAsTheyAre(type: ElementType?) throws {
    let (output, back) = (scratch.path("out.ckpt"), scratch.path("back.safetensors"))
    try convert(Self.path("packed"), to: output) { $0.elementType = type }
    try convert(output, to: back)
    let (found, wanted) = (try contents(ofFile: back), try contents(ofFile: Self.path("packed")))
    #expect(found == wanted)
    let forms = StoredForms(of: try Checkpoint.open(path: output).source.tensors).counts
    #expect(
      Set(forms.map(\.form)) == [.mxfp8, .mxfp4, .nvfp4, .integers, .bitsandbytes4])
  }

  @Test func onlyTheComponentThatIsCastLosesItsScales() throws {
    let output = scratch.path("out.safetensors")
    try convert(Self.path("scaled"), to: output) { $0.componentTypes = [.unet: .float16] }
    let names = try contents(ofFile: output).keys.filter {
      $0.contains("scale_weight") || $0.contains("scaled_fp8")
    }
    #expect(!names.isEmpty)
    #expect(names.allSatisfy { $0.hasPrefix("conditioner.") })
  }

  @Test(arguments: [[7], [3, 2], [2, 2, 2]])
  func aScaleThatFitsNowhereIsRefused(extents: [Int]) throws {
    let shape = TensorShape(extents)
    let path = scratch.path("odd.safetensors")
    let values = [Float](repeating: 1, count: shape.elementCount)
    try write(
      [
        tensor("a.weight", [4, 4], [Float](repeating: 1, count: 16)),
        tensor("a.weight_scale", shape, values),
      ], to: path)
    let error = #expect(throws: LayoutError.self) {
      try convert(path, to: scratch.path("out.safetensors")) { $0.elementType = .float16 }
    }
    #expect(
      error?.description
        == "\(path): tensor 'a.weight_scale' is f32 \(shape), expected one value, or one for each row or block of "
        + "'a.weight' [4, 4]")
    // Kept as it is, it does no harm.
    try convert(path, to: scratch.path("out.safetensors"))
  }

  @Test(arguments: [Float.nan, .infinity])
  func aScaleThatIsNoNumberIsNotMultipliedIn(scale: Float) throws {
    let path = scratch.path("lost.safetensors")
    let sd15 = FixtureFile.path("families/sd15.safetensors")
    let weight = "model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn1.to_q"
    try write([tensor(weight + ".scale_weight", [], [scale])], after: sd15, to: path)
    let error = #expect(throws: ConversionError.self) {
      try convert(path, to: scratch.path("out.safetensors")) { $0.elementType = .bfloat16 }
    }
    #expect(error?.description.contains("holds 1 value that is NaN or infinite") == true)
    let findings = try Doctor(try ModelReader.open(path: path)).examine().findings
    #expect(findings.contains { $0.check == "float8-scales" && $0.severity == .error })
    try convert(path, to: scratch.path("out.safetensors"))
  }

  /// Runs end and begin within rows and blocks of the scale.
  @Test func anyRunOfBytesIsTheSame() throws {
    let source = try Checkpoint.open(path: Self.path("unknown")).source
    for name in ["rows", "blocks", "kernel", "old"] {
      let weight = try view("double_blocks.0.\(name).weight", in: source)
      let scale = try view(
        "double_blocks.0.\(name).\(name == "old" ? "scale_weight" : "weight_scale")", in: source)
      let bytes = ByteStorage(ScaledBytes(weight, by: scale))
      let whole = bytes.array(in: 0..<bytes.count)
      for (start, end) in [(4, 8), (3, 41), (0, 260), (250, 1024), (1000, 1001)] {
        #expect(bytes.array(in: start..<end) == Array(whole[start..<end]))
      }
    }
  }

  private func view(_ name: String, in source: any TensorSource) throws -> TensorView {
    let place = try #require(source.tensors.firstIndex { $0.name == name })
    return try source.tensor(at: place)
  }
}
