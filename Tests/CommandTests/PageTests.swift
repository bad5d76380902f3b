import Foundation
import TestSupport
import Testing

/// `--html` of the commands; `.ci/pages` opens the pages in a browser.
@Suite struct PageCommandTests {
  private let scratch: ScratchFolder
  private let sd15 = FixtureFile.path("families/sd15.safetensors")

  init() throws { scratch = try ScratchFolder() }

  private func page(_ arguments: [String], exit: Int32) throws -> String {
    let path = scratch.path("page.html")
    let outcome = try Tool().run(arguments + ["--html", path])
    #expect(outcome.status == exit, "\(outcome.errors)")
    return try String(contentsOf: URL(filePath: path), encoding: .utf8)
  }

  @Test func inspectWritesEveryTensor() throws {
    let html = try page(["inspect", "-q", sd15, "--stats"], exit: 0)
    #expect(html.contains("Stable Diffusion 1.x in ldm names"))
    #expect(html.contains("unet.conv_in.weight"))
    #expect(html.contains("<span class=\"name\">unet</span>"))
    #expect(html.contains("NaN/inf"))
    let close = try page(["inspect", "-q", sd15, "--tensor", "unet.conv_in.weight"], exit: 0)
    #expect(close.contains("values of unet.conv_in.weight") && close.contains("first values"))
  }

  @Test func diffPutsTheMostChangedTensorFirst() throws {
    let other = FixtureFile.path("families/sd15-inpainting.safetensors")
    let html = try page(["diff", "-q", sd15, other], exit: 1)
    #expect(html.contains("class=\"verdict notable\""))
    #expect(html.contains("[8, 4, 3, 3] → [8, 9, 3, 3]"))
    let same = try page(["diff", "-q", sd15, sd15], exit: 0)
    #expect(same.contains("class=\"verdict good\""))
  }

  /// No block of another shape looks like one that did not change.
  @Test func diffHatchesWhatItCannotCompare() throws {
    let other = FixtureFile.path("families/sd21-base.safetensors")
    let html = try page(["diff", "-q", sd15, other], exit: 1)
    #expect(html.contains("cell none other-shape\" title=\"text_encoder layers.0: 0 of 16 tensors"))
    #expect(html.contains("16 of another shape\">layers.0</span>"))
    #expect(!html.contains("<small>0</small>"))
    let table = try Tool().run(["diff", sd15, other]).output
    let rows = table.split(separator: "\n").filter { $0.hasPrefix("text_encoder layers.0 ") }
    #expect(
      rows.map { $0.split(separator: " ") } == [
        ["text_encoder", "layers.0", "16", "0", "0", "16", "0", "0"]
      ])
    let markdown = try Tool().run(["diff", "--markdown", sd15, other]).output
    #expect(markdown.contains("| misshapen |") && markdown.contains("\nof another shape: `"))
  }

  @Test func inspectCountsParametersInWholeNumbers() throws {
    let html = try page(["inspect", "-q", sd15], exit: 0)
    #expect(html.range(of: "<small>[0-9.]+e[+]", options: .regularExpression) == nil)
    #expect(html.contains("tensors, ") && html.contains(" parameters\">"))
  }

  @Test func aPageThatCannotBeWrittenIsRefusedFirst() throws {
    let path = scratch.path("no/page.html")
    for arguments in [
      ["diff", sd15, sd15, "--html", path], ["inspect", sd15, "--html", path],
      ["inspect", sd15, "--tensor", "unet.conv_in.weight", "--png", path],
      ["catalog", "add", path, sd15],
    ] {
      let outcome = try Tool().run(arguments)
      #expect(outcome.status == 2)
      #expect(outcome.errors.contains("no/page.html"))
      #expect(outcome.output.isEmpty)
    }
  }
}
