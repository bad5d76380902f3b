import KeyLayouts
import TensorCore
import Testing

/// The lists of names and shapes in `Fixtures/layouts` and the family of each.
let publishedFamilies: [(name: String, family: Family)] = [
  ("digits", .stableDiffusion1), ("sd15", .stableDiffusion1),
  ("sd15-inpainting", .stableDiffusion1), ("instruct-pix2pix", .stableDiffusion1),
  ("sd21-base", .stableDiffusion2), ("sd21-v", .stableDiffusion2),
  ("sd2-inpainting", .stableDiffusion2), ("sd2-depth", .stableDiffusion2),
  ("sdxl-base", .stableDiffusionXL), ("sdxl-inpainting", .stableDiffusionXL),
  ("ssd-1b", .stableDiffusionXL), ("sdxl-refiner", .stableDiffusionXLRefiner),
  ("controlnet-sd15", .stableDiffusion1), ("controlnet-sdxl", .stableDiffusionXL),
]

/// Every published family in both layouts, at full size.
@Suite struct PublishedFamilyTests {
  @Test(arguments: publishedFamilies.map(\.name))
  func originalNamesBecomeThoseThatDiffusersSaves(name: String) throws {
    let fixture = try LayoutFixture(name)
    let original = try LayoutReading(of: fixture.ldm)
    let saved = try LayoutReading(of: fixture.diffusers)
    #expect(original.detection.layout == .ldm)
    #expect(saved.detection.layout == .diffusers)
    for reading in [original, saved] {
      #expect(reading.ledger.isClean, "\(reading.ledger.summary)")
      #expect(reading.firstGap == nil)
    }
    let targets = Set(original.ledger.targets.map(\.description)).filter {
      !$0.name.hasPrefix("original.")
    }
    #expect(targets == Set(saved.ledger.targets.map(\.description)))
    #expect(targets.count >= 340)
  }

  /// What is fused comes back whole, what is transposed twice is as it was, and what diffusers has
  /// no place for stands in its own again.
  @Test(arguments: publishedFamilies)
  func everyTensorFindsItsWayBack(name: String, family: Family) throws {
    let fixture = try LayoutFixture(name)
    let reading = try LayoutReading(of: fixture.ldm)
    let canonical = reading.ledger.targets.map(\.description)
    let back = reading.ledger.followed(
      by: try LayoutReading.ledger(writing: canonical, as: .ldm, of: family))
    let gone = Set(
      reading.ledger.entries.compactMap { entry in
        if case .ignored = entry.fate { entry.source.name } else { nil }
      })
    #expect(gone.allSatisfy { !$0.hasPrefix("model.") && !$0.hasSuffix("weight") }, "\(gone)")
    #expect(back.targets.map(\.description) == fixture.ldm.filter { !gone.contains($0.name) })
    #expect(back.targets.allSatisfy { if case .source = $0.recipe { true } else { false } })
    #expect(back.mappedCount == back.targets.count)
  }

  /// diffusers' names to the original ones and back.
  @Test(arguments: publishedFamilies)
  func savedNamesFindTheirWayBack(name: String, family: Family) throws {
    let fixture = try LayoutFixture(name)
    let reading = try LayoutReading(of: fixture.diffusers)
    let there = reading.ledger.followed(
      by: try LayoutReading.ledger(
        writing: reading.ledger.targets.map(\.description), as: .ldm, of: family))
    #expect(there.unexplained.isEmpty)
    let original = there.targets.map(\.description)
    #expect(Set(original).isSubset(of: Set(fixture.ldm)))
    let back = there.followed(by: try LayoutReading(of: original).ledger)
    #expect(Set(back.targets.map(\.description)) == Set(reading.ledger.targets.map(\.description)))
    #expect(back.targets.allSatisfy { if case .source = $0.recipe { true } else { false } })
  }

  @Test(arguments: publishedFamilies.map(\.name))
  func derivedConfigurationsAgreeWithSavedOnes(name: String) throws {
    let fixture = try LayoutFixture(name)
    for tensors in [fixture.ldm, fixture.diffusers] {
      let reading = try LayoutReading(of: tensors, metadata: fixture.metadata)
      for component in reading.components.map(\.rawValue) + ["scheduler"] {
        guard let derived = reading.configurations[component] else { continue }
        let saved = try #require(fixture.configurations[component]?.objectValue, "\(component)")
        for member in derived.members where !Self.isHistorical(member.key) {
          let value = saved[member.key]
          #expect(
            Self.means(member.value, value ?? Self.defaults[member.key]),
            "\(component).\(member.key): \(member.value)")
        }
      }
    }
  }

  /// Fields that state the writing library's version or the era of its spelling; the published
  /// schedulers say `clip_sample`, which today's PNDM class no longer saves, and SD 2.x's text
  /// encoder was published with another `projection_dim`, which nothing reads.
  private static func isHistorical(_ field: String) -> Bool {
    [
      "_diffusers_version", "torch_dtype", "dropout", "clip_sample", "projection_dim",
    ].contains(field)
  }

  private static let defaults: [String: JSON] = ["prediction_type": "epsilon"]

  /// Equal, or absent and so diffusers' default, or a list of one number for what may be one.
  private static func means(_ derived: JSON, _ saved: JSON?) -> Bool {
    derived == saved || (saved == nil && derived == .null)
      || derived.doubleValue.map { $0 == saved?.doubleValue } == true
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
