import Foundation
import TensorCore

/// Names, shapes and configurations that real tools saved (`Fixtures/layouts/make.py`).
struct LayoutFixture {
  let ldm: [TensorDescription]
  let diffusers: [TensorDescription]
  let configurations: JSONObject
  let metadata: JSONObject

  init(_ name: String) throws {
    let folder = URL(filePath: #filePath).deletingLastPathComponent()
    let file = folder.appending(path: "../../Fixtures/layouts/\(name).json").standardized
    let value = try JSON(parsing: Array(Data(contentsOf: file)))
    func tensors(_ key: String) -> [TensorDescription] {
      (value[key]?.objectValue?.members ?? []).map { member in
        TensorDescription(
          name: member.key, elementType: .float16,
          shape: TensorShape((member.value.arrayValue ?? []).compactMap(\.intValue)))
      }
    }
    ldm = tensors("ldm")
    diffusers = tensors("diffusers")
    configurations = value["configurations"]?.objectValue ?? [:]
    var facts: JSONObject = ["image_size": value["image_size"] ?? .null]
    if let type = configurations["scheduler"]?["prediction_type"]?.stringValue {
      facts["parameterization"] = type == "epsilon" ? "eps" : "v"
    }
    metadata = ["values": ["hyper_parameters": .object(facts)]]
  }
}
