import TensorCore
import Testing

@testable import Validation

@Suite struct ReportTests {
  private let report: ValidationReport = {
    let good = Comparison(found: [1], expected: [1], shape: [1])
    let bad = Comparison(found: [1.5], expected: [1], shape: [1])
    let block = BlockDifference(block: "mid_block", comparison: bad, lastGoodBlock: "conv_in")
    return ValidationReport(
      model: "m.ingot", reference: "r.safetensors",
      verdicts: [
        ComponentVerdict(
          component: .clip,
          checks: [Check(name: "hidden", comparison: good, bound: .textEncoder, seconds: 0.25)]),
        ComponentVerdict(
          component: .unet,
          checks: [
            Check(
              name: "noise <t = 981>", comparison: bad, bound: .unet, firstBlock: block,
              seconds: 1.5)
          ]),
        ComponentVerdict(skipping: .vae, reason: "unet failed"),
      ])
  }()

  @Test func aFailedComponentFailsTheWhole() {
    #expect(!report.isPassed)
    #expect(report.verdicts[0].outcome == .passed)
    #expect(report.verdicts[1].outcome == .failed)
    let onlyGood = ValidationReport(
      model: "m", reference: "r", verdicts: [report.verdicts[0], report.verdicts[2]])
    #expect(onlyGood.isPassed)
    let nothingRun = ValidationReport(model: "m", reference: "r", verdicts: [report.verdicts[2]])
    #expect(!nothingRun.isPassed)
  }

  @Test func junitCountsAndEscapes() {
    let expected = """
      <?xml version="1.0" encoding="UTF-8"?>
      <testsuites name="assay validate" tests="3" failures="1" skipped="1" time="1.750">
        <testsuite name="clip" tests="1" failures="0" skipped="0" time="0.250">
          <testcase classname="clip" name="hidden" time="0.250"/>
        </testsuite>
        <testsuite name="unet" tests="1" failures="1" skipped="0" time="1.500">
          <testcase classname="unet" name="noise &lt;t = 981&gt;" time="1.500">\
      <failure message="noise &lt;t = 981&gt;: max abs error 0.5, relative error 0.5; \
      expected relative error &lt;= 5e-05; first block out of bound: mid_block \
      (relative error 0.5, the one before it, conv_in, is good)"/></testcase>
        </testsuite>
        <testsuite name="vae" tests="1" failures="0" skipped="1" time="0.000">
          <testcase classname="vae" name="vae"><skipped message="unet failed"/>\
      </testcase>
        </testsuite>
      </testsuites>

      """
    #expect(report.junit == expected)
  }

  @Test func jsonParsesAndHoldsTheFigures() throws {
    let json = try JSON(parsing: report.json.text(indent: 2))
    #expect(json["passed"] == false)
    let check = json["components"]?.arrayValue?[1]["checks"]?.arrayValue?[0]
    #expect(check?["max_abs_error"] == 0.5)
    #expect(check?["first_block"]?["block"] == "mid_block")
    #expect(json["components"]?.arrayValue?[2]["reason"] == "unet failed")
  }
}
