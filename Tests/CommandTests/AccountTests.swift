import Foundation
import TensorCore
import Testing

/// `inspect --ledger` of files that no family's table maps: every tensor is told what it is.
@Suite struct AccountTests {
  private static func fixture(_ name: String) -> String {
    Tool.fixtures.appending(path: name).path(percentEncoded: false)
  }

  private func entries(_ path: String, in tool: Tool) throws -> [JSON] {
    let outcome = try tool.run("inspect", path, "--ledger", "--json")
    #expect(outcome.status == 0, "\(outcome.errors)")
    let json = try JSON(parsing: outcome.output)
    let entries = json["ledger"]?["entries"]?.arrayValue ?? []
    let names = json["tensors"]?.arrayValue?.map { $0["name"] }
    #expect(entries.map { $0["source"] } == names)
    return entries
  }

  @Test func aFamilyWithoutATableKeepsItsParts() throws {
    try Tool.inFolder { tool in
      let path = Self.fixture("doctor/unknown.safetensors")
      let entries = try entries(path, in: tool)
      #expect(entries.allSatisfy { $0["fate"] == "kept" && $0["part"] == "transformer" })
      #expect(entries.allSatisfy { $0["model"] == "FLUX.1" })
      let text = try tool.run("inspect", path, "--ledger").output
      #expect(text.contains("  transformer of FLUX.1, kept under its own name\n"))
    }
  }

  @Test(arguments: ["adapters/kohya.safetensors", "adapters/peft.safetensors"])
  func aLoRAsTensorsAreOfModules(name: String) throws {
    try Tool.inFolder { tool in
      let entries = try entries(Self.fixture(name), in: tool)
      #expect(entries.allSatisfy { $0["fate"] == "module" && $0["module"]?.stringValue != nil })
      let roles = Set(entries.compactMap { $0["role"]?.stringValue })
      #expect(roles == (name.contains("kohya") ? ["up", "down", "alpha"] : ["up", "down"]))
      let text = try tool.run("inspect", Self.fixture(name), "--ledger").output
      #expect(text.contains(" down of "))
    }
  }

  @Test(arguments: ["embeddings/a1111.pt", "embeddings/sdxl.safetensors"])
  func vectorsAreAnEmbedding(name: String) throws {
    try Tool.inFolder { tool in
      let entries = try entries(Self.fixture(name), in: tool)
      #expect(entries.allSatisfy { $0["fate"] == "embedding" && $0["vectors"] == 3 })
    }
  }

  @Test func whatNobodyKnowsIsUnexplained() throws {
    try Tool.inFolder { tool in
      let path = Self.fixture("containers/valid/shapes.safetensors")
      let entries = try entries(path, in: tool)
      #expect(entries.allSatisfy { $0["fate"] == "unexplained" })
      let text = try tool.run("inspect", path, "--ledger").output
      #expect(text.contains("  unknown\n"))
    }
  }

  @Test func aKnownFamilyHasItsLedger() throws {
    try Tool.inFolder { tool in
      let path = Self.fixture("families/sd15.safetensors")
      let entries = try entries(path, in: tool)
      #expect(entries.contains { $0["target"] == "unet.conv_in.weight" })
    }
  }
}
