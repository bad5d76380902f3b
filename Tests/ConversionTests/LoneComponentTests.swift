import Checkpoints
import Conversion
import Foundation
import KeyLayouts
import TensorCore
import TestSupport
import Testing

/// Components that do not tell their family keep it on every way through other files.
@Suite struct LoneComponentTests {
  private let scratch: ScratchFolder
  private let xl = FixtureFile.path("families/sdxl-base.safetensors")

  init() throws { scratch = try ScratchFolder() }

  private var out: String { scratch.path("out.safetensors") }

  /// SDXL's first encoder has the names and the shapes of Stable Diffusion 1.x's.
  @Test(arguments: ["lone.safetensors", "lone.ingot", "lone", "lone.ckpt", "lone.gguf"])
  func theFirstTextEncoderKeepsItsFamily(name: String) throws {
    let path = scratch.path(name)
    try convert(xl, to: path) { $0.selection.components = [.textEncoder] }
    let reading = try ModelReader.open(path: path).reading.get()
    #expect(reading.detection.family == .stableDiffusionXL)
    try convert(path, to: out)
    let names = try contents(ofFile: out).keys
    #expect(names.allSatisfy { $0.hasPrefix("conditioner.embedders.0.transformer.") })
    #expect(try canonicalContents(ofFile: out) == canonicalContents(ofFile: path))
  }

  /// A VAE's latents are scaled as its family's are.
  @Test func anAutoencoderAloneKeepsItsFamily() throws {
    try convert(xl, to: out) { $0.selection.components = [.vae] }
    let reading = try ModelReader.open(path: out).reading.get()
    #expect(reading.detection.family == .stableDiffusionXL)
    #expect(reading.detection.evidence.contains("assay.family 'sdxl' in the metadata"))
    #expect(reading.configurations["vae"]?["scaling_factor"]?.doubleValue == 0.13025)
  }

  /// What tells its family itself needs no note, and an old note does not outlive its component.
  @Test func theNoteStandsOnlyWhereItIsNeeded() throws {
    let lone = scratch.path("lone.safetensors")
    try convert(xl, to: lone) { $0.selection.components = [.vae] }
    #expect(try Checkpoint.open(path: lone).metadata["assay.family"] == "sdxl")
    try convert(xl, to: out) { $0.vaePath = lone }
    #expect(try Checkpoint.open(path: out).metadata["assay.family"] == nil)
  }

  @Test(arguments: [
    ("stable-diffusion-xl-v1-base", Family.stableDiffusionXL),
    ("stable-diffusion-v1", .stableDiffusion1), ("something-else", .stableDiffusion1),
  ])
  func publishedMetadataTellTheFamily(architecture: String, family: Family) throws {
    let encoder = try Checkpoint.open(path: xl).source
    let views = try encoder.tensors.indices.filter {
      encoder.tensors[$0].name.hasPrefix("first_stage_model.")
    }.map { try encoder.tensor(at: $0) }
    try write(views, metadata: ["modelspec.architecture": .string(architecture)], to: out)
    #expect(try ModelReader.open(path: out).reading.get().detection.family == family)
  }
}
