internal import Checkpoints
public import TensorCore

/// What transformers and diffusers computed for one model: the file that
/// `Fixtures/capture_reference.py` writes. Its schema is documented at the top of that script.
public struct ReferenceBundle: Sendable {
  /// The path that the user gave.
  public let path: String
  /// The name of the folder or file that the reference was recorded from.
  public let model: String
  /// The versions of the libraries that ran.
  public let versions: JSONObject
  /// The recorded components, in the order of recording.
  public let components: [String]
  /// The strings of the file's metadata.
  let metadata: JSONObject

  private let source: any TensorSource
  private let places: [String: Int]

  /// Opens a reference.
  ///
  /// - Throws: the reader's error when the file is no checkpoint, `ReferenceError` when it is no
  ///   reference.
  public init(path: String) throws {
    let checkpoint = try Checkpoint.open(path: path)
    metadata = checkpoint.metadata
    guard let version = metadata["assay.reference"]?.stringValue else {
      throw ReferenceError(path: path, problem: .notAReference)
    }
    guard version == "1" else { throw ReferenceError(path: path, problem: .version(version)) }
    self.path = path
    source = checkpoint.source
    places = Dictionary(
      source.tensors.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
    model = metadata["model"]?.stringValue ?? "unknown"
    versions = try Self.json("versions", in: metadata, path: path).objectValue ?? JSONObject()
    let list = try Self.json("components", in: metadata, path: path)
    guard let names = list.arrayValue?.compactMap(\.stringValue) else {
      throw ReferenceError(
        path: path, problem: .metadata(key: "components", problem: "expected a list of names"))
    }
    components = names
  }

  /// The names of all tensors that begin with a prefix.
  func names(startingWith prefix: String) -> [String] {
    source.tensors.map(\.name).filter { $0.hasPrefix(prefix) }
  }

  /// The value of a metadata entry that holds JSON.
  func json(_ key: String) throws -> JSON {
    try Self.json(key, in: metadata, path: path)
  }

  /// The objects of a metadata entry that holds a JSON list of objects, at least one.
  func cases(_ key: String) throws -> [JSONObject] {
    guard let list = try json(key).arrayValue?.map(\.objectValue), !list.isEmpty,
      !list.contains(nil)
    else {
      throw ReferenceError(
        path: path,
        problem: .metadata(key: key, problem: "expected a list of one or more objects"))
    }
    return list.compactMap(\.self)
  }

  /// A tensor of float32 values.
  ///
  /// - Parameter shape: the shape that it must have; `nil` stands for any extent but zero: a
  ///   comparison of nothing would pass.
  /// - Throws: `ReferenceError` when it is missing or is not of this type and shape.
  func floats(_ name: String, shape: [Int?]? = nil) throws -> RecordedTensor<Float> {
    try values(name, type: .float32, shape: shape) { Float(bitPattern: UInt32(littleEndian: $0)) }
  }

  /// A tensor of int32 values, as `floats` otherwise.
  func integers(_ name: String, shape: [Int?]? = nil) throws -> RecordedTensor<Int> {
    try values(name, type: .int32, shape: shape) { Int(Int32(littleEndian: $0)) }
  }

  /// A tensor of bytes, as `floats` otherwise.
  func bytes(_ name: String, shape: [Int?]? = nil) throws -> RecordedTensor<UInt8> {
    try values(name, type: .uint8, shape: shape) { (value: UInt8) in value }
  }

  private func values<Stored: BitwiseCopyable, Value>(
    _ name: String, type: ElementType, shape: [Int?]?, _ convert: (Stored) -> Value
  ) throws -> RecordedTensor<Value> {
    guard let place = places[name] else {
      throw ReferenceError(path: path, problem: .missing(tensor: name))
    }
    let view = try source.tensor(at: place)
    guard view.elementType == type else {
      throw ReferenceError(
        path: path,
        problem: .elementType(tensor: name, expected: type.name, found: view.elementType))
    }
    if let shape {
      let fits =
        view.shape.rank == shape.count
        && zip(view.shape.dimensions, shape).allSatisfy { $0 == $1 ?? max($0, 1) }
      guard fits else {
        let wanted = "[" + shape.map { $0.map(String.init) ?? "*" }.joined(separator: ", ") + "]"
        throw ReferenceError(
          path: path, problem: .shape(tensor: name, expected: wanted, found: view.shape))
      }
    }
    let size = MemoryLayout<Stored>.size
    let values = view.withBytes { span in
      (0..<view.shape.elementCount).map {
        convert(span.unsafeLoadUnaligned(fromByteOffset: $0 * size, as: Stored.self))
      }
    }
    return RecordedTensor(shape: view.shape.dimensions, values: values)
  }

  private static func json(_ key: String, in metadata: JSONObject, path: String) throws -> JSON {
    guard let text = metadata[key]?.stringValue else {
      throw ReferenceError(path: path, problem: .metadata(key: key, problem: "is missing"))
    }
    do {
      return try JSON(parsing: text)
    } catch {
      throw ReferenceError(path: path, problem: .metadata(key: key, problem: "\(error)"))
    }
  }
}

/// Values of a reference with their shape.
struct RecordedTensor<Value: Sendable>: Sendable {
  /// The extents, outermost first.
  let shape: [Int]
  /// The values, row-major.
  let values: [Value]
}
