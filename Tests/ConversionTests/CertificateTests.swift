import Checkpoints
import Conversion
import Foundation
import KeyLayouts
import TensorCore
import TestSupport
import Testing

@Suite struct CertificateTests {
  private let scratch: ScratchFolder

  init() throws { scratch = try ScratchFolder() }

  private func certificate(
    _ name: String, _ output: String, _ type: ElementType? = nil, layout: Layout? = nil
  ) throws -> RoundTripCertificate {
    let report = try convert(
      FixtureFile.path("families/\(name).safetensors"), to: scratch.path(output)
    ) {
      $0.isCertified = true
      $0.elementType = type
      $0.layout = layout
    }
    return try #require(report.certificate)
  }

  @Test(
    arguments: FamilyConversionTests.names, ["m.ingot", "m", "m.pt", "m.safetensors"])
  func aConversionThatLosesNothingSaysSo(name: String, output: String) throws {
    let found = try certificate(
      name, output, layout: output == "m.safetensors" ? .diffusers : nil)
    #expect(found.isIdentical, "\(found.exceptions.prefix(3))")
    #expect(found.compared > 150)
    #expect(found.statement == "converted there and back, \(found.compared) tensors identical")
  }

  /// The way back leads to diffusers' names and shapes too.
  @Test(arguments: ["sd15", "sdxl-base", "sd21-base"])
  func aModelInDiffusersNamesComesBack(name: String) throws {
    let source = scratch.path("diffusers.safetensors")
    try convert(FixtureFile.path("families/\(name).safetensors"), to: source) {
      $0.layout = .diffusers
    }
    let report = try convert(source, to: scratch.path("ldm.safetensors")) {
      $0.isCertified = true
      $0.layout = .ldm
    }
    let found = try #require(report.certificate)
    #expect(found.isIdentical, "\(found.exceptions.prefix(3))")
  }

  /// Halves survive float32 and not bfloat16.
  @Test func aCastThatRoundsIsListed() throws {
    #expect(try certificate("sdxl-base", "a.ingot", .float32).isIdentical)
    let rounded = try certificate("sdxl-base", "b.ingot", .bfloat16)
    #expect(!rounded.isIdentical)
    #expect(rounded.exceptions[0].difference.hasSuffix("values differ"))
    #expect(
      rounded.statement
        == "converted there and back, \(rounded.compared - rounded.exceptions.count) of "
        + "\(rounded.compared) tensors identical")
  }

  @Test func whatIsLeftBehindIsCounted() throws {
    let found = try certificate("sd21-base", "m")
    #expect(found.leftBehind["unused last layer"] == 12)
    #expect(found.leftBehind["schedule buffer"] == 5)
  }

  @Test(arguments: ["m.safetensors", "m.ingot", "m.pt"])
  func theStatementStandsInTheResult(output: String) throws {
    let found = try certificate("sd15", output)
    let metadata = try Checkpoint.open(path: scratch.path(output)).portableMetadata
    let text = try #require(metadata["assay.certificate"]?.stringValue)
    let statement = try JSON(parsing: Array(text.utf8))
    #expect(statement["statement"]?.stringValue == found.statement)
    #expect(statement["identical"]?.intValue == found.compared)
  }
}
