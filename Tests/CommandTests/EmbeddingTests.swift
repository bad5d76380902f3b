import Foundation
import TensorCore
import Testing

@Suite struct EmbeddingTests {
  private static let folder = Tool.fixtures.appending(path: "embeddings")

  private static func path(_ name: String) -> String {
    folder.appending(path: name).path(percentEncoded: false)
  }

  private static let expected: JSONObject = {
    let data = (try? Data(contentsOf: folder.appending(path: "expected.json"))) ?? Data()
    return (try? JSON(parsing: Array(data)))?.objectValue ?? [:]
  }()

  @Test(arguments: expected.keys)
  func inspectShowsVectorsAndWidths(name: String) throws {
    let expected = try #require(Self.expected[name])
    try Tool.inFolder { tool in
      let outcome = try tool.run("inspect", "--json", Self.path(name))
      let found = try JSON(parsing: outcome.output)["textual_inversion"]
      let embedding = try #require(found?["embeddings"]?.arrayValue?.first)
      let parts = embedding["parts"]?.arrayValue ?? []
      #expect(parts.allSatisfy { $0["vectors"] == expected["vectors"] })
      let widths = parts.map { ($0["label"]?.stringValue ?? "", $0["width"] ?? .null) }
      #expect(JSON.object(JSONObject(widths)) == expected["widths"])
      // diffusers' token, where the file says one.
      let token = expected["diffusers"]?.stringValue?.split(separator: " ").first.map(String.init)
      if let token, token.hasSuffix("red-three") || token == "<red-three>" {
        #expect(embedding["token"]?.stringValue == token)
      }
    }
  }

  @Test func inspectSaysItInWords() throws {
    try Tool.inFolder { tool in
      let outcome = try tool.run("inspect", Self.path("a1111.pt"))
      #expect(
        outcome.output.contains(
          "\ntextual inversion 'red-three' (A1111 form): 3 vectors of 12 "
            + "(no published text encoder has this width)\n"))
      #expect(!outcome.output.contains("not a model of a known family"))
      let bundle = try tool.run("inspect", Self.path("bundled.safetensors"))
      #expect(bundle.output.contains("\nbundled embedding 'red-three': 3 vectors of 12 "))
    }
  }

  @Test func convertReportsWhatItMade() throws {
    try Tool.inFolder { tool in
      let outcome = try tool.run("convert", Self.path("a1111.pt"), "-o", "x.safetensors")
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(outcome.errors == "")
      #expect(
        outcome.output.hasSuffix(
          "x.safetensors: safetensors, diffusers form, token 'red-three', vectors: 3 of 12 as "
            + "'red-three'\n"))
      let json = try JSON(
        parsing: tool.run(
          "convert", "x.safetensors", "-o", "y.pt", "--dtype", "f16", "--token", "other", "--json"
        ).output)
      #expect(json["output"]?["token"] == "other")
      #expect(json["tensors"]?.arrayValue?.first?["dtype"] == "f16")
      let renamed = try tool.run("inspect", "y.pt")
      #expect(renamed.output.contains("textual inversion 'other' (A1111 form)"))
    }
  }

  @Test func openChoicesAndWrongFormsAreOneLine() throws {
    try Tool.inFolder { tool in
      let sdxl = Self.path("sdxl.safetensors")
      expectOneLine(
        try tool.run("convert", sdxl, "-o", "x.pt", "--embedding-form", "a1111"),
        "choose with --encoder")
      expectOneLine(
        try tool.run("convert", sdxl, "-o", "x.pt", "--embedding-form", "bundled"),
        "--embedding-form is bundled, expected a1111, diffusers or sdxl")
      #expect(tool.contents == [])
    }
  }
}
