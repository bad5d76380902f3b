import Checkpoints
import Foundation
import KeyLayouts
import TensorCore
import TestSupport
import Testing

@testable import Validation

/// The tiny model of `Fixtures/models` and what diffusers computed with it, as a reference file.
@Suite struct ValidatorTests {
  private struct Tensors: TensorSource {
    var views: [TensorView] = []
    var tensors: [TensorDescription] { views.map(\.description) }
    func tensor(at index: Int) -> TensorView { views[index] }
  }

  private let model: CanonicalModel
  private let recorded: [String: TensorView]

  init() throws {
    let path = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "Fixtures/models/tiny.safetensors")
      .path(percentEncoded: false)
    let checkpoint = try Checkpoint.open(path: path)
    var weights = Tensors()
    var recorded: [String: TensorView] = [:]
    for index in checkpoint.source.tensors.indices {
      let view = try checkpoint.source.tensor(at: index)
      if view.name.hasPrefix("reference.") {
        recorded[String(view.name.dropFirst("reference.".count))] = view
      } else {
        weights.views.append(view)
      }
    }
    self.recorded = recorded
    var configurations: [String: JSONObject] = [:]
    for component in ["unet", "vae", "text_encoder"] {
      let text = try #require(checkpoint.metadata[component]?.stringValue)
      configurations[component] = try JSON(parsing: text).objectValue
    }
    model = CanonicalModel(
      tensors: weights, configurations: configurations, attachments: [:], origin: "tiny")
  }

  private func floats(_ view: TensorView) -> [Float] {
    view.withBytes { bytes in
      ElementConversion.convert(bytes, from: view.elementType, to: .float32)
    }.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
  }

  private func withReference(_ body: (String) throws -> Void) throws {
    var file = ReferenceFile()
    file.metadata["components"] = #"["clip", "unet"]"#
    let probe = "unet.conv_in.weight"
    file.metadata["probes"] = #"{"unet.conv_in.weight": [16, 5, 3, 3]}"#
    let weights = try #require(model.tensors as? Tensors)
    let weight = try #require(weights.views.first { $0.name == probe })
    file.add("probe/\(probe)", shape: [8], floats: Array(floats(weight).prefix(8)))

    let tokens = try #require(recorded["tokens"])
    let ids = tokens.withBytes { bytes in
      (0..<22).map { bytes.unsafeLoadUnaligned(fromByteOffset: 8 * $0, as: Int64.self) }
    }
    file.add("clip/ids", shape: [2, 11], integers: ids.map(Int32.init))
    func copy(_ name: String, as entry: String, isFlat: Bool = false) throws {
      let view = try #require(recorded[name])
      let shape = isFlat ? [view.shape.elementCount] : view.shape.dimensions
      file.add(entry, shape: shape, floats: floats(view))
    }
    try copy("text_encoder.y", as: "clip/hidden")
    file.add("unet/timesteps", shape: [1], floats: [999])
    try copy("unet.sample", as: "unet/0/sample")
    try copy("text_encoder.y", as: "unet/0/context")
    try copy("unet.y.999", as: "unet/0/noise")
    var traces: [(String, JSON)] = []
    // Each block's last recorded output belongs to the last timestep that the script ran: 999.
    for (name, view) in recorded where name.hasPrefix("unet.trace.") {
      let entry = "unet/0/trace/" + name.dropFirst("unet.trace.".count)
      try copy(name, as: entry, isFlat: true)
      traces.append(
        (entry, ["shape": .array(view.shape.dimensions.map(JSON.integer)), "stride": 1]))
    }
    file.metadata["traces"] = JSON.object(JSONObject(traces)).text()
    let path = try file.write()
    defer { try? FileManager.default.removeItem(atPath: path) }
    try body(path)
  }

  @Test func aModelWithoutTheNetworkIsNamed() throws {
    try withReference { path in
      var part = model
      let weights = try #require(model.tensors as? Tensors)
      part.tensors = Tensors(views: weights.views.filter { !$0.name.hasPrefix("text_encoder.") })
      part.configurations["text_encoder"] = nil
      let validator = try Validator(model: part, reference: try ReferenceBundle(path: path))
      #expect(throws: LayoutError(.absent([.textEncoder]), origin: "tiny")) {
        try validator.validate(.clip)
      }
    }
  }

  @Test func theModelPassesItsReference() throws {
    try withReference { path in
      let validator = try Validator(model: model, reference: try ReferenceBundle(path: path))
      var seen: [ComponentName] = []
      let report = try validator.validateAll { seen.append($0.component) }
      #expect(seen == [.clip, .unet])
      #expect(report.isPassed, "\(report.junit)")
      #expect(
        report.verdicts.map(\.outcomeName)
          == ["skipped", "passed", "passed", "skipped", "skipped", "skipped"])
      #expect(report.verdicts[2].checks.map(\.name) == ["noise at timestep 999, batch of 2"])
      #expect(throws: ReferenceError.self) { try validator.validate(.vae) }
    }
  }

  @Test func aChangedWeightFailsAndItsBlockIsNamed() throws {
    // The sign of the float16 value at index 100.
    let changed = try model.editing("unet.down_blocks.1.resnets.1.conv1.weight") {
      $0[201] ^= 0x80
    }
    try withReference { path in
      let validator = try Validator(model: changed, reference: try ReferenceBundle(path: path))
      let report = try validator.validateAll()
      #expect(!report.isPassed)
      #expect(report.verdicts[1].outcome == .passed)
      let block = try #require(report.verdicts[2].checks[0].firstBlock)
      #expect(block.block == "down_blocks.1.resnets.1")
      #expect(block.lastGoodBlock == "down_blocks.1.resnets.0")
      #expect(report.junit.contains("first block out of bound: down_blocks.1.resnets.1"))
    }
  }
}
