import Conversion
import Foundation
import Inspection
import TensorCore
import Testing

/// `Fixtures/diff` against NumPy's figures.
@Suite struct DiffFigureTests {
  private static let expected: JSONObject = {
    let data = FileManager.default.contents(atPath: ModelEdit.path("diff/expected.json"))
    return (try? JSON(parsing: Array(data ?? Data())))?.objectValue ?? [:]
  }()

  private static let names = expected["tensors"]?.objectValue?.keys ?? []

  /// The tensors as `assay diff --json` has them.
  private static let found: [String: JSON] = {
    let sides = ["a", "b"].compactMap { side in
      try? DiffSide(ModelReader.open(path: ModelEdit.path("diff/\(side).safetensors")))
    }
    let tolerance = expected["tolerance"]?.arrayValue?.compactMap(\.doubleValue) ?? []
    guard sides.count == 2, tolerance.count == 2,
      let diff = try? ModelDiff(
        sides[0], sides[1], tolerance: Tolerance(absolute: tolerance[0], relative: tolerance[1]))
    else { return [:] }
    let tensors = diff.json["tensors"]?.arrayValue ?? []
    return Dictionary(
      tensors.map { ($0["name"]?.stringValue ?? "", $0) }, uniquingKeysWith: { first, _ in first })
  }()

  @Test(arguments: names)
  func figuresAreNumPys(name: String) throws {
    let figures = try #require(Self.expected["tensors"]?[name]?.objectValue)
    let found = try #require(Self.found[name])
    for (key, value) in figures.members.map({ ($0.key, $0.value) }) {
      guard let number = value.doubleValue else {
        // What JSON has no number for: no cosine with zero, an infinite relative norm.
        #expect(found[key]?.doubleValue.map { !$0.isFinite } ?? true, "\(key)")
        continue
      }
      let mine = try #require(found[key]?.doubleValue, "\(key)")
      // Both sum in another order; NumPy in extended precision.
      let bound = 1e-12 * max(abs(number), abs(mine))
      #expect(abs(mine - number) <= bound, "\(key): \(mine), NumPy \(number)")
    }
  }

  @Test(arguments: [
    ("same", "same", [] as [String]), ("single-brain", "rounded", ["to bf16"]),
    ("half-brain", "rounded", ["both"]), ("through-brain", "rounded", ["to bf16"]),
    ("double-half", "rounded", ["to f16", "to f32"]), ("eight-bits", "rounded", ["to f8_e4m3fn"]),
    ("eight-bits-wide", "rounded", ["to f8_e5m2"]), ("single", "changed", []),
    ("half-single", "changed", []), ("odd", "changed", []), ("whole-wide", "near", []),
    ("zero", "same", []), ("none", "same", []),
  ])
  func roundingsAreTold(name: String, state: String, roundings: [String]) throws {
    let found = try #require(Self.found[name])
    #expect(found["state"]?.stringValue == state)
    #expect(found["roundings"]?.arrayValue?.compactMap(\.stringValue) ?? [] == roundings)
  }
}
