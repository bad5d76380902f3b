import Checkpoints
import Conversion
import Foundation
import KeyLayouts
import TensorCore

/// Converts a model, with changes to the request.
@discardableResult
func convert(
  _ input: String, to output: String, overrides: ConfigurationOverrides = .init(),
  names: RenameRules? = nil, averages: AveragedWeights? = nil,
  _ change: (inout ConversionRequest) -> Void = { _ in }
) throws -> ConversionReport {
  var request = ConversionRequest(
    output: output, container: try .named(byOutput: output))
  change(&request)
  let model = try ModelReader.open(
    path: input, overrides: overrides, names: names, averages: averages)
  return try Converter(model, request).run()
}

/// The tensors of a file by name, with their digests.
func contents(ofFile path: String) throws -> [String: Content] {
  try contents(of: try Checkpoint.open(path: path).source)
}

/// The tensors of a model by canonical name, with their digests.
func canonicalContents(ofFile path: String) throws -> [String: Content] {
  try contents(of: try ModelReader.open(path: path).model.tensors)
}

/// A tensor of f32 values.
func tensor(_ name: String, _ shape: TensorShape, _ values: [Float]) -> TensorView {
  let bytes = values.flatMap { value in
    (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * $0)) }
  }
  return TensorView(
    description: TensorDescription(name: name, elementType: .float32, shape: shape),
    storage: ByteStorage(copying: bytes.span.bytes), byteRange: 0..<bytes.count)
}

/// Writes tensors into a safetensors file, behind those of another file.
func write(
  _ tensors: [TensorView], after input: String? = nil, metadata: JSONObject = [:],
  to path: String
) throws {
  let source = try input.map { try Checkpoint.open(path: $0).source }
  var writer = try SafetensorsWriter(path: path)
  try writer.begin(
    tensors: (source?.tensors ?? []) + tensors.map(\.description), metadata: metadata)
  for index in source?.tensors.indices ?? 0..<0 {
    if let view = try source?.tensor(at: index) { try writer.append(view) }
  }
  for tensor in tensors { try writer.append(tensor) }
  try writer.finish()
}
