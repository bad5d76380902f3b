import Checkpoints
import Conversion
import Foundation
import Inspection
import TensorCore

/// A model with some of its tensors changed, left out, renamed or added.
struct ModelEdit: TensorSource {
  private var views: [TensorView]

  /// The tensors of a fixture: `families/sd15.safetensors`.
  init(_ fixture: String) throws {
    let source = try Checkpoint.open(path: Self.path(fixture)).source
    views = try source.tensors.indices.map { try source.tensor(at: $0) }
  }

  /// The tensors of any source.
  init(_ source: any TensorSource) throws {
    views = try source.tensors.indices.map { try source.tensor(at: $0) }
  }

  static func path(_ fixture: String) -> String {
    URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../../Fixtures/\(fixture)").standardizedFileURL
      .path(percentEncoded: false)
  }

  var tensors: [TensorDescription] { views.map(\.description) }

  func tensor(at index: Int) throws -> TensorView { views[index] }

  /// Changes the numbers of the tensors that a condition chooses. The generator is the same for
  /// equal names.
  mutating func change(
    where isChosen: (String) -> Bool, _ body: (inout [Float], inout SplitMix) -> Void
  ) {
    for (index, view) in views.enumerated() where isChosen(view.name) {
      guard view.elementType.isPlainFloat else { continue }
      var values = view.numbers
      var generator = SplitMix(state: view.name.utf8.reduce(7) { $0 &* 31 &+ UInt64($1) })
      body(&values, &generator)
      views[index] = Self.view(values, view.description)
    }
  }

  /// Adds normal noise of a size to the tensors that a condition chooses.
  mutating func addNoise(_ size: Float, where isChosen: (String) -> Bool) {
    change(where: isChosen) { values, generator in
      for index in values.indices { values[index] += size * generator.normal() }
    }
  }

  /// Stores all floats in another type.
  mutating func cast(to type: ElementType) {
    views = views.map { view in
      guard view.elementType.isPlainFloat else { return view }
      var description = view.description
      description.elementType = type
      return Self.view(view.numbers, description)
    }
  }

  mutating func remove(where isChosen: (String) -> Bool) {
    views.removeAll { isChosen($0.name) }
  }

  mutating func rename(_ old: String, to new: String) {
    views = views.map { view in
      guard view.name == old else { return view }
      var description = view.description
      description.name = new
      return view.described(as: description)
    }
  }

  mutating func replace(_ name: String, shape: TensorShape, with values: [Float]) {
    views = views.map { view in
      guard view.name == name else { return view }
      return Self.view(
        values,
        TensorDescription(name: name, elementType: view.elementType, shape: shape))
    }
  }

  func numbers(of name: String) -> [Float] {
    views.first { $0.name == name }?.numbers ?? []
  }

  mutating func add(_ tensor: TensorDescription, _ values: [Float]) {
    views.append(Self.view(values, tensor))
  }

  /// The model as if it had been opened.
  var read: ReadModel { read("edited") }

  private func read(_ path: String) -> ReadModel {
    ReadModel(Checkpoint(path: path, format: .safetensors, source: self, metadata: JSONObject()))
  }

  /// The model as one side of a comparison.
  func side(_ path: String = "edited") throws -> DiffSide { try DiffSide(read(path)) }

  private static func view(_ values: [Float], _ description: TensorDescription) -> TensorView {
    let bytes = values.withUnsafeBytes {
      ElementConversion.convert($0.bytes, from: .float32, to: description.elementType)
    }
    return TensorView(
      description: description, storage: ByteStorage(copying: bytes.span.bytes),
      byteRange: 0..<bytes.count)
  }
}

extension TensorView {
  /// The numbers of a tensor of floats.
  var numbers: [Float] {
    withBytes { bytes in
      [Float](unsafeUninitializedCapacity: shape.elementCount) { buffer, count in
        ElementConversion.toFloats(
          bytes, type: elementType, into: .init(rebasing: buffer[..<shape.elementCount]))
        count = shape.elementCount
      }
    }
  }
}

/// Random numbers that are the same everywhere (Steele, Lea and Flood 2014).
struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
    return mixed ^ mixed >> 31
  }

  /// About normal: the sum of twelve uniforms less six.
  mutating func normal() -> Float {
    (0..<12).reduce(-6) { sum, _ in sum + Float(next() >> 40) / Float(1 << 24) }
  }
}
