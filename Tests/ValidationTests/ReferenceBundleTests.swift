import Foundation
import KeyLayouts
import TensorCore
import Testing

@testable import Validation

@Suite struct ReferenceBundleTests {
  private func message(_ body: () throws -> Void) -> String {
    do {
      try body()
      return "no error"
    } catch {
      return "\(error)"
    }
  }

  private func withFile(
    _ change: (inout ReferenceFile) -> Void, _ body: (String) throws -> Void
  ) throws {
    var file = ReferenceFile()
    file.add("clip/hidden", shape: [1, 2, 2], floats: [1, 2, 3, 4])
    file.add("clip/ids", shape: [1, 3], integers: [49406, 7, 49407])
    change(&file)
    let path = try file.write()
    defer { try? FileManager.default.removeItem(atPath: path) }
    try body(path)
  }

  @Test func valuesAreReadWithTheirShapes() throws {
    try withFile({ _ in }) { path in
      let bundle = try ReferenceBundle(path: path)
      #expect(bundle.model == "some-model")
      #expect(bundle.components == ["tokenizer", "clip"])
      #expect(bundle.versions == ["torch": "2"])
      #expect(try bundle.floats("clip/hidden", shape: [nil, 2, 2]).values == [1, 2, 3, 4])
      #expect(try bundle.integers("clip/ids", shape: [1, 3]).values == [49406, 7, 49407])
    }
  }

  @Test func aCheckpointIsNoReference() throws {
    try withFile({ $0.metadata["assay.reference"] = nil }) { path in
      #expect(
        message { _ = try ReferenceBundle(path: path) }
          == "\(path): not a reference: the metadata has no 'assay.reference' "
          + "(make one with Fixtures/capture_reference.py)")
    }
  }

  @Test func anotherVersionIsRefused() throws {
    try withFile({ $0.metadata["assay.reference"] = "2" }) { path in
      #expect(
        message { _ = try ReferenceBundle(path: path) }
          == "\(path): a reference of version 2, expected 1")
    }
  }

  @Test func missingAndMisshapenEntriesAreNamed() throws {
    try withFile({ $0.metadata["scheduler.cases"] = "[1" }) { path in
      let bundle = try ReferenceBundle(path: path)
      #expect(
        message { _ = try bundle.floats("unet/timesteps") }
          == "\(path): tensor 'unet/timesteps' is missing")
      #expect(
        message { _ = try bundle.floats("clip/hidden", shape: [nil, 77, nil]) }
          == "\(path): tensor 'clip/hidden' is [1, 2, 2], expected [*, 77, *]")
      #expect(
        message { _ = try bundle.floats("clip/ids") }
          == "\(path): tensor 'clip/ids' is i32, expected f32")
      #expect(
        message { _ = try bundle.json("generation.cases") }
          == "\(path): metadata 'generation.cases': is missing")
      #expect(
        message { _ = try bundle.cases("scheduler.cases") }
          == "\(path): metadata 'scheduler.cases': invalid JSON at byte 2: "
          + "expected ',' or ']', found the end")
    }
  }

  // MARK: - identity

  private struct OneWeight: TensorSource {
    let tensors: [TensorDescription]
    let values: [Float]

    init(_ name: String, shape: TensorShape, values: [Float]) {
      tensors = [TensorDescription(name: name, elementType: .float32, shape: shape)]
      self.values = values
    }

    func tensor(at index: Int) -> TensorView {
      let storage = values.withUnsafeBytes { ByteStorage(copying: $0.bytes) }
      return TensorView(
        description: tensors[index], storage: storage, byteRange: 0..<storage.count)
    }
  }

  private func check(_ source: OneWeight) throws -> String {
    var result = ""
    try withFile({
      $0.metadata["probes"] = #"{"text_encoder.a.weight": [2, 2]}"#
      $0.add("probe/text_encoder.a.weight", shape: [2], floats: [1, -2])
    }) { path in
      let model = CanonicalModel(
        tensors: source, configurations: [:], attachments: [:], origin: "model.ingot")
      let bundle = try ReferenceBundle(path: path)
      result = message { try ModelIdentity(reference: bundle).check(model) }
        .replacingOccurrences(of: path, with: "REF")
    }
    return result
  }

  @Test(arguments: ["text_encoder.a.weight", "text_encoder.text_model.a.weight"])
  func theSameWeightsPassUnderEitherName(name: String) throws {
    #expect(try check(OneWeight(name, shape: [2, 2], values: [1, -2, 3, 4])) == "no error")
    // As a cast to bfloat16 leaves them.
    #expect(
      try check(OneWeight(name, shape: [2, 2], values: [1.003, -2.006, 3, 4])) == "no error")
  }

  @Test func anotherModelIsRefused() throws {
    let start = "REF: was made for another model ('some-model'), not model.ingot: tensor "
    #expect(
      try check(OneWeight("text_encoder.a.weight", shape: [2, 2], values: [1, 2, 3, 4]))
        == start + "'text_encoder.a.weight' holds 2.0 in the model, -2.0 in the reference")
    #expect(
      try check(OneWeight("text_encoder.a.weight", shape: [2, 3], values: [1, 2, 3, 4, 5, 6]))
        == start + "'text_encoder.a.weight' is [2, 3] in the model, [2, 2] in the reference")
    #expect(
      try check(OneWeight("unet.b", shape: [2, 2], values: [1, 2, 3, 4]))
        == start + "'text_encoder.a.weight' is missing from the model")
  }

  // MARK: - traces

  @Test func theFirstBlockOutOfBoundIsNamed() throws {
    try withFile({
      $0.metadata["traces"] = """
        {"clip/trace/one": {"shape": [2, 2], "stride": 3},
         "clip/trace/two": {"shape": [2], "stride": 1}}
        """
      $0.add("clip/trace/one", shape: [2], floats: [1, 4])
      $0.add("clip/trace/two", shape: [2], floats: [1, 1])
    }) { path in
      let bundle = try ReferenceBundle(path: path)
      let trace = try TraceComparison(
        reference: bundle, prefix: "clip/trace/", bound: .textEncoder)
      trace.add(block: "unknown", shape: [1], values: [9])
      trace.add(block: "one", shape: [4], values: [1, 8, 9, 4])
      #expect(trace.firstDifference == nil)
      trace.add(block: "two", shape: [2], values: [1, 1.5])
      #expect(trace.firstDifference?.block == "two")
      #expect(trace.firstDifference?.lastGoodBlock == "one")
      #expect(trace.firstDifference?.comparison.relativeError == 0.5)
      #expect(trace.comparedCount == 2)
    }
  }
}
