import Foundation
import TensorCore
import TestSupport
import Testing

@testable import KeyLayouts

/// The names that LDM's trainer gives averages, against those of every published U-Net.
@Suite struct FlatNameTests {
  @Test(arguments: [
    "sd15", "sd15-inpainting", "instruct-pix2pix", "sd21-v", "sd2-depth", "sdxl-base", "ssd-1b",
    "sdxl-refiner",
  ])
  func everyPublishedNameGetsItsDotsBack(family: String) throws {
    let path = FixtureFile.path("layouts/\(family).json")
    let json = try JSON(parsing: Array(Data(contentsOf: URL(filePath: path))))
    let network = "model.diffusion_model."
    let all = json.objectValue?.members.flatMap { $0.value.objectValue?.keys ?? [] } ?? []
    let names = all.filter { $0.hasPrefix(network) }.map { String($0.dropFirst(network.count)) }
    #expect(names.count > 600)
    for name in names {
      #expect(FlatName.dotted(name.filter { $0 != "." }) == name)
    }
  }

  @Test(arguments: [
    "", "weight", "12weight", "input_blocks1weight", "input_blocks11", "input_blocks11in_layers",
    "foo", "out2biasx", "out2bias2",
  ])
  func otherNamesHaveNone(name: String) {
    #expect(name == "weight" || FlatName.dotted(name) == nil)
  }
}
