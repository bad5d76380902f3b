internal import DiffusionModels
internal import KeyLayouts
internal import Numerics
internal import TensorCore

extension Validator {
  /// The last hidden state of recorded token ids.
  func checkTextEncoder() throws -> [Check] {
    let ids = try reference.integers("clip/ids", shape: [nil, nil])
    let encoder = try CLIPTextEncoder(model: model)
    let tokens = (0..<ids.shape[0]).map { row in
      Array(ids.values[row * ids.shape[1]..<(row + 1) * ids.shape[1]])
    }
    let trace = try TraceComparison(
      reference: reference, prefix: "clip/trace/", bound: .textEncoder)
    let hidden: Tensor
    let seconds: Double
    do {
      (hidden, seconds) = try timed {
        try encoder.encode(tokens: tokens, trace: trace.isEmpty ? nil : trace.add)
      }
    } catch let error as TokenError {
      throw ReferenceError(
        path: reference.path, problem: .unusable(tensor: "clip/ids", problem: error.problem))
    }
    let comparison = try compare(hidden, with: "clip/hidden")
    return [
      check(
        "last hidden state", comparison, bound: .textEncoder, component: "text_encoder",
        trace: trace, seconds: seconds)
    ]
  }
}
