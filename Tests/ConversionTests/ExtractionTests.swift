import Checkpoints
import Conversion
import Foundation
import KeyLayouts
import TensorCore
import TestSupport
import Testing

/// A fine-tune of known rank, taken out again.
@Suite struct ExtractionTests {
  private let scratch: ScratchFolder
  private let base = FixtureFile.path("families/sdxl-base.safetensors")
  private let unetName = "model.diffusion_model.middle_block.1.proj_in.weight"
  private let textName =
    "conditioner.embedders.0.transformer.text_model.encoder.layers.0.mlp.fc1.weight"
  private let normName = "model.diffusion_model.out.0.weight"

  init() throws { scratch = try ScratchFolder() }

  /// Adds the product of a column and a row to two matrices, and one to a norm.
  private func tuned() throws -> String {
    let source = try Checkpoint.open(path: base).source
    var writer = try SafetensorsWriter(path: scratch.path("tuned.safetensors"))
    let changed = [unetName, textName, normName]
    let descriptions = source.tensors.map { tensor in
      var tensor = tensor
      if changed.contains(tensor.name) { tensor.elementType = .float32 }
      return tensor
    }
    try writer.begin(tensors: descriptions, metadata: [:])
    for (index, description) in descriptions.enumerated() {
      let view = try source.tensor(at: index)
      guard changed.contains(view.name) else {
        try writer.append(view)
        continue
      }
      let columns = view.shape.dimensions.dropFirst().reduce(1, *)
      var values = try floats(view)
      for place in values.indices {
        values[place] +=
          view.name == normName
          ? 1 : Float(place / columns % 7 - 3) * Float(place % columns % 5 - 2) / 16
      }
      try writer.append(tensor(description.name, description.shape, values))
    }
    try writer.finish()
    return scratch.path("tuned.safetensors")
  }

  private func floats(_ view: TensorView) throws -> [Float] {
    var values = [Float](repeating: 0, count: view.shape.elementCount)
    values.withUnsafeMutableBytes { buffer in
      var target = buffer.mutableBytes
      view.withBytes {
        ElementConversion.convert($0, from: view.elementType, to: .float32, into: &target)
      }
    }
    return values
  }

  private func extract(
    _ goal: ExtractionRequest.Goal, _ naming: ExtractionRequest.Naming
  ) throws -> (report: ExtractionReport, file: Checkpoint) {
    let output = scratch.path("lora.safetensors")
    let report = try LoRAExtraction(
      from: try ModelReader.open(path: base), to: try ModelReader.open(path: try tuned()),
      ExtractionRequest(output: output, goal: goal, naming: naming, elementType: .float32)
    ).run()
    return (report, try Checkpoint.open(path: output))
  }

  @Test(arguments: [
    (ExtractionRequest.Goal.rank(1), 1), (.rank(3), 3), (.energy(0.999, limit: 64), 1),
  ])
  func aChangeOfRankOneIsHeldWhole(goal: ExtractionRequest.Goal, rank: Int) throws {
    let (report, file) = try extract(goal, .diffusers)
    #expect(report.modules.map(\.rank) == [rank, rank])
    #expect(report.relativeError < 1e-3)
    #expect(
      Set(report.modules.map(\.name)) == [
        "unet.mid_block.attentions.0.proj_in",
        "text_encoder.text_model.encoder.layers.0.mlp.fc1",
      ])
    let name = "unet.mid_block.attentions.0.proj_in"
    let names = file.source.tensors.map(\.name)
    let down = try floats(
      try file.source.tensor(at: try #require(names.firstIndex(of: "\(name).lora_A.weight"))))
    let up = try floats(
      try file.source.tensor(at: try #require(names.firstIndex(of: "\(name).lora_B.weight"))))
    let columns = down.count / rank
    for row in 0..<up.count / rank {
      for column in 0..<columns {
        let product = (0..<rank).reduce(Float(0)) {
          $0 + up[row * rank + $1] * down[$1 * columns + column]
        }
        let expected = Float(row % 7 - 3) * Float(column % 5 - 2) / 16
        #expect(abs(product - expected) < 1e-3)
      }
    }
  }

  /// The error is that of the factors as they are stored.
  @Test(
    arguments: [
      (ElementType.float32, 0.0...2e-6), (.float16, 1e-5...1e-3), (.bfloat16, 1e-3...1e-2),
    ], [ExtractionRequest.Naming.kohya, .diffusers])
  func theErrorCountsTheRoundingOfTheFactors(
    type: (ElementType, ClosedRange<Double>), naming: ExtractionRequest.Naming
  ) throws {
    let output = scratch.path("lora.safetensors")
    let report = try LoRAExtraction(
      from: try ModelReader.open(path: base), to: try ModelReader.open(path: try tuned()),
      ExtractionRequest(output: output, goal: .rank(3), naming: naming, elementType: type.0)
    ).run()
    let file = try Checkpoint.open(path: output)
    let name =
      naming == .kohya
      ? "lora_unet_middle_block_1_proj_in" : "unet.mid_block.attentions.0.proj_in"
    let halves = naming == .kohya ? ["lora_down", "lora_up"] : ["lora_A", "lora_B"]
    let factors = try halves.map { half in
      let place = file.source.tensors.firstIndex { $0.name == "\(name).\(half).weight" }
      return try floats(try file.source.tensor(at: try #require(place)))
    }
    let columns = factors[0].count / 3
    var (left, energy) = (0.0, 0.0)
    for row in 0..<factors[1].count / 3 {
      for column in 0..<columns {
        let product = (0..<3).reduce(0.0) {
          $0 + Double(factors[1][row * 3 + $1]) * Double(factors[0][$1 * columns + column])
        }
        let expected = Double(row % 7 - 3) * Double(column % 5 - 2) / 16
        left += (product - expected) * (product - expected)
        energy += expected * expected
      }
    }
    let module = try #require(
      report.modules.first { $0.name == "unet.mid_block.attentions.0.proj_in" })
    let error = (max(1 - module.share, 0)).squareRoot()
    #expect(type.1.contains((left / energy).squareRoot()))
    #expect(abs(error - (left / energy).squareRoot()) < 0.05 * error + 2e-6)
  }

  @Test func aChangeBeyondTheFactorsTypeIsRefused() throws {
    let path = scratch.path("huge.safetensors")
    let source = try Checkpoint.open(path: base).source
    var tensors: [TensorView] = []
    for index in source.tensors.indices {
      let view = try source.tensor(at: index)
      guard view.name == unetName else {
        tensors.append(view)
        continue
      }
      tensors.append(tensor(view.name, view.shape, try floats(view).map { $0 + 1e13 }))
    }
    try write(tensors, to: path)
    let error = #expect(throws: ConversionError.self) {
      try LoRAExtraction(
        from: try ModelReader.open(path: base), to: try ModelReader.open(path: path),
        ExtractionRequest(output: scratch.path("lora.safetensors"), goal: .rank(1))
      ).run()
    }
    #expect(error?.description.contains("beyond the range of f16; --dtype f32 holds it") == true)
    #expect(!scratch.contents.contains("lora.safetensors"))
  }

  /// kohya's tools have SGM's names in SDXL's U-Net, and count the product `alpha / rank` times.
  @Test(arguments: [(ExtractionRequest.Goal.rank(4), Float(4)), (.energy(0.999, limit: 64), 1)])
  func kohyasNamesHaveAnAlpha(goal: ExtractionRequest.Goal, alpha: Float) throws {
    let (report, file) = try extract(goal, .kohya)
    let names = Set(file.source.tensors.map(\.name))
    for module in [
      "lora_unet_middle_block_1_proj_in", "lora_te1_text_model_encoder_layers_0_mlp_fc1",
    ] {
      #expect(
        names.isSuperset(
          of: ["lora_down.weight", "lora_up.weight", "alpha"].map { "\(module).\($0)" }))
    }
    #expect(names.count == 6)
    for (index, tensor) in file.source.tensors.enumerated() where tensor.name.hasSuffix("alpha") {
      #expect(try floats(try file.source.tensor(at: index)) == [alpha])
    }
    #expect(file.metadata["ss_base_model_version"] == "sdxl_base_v1-0")
    #expect(report.relativeError < 1e-3)
  }

  /// Float8 with scales and the weights that it stands for are one model.
  @Test(arguments: ["scaled", "scaled-rows"])
  func scalesAreMultipliedInFirst(name: String) throws {
    let stored = FixtureFile.path("quantised/\(name).safetensors")
    let wide = scratch.path("wide.safetensors")
    try convert(stored, to: wide) { $0.elementType = .float32 }
    for (base, tuned) in [(stored, wide), (wide, stored)] {
      let error = #expect(throws: ConversionError.self) {
        try LoRAExtraction(
          from: try ModelReader.open(path: base), to: try ModelReader.open(path: tuned),
          ExtractionRequest(
            output: scratch.path("lora.safetensors"), goal: .rank(1), naming: .kohya,
            elementType: .float32)
        ).run()
      }
      #expect(error?.description.contains("has no weight that differs") == true, "\(error as Any)")
    }
  }

  @Test func whatALoRACannotHoldIsListed() throws {
    let report = try extract(.rank(1), .diffusers).report
    #expect(report.losses.map(\.tensor) == ["unet.conv_norm_out.weight"])
    #expect(report.losses.first?.reason == "is a norm's")
    #expect(report.losses.first.map { abs(($0.energy ?? 0) - 8) < 1e-4 } == true)
    #expect(report.capturedShare < 1)
  }

  @Test func equalModelsAndOtherFamiliesAreRefused() throws {
    func message(_ a: String, _ b: String) -> String? {
      do {
        _ = try LoRAExtraction(
          from: try ModelReader.open(path: a), to: try ModelReader.open(path: b),
          ExtractionRequest(output: scratch.path("x.safetensors"), goal: .rank(1))
        ).run()
        return nil
      } catch { return "\(error)" }
    }
    #expect(message(base, base)?.contains("has no weight that differs") == true)
    let other = FixtureFile.path("families/sd15.safetensors")
    #expect(
      message(base, other)
        == "\(other): is a Stable Diffusion 1.x model, \(base) a Stable Diffusion XL one")
    #expect(scratch.contents.isEmpty)
  }
}
