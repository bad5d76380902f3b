import TensorCore
import Testing

@testable import KeyLayouts

/// The table finds the rule that trying one after the other finds.
@Suite struct IgnoreTableTests {
  private static let rules = LeftBehind.rules(surplus: ["cond_stage_model.model.blocks.23"])

  @Test(arguments: [
    "betas", "betas.x", "model_ema.decay", "a.model_ema.b", "model_ema", "x.model_ema",
    "first_stage_model.loss.logvar", "first_stage_model.lossy.weight", "logvar",
    "cond_stage_model.transformer.text_model.embeddings.position_ids", "position_ids",
    "cond_stage_model.model.blocks.23.weight", "cond_stage_model.model.blocks.2.weight",
    "conditioner.embedders.1.model.text_projection", "text_projection.weight",
    "vision_model.embeddings.position_ids", "te.visual.proj", "visual", "edm_vpred.sigma_max",
    "safety_checker.concept_embeds", "denoiser.sigmas", "unet.conv_in.weight", "",
  ])
  func aRuleIsFoundByTheEndsOfAName(name: String) {
    let first = Self.rules.first { $0.covers(name) }
    #expect(IgnoreTable(Self.rules).rule(covering: name) == first)
  }

  @Test func namesAreCountedBelowTheirModules() {
    let names = Names([
      "unet.up.2.a.weight", "unet.up.2.a.bias", "unet.up.0.norm", "unet.up.10.x.y.z", "layers.3",
      "unet.up.-1.x", "unet.up.99999.x", "top",
    ])
    #expect(names.count(below: "unet.up") == 11)
    #expect(names.count(below: "layers") == 4)
    #expect(names.hasModule("unet.up.10.x.y") && names.hasModule("unet"))
    #expect(!names.hasModule("top") && names.count(below: "unet") == 0)
  }

  @Test(arguments: [
    ("model.model.diffusion_model.out.2.bias", "model.diffusion_model.out.2.bias"),
    ("model.betas", "betas"), ("model.out.2.bias", "model.out.2.bias"),
    ("unet.diffusion_model.conv_in.weight", "diffusion_model.conv_in.weight"),
    ("model.diffusion_model.unet.conv_in.weight", "unet.conv_in.weight"),
    ("unet.module._orig_mod.conv_in.weight", "unet.conv_in.weight"), ("module", "module"),
    (
      "model.diffusion_model.diffusion_model.out.0.bias", "model.diffusion_model.out.0.bias"
    ), ("te.text_model.text_model.text_model.x", "te.text_model.x"),
    ("vae.encoder.conv_in.weight", "vae.encoder.conv_in.weight"),
  ])
  func wrappersAndDoubledPrefixesGo(name: String, clean: String) {
    #expect(NameCleaning.clean(name) == clean)
  }
}
