import KeyLayouts
import TensorCore
import Testing

@Suite struct EmbeddingFileTests {
  /// A file as the names and shapes in it.
  private static func tensors(
    _ shapes: KeyValuePairs<String, TensorShape>, _ type: ElementType = .float32
  ) -> [TensorDescription] {
    shapes.map { TensorDescription(name: $0.key, elementType: type, shape: $0.value) }
  }

  @Test(arguments: [
    (768, "SD 1.x's text encoder, SDXL's first"), (1024, "SD 2.x's text encoder"),
    (1280, "SDXL's second text encoder"), (4096, "the T5 encoder of SD 3 and FLUX"),
    (700, "no published text encoder has this width"),
  ])
  func widthTellsTheEncoder(width: Int, fitting: String) throws {
    let file = try #require(EmbeddingFile(of: Self.tensors(["emb_params": [4, width]])))
    #expect(file.form == .parameters)
    #expect(file.embeddings[0].parts[0].vectorCount == 4)
    #expect(file.embeddings[0].parts[0].fitting == fitting)
  }

  @Test func labelsTellTheEncoderWhereTheWidthIsTheirs() throws {
    let file = try #require(
      EmbeddingFile(
        of: Self.tensors(["clip_g": [2, 1280], "clip_l": [2, 768], "clip_h": [2, 9]])))
    #expect(file.form == .sdxl)
    #expect(file.embeddings[0].parts.map(\.label) == [.clipL, .clipH, .clipG])
    #expect(
      file.embeddings[0].parts.map(\.fitting) == [
        "SDXL's first text encoder, SD 1.x's", "clip_h, but that is 1024 wide",
        "SDXL's second text encoder",
      ])
  }

  @Test func theTokenComesFromThePlaceholderWhereNothingElseSaysIt() throws {
    let module = Self.tensors([
      "string_to_token.cat": [], "string_to_param._parameters.cat": [2, 768],
    ])
    let file = try #require(EmbeddingFile(of: module))
    #expect(file.form == .a1111)
    #expect(file.embeddings.map(\.token) == ["cat"])
    #expect(file.others == [])
    let named = try #require(
      EmbeddingFile(
        of: Self.tensors(["string_to_param.*": [2, 768]]), metadata: ["values": ["name": "dog"]]))
    #expect(named.embeddings.map(\.token) == ["dog"])
  }

  @Test func severalTokensAreSeveralEmbeddings() throws {
    let file = try #require(EmbeddingFile(of: Self.tensors(["<a>": [768], "<b>": [2, 768]])))
    #expect(file.form == .diffusers)
    #expect(file.embeddings.map(\.token) == ["<a>", "<b>"])
    #expect(file.embeddings.map { $0.parts[0].vectorCount } == [1, 2])
  }

  @Test func aLoneMatrixIsNotCertain() throws {
    #expect(EmbeddingFile(of: Self.tensors(["w": [4, 5]]))?.isCertain == false)
    #expect(EmbeddingFile(of: Self.tensors(["value": [4, 12]]))?.isCertain == false)
    #expect(EmbeddingFile(of: Self.tensors(["value": [4, 768]]))?.isCertain == true)
    #expect(EmbeddingFile(of: Self.tensors(["<w>": [4, 5]]))?.isCertain == true)
  }

  @Test(arguments: [
    tensors(["conv.weight": [4, 768]]), tensors(["emb_params": [4, 4, 768]]),
    tensors(["emb_params": []]), tensors(["emb_params": [0, 768]]),
    tensors(["emb_params": [49408, 768]]), tensors(["<a>": [2, 768]], .int64),
    tensors(["a": [768], "b": [768]]), [],
  ])
  func otherFilesAreNoEmbeddings(tensors: [TensorDescription]) {
    #expect(EmbeddingFile(of: tensors) == nil)
  }

  @Test func tensorsBesideAnEmbeddingAreNamed() throws {
    let file = try #require(
      EmbeddingFile(of: Self.tensors(["clip_l": [2, 768], "clip_l_out": [2, 768]])))
    #expect(file.others == ["clip_l_out"])
  }

  @Test func bundledEmbeddingsAreListedByToken() throws {
    let tensors = Self.tensors([
      "lora_unet_conv_in.alpha": [], "bundle_emb.v1.5.string_to_param.*": [3, 768],
      "bundle_emb.b.clip_g": [1, 1280], "bundle_emb.b.clip_l": [1, 768],
      "bundle_emb.c.other": [1, 768],
    ])
    let file = try #require(EmbeddingFile.bundled(in: tensors))
    #expect(file.form == .bundled)
    #expect(file.embeddings.map(\.token) == ["v1.5", "b"])
    #expect(file.embeddings[1].parts.map(\.index) == [2, 3])
    #expect(file.others == ["bundle_emb.c.other"])
    #expect(EmbeddingFile.bundled(in: Self.tensors(["w": [2]])) == nil)
  }
}
