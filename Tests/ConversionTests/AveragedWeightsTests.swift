import Checkpoints
import Conversion
import Foundation
import KeyLayouts
import TensorCore
import TestSupport
import Testing

/// Averages of weights in every form that trainers leave.
@Suite struct AveragedWeightsTests {
  private let scratch: ScratchFolder
  private let sd15 = FixtureFile.path("families/sd15.safetensors")

  init() throws { scratch = try ScratchFolder() }

  private var out: String { scratch.path("out.ingot") }

  private func message(_ body: () throws -> Void) -> String? {
    do {
      try body()
      return nil
    } catch { return "\(error)" }
  }

  private static let network = "model.diffusion_model."

  /// The small model's tensors under names of their own; `nil` leaves one out.
  private func renamed(
    adding: Float? = nil, _ name: (String) -> String?
  ) throws -> [TensorView] {
    let source = try Checkpoint.open(path: sd15).source
    return try source.tensors.enumerated().compactMap { index, tensor in
      guard let name = name(tensor.name) else { return nil }
      let view = try source.tensor(at: index)
      guard adding != nil, tensor.elementType == .float16 else {
        return view.described(
          as: TensorDescription(name: name, elementType: tensor.elementType, shape: tensor.shape))
      }
      // The same bits the other way round: another value for nearly every one.
      let bytes = view.withBytes { bytes in bytes.array.map { $0 ^ 1 } }
      return TensorView(
        description: TensorDescription(name: name, elementType: .float16, shape: tensor.shape),
        storage: ByteStorage(copying: bytes.span.bytes), byteRange: 0..<bytes.count)
    }
  }

  /// A model whose U-Net is there as averages alone.
  private func writeAveragesAlone() throws -> String {
    let path = scratch.path("averages.safetensors")
    let tensors = try renamed { name in
      guard name.hasPrefix(Self.network) else { return name }
      let flat = name.dropFirst(Self.network.count).filter { $0 != "." }
      return "model_ema.diffusion_model" + flat
    }
    try write(tensors + [tensor("model_ema.decay", [], [0.5])], to: path)
    return path
  }

  /// Weights and their averages side by side, as BasicSR's trainer saves them.
  private func writeSideBySide() throws -> String {
    let path = scratch.path("both.safetensors")
    try write(
      try renamed { $0 } + renamed(adding: 1) { "params_ema." + $0 }, to: path)
    return path
  }

  @Test(arguments: [AveragedWeights.only, .prefer])
  func aUNetOfAveragesAloneIsTheUNet(use: AveragedWeights) throws {
    let report = try convert(try writeAveragesAlone(), to: out, averages: use)
    #expect(try canonicalContents(ofFile: out) == canonicalContents(ofFile: sd15))
    #expect(
      report.ledger.entries.contains {
        $0.nameBefore == "model_ema.diffusion_modelout2bias"
          && $0.source.name == "model.diffusion_model.out.2.bias"
          && $0.outcome == "unet.conv_out.bias"
      })
  }

  @Test(arguments: [nil, AveragedWeights.drop])
  func aUNetOfAveragesAloneIsNotLostInSilence(use: AveragedWeights?) throws {
    let path = try writeAveragesAlone()
    let found = message { try convert(path, to: out, averages: use) }
    #expect(
      found?.hasPrefix("\(path): the U-Net is there as averages alone (326 tensors, first '")
        == true)
    #expect(found?.hasSuffix("which would be left behind: --ema only takes them") == true)
    #expect(!FileManager.default.fileExists(atPath: out))
    let findings = try Doctor(try ModelReader.open(path: path)).examine().findings
    #expect(findings.contains { $0.advice == "convert --ema only makes one of its averages" })
    try convert(path, to: out, averages: use) { $0.selection.components = [.vae] }
    // Under their own names nothing is lost.
    if use == nil {
      let copy = scratch.path("copy.safetensors")
      try convert(path, to: copy)
      #expect(try contents(ofFile: copy) == contents(ofFile: path))
    }
  }

  @Test(arguments: [nil, AveragedWeights.drop, .prefer, .only])
  func averagesOfAWholeModelAreBesideIt(use: AveragedWeights?) throws {
    let path = try writeSideBySide()
    let report = try convert(path, to: out, averages: use) { $0.isStrict = true }
    let plain = try canonicalContents(ofFile: sd15)
    let result = try canonicalContents(ofFile: out)
    let isAveraged = use == .prefer || use == .only
    #expect((result == plain) == !isAveraged)
    #expect(Set(result.keys) == Set(plain.keys))
    let ending = isAveraged ? " in the place of a weight" : ""
    let copies = report.ledger.ignored.first { $0.reason.hasPrefix("EMA copy") }
    #expect(copies?.reason == "EMA copy" + ending)
    #expect(copies?.count == 536)
    #expect(report.ledger.unexplained.isEmpty)
  }

  @Test func aModelWithoutAveragesIsPreferredAsItIs() throws {
    try convert(sd15, to: out, averages: .prefer)
    #expect(try canonicalContents(ofFile: out) == canonicalContents(ofFile: sd15))
    #expect(
      message { try convert(sd15, to: out, averages: .only) }
        == "\(sd15): has no averaged weights, expected tensors named 'model_ema.…' or 'params_ema.…'"
    )
  }

  @Test(arguments: [
    ("params_ema.model.diffusion_model.out.2.foo", "is the average of no weight of the model"),
    ("model_ema.diffusion_modelfoo", "is the average of no weight of the U-Net"),
  ])
  func averagesOfNothingAreRefused(name: String, problem: String) throws {
    let path = scratch.path("stray.safetensors")
    try write([tensor(name, [1], [1])], after: sd15, to: path)
    #expect(
      message { try convert(path, to: out, averages: .prefer) } == "\(path): '\(name)' \(problem)")
  }

  /// What trainers save to go on with is no part of a model.
  @Test(arguments: [
    "optimizer.state.0.exp_avg", "optimizer_states.0.state.0.exp_avg", "lr_schedulers.0.x",
    "callbacks.a.b", "loops.fit.x", "scaler.scale",
  ])
  func aTrainersStateIsKnown(name: String) throws {
    let path = scratch.path("trained.safetensors")
    try write([tensor(name, [1], [1])], after: sd15, to: path)
    let report = try convert(path, to: out) { $0.isStrict = true }
    let entry = report.ledger.entries.first { $0.source.name == name }
    guard case .ignored = entry?.fate else {
      Issue.record("\(name): \(entry?.outcome ?? "none")")
      return
    }
  }
}
