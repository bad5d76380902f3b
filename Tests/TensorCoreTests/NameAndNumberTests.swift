import TensorCore
import Testing

@Suite struct NameAndNumberTests {
  @Test(arguments: [
    ("conv_in.weight", ["conv_in", "weight"]), ("weight", ["weight"]), ("", [""]),
    (".a..b.", ["", "a", "", "b", ""]), ("größe.é", ["größe", "é"]),
  ])
  func namesPartAtTheirDots(name: String, parts: [String]) {
    #expect(name.dottedParts.map(String.init) == parts)
    #expect(String(name.firstComponent) == parts.first)
    #expect(String(name.lastComponent) == parts.last)
  }

  @Test func aNameClimbsFromModuleToModule() {
    var steps: [String] = []
    var rest = "down.0.norm.weight"[...]
    while let (parent, child) = rest.lastStep {
      steps.append("\(parent)|\(child)")
      rest = parent
    }
    #expect(steps == ["down.0.norm|weight", "down.0|norm", "down|0"])
    #expect("unet.conv"[...].behind("unet.") == "conv")
    #expect("unet.conv"[...].behind("vae.") == nil)
    #expect(["0", "12", "9223372036854775819"].allSatisfy { $0[...].isNumber })
    #expect(["", "-1", "+1", "1x1", "x", "١"].allSatisfy { !$0[...].isNumber })
  }

  /// The digits are C's; what stands before the point is never cut.
  @Test(arguments: [
    (2368, 3, "2368"), (2368.4, 2, "2368"), (-82_432.4, 3, "-82432"), (999_999, 2, "999999"),
    (1_234_567, 3, "1.23e+06"), (123.4, 4, "123.4"), (123.44, 3, "123"), (99.96, 3, "100"),
    (0.00012345, 3, "0.000123"), (0.000012345, 3, "1.23e-05"), (0, 4, "0"), (9.6, 1, "10"),
    (9.4, 1, "9"), (0.96, 1, "1"), (.infinity, 3, "inf"), (-1e300, 2, "-1e+300"),
    (.leastNonzeroMagnitude, 4, "4.941e-324"),
  ])
  func numbersAreShort(value: Double, digits: Int, text: String) {
    #expect(value.text(digits: digits) == text)
  }

  @Test(arguments: [
    (0, "0"), (999, "999"), (2368, "2,368"), (-1000, "-1,000"), (859_520_964, "859,520,964"),
    (Int.min, "-9,223,372,036,854,775,808"),
  ])
  func countsStandInGroupsOfThree(count: Int, text: String) { #expect(count.grouped == text) }
}
