internal import DiffusionModels
internal import KeyLayouts
internal import Numerics
internal import TensorCore

extension Validator {
  /// The last hidden state of recorded token ids.
  func checkTextEncoder() throws -> [Check] {
    let ids = try reference.integers("clip/ids", shape: [nil, nil])
    let encoder = try CLIPTextEncoder(model: model)
    let vocabulary = encoder.configuration.vocabularySize
    if let wrong = ids.values.first(where: { !(0..<vocabulary).contains($0) }) {
      throw unusable("clip/ids", "token \(wrong) is outside the vocabulary of \(vocabulary)")
    }
    let positions = encoder.configuration.positions
    guard (1...positions).contains(ids.shape[1]) else {
      throw unusable("clip/ids", "\(ids.shape[1]) positions, the model has \(positions)")
    }
    let tokens = (0..<ids.shape[0]).map { row in
      Array(ids.values[row * ids.shape[1]..<(row + 1) * ids.shape[1]])
    }
    let trace = try TraceComparison(
      reference: reference, prefix: "clip/trace/", bound: .textEncoder)
    let (hidden, seconds) = try timed {
      try encoder.encode(tokens: tokens, trace: trace.isEmpty ? nil : trace.add)
    }
    let comparison = try compare(hidden, with: "clip/hidden")
    return [
      Check(
        name: "last hidden state", comparison: comparison, bound: .textEncoder,
        firstBlock: Bound.textEncoder.accepts(comparison) ? nil : trace.firstDifference,
        seconds: seconds)
    ]
  }
}
