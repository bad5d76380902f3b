import Foundation
import Generation
import KeyLayouts
import TensorCore
import TestSupport
import Testing

/// Whole pictures against diffusers', and requests that cannot be served.
@Suite struct PipelineTests {
  let fixture = PipelineFixture.shared

  @Test(arguments: PipelineFixture.shared.cases.indices)
  func pictureIsDiffusers(number: Int) throws {
    let pipeline = try Pipeline(model: fixture.model)
    let result = try pipeline.generate(fixture.cases[number].request)
    #expect(result.initialNoise == (try fixture.floats("\(number).noise")))

    let latents = try fixture.floats("\(number).latents")
    let largest = latents.reduce(0) { max($0, abs($1)) }
    let worst = zip(result.latents, latents).reduce(Float(0)) { max($0, abs($1.0 - $1.1)) }
    #expect(result.latents.count == latents.count)
    #expect(worst <= 1e-4 * largest, "latents differ by \(worst / largest)")

    let expected = try fixture.bytes("\(number).picture")
    let pixels = result.picture.pixels
    #expect(pixels.count == expected.count)
    let differences = zip(pixels, expected).map { abs(Int($0) - Int($1)) }
    let squares = differences.reduce(0) { $0 + $1 * $1 }
    let meanSquare = Double(squares) / Double(differences.count)
    let ratio = meanSquare == 0 ? Double.infinity : 10 * log10(255 * 255 / meanSquare)
    #expect(ratio >= 60)
    #expect(differences.allSatisfy { $0 <= 2 })
  }

  @Test func everyCaseIsThere() { #expect(fixture.cases.count == 6) }

  @Test func droppedTextIsReported() throws {
    let result = try Pipeline(model: fixture.model).generate(fixture.cases[2].request)
    let dropped = try #require(result.droppedText.first)
    #expect(result.droppedText.count == 1)
    #expect(dropped.hasPrefix("very very"))
  }

  @Test func progressCountsEvaluations() throws {
    var seen: [GenerationProgress] = []
    let request = GenerationRequest(prompt: "a", steps: 3, guidanceScale: 1)
    _ = try Pipeline(model: fixture.model).generate(request) { seen.append($0) }
    // PNDM visits its second timestep twice.
    #expect(seen.map(\.done) == [1, 2, 3, 4])
    #expect(seen.allSatisfy { $0.total == 4 })
  }

  @Test func throwingProgressEndsTheRun() throws {
    let pipeline = try Pipeline(model: fixture.model)
    var evaluations = 0
    #expect(throws: CancellationError.self) {
      try pipeline.generate(GenerationRequest(prompt: "a", steps: 20)) { _ in
        evaluations += 1
        if evaluations == 2 { throw CancellationError() }
      }
    }
    #expect(evaluations == 2)
  }

  @Test func defaultSizeIsTheModels() throws {
    let request = GenerationRequest(prompt: "a", steps: 1, guidanceScale: 1)
    let picture = try Pipeline(model: fixture.model).generate(request).picture
    #expect(picture.width == 64)
    #expect(picture.height == 64)
  }

  @Test(arguments: [
    (60, 64, 5, Float(1), "width 60, expected a multiple of 8 up to 16384"),
    (64, 0, 5, 1, "height 0, expected a multiple of 8 up to 16384"),
    (16392, 64, 5, 1, "width 16392, expected a multiple of 8 up to 16384"),
    (64, 64, 0, 1, "0 steps, expected 1 or more"),
    (64, 64, 5, .infinity, "guidance scale inf, expected a number"),
  ])
  func requestIsRefused(
    width: Int, height: Int, steps: Int, guidance: Float, problem: String
  ) throws {
    let pipeline = try Pipeline(model: fixture.model)
    let request = GenerationRequest(
      prompt: "a", steps: steps, guidanceScale: guidance, width: width, height: height)
    let error = #expect(throws: GenerationError.self) { try pipeline.generate(request) }
    #expect(error?.description == problem)
  }

  @Test(arguments: [("text_encoder.", "text encoder"), ("vae.", "VAE"), ("unet.", "U-Net")])
  func anAbsentComponentIsNamed(prefix: String, title: String) throws {
    var model = fixture.model
    model.tensors = Subset(of: model.tensors) { !$0.hasPrefix(prefix) }
    let error = #expect(throws: LayoutError.self) { try Pipeline(model: model) }
    #expect(error?.description == "small: has no \(title)")
  }

  @Test func unknownSchedulerIsNamed() throws {
    var model = fixture.model
    model.configurations["scheduler"]?["_class_name"] = "MysteryScheduler"
    let pipeline = try Pipeline(model: model)
    let error = #expect(throws: GenerationError.self) {
      try pipeline.generate(GenerationRequest(prompt: "a"))
    }
    #expect(
      error?.description
        == "small: scheduler: configuration field '_class_name' is \"MysteryScheduler\", expected "
        + "one of PNDMScheduler, DDIMScheduler, EulerDiscreteScheduler")
  }

  @Test func lengthsThatDoNotFitAreNamed() throws {
    var model = fixture.model
    model.attachments["tokenizer/tokenizer_config.json"] = Array(#"{"model_max_length": 50}"#.utf8)
    let error = #expect(throws: GenerationError.self) { try Pipeline(model: model) }
    #expect(
      error?.description
        == "small: tokenizer: model_max_length is 50, expected 77, the text encoder's positions")
  }
}

/// The tensors of a source whose names pass a test.
private struct Subset: TensorSource {
  let tensors: [TensorDescription]
  private let base: any TensorSource
  private let indices: [Int]

  init(of base: any TensorSource, where isIncluded: (String) -> Bool) {
    self.base = base
    indices = base.tensors.indices.filter { isIncluded(base.tensors[$0].name) }
    tensors = indices.map { base.tensors[$0] }
  }

  func tensor(at index: Int) throws -> TensorView { try base.tensor(at: indices[index]) }
}

/// Models whose weights are no numbers must not give a picture.
@Suite struct NonFiniteTests {
  @Test(arguments: [
    "text_encoder.text_model.final_layer_norm.bias", "unet.conv_out.bias",
    "vae.decoder.conv_in.weight",
  ])
  func tensorIsNamed(tensor: String) throws {
    // float16's quiet NaN.
    let model = try PipelineFixture.shared.model.editing(tensor) {
      $0.replaceSubrange(2..<4, with: [0, 0x7E])
    }
    let error = #expect(throws: GenerationError.self) {
      try Pipeline(model: model).generate(GenerationRequest(prompt: "a", steps: 1))
    }
    #expect(
      error?.description == "small: tensor '\(tensor)' holds 1 value that is NaN or infinite")
  }
}
