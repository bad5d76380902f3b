import Foundation
import TensorCore
import Testing

@testable import Checkpoints

/// A tensor of bytes that follow a pattern.
func makeTensor(
  _ name: String, _ type: ElementType, _ dimensions: [Int], seed: Int = 0
) -> TensorView {
  let shape = TensorShape(dimensions)
  let count = type.byteCount(for: shape) ?? 0
  let bytes = (0..<count).map { UInt8(truncatingIfNeeded: ($0 &+ seed) &* 37 &+ ($0 &+ seed) >> 8) }
  return TensorView(
    description: TensorDescription(name: name, elementType: type, shape: shape),
    storage: ByteStorage(copying: bytes.span.bytes), byteRange: 0..<count)
}

/// Writes an ingot.
func writeIngot(
  _ tensors: [TensorView], to path: String, metadata: JSONObject = JSONObject(),
  attachments: [(String, [UInt8])] = []
) throws {
  var writer = try IngotWriter(path: path, tool: "assay test")
  for (path, bytes) in attachments { try writer.attach(path, bytes: bytes) }
  try writer.begin(tensors: tensors.map(\.description), metadata: metadata)
  for tensor in tensors { try writer.append(tensor) }
  try writer.finish()
}

/// One tensor of every element type, and the odd shapes and names.
func makeVariety() -> [TensorView] {
  var tensors = ElementType.allCases.enumerated().map { index, type in
    makeTensor("type.\(type)", type, [3, max(type.blockElements, 5 * 4)], seed: index)
  }
  tensors = tensors.filter { $0.elementType.byteCount(for: $0.shape) != nil }
  tensors += [
    makeTensor("scalar", .float32, []),
    makeTensor("empty", .float16, [4, 0, 2]),
    makeTensor("eight", .int8, [1, 2, 1, 2, 1, 2, 1, 2], seed: 3),
    makeTensor("größe.権重.🧱", .float32, [2, 2], seed: 9),
    makeTensor("", .uint8, [1], seed: 11),
    makeTensor("large.a", .float16, [128, 300], seed: 5),
    makeTensor("large.tied", .float16, [300, 128], seed: 5),
    makeTensor("a.last", .float32, [7], seed: 21),
  ]
  return tensors
}

extension TensorView {
  var bytes: [UInt8] { withBytes { $0.array } }
}
