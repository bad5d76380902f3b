import Checkpoints
import Conversion
import Foundation
import KeyLayouts
import TensorCore
import TestSupport
import Testing

@Suite struct EmbeddingConverterTests {
  private static let fixtures = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "../../../Fixtures/embeddings").standardizedFileURL

  private static func fixture(_ name: String) throws -> Checkpoint {
    try Checkpoint.open(path: fixtures.appending(path: name).path(percentEncoded: false))
  }

  /// The vectors that every fixture holds: `small` and `large`.
  private static func vectors(_ name: String, count: Int) throws -> [UInt8] {
    let source = try fixture("expected.safetensors").source
    let index = try #require(source.tensors.firstIndex { $0.name == name })
    let view = try source.tensor(at: index)
    return view.withBytes { Array($0.extracting(first: count * view.shape[1] * 4).array) }
  }

  /// Converts a fixture and opens the result.
  private static func convert(
    _ name: String, to output: String, form: EmbeddingForm? = nil, token: String? = nil,
    encoder: EmbeddingEncoder? = nil, _ body: (EmbeddingReport, Checkpoint) throws -> Void
  ) throws {
    let folder = try ScratchFolder()
    let request = EmbeddingRequest(
      output: folder.path(output), container: try .named(byOutput: output), form: form,
      token: token, encoder: encoder, elementType: .float32)
    let report = try #require(try EmbeddingConverter(fixture(name), request)).run()
    try body(report, Checkpoint.open(path: folder.path(output)))
  }

  @Test(
    arguments: [
      "a1111.pt", "a1111-parameter.pt", "learned_embeds.bin", "learned_embeds.safetensors",
      "one-row.bin", "emb_params.safetensors", "unnamed.safetensors", "bare-tensor.pt",
      "bundled.safetensors", "sdxl-first-only.safetensors",
    ], ["x.pt", "x.bin", "x.safetensors"])
  func everyFormBecomesEveryForm(source: String, output: String) throws {
    let expected = try Self.vectors("small", count: source == "one-row.bin" ? 1 : 3)
    for form in EmbeddingForm.writable {
      let encoder: EmbeddingEncoder? = form == .sdxl ? .clipL : nil
      try Self.convert(source, to: output, form: form, token: "<x>", encoder: encoder) {
        report, result in
        let name =
          switch form {
          case .diffusers: "<x>"
          case .sdxl: "clip_l"
          default: output == "x.safetensors" ? "emb_params" : "string_to_param.*"
          }
        #expect(result.source.tensors.map(\.name) == [name])
        #expect(try result.source.tensor(at: 0).withBytes { $0.array } == expected)
        #expect(report.form == form)
        #expect(report.token == "<x>")
        let read = try #require(
          EmbeddingFile(of: result.source.tensors, metadata: result.portableMetadata))
        // A pickle by encoder has no place for the token.
        let hasPlace = form != .sdxl || output == "x.safetensors"
        #expect(read.embeddings.map(\.token) == [hasPlace ? "<x>" : nil])
      }
    }
  }

  @Test(arguments: ["x.pt", "x.bin", "x.safetensors"])
  func twoEncodersStayTogether(output: String) throws {
    try Self.convert("sdxl.safetensors", to: output) { report, result in
      #expect(report.isTokenFromFile)
      #expect(report.token == "sdxl")
      let source = result.source
      #expect(Set(source.tensors.map(\.name)) == ["clip_l", "clip_g"])
      for (name, vectors) in [("clip_l", "small"), ("clip_g", "large")] {
        let index = try #require(source.tensors.firstIndex { $0.name == name })
        let bytes = try source.tensor(at: index).withBytes { $0.array }
        #expect(bytes == (try Self.vectors(vectors, count: 3)))
      }
    }
  }

  @Test func stepAndCheckpointTravelThroughSafetensorsAndBack() throws {
    try Self.convert("a1111.pt", to: "x.safetensors") { _, result in
      let folder = try ScratchFolder()
      let request = EmbeddingRequest(
        output: folder.path("y.pt"), container: .pytorch, form: .a1111)
      let report = try #require(try EmbeddingConverter(result, request)).run()
      #expect(report.form == .a1111)
      let values = try Checkpoint.open(path: folder.path("y.pt")).metadata["values"]
      #expect(values?["name"] == "red-three")
      #expect(values?["step"] == 500)
      #expect(values?["sd_checkpoint"] == "0123abcd")
      #expect(values?["string_to_token"] == ["*": 265])
    }
  }

  @Test func whatHasNoPlaceIsReported() throws {
    try Self.convert("a1111.pt", to: "x.bin") { report, _ in
      #expect(report.droppedMetadata == ["step", "sd_checkpoint", "sd_checkpoint_name"])
    }
    try Self.convert("sdxl.safetensors", to: "x.pt", form: .a1111, encoder: .clipG) {
      report, _ in
      #expect(report.leftBehind == ["clip_l"])
      #expect(report.parts.map(\.source) == ["clip_g"])
    }
  }

  @Test(arguments: [
    (
      "sdxl.safetensors", EmbeddingForm.diffusers, nil as EmbeddingEncoder?,
      "holds vectors for several text encoders (clip_l, clip_g), the diffusers form has one: "
        + "choose with --encoder"
    ),
    (
      "emb_params.safetensors", .sdxl, nil,
      "the vectors are 12 wide, which tells no text encoder; SDXL's are 768 and 1280 wide: choose "
        + "with --encoder"
    ),
    ("sdxl-first-only.safetensors", .a1111, .clipG, "holds no vectors for clip_g"),
    (
      "expected.safetensors", .a1111, nil,
      "holds no textual inversion: first tensor 'large' (f32 [3, 16])"
    ),
  ])
  func choicesThatAreOpenAreErrors(
    source: String, form: EmbeddingForm, encoder: EmbeddingEncoder?, problem: String
  ) throws {
    let request = EmbeddingRequest(
      output: "x.pt", container: .pytorch, form: form, encoder: encoder)
    let error = #expect(throws: ConversionError.self) {
      try EmbeddingConverter(Self.fixture(source), request)?.run()
    }
    #expect(error?.problem == problem)
  }

  @Test func otherContainersAndUncertainFilesAreLeftToTheConverter() throws {
    let plain = EmbeddingRequest(output: "x.pt", container: .pytorch)
    #expect(try EmbeddingConverter(Self.fixture("bare-tensor.pt"), plain) == nil)
    #expect(try EmbeddingConverter(Self.fixture("bundled.safetensors"), plain) == nil)
    let ingot = EmbeddingRequest(output: "x.ingot", container: .ingot)
    #expect(try EmbeddingConverter(Self.fixture("a1111.pt"), ingot) == nil)
    let error = #expect(throws: ConversionError.self) {
      try EmbeddingConverter(
        Self.fixture("a1111.pt"),
        EmbeddingRequest(output: "x.ingot", container: .ingot, form: .sdxl))
    }
    #expect(
      error?.problem
        == "ingot has no form of a textual inversion, expected safetensors or pytorch")
  }
}
