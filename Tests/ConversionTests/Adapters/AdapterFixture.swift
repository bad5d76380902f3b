import Checkpoints
import Foundation
import TensorCore
import Testing

/// Adapters of every form and what upstream makes of them (`Fixtures/adapters/make.py`).
struct AdapterFixture: Sendable, CustomTestStringConvertible {
  /// The case in `cases.json`.
  let name: String
  /// The model's file.
  let model: String
  /// The adapters' files and their strengths.
  let adapters: [(path: String, strength: Double)]

  var testDescription: String {
    "\(name): " + adapters.map { URL(filePath: $0.path).lastPathComponent }.joined(separator: ", ")
  }

  static func path(_ name: String) -> String {
    URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../../../Fixtures/\(name)").standardized.path(percentEncoded: false)
  }

  static func adapter(_ name: String) -> String { path("adapters/\(name)") }
  static func model(_ name: String) -> String { path("families/\(name).safetensors") }

  /// Every case, and once more for every other file that must give the same.
  static let all: [AdapterFixture] = {
    let data = (try? Data(contentsOf: URL(filePath: adapter("cases.json")))) ?? Data()
    let cases = (try? JSON(parsing: Array(data)))?.objectValue ?? [:]
    return cases.members.flatMap { member -> [AdapterFixture] in
      let own = (member.value["adapters"]?.objectValue?.members ?? []).map {
        (adapter($0.key), $0.value.doubleValue ?? .nan)
      }
      let others = (member.value["same"]?.arrayValue ?? []).compactMap(\.stringValue)
      let model = model(member.value["model"]?.stringValue ?? "")
      return [AdapterFixture(name: member.key, model: model, adapters: own)]
        + others.map {
          AdapterFixture(
            name: member.key, model: model, adapters: [(adapter($0), own.first?.1 ?? .nan)])
        }
    }
  }()

  /// What upstream computed, by canonical name.
  var expected: [String: FloatTensor] {
    get throws { try floats(ofFile: Self.adapter("expected/\(name).safetensors")) }
  }
}

/// A tensor's shape and values.
struct FloatTensor {
  let description: TensorDescription
  let values: [Float]
}

/// The tensors of a file by name, as floats; others are left out.
func floats(ofFile path: String) throws -> [String: FloatTensor] {
  let source = try Checkpoint.open(path: path).source
  var found: [String: FloatTensor] = [:]
  for (index, tensor) in source.tensors.enumerated() where tensor.elementType.isPlainFloat {
    let view = try source.tensor(at: index)
    let bytes = view.withBytes {
      ElementConversion.convert($0, from: tensor.elementType, to: .float32)
    }
    let values = bytes.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
    found[tensor.name] = FloatTensor(description: tensor, values: values)
  }
  return found
}
