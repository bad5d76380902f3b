import Foundation
import TensorCore
import TestSupport
import Testing

/// `assay validate` on the small model of `Fixtures/models` and its reference.
@Suite struct ValidateTests {
  private func validate(
    _ component: String, _ model: String, in tool: Tool, _ options: String...
  ) throws -> Tool.Outcome {
    try tool.run(
      ["validate", component, model, "--reference", PipelineModel.reference] + options)
  }

  private static let order = ["tokenizer", "clip", "unet", "vae", "scheduler", "generation"]

  @Test func everythingPassesAndIsShownInOrder() throws {
    try Tool.inFolder { tool in
      let outcome = try validate("all", try tool.writeSmallModel(), in: tool)
      #expect(outcome.status == 0, "\(outcome.output)")
      #expect(outcome.errors == "")
      let lines = outcome.output.split(separator: "\n").map { line in
        line.split(separator: " ", omittingEmptySubsequences: true).map(String.init)
      }
      #expect(
        lines[0] == [
          "component", "check", "shape", "max", "abs", "relative", "cosine", "PSNR", "bound",
          "time", "verdict",
        ])
      let checks = lines.dropFirst().dropLast()
      #expect(checks.allSatisfy { $0.last == "pass" })
      var seen: [String] = []
      for check in checks where seen.last != check[0] { seen.append(check[0]) }
      #expect(seen == Self.order)
      #expect(lines.last?.first == "PASS")
      #expect(outcome.output.contains(": 6 passed, "))
    }
  }

  @Test func theAutoencoderIsCheckedInThreeWays() throws {
    try Tool.inFolder { tool in
      let outcome = try validate("vae", try tool.writeSmallModel(), in: tool, "--json")
      #expect(outcome.status == 0)
      let json = try JSON(parsing: outcome.output)
      #expect(json["passed"] == true)
      let checks = json["components"]?.arrayValue?.first?["checks"]?.arrayValue ?? []
      #expect(
        checks.map { $0["name"]?.stringValue }
          == ["encode, mean", "encode, log-variance", "decode", "round trip"])
      for check in checks {
        for key in ["max_abs_error", "relative_error", "cosine_similarity", "seconds"] {
          #expect(check[key]?.doubleValue != nil, "\(key)")
        }
        #expect(check["bound"]?.stringValue == "relative error <= 1e-04")
      }
      #expect(checks[2]["shape"] == [1, 3, 32, 32])
      #expect((checks[2]["psnr_db"]?.doubleValue ?? 0) > 80)
      #expect(checks[0]["psnr_db"] == nil)
    }
  }

  @Test func quietSaysNothingAboutSuccess() throws {
    try Tool.inFolder { tool in
      let outcome = try validate("tokenizer", try tool.writeSmallModel(), in: tool, "--quiet")
      #expect(outcome.status == 0)
      #expect(outcome.output == "" && outcome.errors == "")
    }
  }

  @Test func aBrokenBlockIsNamedAndGenerationIsNotRun() throws {
    try Tool.inFolder { tool in
      let model = try tool.writeSmallModel {
        $0.setHalves("down_blocks.1.resnets.0.conv1.weight", to: 0x3C00)
      }
      let outcome = try validate(
        "all", model, in: tool, "--quiet", "--junit", tool.file("report.xml"))
      #expect(outcome.status == 1)
      #expect(outcome.errors == "")
      let lines = outcome.output.split(separator: "\n").map(String.init)
      let failures = lines.filter { $0.hasPrefix("FAIL  noise at timestep") }
      #expect(failures.count == 3)
      #expect(
        failures[0].contains(
          "; first block out of bound: down_blocks.1.resnets.0 (relative error "))
      #expect(
        failures[0].hasSuffix("the one before it, down_blocks.0.downsamplers.0, is good)"))
      #expect(lines.contains("SKIP  generation: not run, because unet failed"))
      #expect(lines.last?.hasPrefix("FAIL  \(model) against ") == true)
      #expect(lines.last?.contains("4 passed, 1 failed, 1 skipped") == true)
      // Nothing about what passed.
      #expect(!lines.contains { $0.hasSuffix("pass") })
      let report = try String(contentsOfFile: tool.file("report.xml"), encoding: .utf8)
      #expect(report.contains("failures=\"3\" skipped=\"1\""))
      #expect(report.contains("<skipped message=\"not run, because unet failed\"/>"))
      #expect(tool.contents == ["model", "report.xml"])
    }
  }

  @Test func aWeightThatIsNoNumberIsNamed() throws {
    try Tool.inFolder { tool in
      let model = try tool.writeSmallModel { $0.setHalves("conv_norm_out.bias", to: 0x7E00) }
      let outcome = try validate("unet", model, in: tool, "--quiet")
      #expect(outcome.status == 1)
      #expect(outcome.output.contains("values are not finite"))
      #expect(
        outcome.output.contains(
          "; tensor 'unet.conv_norm_out.bias' holds 16 values that are NaN or infinite"))
    }
  }

  @Test func theReportReplacesAnOldOneOnlyWhenItIsWhole() throws {
    try Tool.inFolder { tool in
      let model = try tool.writeSmallModel()
      let path = try tool.write("report.xml", Data("old".utf8))
      let full = try tool.run(
        limitedTo: 4, "validate", "all", model, "--reference", PipelineModel.reference, "--quiet",
        "--junit", path)
      expectOneLine(full, "report.xml: cannot be written: File too large")
      #expect(try Data(contentsOf: URL(filePath: path)) == Data("old".utf8))
      #expect(try validate("all", model, in: tool, "--junit", path).status == 0)
      #expect(try String(contentsOfFile: path, encoding: .utf8).hasPrefix("<?xml "))
      #expect(tool.contents == ["model", "report.xml"])
      expectOneLine(
        try validate("all", model, in: tool, "--junit", tool.file("no/report.xml")),
        "no/report.xml: cannot be created: No such file or directory")
    }
  }

  @Test(arguments: [
    ["validate", "all", "model"], ["validate", "everything", "model", "--reference", "r"],
    ["validate", "vae", "--reference", "r"],
  ])
  func wrongUsage(arguments: [String]) throws {
    try Tool.inFolder { tool in
      let outcome = try tool.run(arguments)
      #expect(outcome.status == 2)
      #expect(outcome.output == "")
      #expect(outcome.errors.hasPrefix("assay: "), "\(outcome.errors)")
    }
  }

  // MARK: - references that do not fit

  private func expectReference(
    _ name: String = "reference.safetensors", _ texts: String...,
    edit: (inout SafetensorsEdit) -> Void
  ) throws {
    try Tool.inFolder { tool in
      var file = try SafetensorsEdit(path: PipelineModel.reference)
      edit(&file)
      let path = try tool.write(name, file.data)
      let outcome = try tool.run(
        "validate", "all", try tool.writeSmallModel(), "--reference", path)
      for text in texts { expectOneLine(outcome, "\(path): ", text) }
    }
  }

  @Test func aReferenceForAnotherModel() throws {
    try expectReference(
      "other.safetensors", "was made for another model ('pipeline'), not ",
      "tensor 'unet.conv_out.weight' holds ", edit: { $0.negate("probe/unet.conv_out.weight") })
  }

  @Test func aReferenceWithoutAnEntry() throws {
    try expectReference(
      "partial.safetensors", "tensor 'clip/hidden' is missing",
      edit: { $0.rename("clip/hidden", to: "clip/hiddex") })
  }

  @Test func aReferenceWithAMisshapenEntry() throws {
    try expectReference(
      "odd.safetensors", "tensor 'unet/1/noise' is [2, 4, 2, 8], expected [2, 4, 4, 4]",
      edit: { $0.reshape("unet/1/noise", to: [2, 4, 2, 8]) })
  }

  @Test func aReferenceWithoutTheComponent() throws {
    try Tool.inFolder { tool in
      var file = try SafetensorsEdit(path: PipelineModel.reference)
      var metadata = file.header["__metadata__"]?.objectValue ?? [:]
      metadata["components"] = #"["clip", "unet"]"#
      file.header["__metadata__"] = .object(metadata)
      let path = try tool.write("two.safetensors", file.data)
      let model = try tool.writeSmallModel()
      expectOneLine(
        try tool.run("validate", "vae", model, "--reference", path),
        "two.safetensors: has no 'vae', only clip, unet")
      let all = try tool.run("validate", "all", model, "--reference", path)
      #expect(all.status == 0)
      #expect(all.output.contains("SKIP  vae: the reference does not hold it\n"))
      #expect(all.output.contains(": 2 passed, 4 skipped, "))
    }
  }

  @Test func whatIsNoReference() throws {
    try Tool.inFolder { tool in
      let model = try tool.writeSmallModel()
      let weights = "\(model)/unet/diffusion_pytorch_model.safetensors"
      let whole = try Data(contentsOf: URL(filePath: PipelineModel.reference))
      for (path, text) in [
        (weights, "not a reference: the metadata has no 'assay.reference'"),
        ("none.safetensors", "none.safetensors: no such file or folder"),
        (try tool.write("empty", Data()), "empty: is empty (0 bytes)"),
        (try tool.write("half", whole.prefix(whole.count / 2)), "half: "),
        (try tool.write("text", Data("a reference".utf8)), "text: not a checkpoint"),
      ] {
        expectOneLine(try tool.run("validate", "all", model, "--reference", path), text)
      }
    }
  }
}
