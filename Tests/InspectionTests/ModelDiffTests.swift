import Checkpoints
import Conversion
import Foundation
import TensorCore
import TestSupport
import Testing

@testable import Inspection

@Suite struct ModelDiffTests {
  private static let base = "families/sd15.safetensors"
  private static let tokens =
    "cond_stage_model.transformer.text_model.embeddings.token_embedding.weight"

  /// Compares the small model with what an edit makes of it.
  private static func diff(
    tolerance: Tolerance = Tolerance(), _ edit: (inout ModelEdit) throws -> Void
  ) throws -> ModelDiff {
    let original = try ModelEdit(base)
    var edited = original
    try edit(&edited)
    return try ModelDiff(try original.side("a"), try edited.side("b"), tolerance: tolerance)
  }

  @Test func aModelIsIdenticalToItself() throws {
    let diff = try Self.diff { _ in }
    #expect(diff.isEqual)
    #expect(diff.verdict.kind == .identical)
    #expect(diff.touchedBytes == diff.a.byteCount + diff.b.byteCount)
    #expect(
      diff.components.map(\.title).sorted() == ["left behind", "text_encoder", "unet", "vae"])
    #expect(diff.total.count(.same) == diff.pairs.count)
  }

  @Test(arguments: ["sd15", "sd21-base", "sdxl-base", "sdxl-refiner", "controlnet-sd15"])
  func layoutsAndContainersAreNoDifference(family: String) throws {
    let folder = try ScratchFolder()
    let path = ModelEdit.path("families/\(family).safetensors")
    let model = try ModelReader.open(path: path)
    for output in ["x.ingot", "folder"] {
      let request = ConversionRequest(
        output: folder.path(output), container: try .named(byOutput: output))
      _ = try Converter(model, request).run()
      let other = try ModelReader.open(path: folder.path(output))
      let diff = try ModelDiff(try DiffSide(model), try DiffSide(other))
      #expect(diff.isEqual, "\(output): \(diff.verdict.sentence)")
      #expect(diff.verdict.kind == .identical || diff.verdict.kind == .reencoded)
      #expect(diff.added.isEmpty && diff.removed.isEmpty && diff.renamed.isEmpty)
    }
  }

  @Test func aFineTuneOfOneComponentIsLocated() throws {
    let diff = try Self.diff { $0.addNoise(0.01) { $0.hasPrefix("cond_stage_model.") } }
    #expect(!diff.isEqual)
    #expect(diff.verdict.kind == .fineTune)
    #expect(diff.verdict.sentence.hasPrefix("only text_encoder changed: "))
    #expect(diff.verdict.sentence.contains("vae and unet are the same"))
    let changed = diff.components.filter { !$0.isUntouched }
    #expect(changed.map(\.title) == ["text_encoder"])
    #expect(diff.blocks.filter { !$0.isUntouched }.map(\.title).first == "text_encoder embeddings")
  }

  @Test func blocksAndKindsTellWhereTheChangeIs() throws {
    let diff = try Self.diff {
      $0.addNoise(0.01) { $0.contains("middle_block.1.") && $0.contains("attn2.to_k") }
    }
    #expect(diff.blocks.filter { !$0.isUntouched }.map(\.title) == ["unet mid_block"])
    #expect(diff.kinds.filter { !$0.isUntouched }.map(\.title) == ["unet cross-attention"])
  }

  /// Few blocks or kinds of layers are named at once.
  @Test(arguments: [
    (".attn2.", "only unet changed (cross-attention): "),
    ("middle_block.", "only unet changed (mid_block): "),
    (
      "middle_block.1.transformer_blocks.0.attn2.",
      "only unet changed (cross-attention; in mid_block): "
    ),
  ])
  func aFineTuneOfAPartSaysWhere(part: String, words: String) throws {
    let diff = try Self.diff { $0.addNoise(0.01) { $0.contains(part) } }
    #expect(diff.verdict.sentence.hasPrefix(words), "\(diff.verdict.sentence)")
  }

  @Test func matricesAloneAreTold() throws {
    let diff = try Self.diff {
      $0.addNoise(0.01) { $0.contains(".attn") && $0.hasSuffix(".weight") && $0.contains(".to_") }
    }
    #expect(diff.verdict.kind == .matrices)
    #expect(
      diff.verdict.sentence.hasPrefix(
        "only weight matrices of unet changed (self-attention and cross-attention), no bias and "
          + "no norm: "))
  }

  @Test func unrelatedWeightsAreTold() throws {
    let diff = try Self.diff {
      $0.change(where: { $0.hasPrefix("model.") }) { values, generator in
        for index in values.indices { values[index] = 0.1 * generator.normal() }
      }
    }
    #expect(diff.verdict.kind == .unrelated)
    #expect(diff.verdict.sentence.contains("of the same architecture in unet (cosine "))
  }

  @Test func anotherArchitectureIsTold() throws {
    let other = try ModelEdit("families/controlnet-sdxl.safetensors")
    let diff = try ModelDiff(ModelEdit(Self.base).side(), try other.side())
    #expect(diff.verdict.kind == .otherArchitecture)
    #expect(diff.pairs.isEmpty && !diff.isEqual)
  }

  /// Of one family, but wider, with more blocks: no weight of both tells anything.
  @Test func widerModelsOfOneFamilyAreAnotherArchitecture() throws {
    let small = try ModelEdit("families/controlnet-sd15.safetensors")
    let large = try ModelEdit("families/controlnet-sdxl.safetensors")
    let diff = try ModelDiff(try small.side(), try large.side())
    #expect(diff.verdict.kind == .otherArchitecture, "\(diff.verdict.sentence)")
    #expect(!diff.verdict.sentence.contains("same architecture"))
    let more = try Self.diff { edit in
      edit.change(where: { $0.hasPrefix("model.") }) { values, generator in
        for index in values.indices { values[index] = 0.1 * generator.normal() }
      }
      edit.remove { $0 == "model.diffusion_model.out.2.bias" }
    }
    #expect(more.verdict.kind == .unrelated)
    #expect(more.verdict.sentence.hasPrefix("unrelated weights in unet (cosine "))
    #expect(more.verdict.sentence.contains("1 removed"))
  }

  @Test func whatHasNoComponentIsNotNamed() throws {
    let source = try ModelEdit("diff/a.safetensors")
    var edited = source
    edited.remove { !["single", "double"].contains($0) }
    let kept = edited
    edited.addNoise(0.01) { _ in true }
    let sentence = try ModelDiff(try kept.side(), try edited.side()).verdict.sentence
    #expect(!sentence.contains("component"), "\(sentence)")
  }

  @Test(arguments: [ElementType.float32, .float64])
  func widerTypesAreNoDifference(type: ElementType) throws {
    let half = try { () throws in
      var edit = try ModelEdit(Self.base)
      edit.cast(to: .float16)
      return edit
    }()
    var wide = half
    wide.cast(to: type)
    let diff = try ModelDiff(try half.side(), try wide.side())
    #expect(diff.isEqual)
    #expect(diff.verdict.kind == .reencoded)
    #expect(diff.verdict.sentence.contains("in another type with the same values"))
    #expect(diff.total.retypedCount > 0)
  }

  @Test(arguments: [ElementType.float16, .bfloat16])
  func narrowerTypesAreARounding(type: ElementType) throws {
    var wide = try ModelEdit(Self.base)
    wide.cast(to: .float32)
    wide.addNoise(0.001) { _ in true }
    var narrow = wide
    narrow.cast(to: type)
    let diff = try ModelDiff(try wide.side(), try narrow.side())
    #expect(!diff.isEqual)
    #expect(diff.verdict.kind == .reencoded)
    #expect(diff.verdict.sentence.contains("rounded through \(type.name)"))
  }

  @Test func aToleranceDecidesWhatIsEqual() throws {
    func noisy(_ tolerance: Tolerance) throws -> ModelDiff {
      try Self.diff(tolerance: tolerance) { edit in
        edit.change(where: { $0.hasPrefix("model.") }) { values, _ in
          for index in values.indices { values[index] += 0.01 }
        }
      }
    }
    #expect(try !noisy(Tolerance(absolute: 0.001)).isEqual)
    let equal = try noisy(Tolerance(absolute: 0.02))
    #expect(equal.isEqual)
    #expect(equal.verdict.kind == .near)
  }

  @Test func oneTokenIsFound() throws {
    let diff = try Self.diff { edit in
      edit.change(where: { $0 == Self.tokens }) { values, _ in
        // The width of the small model's text encoder.
        for column in 0..<12 { values[40 * 12 + column] += 1 }
      }
    }
    #expect(diff.verdict.kind == .tokens)
    #expect(diff.pairs.compactMap(\.changedRows) == [ChangedRows(count: 1, first: [40])])
    #expect(diff.verdict.sentence.contains("rows of text_encoder (40)"))
  }

  @Test func furtherTokensAreCompared() throws {
    let diff = try Self.diff { edit in
      let values = edit.numbers(of: Self.tokens)
      let rows = values.count / 12
      edit.replace(
        Self.tokens, shape: [rows + 1, 12], with: values + [Float](repeating: 1, count: 12))
    }
    let pair = try #require(diff.pairs.first { $0.state == .misshapen })
    #expect(pair.relation == .rows(common: pair.a.shape[0]))
    #expect(pair.difference?.changedCount == 0)
    #expect(diff.verdict.kind == .tokens)
    #expect(diff.verdict.sentence.contains("rows instead of \(pair.a.shape[0]), the first"))
    #expect(!diff.isEqual)
  }

  @Test func addedRemovedAndRenamedTensorsAreListed() throws {
    let source = try ModelEdit("diff/a.safetensors")
    var edited = source
    edited.remove { $0 == "single" }
    edited.rename("half", to: "other")
    edited.rename("double", to: "changed")
    edited.change(where: { $0 == "changed" }) { values, _ in values[0] += 1 }
    let diff = try ModelDiff(try source.side(), try edited.side())
    #expect(diff.renamed.map { [$0.a.name, $0.b.name] } == [["half", "other"]])
    #expect(Set(diff.removed.map(\.name)) == ["single", "double"])
    #expect(diff.added.map(\.name) == ["changed"])
    #expect(!diff.isEqual)
    #expect(diff.verdict.kind == .extended)
  }

  @Test func transposedAndReshapedMatricesAreSeenThrough() throws {
    func side(_ shape: TensorShape, _ values: [Float]) throws -> DiffSide {
      var edit = try ModelEdit("diff/a.safetensors")
      edit.remove { $0 != "single" }
      edit.replace("single", shape: shape, with: values)
      return try edit.side()
    }
    let values: [Float] = [1, 2, 3, 4, 5, 6]
    let a = try side([2, 3], values)
    let transposed = try ModelDiff(a, side([3, 2], [1, 4, 2, 5, 3, 6]))
    #expect(transposed.pairs[0].relation == .transposed)
    #expect(transposed.isEqual)
    let convolution = try ModelDiff(a, side([2, 3, 1, 1], values))
    #expect(convolution.pairs[0].relation == .reshaped)
    #expect(convolution.isEqual)
    let other = try ModelDiff(a, side([6], values))
    #expect(other.pairs[0].relation == .incomparable)
    #expect(!other.isEqual)
  }

  /// The values of one tensor and of the same in another arrangement, under names of no family.
  private static func rearranged(
    _ shape: TensorShape, noise: Float = 0, _ place: (Int) -> Int
  ) throws -> TensorPair {
    var source = try ModelEdit("diff/a.safetensors")
    source.remove { _ in true }
    var edited = source
    var generator = SplitMix(state: 11)
    let values = (0..<shape.elementCount).map { _ in generator.normal() }
    let tensor = TensorDescription(name: "norm_out.linear", elementType: .float32, shape: shape)
    source.add(tensor, values)
    edited.add(tensor, values.indices.map { values[place($0)] + noise * generator.normal() })
    return try #require(ModelDiff(try source.side(), try edited.side()).pairs.first)
  }

  @Test func swappedHalvesOfAScaleAndShiftAreSeenThrough() throws {
    for shape in [[40], [40, 30], [2, 50]] as [TensorShape] {
      let half = shape.elementCount / 2
      let pair = try Self.rearranged(shape) { ($0 + half) % (2 * half) }
      #expect(pair.relation == .halvesSwapped && pair.state == .same, "\(shape)")
      #expect(!pair.isIdentical)
    }
    let tuned = try Self.rearranged([40, 30], noise: 0.01) { ($0 + 600) % 1200 }
    #expect(tuned.relation == .halvesSwapped && tuned.state == .changed)
    #expect(tuned.difference.map { $0.maxAbs < 0.1 } == true)
  }

  @Test func squareMatricesAreSeenThroughWhenTransposed() throws {
    for size in [4, 40, 130] {
      let pair = try Self.rearranged([size, size]) { $0 % size * size + $0 / size }
      #expect(pair.relation == .transposed && pair.state == .same, "\(size)")
    }
  }

  @Test func otherArrangementsAreChanges() throws {
    let reversed = try Self.rearranged([40, 30]) { 1199 - $0 }
    #expect(reversed.relation == .same && reversed.state == .changed)
    let odd = try Self.rearranged([41]) { ($0 + 20) % 41 }
    #expect(odd.relation == .same && odd.state == .changed)
    // Under canonical names there is one arrangement, and another is another model.
    let diff = try Self.diff { edit in
      edit.change(where: { $0.hasSuffix("middle_block.1.transformer_blocks.0.attn1.to_q.weight") })
      {
        values, _ in
        let half = values.count / 2
        values = Array(values[half...] + values[..<half])
      }
    }
    #expect(diff.pairs.filter { $0.state == .changed }.map(\.relation) == [.same])
  }

  @Test func leftoversAloneAreNoChangeOfWeights() throws {
    let diff = try Self.diff { edit in
      edit.change(where: { $0 == "alphas_cumprod" }) { values, _ in values[3] += 1 }
    }
    #expect(diff.verdict.kind == .leftovers && !diff.isEqual)
    #expect(
      diff.verdict.sentence
        == "the same weights; schedule buffers or what training left differ: alphas_cumprod")
    let both = try Self.diff { edit in
      edit.change(where: { $0 == "alphas_cumprod" }) { values, _ in values[3] = -1e9 }
      edit.addNoise(0.01) { $0.hasPrefix("first_stage_model.") }
    }
    #expect(both.verdict.kind == .fineTune)
    #expect(both.verdict.sentence.hasPrefix("only vae changed: "))
  }

  @Test func otherShapesAloneAreNoFineTune() throws {
    let diff = try Self.diff { edit in
      edit.replace("first_stage_model.quant_conv.bias", shape: [3], with: [1, 2, 3])
    }
    #expect(diff.verdict.kind == .extended && !diff.isEqual)
    #expect(diff.verdict.sentence.hasSuffix("are the same; 1 of another shape"))
  }

  @Test func valuesThatAreNotFiniteAreNamed() throws {
    let diff = try Self.diff { edit in
      edit.change(where: { $0 == "model.diffusion_model.out.2.weight" }) { values, _ in
        values[0] = .nan
      }
    }
    #expect(
      diff.verdict.sentence.contains("tensors, 1 value NaN or infinite in one of them; "))
    #expect(!diff.verdict.sentence.contains("relative norm"))
  }

  @Test func scheduleBuffersOfOneSideAreNoDifference() throws {
    let checkpoint = try ModelEdit("digits/digits.ckpt")
    var bare = checkpoint
    bare.remove { !$0.contains("model.") }
    let diff = try ModelDiff(try checkpoint.side(), try bare.side())
    #expect(diff.isEqual)
    #expect(diff.leftBehind.map(\.isFirst) == [true])
    #expect(diff.leftBehind.first?.reason == "schedule buffer")
  }
}

@Suite struct IngotDiffTests {
  /// Ingots of the small model and of an edit of it.
  private static func ingots(
    _ folder: ScratchFolder, _ edit: (inout ModelEdit) -> Void
  ) throws -> (DiffSide, DiffSide) {
    var edited = try ModelEdit("families/sd15.safetensors")
    let original = edited
    edit(&edited)
    func side(_ source: ModelEdit, _ name: String) throws -> DiffSide {
      let checkpoint = Checkpoint(
        path: ModelEdit.path("families/sd15.safetensors"), format: .safetensors, source: source,
        metadata: JSONObject())
      let request = ConversionRequest(output: folder.path(name), container: .ingot)
      _ = try Converter(ReadModel(checkpoint), request).run()
      return try DiffSide(try ModelReader.open(path: folder.path(name)))
    }
    return (try side(original, "a.ingot"), try side(edited, "b.ingot"))
  }

  @Test func equalDigestsAreNotRead() throws {
    let folder = try ScratchFolder()
    let (a, b) = try Self.ingots(folder) {
      $0.addNoise(0.01) { $0.hasPrefix("first_stage_model.") }
    }
    let diff = try ModelDiff(a, b)
    let changed = diff.pairs.filter { !$0.isSpared }
    #expect(Set(changed.map(\.place.component)) == ["vae"])
    let bytes = changed.reduce(0) { $0 + 2 * ($1.a.elementType.byteCount(for: $1.a.shape) ?? 0) }
    #expect(diff.touchedBytes == bytes)
    #expect(try ModelDiff(a, a).touchedBytes == 0)
  }

  @Test func figuresOfUnreadTensorsAreThoseOfReadOnes() throws {
    let folder = try ScratchFolder()
    let (a, _) = try Self.ingots(folder) { _ in }
    let spared = try ModelDiff(a, a).total.difference
    let source = try ModelEdit("families/sd15.safetensors").side()
    let read = try ModelDiff(source, source)
    let canonical = read.pairs.filter { $0.place != .leftBehind }
    var sum = TensorDifference()
    for pair in canonical { sum.add(try #require(pair.difference)) }
    #expect(spared.count == sum.count && spared.finiteCount == sum.finiteCount)
    #expect(abs(spared.sumSquaresA - sum.sumSquaresA) < 1e-9 * sum.sumSquaresA)
  }
}
