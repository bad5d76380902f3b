import KeyLayouts
import TensorCore
import Testing

@Suite struct DefectTests {
  private let tensors: [TensorDescription]

  init() throws { tensors = try LayoutFixture("digits").ldm }

  @Test func aMissingTensorIsNamedWithItsShape() throws {
    let name = "model.diffusion_model.middle_block.0.in_layers.2.bias"
    let reading = try LayoutReading(of: tensors.filter { $0.name != name })
    #expect(
      Self.message { try reading.ledger.requireWhole() }
        == "tensor 'unet.mid_block.resnets.0.conv1.bias' [96] is missing")
  }

  @Test func aMisshapenTensorIsNamedWithBothShapes() throws {
    var tensors = tensors
    let place = try #require(
      tensors.firstIndex { $0.name == "model.diffusion_model.time_embed.2.bias" })
    tensors[place].shape = [255]
    let reading = try LayoutReading(of: tensors)
    #expect(
      Self.message { try reading.ledger.requireWhole() }
        == "tensor 'unet.time_embedding.linear_2.bias' is [255], expected [256]")
  }

  @Test func twoTensorsForOneTargetAreRefused() {
    let bare = "cond_stage_model.transformer.final_layer_norm.bias"
    let extra = TensorDescription(name: bare, elementType: .float16, shape: [64])
    #expect(
      Self.message { _ = try LayoutReading(of: tensors + [extra]) }
        == "tensors 'cond_stage_model.transformer.text_model.final_layer_norm.bias' and '\(bare)' "
        + "both stand for 'text_encoder.text_model.final_layer_norm.bias'")
  }

  @Test func unknownAndLeftBehindTensorsAreCounted() throws {
    let extra = ["model_ema.decay", "something.else"].map {
      TensorDescription(name: $0, elementType: .float32, shape: [])
    }
    let ledger = try LayoutReading(of: tensors + extra).ledger
    #expect(ledger.unexplained == ["something.else"])
    #expect(ledger.ignored.map(\.reason) == ["schedule buffer", "position ids", "EMA copy"])
    #expect(ledger.ignored.map(\.count) == [12, 1, 1])
  }

  @Test func otherFamiliesAreRefusedByName() {
    let extra = TensorDescription(
      name: "conditioner.embedders.0.transformer.x", elementType: .float16, shape: [1])
    #expect(
      Self.message { _ = try LayoutReading(of: tensors + [extra]) }
        == "not a model of a known family: a second text encoder: Stable Diffusion XL?")
  }

  private static func message(_ body: () throws -> Void) -> String? {
    do {
      try body()
      return nil
    } catch { return String(describing: error) }
  }
}
