import KeyLayouts
import TensorCore
import Testing

@Suite struct StableDiffusion1Tests {
  @Test(arguments: ["digits", "sd15"])
  func originalNamesBecomeThoseThatDiffusersSaves(name: String) throws {
    let fixture = try LayoutFixture(name)
    let original = try LayoutReading(of: fixture.ldm)
    let saved = try LayoutReading(of: fixture.diffusers)
    #expect(original.detection.layout == .ldm)
    #expect(saved.detection.layout == .diffusers)
    #expect(original.ledger.isClean, "\(original.ledger.summary)")
    #expect(saved.ledger.isClean, "\(saved.ledger.summary)")
    let targets = Set(original.ledger.mapped.map(\.target))
    #expect(targets == Set(saved.ledger.mapped.map(\.target)))
    #expect(targets.count > 600)
  }

  @Test(arguments: ["digits", "sd15"])
  func everyMappedTensorFindsItsWayBack(name: String) throws {
    let fixture = try LayoutFixture(name)
    let reading = try LayoutReading(of: fixture.ldm)
    let canonical = reading.ledger.mapped.map(\.target)
    let back = try LayoutReading.ledger(writing: canonical, as: .ldm)
    #expect(back.unexplained.isEmpty)
    #expect(back.mapped.map(\.target) == reading.ledger.mapped.map { fixture.ldm[$0.index] })
  }

  @Test(arguments: ["digits", "sd15"])
  func derivedConfigurationsAgreeWithSavedOnes(name: String) throws {
    let fixture = try LayoutFixture(name)
    let reading = try LayoutReading(of: fixture.ldm, metadata: fixture.metadata)
    // Fields that state the writing library's version or the era of its spelling; the published
    // scheduler of SD 1.5 says `clip_sample`, which today's PNDM class no longer saves.
    let versions = ["torch_dtype", "dropout", "_class_name", "clip_sample"]
    for component in ["unet", "vae", "text_encoder", "scheduler"] {
      let derived = try #require(reading.configurations[component])
      let saved = try #require(fixture.configurations[component]?.objectValue)
      for member in derived.members
      where member.key != "_diffusers_version"
        && !(name == "sd15" && versions.contains(member.key))
      {
        let value = try #require(saved[member.key], "\(component).\(member.key)")
        #expect(member.value == value, "\(component).\(member.key)")
      }
    }
  }

  /// diffusers overrides a `sample_size` below 64 in a U-Net's configuration that is older than its
  /// version 0.9: the digits came out at 512 x 512.
  @Test func theConfigurationIsNotOneWhoseSizeDiffusersOverrides() throws {
    let fixture = try LayoutFixture("digits")
    let reading = try LayoutReading(of: fixture.ldm, metadata: fixture.metadata)
    let unet = try #require(reading.configurations["unet"])
    #expect(unet["sample_size"] == 8)
    let version = try #require(unet["_diffusers_version"]?.stringValue)
    #expect(
      version.split(separator: ".").compactMap { Int($0) }.lexicographicallyPrecedes([0, 9])
        == false)
  }
}
