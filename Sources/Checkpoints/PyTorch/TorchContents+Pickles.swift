internal import TensorCore

/// The form of torch 0.1.10 to 1.5, and pickles without torch's frame.
extension TorchContents {
  /// `torch.serialization.MAGIC_NUMBER` as LONG1 writes it.
  private static let magic: [UInt8] = [
    0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19,
  ]

  /// The same as protocols 0 and 1 write it.
  private static let textMagic = Array("L119547037146038801333356L\n.".utf8)

  /// `torch.serialization.PROTOCOL_VERSION`: there has been one.
  private static let torchProtocol = 1001

  /// Whether a file starts as pickles do: of protocol 2 and later by its first opcode, of 0 and 1
  /// by a shape that text rarely has.
  static func recognisesPickle(_ bytes: ByteStorage) -> Bool {
    guard let first = bytes.load(UInt8.self, at: 0), let second = bytes.load(UInt8.self, at: 1)
    else { return false }
    if first == 0x80 { return (2...5).contains(second) }
    if first == textMagic[0] {
      return bytes.array(in: 0..<min(bytes.count, textMagic.count)) == textMagic
    }
    guard bytes.load(UInt8.self, at: bytes.count - 1) == UInt8(ascii: ".") else { return false }
    switch first {
    case UInt8(ascii: "("): return "dlict".utf8.contains(second)
    case UInt8(ascii: "}"), UInt8(ascii: "]"): return "qp(.".utf8.contains(second)
    case UInt8(ascii: "c"):
      let start = bytes.array(in: 1..<min(bytes.count, 200))
      let module = start.prefix { $0 != UInt8(ascii: "\n") }
      return !module.isEmpty && module.count < start.count
        && module.allSatisfy {
          let scalar = UnicodeScalar($0)
          return scalar.properties.isAlphabetic || "._0123456789".unicodeScalars.contains(scalar)
        }
    default: return false
    }
  }

  /// Reads the run of pickles that torch wrote before 1.6 (`torch.serialization._legacy_save`):
  /// magic number, protocol, system, value, storage keys; then each storage behind its element
  /// count. A file that starts with another pickle is taken for its value alone.
  ///
  /// The numbers are little-endian on every machine: `sys_info`'s `little_endian` says what wrote
  /// them, and big machines turned them first (torch/csrc/serialization.cpp, `writeFileRaw`).
  static func pickles(_ storage: ByteStorage) throws(PyTorchError.Problem) -> TorchContents {
    let start = storage.array(in: 0..<min(storage.count, 32))
    let isTorch =
      start.starts(with: textMagic) || start.indices.contains { start[$0...].starts(with: magic) }
    // The pickles come first and the storages can be large, but only the pickles say where they
    // end.
    var unpickler = Unpickler(storage, in: 0..<storage.count)
    guard isTorch else {
      let root = try run(&unpickler, member: nil, isWhole: true)
      return TorchContents(root: root, unpickler, places: [:], source: .plain(storage))
    }
    for step in 0..<3 {
      let value = try run(&unpickler, member: nil, isWhole: false)
      if step == 1, value.integerValue != torchProtocol {
        throw .torchProtocol(value.integerValue, expected: torchProtocol)
      }
      unpickler = Unpickler(unpickler.bytes, at: unpickler.position)
    }
    let root = try run(&unpickler, member: nil, isWhole: false)
    var part = Unpickler(unpickler.bytes, at: unpickler.position)
    let list = try run(&part, member: nil, isWhole: false)
    let places = try places(
      keys: part.heap.elements(of: list)?.map(\.stringValue) ?? [], unpickler.heap, storage,
      start: part.position)
    return TorchContents(root: root, unpickler, places: places, source: .plain(storage))
  }

  private static func places(
    keys: [String?], _ heap: PickleHeap, _ storage: ByteStorage, start: Int
  ) throws(PyTorchError.Problem) -> [ExactName: Place] {
    // torch makes a storage when it is first met; later mentions only refer to it.
    var known: [ExactName: TorchStorage] = [:]
    for storage in heap.storages where storage.data == nil && known[ExactName(storage.key)] == nil {
      known[ExactName(storage.key)] = storage
    }
    var places: [ExactName: Place] = [:]
    var position = start
    for (index, key) in keys.enumerated() {
      guard let key, let claimed = known[ExactName(key)], let width = claimed.width else {
        throw .storages("number \(index) has no known element type", offset: position)
      }
      let count = storage.load(UInt64.self, at: position).flatMap { Int(exactly: $0) }
      guard let count, case let (bytes, overflow) = count.multipliedReportingOverflow(by: width),
        !overflow, bytes <= storage.count - position - 8
      else {
        throw .storages("number \(index) reaches past the end: truncated?", offset: position)
      }
      guard count == claimed.rootCount else {
        throw .storages(
          "'\(key)' has \(count) elements, the pickle says \(claimed.rootCount)", offset: position)
      }
      let range = position + 8..<position + 8 + bytes
      guard places.updateValue(.range(range), forKey: ExactName(key)) == nil else {
        throw .storages("'\(key)' stands twice", offset: position)
      }
      position = range.upperBound
    }
    guard position == storage.count else {
      throw .storages(
        "\(storage.count - position) bytes behind the last one", offset: position)
    }
    return places
  }
}

extension TorchStorage {
  /// The bytes of one element in a file.
  var width: Int? {
    if isUntyped { return 1 }
    if let elementType { return elementType.blockBytes }
    return switch typeName.split(separator: ".").last {
    case "QInt8Storage", "QUInt8Storage", "QUInt4x2Storage", "QUInt2x4Storage": 1
    case "QInt32Storage": 4
    default: nil
    }
  }
}
