import Conversion
import TensorCore
import TestSupport
import Testing

@testable import Inspection

@Suite struct TensorDetailTests {
  /// A model of one tensor.
  private static func model(_ shape: TensorShape, _ values: [Float]) throws -> ModelEdit {
    var edit = try ModelEdit("diff/a.safetensors")
    edit.remove { $0 != "single" }
    edit.replace("single", shape: shape, with: values)
    return edit
  }

  @Test func histogramsCountEveryFiniteValue() throws {
    let values: [Float] = [-1, -0.5, 0, 0.25, 1, 1, .nan, .infinity]
    let detail = try TensorDetail(
      named: "single", in: Self.model([8], values).read, bins: 4, values: 3)
    #expect(detail.histogram?.counts == [1, 1, 2, 2])
    #expect(detail.histogram?.minimum == -1 && detail.histogram?.maximum == 1)
    #expect(detail.firstValues == [-1, -0.5, 0])
    #expect(detail.statistics?.nonFiniteCount == 2)
  }

  @Test func oneValueIsOneStep() throws {
    let detail = try TensorDetail(named: "single", in: Self.model([3], [2, 2, 2]).read, bins: 4)
    #expect(detail.histogram?.counts == [3, 0, 0, 0])
    let none = try TensorDetail(named: "single", in: Self.model([1], [.nan]).read)
    #expect(none.histogram == nil && none.firstValues.count == 1)
  }

  @Test func absentTensorsAreAnErrorWithAHint() throws {
    let error = #expect(throws: InspectionError.self) {
      try TensorDetail(named: "sing", in: Self.model([1], [0]).read)
    }
    #expect(error?.problem == "has no tensor 'sing', perhaps 'single'")
  }

  @Test func heatMapsAreRedAboveAndBlueBelow() throws {
    let raster = try TensorRaster(
      ofTensorNamed: "single", in: Self.model([2, 2], [1, -1, 0, .nan]).read)
    // A cell is 16 pixels wide.
    #expect(raster.width == 32 && raster.height == 32)
    func pixel(_ x: Int, _ y: Int) -> [UInt8] {
      Array(raster.pixels[3 * (y * 32 + x)..<3 * (y * 32 + x) + 3])
    }
    #expect(pixel(0, 0) == [255, 0, 0] && pixel(31, 15) == [0, 0, 255])
    #expect(pixel(0, 31) == [255, 255, 255] && pixel(31, 31) == [0, 0, 0])
    #expect(raster.legend == "2 x 2 values, each cell is a value")
  }

  @Test func manyValuesShareCells() throws {
    var values = [Float](repeating: 0.01, count: 3000 * 2)
    values[2 * 1000] = -1
    let raster = try TensorRaster(
      ofTensorNamed: "single", in: Self.model([3000, 2], values).read)
    #expect(raster.height == 1000 && raster.width == 2)
    #expect(raster.legend == "3000 x 2 values, each cell is the largest of 3 x 1 values")
    let row = 1000 / 3
    #expect(Array(raster.pixels[6 * row..<6 * row + 3]) == [0, 0, 255])
  }

  @Test func kernelsStandSideBySide() throws {
    let values = (0..<2 * 3 * 9).map { Float($0) - 27 }
    let raster = try TensorRaster(
      ofTensorNamed: "single", in: Self.model([2, 3, 3, 3], values).read)
    // Three kernels of three cells of four pixels, and two gaps of two.
    #expect(raster.width == 3 * 12 + 2 * 2 && raster.height == 2 * 12 + 2)
    #expect(raster.legend.hasPrefix("all 2 x 3 kernels of 3 x 3"))
    // The gap is neither red nor blue.
    #expect(Array(raster.pixels[3 * 12..<3 * 13]) == [0xD0, 0xD0, 0xD0])
  }

  /// A tensor that goes into several has no canonical name, and is shown as the file has it.
  @Test func aFusedTensorIsShownByItsOwnName() throws {
    let model = try ModelReader.open(path: FixtureFile.path("families/sd21-base.safetensors"))
    let name = "cond_stage_model.model.transformer.resblocks.0.attn.in_proj_weight"
    let (view, _) = try TensorDetail.view(named: name, in: model)
    #expect(view.name == name && view.shape == [48, 16])
  }
}
