import Checkpoints
import Foundation
import KeyLayouts
import TensorCore
import TestSupport

/// A checkpoint of the digits model's names and shapes with values that tell the tensors apart.
struct ModelFixture: TensorSource {
  var tensors: [TensorDescription]

  /// The tensors of the LDM layout as the training script wrote them: `Fixtures/layouts`.
  init() throws {
    let folder = URL(filePath: #filePath).deletingLastPathComponent()
    let file = folder.appending(path: "../../Fixtures/layouts/digits.json").standardized
    let value = try JSON(parsing: Array(Data(contentsOf: file)))
    tensors = (value["ldm"]?.objectValue?.members ?? []).map { member in
      let isInteger = member.key.hasSuffix("position_ids")
      return TensorDescription(
        name: member.key, elementType: isInteger ? .int64 : .float16,
        shape: TensorShape((member.value.arrayValue ?? []).compactMap(\.intValue)))
    }
  }

  /// Every tensor is a run of halves between 1 and 2 that starts at a place of its own.
  func tensor(at index: Int) throws -> TensorView {
    let tensor = tensors[index]
    let count = tensor.elementType.byteCount(for: tensor.shape) ?? 0
    var state = UInt32(truncatingIfNeeded: index &* 0x9E37_79B9)
    let bytes: [UInt8] = (0..<count).map { place in
      state = state &* 1_664_525 &+ 1_013_904_223
      return place % 2 == 0 ? UInt8(state >> 24) : 0x3C | UInt8(state >> 30)
    }
    return TensorView(
      description: tensor, storage: ByteStorage(copying: bytes.span.bytes), byteRange: 0..<count)
  }

  /// Writes the model to a file.
  func write(_ writer: consuming some CheckpointWriter & ~Copyable, metadata: JSONObject = [:])
    throws
  {
    var writer = writer
    try writer.begin(tensors: tensors, metadata: metadata)
    for index in tensors.indices { try writer.append(try tensor(at: index)) }
    try writer.finish()
  }

  /// What a trainer leaves beside the tensors.
  static let metadata: JSONObject = [
    "values": [
      "epoch": 3, "global_step": 1500, "hyper_parameters": ["image_size": 8, "timesteps": 900],
    ]
  ]
}

/// The tensors of a source by name, with their bytes.
func contents(of source: any TensorSource) throws -> [String: Content] {
  var contents: [String: Content] = [:]
  for (index, tensor) in source.tensors.enumerated() {
    let view = try source.tensor(at: index)
    contents[tensor.name] = Content(
      type: tensor.elementType, shape: tensor.shape, digest: view.withBytes { XXHash3.hash128($0) })
  }
  return contents
}

/// One tensor, comparable.
struct Content: Hashable {
  let type: ElementType
  let shape: TensorShape
  let digest: Digest128
}
