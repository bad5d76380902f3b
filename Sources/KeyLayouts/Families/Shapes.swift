internal import TensorCore

/// A growing list of the tensors that a component must have.
struct Shapes {
  private(set) var list: [(name: String, shape: TensorShape)] = []
  private let prefix: String

  init(prefix: String) { self.prefix = prefix }

  /// A module with a weight and a bias (of the weight's first extent).
  mutating func module(_ name: String, _ weight: [Int], hasBias: Bool = true) {
    list.append((prefix + name + ".weight", TensorShape(weight)))
    if hasBias { list.append((prefix + name + ".bias", TensorShape([weight[0]]))) }
  }

  /// A residual block; `time` is the width of the time embedding.
  mutating func resnet(_ name: String, from input: Int, to output: Int, time: Int? = nil) {
    module("\(name).norm1", [input])
    module("\(name).conv1", [output, input, 3, 3])
    if let time { module("\(name).time_emb_proj", [output, time]) }
    module("\(name).norm2", [output])
    module("\(name).conv2", [output, output, 3, 3])
    if input != output { module("\(name).conv_shortcut", [output, input, 1, 1]) }
  }
}

/// The shapes of the tensors at hand, by canonical name.
struct Measures {
  private let shapes: [String: TensorShape]
  private let toSource: RuleTable

  init(_ tensors: [TensorDescription], toSource: RuleTable) {
    self.toSource = toSource
    shapes = Dictionary(tensors.map { ($0.name, $0.shape) }, uniquingKeysWith: { $1 })
  }

  /// One extent of a tensor.
  ///
  /// - Throws: `LayoutError` when the tensor is missing or has not so many dimensions.
  func extent(_ dimension: Int, of name: String) throws(LayoutError) -> Int {
    // Widths beyond any real model would only make the list of expected tensors overflow.
    guard let shape = shapes[name], shape.rank > dimension,
      (1...1 << 20).contains(shape[dimension])
    else {
      throw LayoutError(.noMeasure(sourceName(of: name), found: shapes[name]))
    }
    return shape[dimension]
  }

  /// What the file calls a tensor.
  func sourceName(of name: String) -> String {
    let canonical = TensorDescription(name: name, elementType: .float32, shape: [])
    return toSource.target(of: canonical)?.name ?? name
  }

  func has(_ name: String) -> Bool { shapes[name] != nil }

  /// The last extent of a tensor, if it is there and has one.
  func last(of name: String) -> Int? { shapes[name]?.last }

  /// The number of dimensions of a tensor, if it is there.
  func rank(of name: String) -> Int? { shapes[name]?.rank }
}
