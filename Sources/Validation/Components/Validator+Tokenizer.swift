internal import DiffusionModels
internal import KeyLayouts
internal import TensorCore

extension Validator {
  /// Every recorded prompt must give the recorded ids, one for one.
  func checkTokenizer() throws -> [Check] {
    let key = "tokenizer.prompts"
    guard let prompts = try reference.json(key).arrayValue?.compactMap(\.stringValue),
      !prompts.isEmpty
    else {
      throw unusable(key, "expected a list of one or more strings")
    }
    let expected = try reference.integers("tokenizer/ids", shape: [prompts.count, nil])
    let length = expected.shape[1]
    let tokenizer = try CLIPTokenizer(of: model)
    let (found, seconds) = timed { prompts.map { tokenizer.encode($0).ids } }
    var remark: String?
    for (index, ids) in found.enumerated() {
      guard ids.count == length else {
        throw ReferenceError(
          path: reference.path,
          problem: .shape(
            tensor: "tokenizer/ids", expected: "[*, \(ids.count)]",
            found: TensorShape(expected.shape)))
      }
      let wanted = expected.values[index * length..<(index + 1) * length]
      if let place = zip(ids, wanted).enumerated().first(where: { $1.0 != $1.1 }), remark == nil {
        remark =
          "prompt \(index + 1), \(JSON.string(prompts[index]).text()): token \(place.offset) is "
          + "\(place.element.0), expected \(place.element.1)"
      }
    }
    let comparison = Comparison(
      found: found.flatMap(\.self).map(Float.init), expected: expected.values.map(Float.init),
      shape: expected.shape)
    return [
      Check(
        name: "ids of \(prompts.count) prompts", comparison: comparison, bound: .tokenizer,
        remark: remark, seconds: seconds)
    ]
  }
}
