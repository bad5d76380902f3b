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

  /// Of several spellings that are read, the way back leads to one; the values are the same.
  @Test(arguments: [
    ("text_encoder/model.safetensors", "text_model.", "", 52),
    (
      "vae/diffusion_pytorch_model.safetensors", "mid_block.attentions.0.to_q.",
      "mid_block.attentions.0.query.", 4
    ),
  ])
  func anotherSpellingComesBackUnderTheUsualOne(
    file: String, usual: String, other: String, count: Int
  ) throws {
    try convert(FixtureFile.path("families/sd15.safetensors"), to: scratch.path("m"))
    let path = scratch.path("m/" + file)
    let checkpoint = try Checkpoint.open(path: path)
    let tensors = try checkpoint.source.tensors.indices.map { index in
      let view = try checkpoint.source.tensor(at: index)
      var description = view.description
      description.name = description.name.replacingOccurrences(of: usual, with: other)
      return view.described(as: description)
    }
    try write(tensors, to: scratch.path("renamed.safetensors"))
    try FileManager.default.removeItem(atPath: path)
    try FileManager.default.moveItem(atPath: scratch.path("renamed.safetensors"), toPath: path)
    let report = try convert(scratch.path("m"), to: scratch.path("s.safetensors")) {
      $0.isCertified = true
      $0.layout = .ldm
    }
    let found = try #require(report.certificate)
    #expect(found.isIdentical, "\(found.exceptions.prefix(3))")
    #expect(found.respelled == count)
    #expect(found.statement.hasSuffix(", \(count) under the usual spelling of their names"))
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
