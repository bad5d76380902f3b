import Checkpoints
import Foundation
import KeyLayouts
import TensorCore
import TestSupport
import Testing

@testable import Conversion

@Suite struct AdapterMergeTests {
  private let scratch: ScratchFolder

  init() throws { scratch = try ScratchFolder() }

  @discardableResult
  private func merge(
    _ model: String, _ adapters: [(path: String, strength: Double)], to name: String,
    type: ElementType? = nil, layout: Layout? = nil, isStrict: Bool = false
  ) throws -> MergeReport {
    var request = ConversionRequest(
      output: scratch.path(name), container: try .named(byOutput: name), layout: layout,
      elementType: type)
    request.isStrict = isStrict
    return try Merger(try ModelReader.open(path: model), request).run(
      adapters: adapters.map {
        AdapterMerge.Application(try Adapter.open(path: $0.path), strength: $0.strength)
      })
  }

  private func convert(
    _ model: String, to name: String, type: ElementType? = nil, layout: Layout? = nil
  ) throws {
    let request = ConversionRequest(
      output: scratch.path(name), container: try .named(byOutput: name), layout: layout,
      elementType: type)
    _ = try Converter(try ModelReader.open(path: model), request).run()
  }

  private static let single = AdapterFixture.all.filter { !["half", "bfloat"].contains($0.name) }

  /// In float32: the same operations in the same order, but that a matrix product sums in another.
  @Test(arguments: single)
  func mergesEqualUpstreams(_ fixture: AdapterFixture) throws {
    try merge(
      fixture.model, fixture.adapters, to: "out.safetensors", type: .float32, layout: .diffusers)
    try convert(fixture.model, to: "base.safetensors", type: .float32, layout: .diffusers)
    let result = try floats(ofFile: scratch.path("out.safetensors"))
    let base = try floats(ofFile: scratch.path("base.safetensors"))
    let expected = try fixture.expected
    #expect(Set(result.keys) == Set(base.keys))
    for (name, found) in result {
      guard let wanted = expected[name] else {
        // What no adapter names stays, to the bit.
        #expect(found.values == base[name]?.values, "\(name)")
        continue
      }
      let largest = wanted.values.reduce(0) { max($0, abs($1)) }
      let worst = zip(found.values, wanted.values).reduce(Float(0)) { max($0, abs($1.0 - $1.1)) }
      #expect(worst <= 1e-6 * largest, "\(name)")
      #expect(found.values != base[name]?.values, "\(name) did not change")
    }
    #expect(expected.keys.allSatisfy { result[$0] != nil })
  }

  /// Into half a width: rounded once, where diffusers rounds the product, the change and the sum.
  @Test(arguments: [("half", ElementType.float16, Float(0x1p-10)), ("bfloat", .bfloat16, 0x1p-7)])
  func halfWidthIsRoundedOnce(name: String, type: ElementType, spacing: Float) throws {
    let fixture = try #require(AdapterFixture.all.first { $0.name == name })
    try convert(fixture.model, to: "narrow.safetensors", type: type, layout: .diffusers)
    let narrow = scratch.path("narrow.safetensors")
    try merge(narrow, fixture.adapters, to: "out.safetensors")
    try merge(narrow, fixture.adapters, to: "wide.safetensors", type: .float32)
    let result = try floats(ofFile: scratch.path("out.safetensors"))
    let wide = try floats(ofFile: scratch.path("wide.safetensors"))
    for (name, wanted) in try fixture.expected {
      let found = try #require(result[name])
      #expect(found.description.elementType == type)
      let exact = try #require(wide[name]).values
      let rounded = exact.withUnsafeBytes { bytes in
        let narrowed = ElementConversion.convert(bytes.bytes, from: .float32, to: type)
        return ElementConversion.convert(narrowed.span.bytes, from: type, to: .float32)
      }
      #expect(found.values == rounded.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) })
      // Each of upstream's two roundings is off by half a spacing at most, of a value no larger
      // than twice the sum's largest.
      let largest = wanted.values.reduce(0) { max($0, abs($1)) }
      let worst = zip(found.values, wanted.values).reduce(Float(0)) { max($0, abs($1.0 - $1.1)) }
      #expect(worst <= 2 * spacing * largest, "\(name)")
    }
  }

  /// The result is the same through every container and layout.
  @Test(arguments: ["out.ingot", "out", "out.ckpt", "out.gguf", "out.npz"])
  func everyContainerHoldsTheSame(name: String) throws {
    let adapters = [(path: AdapterFixture.adapter("kohya.safetensors"), strength: 0.8)]
    let model = AdapterFixture.model("sd15")
    try merge(model, adapters, to: "plain.safetensors", layout: .diffusers)
    try merge(model, adapters, to: name)
    try convert(scratch.path(name), to: "back.safetensors", layout: .diffusers)
    let direct = try floats(ofFile: scratch.path("plain.safetensors"))
    let back = try floats(ofFile: scratch.path("back.safetensors"))
    for (name, tensor) in back where name.hasPrefix("unet.") || name.hasPrefix("text_encoder.") {
      #expect(direct[name]?.values == tensor.values, "\(name)")
    }
    #expect(back.count > 400)
  }

  /// Into the container and the names that it came in, everything else stays, in its order.
  @Test func everythingElseStaysAsItWas() throws {
    let model = AdapterFixture.model("sd15")
    let report = try merge(
      model, [(AdapterFixture.adapter("kohya.safetensors"), 0.8)], to: "out.safetensors")
    let before = try Checkpoint.open(path: model)
    let after = try Checkpoint.open(path: scratch.path("out.safetensors"))
    #expect(after.source.tensors == before.source.tensors)
    #expect(report.conversion.layout == .ldm)
    let old = try contents(of: before.source)
    let new = try contents(of: after.source)
    let changed = new.filter { old[$0.key] != $0.value }.keys
    #expect(changed.count == 16)
    #expect(changed.allSatisfy { $0.contains("diffusion_model") || $0.contains("encoder.layers") })
    #expect(
      after.metadata["assay.merge"]?.stringValue
        == #"[{"lora":"kohya.safetensors","strength":0.8}]"#)
  }

  /// OpenCLIP fuses query, key and value in one tensor, and has its projection transposed.
  @Test func fusedAndTransposedTensorsChangeInPlace() throws {
    let model = AdapterFixture.model("sdxl-base")
    let adapters = [(path: AdapterFixture.adapter("kohya-xl.safetensors"), strength: 0.7)]
    try merge(model, adapters, to: "ldm.safetensors")
    try convert(scratch.path("ldm.safetensors"), to: "back.safetensors", layout: .diffusers)
    try merge(model, adapters, to: "direct.safetensors", layout: .diffusers)
    let back = try contents(of: try Checkpoint.open(path: scratch.path("back.safetensors")).source)
    let direct = try contents(
      of: try Checkpoint.open(path: scratch.path("direct.safetensors")).source)
    #expect(back == direct)
    let names = try Checkpoint.open(path: scratch.path("ldm.safetensors")).source.tensors
    #expect(names == (try Checkpoint.open(path: model).source.tensors))
  }

  /// Baked in one after the other is baked in together, but for a rounding.
  @Test func mergesAreRecordedInOrder() throws {
    let first = AdapterFixture.adapter("peft.safetensors")
    let second = AdapterFixture.adapter("second.safetensors")
    try merge(AdapterFixture.model("sd15"), [(first, 0.8)], to: "one.safetensors", type: .float32)
    try merge(scratch.path("one.safetensors"), [(second, -0.5)], to: "two.ingot")
    let reader = try IngotReader(path: scratch.path("two.ingot"))
    #expect(
      reader.metadata["assay.merge"] == [
        ["lora": "peft.safetensors", "strength": 0.8],
        ["lora": "second.safetensors", "strength": -0.5],
      ])
  }

  @Test func strengthZeroChangesNothing() throws {
    let model = AdapterFixture.model("sd15")
    try merge(model, [(AdapterFixture.adapter("kohya.safetensors"), 0)], to: "out.safetensors")
    let before = try contents(of: try Checkpoint.open(path: model).source)
    let after = try contents(of: try Checkpoint.open(path: scratch.path("out.safetensors")).source)
    #expect(before == after)
  }

  /// Where shapes fit, the file's own word tells another family.
  @Test(arguments: [
    ("ss_base_model_version", "sdxl_base_v1-0", "Stable Diffusion XL"),
    ("modelspec.architecture", "stable-diffusion-v2/lora", "Stable Diffusion 2.x"),
    ("modelspec.architecture", "stable-diffusion-v1/lora", nil),
    ("ss_base_model_version", "x", nil),
  ])
  func aStatementOfAnotherFamilyIsTold(key: String, value: String, title: String?) throws {
    let fixture = try Checkpoint.open(path: AdapterFixture.adapter("second.safetensors"))
    let path = scratch.path("lora.safetensors")
    try write(
      try fixture.source.tensors.indices.map { try fixture.source.tensor(at: $0) },
      metadata: [key: .string(value)], to: path)
    let model = AdapterFixture.model("sd15")
    let report = try merge(model, [(path, 1)], to: "out.safetensors")
    #expect(report.adapters.first?.otherOrigin?.title == title)
    #expect(report.adapters.first?.applied == 5)
    if let title {
      let error = #expect(throws: AdapterError.self) {
        try merge(model, [(path, 1)], to: "strict.safetensors", isStrict: true)
      }
      #expect(
        error?.description.hasSuffix("was trained for \(title) (\(key) '\(value)' in the metadata)")
          == true)
    } else {
      try merge(model, [(path, 1)], to: "strict.safetensors", isStrict: true)
    }
  }

  @Test func whatHasNoPlaceIsNamed() throws {
    let report = try merge(
      AdapterFixture.model("sd15"), [(AdapterFixture.adapter("differences.safetensors"), 1)],
      to: "out.safetensors")
    let outcome = try #require(report.adapters.first)
    #expect(outcome.applied == 4 && outcome.total == 6)
    #expect(outcome.kinds == ["difference": 1, "norm": 2, "bias": 1])
    #expect(
      outcome.leftovers.map { "\($0.name): \($0.reason)" }.sorted() == [
        "bundle_emb.<cat>.string_to_param.*: an embedding bundled with the LoRA",
        "down_blocks_7_attentions_0_proj_in: the model has no such module, nearest "
          + "'unet.down_blocks.0.attentions.0.proj_in'",
        "lora_unet_conv_out.oft_blocks: OFT, which cannot be merged",
        "lora_unet_mid_block_attentions_0_proj_in.lora_up.weight: its module has nothing but up",
      ])
    #expect(outcome.surprises.count == 3)
    let error = #expect(throws: AdapterError.self) {
      try merge(
        AdapterFixture.model("sd15"), [(AdapterFixture.adapter("differences.safetensors"), 1)],
        to: "strict.safetensors", isStrict: true)
    }
    #expect(error?.description.hasSuffix(", and 2 more") == true)
    #expect(!scratch.contents.contains("strict.safetensors"))
  }

  /// A model, an adapter that is not for it, and the line that says so.
  struct Mismatch: Sendable, CustomTestStringConvertible {
    let model: String
    let adapter: String
    let message: String
    var testDescription: String { "\(adapter) on \(model)" }
  }

  static let mismatches = [
    Mismatch(
      model: "controlnet-sd15", adapter: "kohya-xl.safetensors",
      message: "0 of 10 modules apply: first 'text_model_encoder_layers_0_self_attn_out_proj'"),
    Mismatch(
      model: "sd21-base", adapter: "peft.safetensors",
      message: "module 'encoder.layers.0.self_attn.q_proj' changes 12 × 12 values, but "
        + "'text_encoder.text_model.encoder.layers.0.self_attn.q_proj.weight' is [16, 16]"),
  ]

  @Test(arguments: mismatches)
  func anAdapterForAnotherFamilyIsRefused(_ mismatch: Mismatch) throws {
    let path = AdapterFixture.adapter(mismatch.adapter)
    let error = #expect(throws: AdapterError.self) {
      try merge(AdapterFixture.model(mismatch.model), [(path, 1)], to: "out.safetensors")
    }
    #expect(error?.description.hasPrefix("\(path): \(mismatch.message)") == true, "\(error as Any)")
    #expect(scratch.contents.isEmpty)
  }

  @Test func aModelIsNoAdapter() throws {
    let path = AdapterFixture.model("sd15")
    let error = #expect(throws: AdapterError.self) { try Adapter.open(path: path) }
    #expect(error?.description.hasPrefix("\(path): holds no LoRA: first tensor '") == true)
  }

  /// The running average of training is of the model before the merge.
  @Test(arguments: [
    "model_ema.diffusion_modelout2weight", "module.model_ema.decay",
    "params_ema.model.diffusion_model.out.2.weight",
  ])
  func averagesAreLeftBehind(name: String) throws {
    var model = try ModelFixture()
    model.tensors.append(
      TensorDescription(
        name: name, elementType: .float16, shape: [4]))
    try model.write(SafetensorsWriter(path: scratch.path("ema.safetensors")))
    try scratch.writeLoRA("lora_unet_conv_out", up: [4, 1, 1, 1], down: [1, 64, 3, 3])
    let report = try merge(
      scratch.path("ema.safetensors"), [(scratch.path("lora.safetensors"), 1)],
      to: "out.safetensors")
    #expect(report.leftBehind == [name])
  }

  /// A merged value may lie beyond float16.
  @Test func overflowsAreCounted() throws {
    try ModelFixture().write(SafetensorsWriter(path: scratch.path("model.safetensors")))
    try scratch.writeLoRA(
      "lora_unet_conv_out", up: [4, 1, 1, 1], down: [1, 64, 3, 3], value: 300)
    let report = try merge(
      scratch.path("model.safetensors"), [(scratch.path("lora.safetensors"), 1)],
      to: "out.safetensors")
    #expect(report.overflows.map(\.count) == [4 * 64 * 9])
    #expect(report.overflows.first?.elementType == .float16)
  }

  /// An adapter's tensor that holds a value that is no number, and its name in the message.
  static let damages: [(shapes: [(String, TensorShape)], value: Float, damaged: String)] = [
    (
      [(".lora_up.weight", [4, 1, 1, 1]), (".lora_down.weight", [1, 64, 3, 3])], .nan,
      ".lora_up.weight"
    ),
    (
      [(".lora_up.weight", [4, 1, 1, 1]), (".lora_down.weight", [1, 64, 3, 3])], .infinity,
      ".lora_up.weight"
    ),
    ([(".diff_b", [4])], .nan, ".diff_b"),
  ]

  @Test(arguments: damages)
  func whatIsNoNumberIsRefused(
    shapes: [(String, TensorShape)], value: Float, damaged: String
  ) throws {
    try ModelFixture().write(SafetensorsWriter(path: scratch.path("model.safetensors")))
    let module = "lora_unet_conv_out"
    try scratch.writeTensors(
      shapes.map { (module + $0.0, $0.1) }, to: "lora.safetensors", value: value)
    let error = #expect(throws: AdapterError.self) {
      try merge(
        scratch.path("model.safetensors"), [(scratch.path("lora.safetensors"), 1)],
        to: "out.safetensors")
    }
    let start = "\(scratch.path("lora.safetensors")): tensor '\(module)\(damaged)' holds 4 values"
    #expect(error?.description == start + " that are NaN or infinite")
    #expect(scratch.contents == ["lora.safetensors", "model.safetensors"])
  }

  @Test(arguments: [Float.nan, .infinity])
  func anAlphaThatIsNoNumberIsRefused(alpha: Float) throws {
    try ModelFixture().write(SafetensorsWriter(path: scratch.path("model.safetensors")))
    try write(
      [
        tensor("lora_unet_conv_out.lora_up.weight", [4, 1], [1, 1, 1, 1]),
        tensor("lora_unet_conv_out.lora_down.weight", [1, 576], [Float](repeating: 1, count: 576)),
        tensor("lora_unet_conv_out.alpha", [], [alpha]),
      ], to: scratch.path("lora.safetensors"))
    let error = #expect(throws: AdapterError.self) {
      try merge(
        scratch.path("model.safetensors"), [(scratch.path("lora.safetensors"), 1)],
        to: "out.safetensors")
    }
    #expect(
      error?.description.hasSuffix(
        "tensor 'lora_unet_conv_out.alpha' holds 1 value that is NaN or infinite") == true)
    let renaming = #expect(throws: AdapterError.self) {
      try AdapterConverter(
        try Adapter.open(path: scratch.path("lora.safetensors")),
        AdapterRequest(
          output: scratch.path("peft.safetensors"), container: .safetensors, naming: .peft)
      ).run()
    }
    #expect(renaming?.problem == error?.problem)
  }

  /// An untrained LoRA, or one with an alpha of zero, is applied and does nothing.
  @Test func aLoRAOfZerosIsReported() throws {
    try ModelFixture().write(SafetensorsWriter(path: scratch.path("model.safetensors")))
    try scratch.writeLoRA("lora_unet_conv_out", up: [4, 1], down: [1, 576], value: 0)
    let report = try merge(
      scratch.path("model.safetensors"), [(scratch.path("lora.safetensors"), 1)],
      to: "out.safetensors")
    #expect(report.adapters.map(\.applied) == [1])
    #expect(report.adapters.map(\.idle) == [1])
    let before = try contents(ofFile: scratch.path("model.safetensors"))
    #expect(try contents(ofFile: scratch.path("out.safetensors")) == before)
  }

  /// A merge whose result has none of the changed tensors is a mere copy.
  @Test func aSelectionWithoutTheChangesIsRefused() throws {
    var request = ConversionRequest(
      output: scratch.path("out.safetensors"), container: .safetensors)
    request.selection.components = [.vae]
    let adapter = try Adapter.open(path: AdapterFixture.adapter("kohya.safetensors"))
    let model = try ModelReader.open(path: AdapterFixture.model("sd15"))
    let error = #expect(throws: ConversionError.self) {
      try Merger(model, request).run(adapters: [AdapterMerge.Application(adapter)])
    }
    #expect(
      error?.description
        == "\(scratch.path("out.safetensors")): nothing that the merge changes is among what is "
        + "written")
    #expect(scratch.contents.isEmpty)
    request.selection.components = [.unet]
    let report = try Merger(model, request).run(adapters: [AdapterMerge.Application(adapter)])
    #expect(report.adapters[0].applied == 16)
  }

  /// What is left of a LoRA that lost its other half, or is of a kind that is not merged.
  @Test(arguments: [
    (".lora_down.weight", "its module has nothing but down"),
    (".oft_blocks", "OFT, which cannot be merged"),
  ])
  func halfALoRAIsNone(ending: String, reason: String) throws {
    try scratch.writeTensors(
      [("lora_unet_conv_out" + ending, [2, 2])], to: "half.safetensors", value: 1)
    let error = #expect(throws: AdapterError.self) {
      try Adapter.open(path: scratch.path("half.safetensors"))
    }
    #expect(
      error?.description
        == "\(scratch.path("half.safetensors")): holds no LoRA: 'lora_unet_conv_out\(ending)': "
        + reason)
  }

  /// A model that has no table here is changed under its own names.
  @Test func unknownFamiliesAreMergedByTheirOwnNames() throws {
    let name = "model.diffusion_model.double_blocks.0.img_attn.qkv"
    try scratch.writeTensors(
      [(name + ".weight", [6, 4]), ("model.diffusion_model.img_in.weight", [4, 4])],
      to: "flux.safetensors", value: 1)
    try scratch.writeLoRA("lora_unet_double_blocks_0_img_attn_qkv", up: [6, 2], down: [2, 4])
    let report = try merge(
      scratch.path("flux.safetensors"), [(scratch.path("lora.safetensors"), 0.5)],
      to: "out.safetensors")
    #expect(report.adapters[0].applied == 1)
    let result = try floats(ofFile: scratch.path("out.safetensors"))
    #expect(result[name + ".weight"]?.values == [Float](repeating: 2, count: 24))
    #expect(
      result["model.diffusion_model.img_in.weight"]?.values == [Float](repeating: 1, count: 16))
  }
}

extension ScratchFolder {
  /// Writes float32 tensors whose every value is the same.
  func writeTensors(
    _ shapes: [(String, TensorShape)], to name: String, value: Float
  ) throws {
    let tensors = shapes.map {
      TensorDescription(name: $0.0, elementType: .float32, shape: $0.1)
    }
    var writer = try SafetensorsWriter(path: path(name))
    try writer.begin(tensors: tensors, metadata: [:])
    for tensor in tensors {
      let values = [Float](repeating: value, count: tensor.shape.elementCount)
      let storage = values.withUnsafeBytes { ByteStorage(copying: $0.bytes) }
      try writer.append(
        TensorView(description: tensor, storage: storage, byteRange: 0..<storage.count))
    }
    try writer.finish()
  }

  /// Writes `lora.safetensors` with one module whose every value is the same.
  func writeLoRA(
    _ module: String, up: TensorShape, down: TensorShape, value: Float = 1
  ) throws {
    try writeTensors(
      [("\(module).lora_up.weight", up), ("\(module).lora_down.weight", down)],
      to: "lora.safetensors", value: value)
  }
}
