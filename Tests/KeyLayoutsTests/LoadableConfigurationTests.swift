import Checkpoints
import Foundation
import TensorCore
import TestSupport
import Testing

@testable import KeyLayouts

/// What diffusers or transformers could not load is refused, whoever states it.
@Suite struct LoadableConfigurationTests {
  private static func reading(
    _ family: String, stated: [String: JSONObject] = [:], user: [String: JSONObject] = [:]
  ) throws -> LayoutReading {
    let checkpoint = try Checkpoint.open(path: FixtureFile.path("families/\(family).safetensors"))
    return try LayoutReading(
      of: checkpoint.source.tensors, metadata: checkpoint.portableMetadata, stated: stated,
      overrides: ConfigurationOverrides(configurations: user))
  }

  private static func message(_ body: () throws -> Void) -> String? {
    do {
      try body()
      return nil
    } catch { return "\(error)" }
  }

  static let impossible: [(component: String, field: String, value: JSON, expected: String)] = [
    ("unet", "attention_head_dim", 3, "numbers of heads that divide the widths ["),
    ("unet", "attention_head_dim", [8, 8], "3 numbers, one a level"),
    ("unet", "attention_head_dim", "x", "a whole number from 1 up, or one a level"),
    ("unet", "attention_head_dim", 0, "a whole number from 1 up, or one a level"),
    ("unet", "num_attention_heads", 8, "null"),
    ("unet", "act_fn", "foo", "one of swish, silu, mish, gelu, relu"),
    ("unet", "act_fn", 3, "one of swish, silu, mish, gelu, relu"),
    ("unet", "norm_num_groups", 5, "a divisor of ["),
    ("unet", "norm_num_groups", 2.5, "a whole number from 1 up"),
    ("unet", "norm_eps", "small", "a number from 0 up"),
    ("unet", "upcast_attention", 1, "true or false"),
    ("unet", "sample_size", [1, 2, 3], "a whole number from 1 up, or two"),
    ("unet", "flip_sin_to_cos", "yes", "true or false"),
    ("vae", "scaling_factor", "x", "a number"), ("vae", "act_fn", "quick_gelu", "one of swish"),
    ("vae", "latents_mean", 3, "a list of numbers"),
    ("vae", "force_upcast", "true", "true or false"),
    ("text_encoder", "num_attention_heads", 5, "a divisor of hidden_size "),
    ("text_encoder", "hidden_act", "foo", "one of gelu, gelu_10, "),
    ("text_encoder", "layer_norm_eps", [], "a number from 0 up"),
    ("scheduler", "num_train_timesteps", -1, "a whole number from 1 up"),
    ("scheduler", "num_train_timesteps", 0, "a whole number from 1 up"),
    ("scheduler", "_class_name", "Foo", "the name of a scheduler's class, which ends in Scheduler"),
    ("scheduler", "prediction_type", "foo", "epsilon, v_prediction, sample"),
    ("scheduler", "beta_start", "x", "a number from 0 up"),
    ("scheduler", "clip_sample", 0, "true or false"),
  ]

  @Test(arguments: impossible)
  func whatNothingCanLoadIsRefused(
    component: String, field: String, value: JSON, expected: String
  ) throws {
    let start = "the configuration of '\(component)' says \(field) \(value.text()), expected "
    let fields: JSONObject = [field: value]
    let own = try Self.reading("sd15").configurations[component] ?? [:]
    let found = [
      Self.message { _ = try Self.reading("sd15", user: [component: fields]) },
      // A folder's own configuration.
      Self.message {
        _ = try Self.reading("sd15", stated: [component: own.merging(fields)])
      },
    ]
    for found in found {
      #expect(found?.hasPrefix(start + expected) == true, "\(found ?? "none")")
    }
  }

  @Test(arguments: [
    ("unet", "FooModel", "\"UNet2DConditionModel\""),
    ("vae", "AutoencoderTiny", "\"AutoencoderKL\""),
  ])
  func tensorsDoNotBecomeAnotherClass(component: String, name: String, own: String) {
    let found = Self.message {
      _ = try Self.reading("sd15", user: [component: ["_class_name": .string(name)]])
    }
    #expect(
      found == "the configuration of '\(component)' says _class_name \"\(name)\", expected \(own)")
  }

  @Test func aTextEncoderStaysCLIPs() {
    let found = Self.message {
      _ = try Self.reading("sd15", user: ["text_encoder": ["architectures": ["FooModel"]]])
    }
    #expect(
      found
        == "the configuration of 'text_encoder' says architectures [\"FooModel\"], expected one "
        + "of CLIPModel, CLIPTextModel, CLIPTextModelWithProjection")
  }

  static let possible: [(component: String, fields: JSONObject)] = [
    ("unet", ["attention_head_dim": 4]), ("unet", ["attention_head_dim": [8, 4, 2]]),
    ("unet", ["act_fn": "SiLU", "norm_eps": 0, "sample_size": [64, 96]]),
    ("unet", ["_class_name": "UNet2DConditionModel", "num_attention_heads": .null]),
    ("unet", ["somebodys_own": ["x": 1]]), ("vae", ["scaling_factor": 1, "latents_mean": .null]),
    ("text_encoder", ["hidden_act": "gelu_new", "architectures": ["CLIPTextModel"]]),
    ("scheduler", ["_class_name": "MyOwnScheduler", "num_train_timesteps": 1000.0]),
    ("scheduler", ["_class_name": "LCMScheduler", "original_inference_steps": 50]),
  ]

  @Test(arguments: possible) func whatCanBeLoadedIsNot(component: String, fields: JSONObject) throws
  {
    let reading = try Self.reading("sd15", user: [component: fields])
    for member in fields.members {
      #expect(reading.configurations[component]?[member.key] == member.value)
    }
  }

  /// The user's word counts for more than what a folder says wrongly.
  @Test func theUserMendsAFolder() throws {
    let stated: [String: JSONObject] = ["vae": ["act_fn": "foo"]]
    #expect(Self.message { _ = try Self.reading("sd15", stated: stated) } != nil)
    let mended = try Self.reading("sd15", stated: stated, user: ["vae": ["act_fn": "silu"]])
    #expect(mended.configurations["vae"]?["act_fn"] == "silu")
  }

  /// What every family's rule gives is loadable itself.
  @Test(arguments: [
    "sd15", "sd15-inpainting", "instruct-pix2pix", "sd21-base", "sd21-v", "sd2-depth",
    "sdxl-base", "sdxl-refiner", "ssd-1b", "controlnet-sd15", "controlnet-sdxl",
  ])
  func everyFamilysOwnIs(family: String) throws {
    let own = try Self.reading(family).configurations
    #expect(try Self.reading(family, stated: own, user: own).configurations == own)
  }
}
