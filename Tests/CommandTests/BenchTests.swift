import Foundation
import TensorCore
import Testing

/// `assay bench` on the small model of `Fixtures/models`.
@Suite struct BenchTests {
  @Test func everyPartIsTimed() throws {
    try Tool.inFolder { tool in
      let outcome = try tool.run(
        "bench", try tool.writeSmallModel(), "--latent-size", "8", "--repeat", "2", "--json")
      #expect(outcome.status == 0, "\(outcome.errors)")
      let results = try outcome.output.split(separator: "\n").map {
        try #require(try JSON(parsing: String($0)).objectValue)
      }
      #expect(results.map { $0["part"]?.stringValue } == ["unet", "decode", "encode", "text"])
      for result in results {
        let seconds = try #require(result["seconds"]?.arrayValue).compactMap(\.doubleValue)
        #expect(seconds.count == 2)
        #expect(seconds.allSatisfy { $0 > 0 })
        #expect(result["median"]?.doubleValue == seconds.min())
        #expect((result["peak_bytes"]?.intValue ?? 0) > 1 << 20)
      }
    }
  }

  @Test func onlyTheWantedPartIsShown() throws {
    try Tool.inFolder { tool in
      let outcome = try tool.run(
        "bench", try tool.writeSmallModel(), "--latent-size", "8", "--part", "text")
      #expect(outcome.status == 0, "\(outcome.errors)")
      #expect(outcome.output.contains("\ntext "))
      #expect(!outcome.output.contains("unet"))
    }
  }

  @Test(arguments: [("--latent-size", "0"), ("--repeat", "0"), ("--part", "scheduler")])
  func wrongOptionIsNamed(option: String, value: String) throws {
    try Tool.inFolder { tool in
      let outcome = try tool.run("bench", "model", option, value)
      #expect(outcome.status == 2)
      #expect(outcome.errors.contains(option), "\(outcome.errors)")
    }
  }

  @Test func missingModelIsNamed() throws {
    try Tool.inFolder { tool in
      expectOneLine(try tool.run("bench", "absent.ingot"), "absent.ingot")
    }
  }
}
