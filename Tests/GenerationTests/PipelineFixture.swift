import Generation
import KeyLayouts
import Schedulers
import TensorCore
import TestSupport
import Testing

/// The random model of `Fixtures/models/make_pipeline.py` and what diffusers drew with it.
struct PipelineFixture: Sendable {
  struct Case: Sendable {
    let number: Int
    let request: GenerationRequest
  }

  let model: CanonicalModel
  let cases: [Case]

  static let shared: PipelineFixture = {
    do { return try PipelineFixture() } catch {
      preconditionFailure("the fixture cannot be read: \(error)")
    }
  }()

  private init() throws {
    let pipeline = try PipelineModel()
    model = pipeline.model
    let list = try JSON(parsing: pipeline.metadata["cases"]?.stringValue ?? "").arrayValue ?? []
    cases = try list.enumerated().map { number, entry in
      func integer(_ key: String) throws -> Int { try #require(entry[key]?.intValue) }
      return Case(
        number: number,
        request: GenerationRequest(
          prompt: try #require(entry["prompt"]?.stringValue),
          negativePrompt: try #require(entry["negative_prompt"]?.stringValue),
          steps: try integer("steps"),
          guidanceScale: Float(try #require(entry["guidance_scale"]?.doubleValue)),
          seed: UInt64(try integer("seed")), width: try integer("width"),
          height: try integer("height"),
          scheduler: entry["scheduler"]?.stringValue.flatMap(SchedulerKind.init(rawValue:))))
    }
  }

  func bytes(_ name: String) throws -> [UInt8] {
    let index = try #require(model.tensors.tensors.firstIndex { $0.name == "reference.\(name)" })
    return try model.tensors.tensor(at: index).withBytes { bytes in
      bytes.withUnsafeBytes { Array($0) }
    }
  }

  func floats(_ name: String) throws -> [Float] {
    let bytes = try bytes(name)
    return stride(from: 0, to: bytes.count, by: 4).map { start in
      Float(bitPattern: (0..<4).reduce(0) { $0 | UInt32(bytes[start + $1]) << (8 * $1) })
    }
  }
}
