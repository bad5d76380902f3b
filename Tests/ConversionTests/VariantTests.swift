import Checkpoints
import Conversion
import Foundation
import KeyLayouts
import TensorCore
import TestSupport
import Testing

/// Networks with configurations that no published family has: `Fixtures/families/variants`, as
/// diffusers saved them.
@Suite struct VariantTests {
  private let scratch: ScratchFolder

  init() throws { scratch = try ScratchFolder() }

  /// Those that the original names have a place for.
  static let mapped = [
    "unet-layers-tuple", "unet-only-cross", "unet-only-cross-everywhere", "unet-depths",
    "unet-depths-uneven", "unet-no-middle", "unet-plain-middle", "unet-heads-tuple",
    "unet-guidance", "unet-settings", "vae-sixteen", "vae-statistics", "vae-no-attention",
    "controlnet-depths", "controlnet-classes",
  ]

  /// Those that they have none for, and the field that says so.
  static let unmapped = [
    ("unet-class-timestep", "class_embed_type \"timestep\""),
    ("unet-class-identity", "class_embed_type \"identity\""),
    ("unet-class-projection", "class_embed_type \"projection\""),
    ("unet-class-simple-projection", "class_embed_type \"simple_projection\""),
    ("unet-addition-text", "addition_embed_type \"text\""),
    ("unet-addition-text-image", "addition_embed_type \"text_image\""),
    ("unet-addition-image", "addition_embed_type \"image\""),
    ("unet-scale-shift", "resnet_time_scale_shift \"scale_shift\""),
    ("unet-simple-cross", "down_block_types [\"ResnetDownsampleBlock2D\","),
    ("unet-contexts", "cross_attention_dim [6,10]"), ("unet-time-width", "time_embedding_dim 12"),
    ("unet-kernels", "conv_in_kernel 1"),
    (
      "vae-attention-blocks", "down_block_types [\"DownEncoderBlock2D\",\"AttnDownEncoderBlock2D\"]"
    ),
    ("vae-asymmetric", "_class_name \"AsymmetricAutoencoderKL\""),
    ("vae-tiny", "_class_name \"AutoencoderTiny\""),
  ]

  /// The folder that diffusers saved, from the fixture.
  private func folder(_ name: String) throws -> String {
    let source = try Checkpoint.open(
      path: FixtureFile.path("families/variants/\(name).safetensors"))
    try scratch.write(source.metadata["config"]?.stringValue ?? "", to: "saved/config.json")
    let views = try source.source.tensors.indices.map { try source.source.tensor(at: $0) }
    try write(
      views, metadata: ["format": "pt"],
      to: scratch.path("saved/diffusion_pytorch_model.safetensors"))
    return scratch.path("saved")
  }

  private func configuration(_ folder: String) throws -> [String: JSON] {
    let bytes = try Data(contentsOf: URL(filePath: "\(folder)/config.json"))
    let object = try JSON(parsing: Array(bytes)).objectValue
    return Dictionary(uniqueKeysWithValues: (object?.members ?? []).map { ($0.key, $0.value) })
  }

  /// Nothing is lost on the way through a file and back.
  private func expectSame(
    _ back: String, as folder: String, location: SourceLocation = #_sourceLocation
  ) throws {
    #expect(
      try contents(ofFile: back) == contents(ofFile: folder), sourceLocation: location)
    let (found, expected) = (try configuration(back), try configuration(folder))
    let component = try ModelReader.open(path: folder).reading.get().components[0].rawValue
    for key in Set(found.keys).union(expected.keys) where !key.hasPrefix("_") {
      #expect(
        ConfigurationDefaults.areEqual(
          found[key], expected[key], field: key, component: component), "\(key)",
        sourceLocation: location)
    }
    #expect(found["_class_name"] == expected["_class_name"], sourceLocation: location)
  }

  @Test(arguments: mapped + unmapped.map(\.0))
  func anIngotKeepsEverything(name: String) throws {
    let folder = try folder(name)
    let report = try convert(folder, to: scratch.path("m.ingot"))
    #expect(report.ledger.unexplained == [] && report.ledger.ignored.isEmpty)
    try convert(scratch.path("m.ingot"), to: scratch.path("back"))
    try expectSame(scratch.path("back"), as: folder)
    #expect(try configuration(scratch.path("back")) == configuration(folder))
  }

  @Test(arguments: mapped + unmapped.map(\.0))
  func aFileInDiffusersNamesKeepsEverything(name: String) throws {
    let folder = try folder(name)
    try convert(folder, to: scratch.path("m.safetensors")) { $0.layout = .diffusers }
    try convert(scratch.path("m.safetensors"), to: scratch.path("back"))
    try expectSame(scratch.path("back"), as: folder)
  }

  @Test(arguments: mapped) func aSingleFileKeepsEverything(name: String) throws {
    let folder = try folder(name)
    let report = try convert(folder, to: scratch.path("m.safetensors"))
    #expect(report.layout == .ldm)
    let names = try contents(ofFile: scratch.path("m.safetensors")).keys
    let prefixes = ["model.diffusion_model.", "first_stage_model.", "control_model."]
    #expect(names.allSatisfy { name in prefixes.contains { name.hasPrefix($0) } })
    try convert(scratch.path("m.safetensors"), to: scratch.path("back"))
    try expectSame(scratch.path("back"), as: folder)
  }

  @Test(arguments: unmapped) func whatASingleFileCannotHoldIsNamed(name: String, field: String)
    throws
  {
    let folder = try folder(name)
    let error = #expect(throws: ConversionError.self) {
      try convert(folder, to: scratch.path("m.safetensors"))
    }
    let line = error?.description ?? ""
    #expect(line.contains("says \(field)"), "\(line)")
    #expect(line.hasSuffix("for which ldm names have no place; --layout diffusers keeps it"))
  }

  /// What no tensor shows is carried, and said.
  @Test func whatOtherProgramsMustBeToldIsSaid() throws {
    let report = try convert(try folder("unet-heads-tuple"), to: scratch.path("m.safetensors"))
    #expect(report.unsaidFields == ["unet.attention_head_dim", "unet.norm_num_groups"])
    let plain = try convert(
      FixtureFile.path("families/sd15.safetensors"), to: scratch.path("plain.safetensors"))
    #expect(plain.unsaidFields == [])
  }

  /// A configuration whose fields say something else than the tensors.
  @Test(arguments: [
    ("unet-layers-tuple", "layers_per_block", JSON.integer(1)),
    ("unet-only-cross", "only_cross_attention", false),
    ("unet-only-cross", "num_class_embeds", .null),
    ("unet-depths", "transformer_layers_per_block", 1),
    ("unet-depths-uneven", "reverse_transformer_layers_per_block", .null),
    ("unet-no-middle", "mid_block_type", "UNetMidBlock2DCrossAttn"),
    ("unet-plain-middle", "mid_block_type", .null), ("unet-guidance", "time_cond_proj_dim", .null),
    ("vae-sixteen", "use_quant_conv", true), ("vae-sixteen", "latent_channels", 4),
    ("vae-no-attention", "mid_block_add_attention", true),
    ("unet-settings", "down_block_types", .array(["CrossAttnDownBlock2D", "DownBlock2D"])),
    ("unet-settings", "addition_embed_type", "text_time"),
  ])
  func configurationsThatContradictTensorsAreRefused(
    name: String, field: String, value: JSON
  ) throws {
    let folder = try folder(name)
    var fields = JSONObject(try configuration(folder).map { ($0.key, $0.value) })
    fields[field] = value
    try scratch.write(JSON.object(fields).text(), to: "saved/config.json")
    let error = #expect(throws: LayoutError.self) {
      try convert(folder, to: scratch.path("m.ingot"))
    }
    #expect(error?.description.contains("says \(field) \(value.text()), its tensors say") == true)
  }

  /// What a configuration leaves out is what the tensors show, not what diffusers would take.
  @Test(arguments: [
    ("unet-layers-tuple", ["layers_per_block", "cross_attention_dim", "block_out_channels"]),
    ("unet-no-middle", ["mid_block_type"]), ("unet-depths", ["transformer_layers_per_block"]),
    ("vae-sixteen", ["latent_channels", "use_quant_conv"]),
  ])
  func fieldsThatAreLeftOutAreFilledIn(name: String, fields: [String]) throws {
    let folder = try folder(name)
    let whole = try configuration(folder)
    let less = whole.filter { !fields.contains($0.key) }
    try scratch.write(
      JSON.object(JSONObject(less.map { ($0.key, $0.value) })).text(), to: "saved/config.json")
    try convert(folder, to: scratch.path("back"))
    let back = try configuration(scratch.path("back"))
    for field in fields { #expect(back[field] == whole[field], "\(field)") }
  }
}
