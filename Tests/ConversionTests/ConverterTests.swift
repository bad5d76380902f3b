import Checkpoints
import Foundation
import KeyLayouts
import TensorCore
import TestSupport
import Testing

@testable import Conversion

@Suite struct ConverterTests {
  private let scratch: ScratchFolder
  private let model: ModelFixture
  private var source: String { scratch.path("model.ckpt") }

  init() throws {
    scratch = try ScratchFolder()
    model = try ModelFixture()
    try model.write(
      PyTorchWriter(path: scratch.path("model.ckpt")), metadata: ModelFixture.metadata)
  }

  private func convert(
    _ input: String, to output: String, as container: ContainerFormat? = nil,
    layout: Layout? = nil, type: ElementType? = nil
  ) throws -> ConversionReport {
    let request = ConversionRequest(
      output: output, container: try container ?? .named(byOutput: output),
      layout: layout, elementType: type)
    return try Converter(try ModelReader.open(path: input), request).run()
  }

  /// Written anew, a damaged tensor would get a digest that calls it intact.
  @Test(arguments: ["out.ingot", "out.safetensors", "out.ckpt", "out"])
  func aDamagedIngotGoesNowhere(name: String) throws {
    let path = scratch.path("model.ingot")
    _ = try convert(source, to: path)
    var bytes = try Data(contentsOf: URL(filePath: path))
    bytes[4096] ^= 0x40
    try bytes.write(to: URL(filePath: path))
    let before = scratch.contents
    let error = #expect(throws: IngotError.self) { try convert(path, to: scratch.path(name)) }
    #expect(error?.description.hasPrefix("\(path): tensor '") == true)
    #expect(error?.description.contains("is damaged: its digest is") == true)
    #expect(scratch.contents == before)
  }

  /// f16 ends at 65,504 and f32 at 3.4e38: what a cast makes infinite is told, NaN and infinities
  /// that were there are not.
  @Test(arguments: [
    (ElementType.float16, [CastOverflow(tensor: "b", elementType: .float16, count: 2)]),
    (.bfloat16, [CastOverflow(tensor: "b", elementType: .bfloat16, count: 1)]), (.float64, []),
  ])
  func valuesBeyondTheTypeAreReported(type: ElementType, expected: [CastOverflow]) throws {
    let names: [String: [Float]] = [
      "a": [1, 65_504, .infinity, .nan], "b": [-70_000, .greatestFiniteMagnitude, 0, 2],
    ]
    let tensors = names.keys.sorted().map {
      TensorDescription(name: $0, elementType: .float32, shape: [4])
    }
    var writer = try SafetensorsWriter(path: scratch.path("wide.safetensors"))
    try writer.begin(tensors: tensors, metadata: [:])
    for tensor in tensors {
      let values = try #require(names[tensor.name])
      let bytes = values.flatMap { value in
        (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * $0)) }
      }
      try writer.append(
        TensorView(
          description: tensor, storage: ByteStorage(copying: bytes.span.bytes), byteRange: 0..<16))
    }
    try writer.finish()
    let report = try convert(
      scratch.path("wide.safetensors"), to: scratch.path("cast.safetensors"), type: type)
    #expect(report.overflows == expected)
  }

  @Test(arguments: ["through.ingot", "through", "through.safetensors", "through.pt"])
  func everyMappedTensorSurvivesThereAndBack(through name: String) throws {
    let middle = scratch.path(name)
    let there = try convert(source, to: middle, layout: name.contains(".s") ? .diffusers : nil)
    let back = try convert(middle, to: scratch.path("back.ckpt"), layout: .ldm)
    let original = try ConversionTests.contents(of: model)
    let result = try contents(ofFile: scratch.path("back.ckpt"))
    // A PyTorch file keeps the layout, and so everything.
    let lost = name == "through.pt" ? 0 : 13
    #expect(result.count == original.count - lost)
    #expect(result.allSatisfy { original[$0.key] == $0.value })
    #expect(there.ledger.isClean && back.ledger.isClean)
    #expect(there.ledger.ignored.reduce(0) { $0 + $1.count } == lost)
  }

  @Test func anIngotCarriesConfigurationsTokenizerValuesAndOrigin() throws {
    _ = try convert(source, to: scratch.path("model.ingot"))
    let reader = try IngotReader(path: scratch.path("model.ingot"))
    #expect(reader.components.keys.sorted() == ["scheduler", "text_encoder", "unet", "vae"])
    #expect(reader.components["unet"]?["sample_size"]?.intValue == 8)
    #expect(reader.components["scheduler"]?["num_train_timesteps"]?.intValue == 900)
    #expect(try reader.attachments == CLIPVocabulary.files())
    #expect(reader.metadata["values"] == ModelFixture.metadata["values"])
    let origin = try #require(reader.metadata["source"]?.objectValue)
    #expect(origin["name"] == "model.ckpt")
    #expect(origin["format"] == "pytorch")
    #expect(origin["size"]?.intValue == (try Data(contentsOf: URL(filePath: source))).count)
    #expect(origin["sha256"]?.stringValue == (try SHA256.hexDigest(ofFile: source)))
    #expect(try reader.verify().isIntact)
  }

  @Test func anIngotOfAnIngotRemembersTheFirstSource() throws {
    _ = try convert(source, to: scratch.path("one.ingot"))
    _ = try convert(scratch.path("one.ingot"), to: scratch.path("two.ingot"), type: .bfloat16)
    let origin = try IngotReader(path: scratch.path("two.ingot")).metadata["source"]
    #expect(origin?["name"] == "one.ingot")
    #expect(origin?["source"]?["name"] == "model.ckpt")
  }

  @Test func anIngotOfAFolderNamesTheFilesItCameFrom() throws {
    _ = try convert(source, to: scratch.path("folder"))
    _ = try convert(scratch.path("folder"), to: scratch.path("model.ingot"))
    let origin = try IngotReader(path: scratch.path("model.ingot")).metadata["source"]
    let files = origin?["files"]?.arrayValue ?? []
    #expect(
      files.compactMap { $0["name"]?.stringValue } == [
        "model_index.json", "scheduler/scheduler_config.json", "text_encoder/config.json",
        "text_encoder/model.safetensors", "tokenizer/merges.txt",
        "tokenizer/special_tokens_map.json", "tokenizer/tokenizer_config.json",
        "tokenizer/vocab.json", "unet/config.json", "unet/diffusion_pytorch_model.safetensors",
        "vae/config.json", "vae/diffusion_pytorch_model.safetensors",
      ])
    let index = scratch.path("folder/model_index.json")
    #expect(files.first?["sha256"]?.stringValue == (try SHA256.hexDigest(ofFile: index)))
  }

  @Test func statedConfigurationsWinOverDerivedOnes() throws {
    _ = try convert(source, to: scratch.path("folder"))
    let file = URL(filePath: scratch.path("folder/unet/config.json"))
    let text = String(decoding: try Data(contentsOf: file), as: UTF8.self)
    try text.replacing("\"norm_eps\": 1e-05", with: "\"norm_eps\": 0.25")
      .write(to: file, atomically: true, encoding: .utf8)
    let configurations = try ModelReader.open(path: scratch.path("folder")).configurations
    #expect(configurations["unet"]?["norm_eps"]?.doubleValue == 0.25)
  }

  @Test func aFolderOfHalvesLoadsInSinglePrecisionUnlessAsked() throws {
    _ = try convert(source, to: scratch.path("halves"))
    let folder = try Checkpoint.open(path: scratch.path("halves"))
    #expect(folder.configurations["text_encoder"]?["torch_dtype"] == "float32")
    #expect(folder.source.tensors.allSatisfy { $0.elementType == .float16 })
  }

  @Test func valuesOfAPickleSurviveSafetensors() throws {
    _ = try convert(source, to: scratch.path("model.safetensors"))
    _ = try convert(scratch.path("model.safetensors"), to: scratch.path("back.ckpt"))
    let checkpoint = try Checkpoint.open(path: scratch.path("back.ckpt"))
    let expected = try #require(ModelFixture.metadata["values"]?.objectValue)
    for member in expected.members {
      #expect(checkpoint.metadata["values"]?[member.key] == member.value)
    }
    let derived = try ModelReader.open(path: scratch.path("model.safetensors")).configurations
    #expect(derived["unet"]?["sample_size"]?.intValue == 8)
  }

  @Test(arguments: [ElementType.float32, .float16, .bfloat16])
  func floatingTensorsAreCastAndOthersKept(to type: ElementType) throws {
    _ = try convert(source, to: scratch.path("cast.safetensors"), type: type)
    let result = try Checkpoint.open(path: scratch.path("cast.safetensors")).source
    for (index, tensor) in result.tensors.enumerated() {
      let before = try model.tensor(at: index)
      guard tensor.elementType.isPlainFloat else {
        #expect(tensor.elementType == .int64)
        continue
      }
      let expected = before.withBytes {
        ElementConversion.convert($0, from: .float16, to: type)
      }
      let equal = try result.tensor(at: index).withBytes { found in
        found.withUnsafeBytes { $0.elementsEqual(expected) }
      }
      #expect(tensor.elementType == type && equal, "\(tensor.name)")
    }
  }

  /// To a block type and back: matrices are what quantising and decoding each alone makes of them.
  @Test(arguments: [ElementType.q80, .q40, .q50, .q41, .q51])
  func matricesAreQuantisedAndDecoded(to type: ElementType) throws {
    var wide = model
    wide.tensors = Array(wide.tensors.prefix(3))
    wide.tensors += [
      TensorDescription(name: "matrix", elementType: .float16, shape: [40, 96]),
      TensorDescription(name: "row", elementType: .float16, shape: [96]),
      TensorDescription(name: "odd", elementType: .float16, shape: [32, 33]),
    ]
    try wide.write(SafetensorsWriter(path: scratch.path("wide.safetensors")))
    let report = try convert(
      scratch.path("wide.safetensors"), to: scratch.path("blocks.gguf"), type: type)
    #expect(report.kept.contains("row") && report.kept.contains("odd"))
    _ = try convert(
      scratch.path("blocks.gguf"), to: scratch.path("back.safetensors"), type: .float16)
    let result = try Checkpoint.open(path: scratch.path("back.safetensors")).source
    let blocks = try Checkpoint.open(path: scratch.path("blocks.gguf")).source
    #expect(result.tensors == wide.tensors)
    for (index, tensor) in wide.tensors.enumerated() {
      let before = try wide.tensor(at: index).withBytes {
        $0.withUnsafeBytes { Array($0) }
      }
      let isMatrix = tensor.name == "matrix"
      #expect((blocks.tensors[index].elementType == type) == isMatrix, "\(tensor.name)")
      var expected = before
      if isMatrix {
        let coded = ElementConversion.convert(before.span.bytes, from: .float16, to: type)
        expected = ElementConversion.convert(coded.span.bytes, from: type, to: .float16)
      }
      let found = try result.tensor(at: index).withBytes { $0.withUnsafeBytes { Array($0) } }
      #expect(found == expected, "\(tensor.name)")
    }
    let error = #expect(throws: CheckpointError.self) {
      try convert(scratch.path("blocks.gguf"), to: scratch.path("none.safetensors"))
    }
    #expect(error?.description.contains("--dtype f16 would decode it") == true)
  }

  @Test func anUnknownFamilyGoesFromContainerToContainer() throws {
    var unknown = model
    unknown.tensors = unknown.tensors.prefix(3).map {
      TensorDescription(name: "net.\($0.name)", elementType: $0.elementType, shape: $0.shape)
    }
    try unknown.write(SafetensorsWriter(path: scratch.path("other.safetensors")))
    for name in ["other.ingot", "other.pt"] {
      let report = try convert(scratch.path("other.safetensors"), to: scratch.path(name))
      #expect(report.detection == nil && report.layout == nil)
      let expected = try ConversionTests.contents(of: unknown)
      #expect(try contents(ofFile: scratch.path(name)) == expected)
    }
    let error = #expect(throws: LayoutError.self) {
      try convert(scratch.path("other.safetensors"), to: scratch.path("folder"))
    }
    #expect(error?.description.contains("not a model of a known family") == true)
    #expect(!scratch.contents.contains("folder"))
  }

  @Test func anIncompleteModelIsRefusedAndNothingIsLeft() throws {
    var broken = model
    let name = "model.diffusion_model.out.2.weight"
    broken.tensors.removeAll { $0.name == name }
    try broken.write(SafetensorsWriter(path: scratch.path("broken.safetensors")))
    for output in ["out.ingot", "out", "out.ckpt"] {
      let error = #expect(throws: LayoutError.self) {
        try convert(scratch.path("broken.safetensors"), to: scratch.path(output))
      }
      #expect(
        error?.description
          == "\(scratch.path("broken.safetensors")): tensor '\(name)' is missing: the model's size "
          + "is unknown")
    }
    #expect(scratch.contents == ["broken.safetensors", "model.ckpt"])
  }

  @Test(
    arguments: [
      ("a.ingot", ContainerFormat.ingot), ("b.SafeTensors", .safetensors), ("c.ckpt", .pytorch),
      ("d.bin", .pytorch), ("folder", .diffusers), ("x/folder.v2/", .diffusers),
      (".hidden", .diffusers),
    ])
  func theEndingChoosesTheContainer(path: String, container: ContainerFormat) throws {
    #expect(try ContainerFormat.named(byOutput: path) == container)
  }

  @Test func anUnknownEndingIsRefused() {
    let error = #expect(throws: ConversionError.self) {
      try ContainerFormat.named(byOutput: "m.onnx")
    }
    #expect(error?.description.hasPrefix("m.onnx: the ending names no container") == true)
  }

  @Test func aFileMayReplaceItsOwnSource() throws {
    let before = try contents(ofFile: source)
    _ = try convert(source, to: source)
    #expect(try contents(ofFile: source) == before)
  }

  @Test func opaqueValuesDoNotReachAnotherPickle() throws {
    let values: JSONObject = [
      "callbacks": ["x": ["opaque": "a.B", "state": ["best": 1.5]]], "epoch": 1,
      "list": [["opaque": "a.B"], 2],
    ]
    try model.write(
      SafetensorsWriter(path: scratch.path("opaque.safetensors")),
      metadata: ["values": .object(values)])
    _ = try convert(scratch.path("opaque.safetensors"), to: scratch.path("plain.ckpt"))
    let kept = try Checkpoint.open(path: scratch.path("plain.ckpt")).metadata["values"]
    #expect(kept == ["epoch": 1, "list": [2]])
  }

  /// A cast tensor is made piece by piece: the pieces, cut anywhere, are those of the whole.
  @Test(arguments: [ElementType.float32, .bfloat16, .float64])
  func aCastTensorCanBeLentFromAnyByte(type: ElementType) throws {
    let source = CastTensors(model, to: type)
    let index = try #require(source.tensors.firstIndex { $0.elementType == type })
    let (view, original) = (try source.tensor(at: index), try model.tensor(at: index))
    let whole = original.withBytes {
      ElementConversion.convert($0, from: original.elementType, to: type)
    }
    #expect(view.storage.array(in: view.byteRange) == whole)
    for range in [0..<1, 1..<9, 3..<whole.count, whole.count - 5..<whole.count - 1] {
      #expect(view.storage.array(in: range) == Array(whole[range]))
    }
  }

  /// Looked at twice, as a writer may, an overflow is counted once.
  @Test func overflowsAreCountedOnce() throws {
    let values: [Float] = [1, 70_000, -1e9, .infinity, .nan, 65_504]
    let tensor = TensorDescription(name: "x", elementType: .float32, shape: [6])
    let bytes = values.withUnsafeBytes { ByteStorage(copying: $0.bytes) }
    let source = CastTensors(
      OneTensor(view: TensorView(description: tensor, storage: bytes, byteRange: 0..<24)),
      to: .float16)
    let view = try source.tensor(at: 0)
    for _ in 0..<2 { view.forEachChunk { _ in } }
    #expect(source.overflows.map(\.count) == [2])
  }
}

private struct OneTensor: TensorSource {
  let view: TensorView
  var tensors: [TensorDescription] { [view.description] }
  func tensor(at index: Int) -> TensorView { view }
}
