import Foundation
import TensorCore
import Testing

@Suite struct InspectTests {
  /// A safetensors file of one float16 tensor whose name tries to move the cursor.
  private static let small: Data = {
    let header = Data(
      #"""
      {"__metadata__":{"note":"line one\nline two"},"a\u001b[2J.weight":\#
      {"dtype":"F16","shape":[2,3],"data_offsets":[0,12]}}
      """#.utf8)
    return withUnsafeBytes(of: UInt64(header.count).littleEndian) { Data($0) } + header
      + Data(count: 12)
  }()

  @Test func tensorsAndMetadataAreShownWithoutControlCharacters() throws {
    try Tool.inFolder { tool in
      let outcome = try tool.run("inspect", try tool.write("a.safetensors", Self.small))
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(outcome.errors == "")
      #expect(outcome.output.contains("safetensors, 1 tensor, 6 values, 12 bytes\n"))
      #expect(outcome.output.contains("  note: line one\\nline two\n"))
      #expect(outcome.output.contains("a\\u{1b}[2J.weight  f16    [2, 3]\n"))
      #expect(!outcome.output.contains("\u{1B}"))
    }
  }

  @Test func jsonHoldsTheSame() throws {
    try Tool.inFolder { tool in
      let outcome = try tool.run("inspect", "--json", try tool.write("a.bin", Self.small))
      let json = try JSON(parsing: outcome.output)
      #expect(json["format"] == "safetensors")
      #expect(json["byte_count"] == 12)
      #expect(json["tensors"]?.arrayValue?.first?["shape"] == [2, 3])
      #expect(json["metadata"]?["note"] == "line one\nline two")
    }
  }

  @Test func badFilesGiveOneLineEach() throws {
    try Tool.inFolder { tool in
      expectOneLine(
        try tool.run("inspect", "no/such.ckpt"), "no/such.ckpt: no such file or folder")
      expectOneLine(
        try tool.run("inspect", tool.folder.path(percentEncoded: false)),
        "is a folder without model_index.json, config.json or a file of weights, expected a model"
      )
      expectOneLine(
        try tool.run("inspect", try tool.write("empty.ckpt", Data())),
        "empty.ckpt: is empty (0 bytes)")
      expectOneLine(
        try tool.run("inspect", try tool.write("page.ckpt", Data("<html>gone</html>\n".utf8))),
        "page.ckpt: not a checkpoint of a known format: starts with \"<html>")
      expectOneLine(
        try tool.run("inspect", try tool.write("half.safetensors", Self.small.dropLast(5))),
        "half.safetensors: ")
    }
  }

  @Test func aRootIsChosenByItsKeys() throws {
    let file = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../../Fixtures/containers/valid/params-ema.pt").standardizedFileURL
    try Tool.inFolder { tool in
      let path = file.path(percentEncoded: false)
      let outcome = try tool.run("inspect", "--json", "--root", "params", path)
      let json = try JSON(parsing: outcome.output)
      #expect(json["tensors"]?.arrayValue?.map { $0["name"] } == ["w"])
      expectOneLine(
        try tool.run("inspect", "--root", "no", path),
        "nothing at the root 'no', expected one of 'params', 'params_ema'")
    }
  }

  private static func fixture(_ name: String) -> String {
    Tool.fixtures.appending(path: name).path(percentEncoded: false)
  }

  private static let model = fixture("families/sd15.safetensors")

  @Test func theTreeAddsUpAndTensorsAreListedOnRequest() throws {
    try Tool.inFolder { tool in
      let plain = try tool.run("inspect", Self.model).output
      #expect(plain.contains("\n  mid_block "))
      #expect(plain.contains("\nleft behind "))
      #expect(!plain.contains("unet.conv_in.weight"))
      #expect(
        try tool.run("inspect", "--tensors", Self.model).output.contains("unet.conv_in.weight"))
      let filtered = try tool.run("inspect", "--filter", "unet.*attn2*to_k*", Self.model).output
      #expect(filtered.contains("attn2.to_k.weight") && !filtered.contains("attn1"))
      expectOneLine(
        try tool.run("inspect", "--filter", "nothing*", Self.model), "no tensor matches 'nothing*'")
      expectOneLine(try tool.run("inspect", "--depth=-1", Self.model), "--depth is -1")
      let json = try JSON(parsing: tool.run("inspect", "--json", Self.model).output)
      let children = json["tree"]?["children"]?.arrayValue ?? []
      let total = children.reduce(0) { $0 + ($1["bytes"]?.intValue ?? 0) }
      #expect(total == json["tree"]?["bytes"]?.intValue && total == json["byte_count"]?.intValue)
    }
  }

  @Test func statisticsOfAnIngotAreReadFromItsIndex() throws {
    try Tool.inFolder { tool in
      #expect(try tool.run("convert", "-q", Self.model, "-o", "m.ingot").status == 0)
      let known = try JSON(parsing: tool.run("inspect", "--json", "--stats", "m.ingot").output)
      let read = try JSON(
        parsing: tool.run("inspect", "--json", "--stats", "--filter", "unet.*", Self.model).output)
      #expect(known["bytes_read"] == 0)
      #expect((read["bytes_read"]?.intValue ?? 0) > 0)
      let all = known["statistics"]?.arrayValue ?? []
      for tensor in read["statistics"]?.arrayValue ?? [] {
        #expect(all.contains(tensor), "\(tensor["name"] ?? .null)")
      }
      let table = try tool.run("inspect", "--stats", "m.ingot").output
      #expect(table.contains("tensor ") && table.contains("  std  "))
    }
  }

  @Test(arguments: ["q8_0", "q4_0"])
  func quantisedTensorsHaveStatisticsToo(type: String) throws {
    try Tool.inFolder { tool in
      for (path, format) in [("m.gguf", "GGUF"), ("m.ingot", "ingot")] {
        #expect(
          try tool.run(
            "convert", "-q", Self.fixture("digits/digits.ckpt"), "-o", path, "--dtype", type
          ).status == 0)
        let json = try JSON(parsing: tool.run("inspect", "--json", "--stats", path).output)
        let tensors = json["statistics"]?.arrayValue ?? []
        let blocks = tensors.filter { $0["dtype"]?.stringValue == type }
        #expect(blocks.count > 100, "\(format)")
        #expect(
          blocks.allSatisfy {
            ($0["std"]?.doubleValue ?? 0) > 0 && $0["non_finite"] == 0
          }, "\(format)")
        if path == "m.ingot" { #expect(json["bytes_read"] == 0) }
      }
      let detail = try tool.run(
        "inspect", "--tensor", "unet.mid_block.attentions.0.proj_in.weight", "m.gguf"
      ).output
      #expect(detail.contains("\nmin -") && detail.contains("###"))
    }
  }

  @Test func oneTensorIsShownClosely() throws {
    try Tool.inFolder { tool in
      for name in ["unet.conv_in.weight", "model.diffusion_model.input_blocks.0.0.weight"] {
        let outcome = try tool.run("inspect", "--tensor", name, Self.model)
        #expect(outcome.output.hasPrefix("unet.conv_in.weight: "))
        #expect(outcome.output.contains("\nfirst values: "))
        #expect(outcome.output.contains("###"))
      }
      let drawn = try tool.run(
        "inspect", "--tensor", "unet.conv_in.weight", "--png", "k.png", Self.model)
      #expect(drawn.output.contains("\ndrawn: "))
      #expect(tool.contents == ["k.png"])
      expectOneLine(
        try tool.run("inspect", "--png", "k.png", Self.model), "--png draws what --tensor names")
      expectOneLine(
        try tool.run("inspect", "--tensor", "unet.conv_in", Self.model),
        "has no tensor 'unet.conv_in', perhaps 'unet.conv_in.bias', 'unet.conv_in.weight'")
    }
  }

  @Test func hashesHealthAndCatalogAnswer() throws {
    try Tool.inFolder { tool in
      let added = try tool.run("catalog", "add", "known.json", Self.model, "--name", "small one")
      #expect(added.status == 0, "\(added.errors)")
      #expect(added.output.contains("small one vae "))
      let outcome = try tool.run(
        "inspect", "-q", "--hashes", "--health", "--catalog", "known.json", Self.model)
      #expect(outcome.output.contains("  AutoV3 "))
      #expect(outcome.output.contains("the same as small one\n"))
      #expect(outcome.output.contains("\nhealth: "))
      let json = try JSON(parsing: tool.run("inspect", "--hashes", "--json", Self.model).output)
      let digests = json["tensor_fingerprints"]
      let detail = try JSON(
        parsing: tool.run("inspect", "--tensor", "unet.conv_in.bias", "--json", Self.model).output)
      #expect(digests?["unet.conv_in.bias"] == detail["tensor"]?["digest"])
      let listed = try tool.run(
        "inspect", "--hashes", "--filter", "unet.conv_in.bias", Self.model
      ).output
      #expect(listed.contains(digests?["unet.conv_in.bias"]?.stringValue ?? "-"))
      expectOneLine(
        try tool.run("inspect", "--catalog", "no.json", Self.model), "no.json: no such file")
      _ = try tool.write("bad.json", Data("{}".utf8))
      expectOneLine(
        try tool.run("inspect", "--catalog", "bad.json", Self.model),
        "bad.json: no list 'components'")
    }
  }

  @Test func usageErrorsEndWithTwo() throws {
    try Tool.inFolder { tool in
      for arguments in [
        ["inspect"], ["inspect", "a", "b"], ["no-such"], ["inspect", "a", "--no"],
      ] {
        let outcome = try tool.run(arguments)
        #expect(outcome.status == 2, "\(arguments)")
        #expect(outcome.output == "")
        #expect(outcome.errors.hasPrefix("assay: "), "\(outcome.errors)")
      }
    }
  }

  @Test func helpAndVersionSucceed() throws {
    try Tool.inFolder { tool in
      let help = try tool.run("--help")
      #expect(help.status == 0)
      #expect(help.output.contains("inspect"))
      #expect(help.errors == "")
      let version = try tool.run("--version")
      #expect(version.status == 0)
      #expect(version.output == "0.1.0\n")
    }
  }
}
