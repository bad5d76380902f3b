internal import TensorCore

/// What a PyTorch file holds, whichever form it has: the unpickled value and the bytes of storages.
struct TorchContents: Sendable {
  let root: PickleValue
  let heap: PickleHeap
  let isBigEndian: Bool
  private(set) var unreadMembers: [String] = []
  private let places: [String: Place]
  private let source: Source

  /// Where a storage's bytes are.
  private enum Place: Sendable {
    case member(ZipMember)
    case range(Range<Int>)

    var count: Int {
      switch self {
      case .member(let member): member.size
      case .range(let range): range.count
      }
    }
  }

  private enum Source: Sendable {
    case zip(ZipContents)
    case plain(ByteStorage)
  }

  // MARK: The zip form (torch 1.6 and later)

  /// Reads `<folder>/data.pkl` and finds the storages in `<folder>/data/`.
  init(zip storage: ByteStorage) throws(PyTorchError.Problem) {
    let contents: ZipContents
    do throws(ZipProblem) {
      contents = try ZipContents(storage)
    } catch {
      throw .zip(error)
    }
    let members = contents.archive.members
    // The folder has the name of the file as it was saved, and one level only.
    let pickles = members.filter {
      $0.name == "data.pkl"
        || $0.name.hasSuffix("/data.pkl") && $0.name.count(where: { $0 == "/" }) == 1
    }
    guard let pickle = pickles.first else { throw .notPyTorch(firstMember: members.first?.name) }
    if pickles.count > 1 { throw .ambiguous(first: pickle.name, second: pickles[1].name) }
    let folder = String(pickle.name.dropLast("data.pkl".count))
    // An inflated pickle stands in memory, and a small one can inflate a thousandfold.
    guard !pickle.isDeflated || pickle.size <= Unpickler.lengthLimit else {
      throw .pickleTooLarge(bytes: pickle.size, limit: Unpickler.lengthLimit)
    }
    var order = "little"
    var unpickler: Unpickler
    do throws(ZipProblem) {
      if let member = contents.archive.member(named: folder + "byteorder") {
        order =
          member.size > 64
          ? "\(member.size) bytes long"
          : String(decoding: try contents.array(of: member), as: UTF8.self)
      }
      let (storage, range) = try contents.contents(of: pickle)
      unpickler = Unpickler(storage, in: range)
    } catch {
      throw .zip(error)
    }
    root = try Self.run(&unpickler, member: pickle.name, isWhole: true)
    heap = unpickler.heap
    guard order == "little" || order == "big" else {
      throw .byteOrder(JSON.string(order).text())
    }
    isBigEndian = order == "big"

    let prefix = folder + "data/"
    var places: [String: Place] = [:]
    for storage in heap.storages {
      if let member = contents.archive.member(named: prefix + storage.key) {
        places[storage.key] = .member(member)
      }
    }
    self.places = places
    source = .zip(contents)
    let expected = Set([
      "data.pkl", "byteorder", "version", ".format_version", ".storage_alignment",
    ])
    unreadMembers = members.map(\.name).filter { name in
      guard name.hasPrefix(folder) else { return true }
      let rest = name.dropFirst(folder.count)
      if rest.hasPrefix("data/") { return places[String(rest.dropFirst(5))] == nil }
      return !expected.contains(String(rest)) && !rest.hasPrefix(".data/")
    }
  }

  private static func run(
    _ unpickler: inout Unpickler, member: String?, isWhole: Bool
  ) throws(PyTorchError.Problem) -> PickleValue {
    do throws(PickleProblem) {
      let value = try unpickler.run()
      let rest = unpickler.bytes.count - unpickler.position
      if isWhole, rest > 0 { throw .trailingBytes(count: rest) }
      return value
    } catch {
      throw .pickle(error, member: member, offset: unpickler.opcodeStart)
    }
  }

  // MARK: The older form, and pickles without torch's frame

  /// `torch.serialization.MAGIC_NUMBER` as LONG1 writes it.
  private static let magic: [UInt8] = [
    0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19,
  ]

  /// Whether a file starts as pickles do: of protocol 2 and later by its first opcode, of 0 and 1
  /// by a shape that text rarely has.
  static func recognisesPickle(_ bytes: ByteStorage) -> Bool {
    guard let first = bytes.load(UInt8.self, at: 0), let second = bytes.load(UInt8.self, at: 1)
    else { return false }
    if first == 0x80 { return (2...5).contains(second) }
    guard bytes.load(UInt8.self, at: bytes.count - 1) == UInt8(ascii: ".") else { return false }
    switch first {
    case UInt8(ascii: "("): return "dlict".utf8.contains(second)
    case UInt8(ascii: "}"), UInt8(ascii: "]"): return "qp(.".utf8.contains(second)
    case UInt8(ascii: "c"):
      let start = bytes.array(in: 0..<min(bytes.count, 200)).dropFirst()
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
  init(pickles storage: ByteStorage) throws(PyTorchError.Problem) {
    let isTorch = storage.array(in: 0..<min(storage.count, 32)).indices.contains { start in
      storage.array(in: start..<min(storage.count, start + Self.magic.count)) == Self.magic
    }
    // The pickles come first and the storages can be large, but only the pickles say where they
    // end.
    let bytes = PickleBytes(storage, in: 0..<storage.count)
    source = .plain(storage)
    var unpickler = Unpickler(bytes)
    guard isTorch else {
      root = try Self.run(&unpickler, member: nil, isWhole: true)
      heap = unpickler.heap
      isBigEndian = false
      places = [:]
      return
    }
    var bigEndian = false
    for step in 0..<3 {
      var part = Unpickler(bytes, at: unpickler.position)
      let value = try Self.run(&part, member: nil, isWhole: false)
      if step == 2, case .dictionary(let index) = value,
        case .bool(false)? = part.heap.dictionaries[index]["little_endian"]
      {
        bigEndian = true
      }
      unpickler.position = part.position
    }
    root = try Self.run(&unpickler, member: nil, isWhole: false)
    heap = unpickler.heap
    isBigEndian = bigEndian
    var part = Unpickler(bytes, at: unpickler.position)
    let list = try Self.run(&part, member: nil, isWhole: false)
    let keys = part.heap.elements(of: list) ?? []
    places = try Self.places(
      keys: keys.compactMap(\.stringValue), heap: heap, storage: storage, start: part.position)
  }

  private static func places(
    keys: [String], heap: PickleHeap, storage: ByteStorage, start: Int
  ) throws(PyTorchError.Problem) -> [String: Place] {
    var widths: [String: Int] = [:]
    for storage in heap.storages {
      widths[storage.key] = storage.isUntyped ? 1 : storage.elementType?.blockBytes
    }
    var places: [String: Place] = [:]
    var position = start
    for (index, key) in keys.enumerated() {
      let count = storage.load(UInt64.self, at: position).flatMap { Int(exactly: $0) }
      guard let width = widths[key] else {
        throw .storages("number \(index) has no known element type", offset: position)
      }
      guard let count, case let (bytes, overflow) = count.multipliedReportingOverflow(by: width),
        !overflow, bytes <= storage.count - position - 8
      else {
        throw .storages("number \(index) reaches past the end: truncated?", offset: position)
      }
      places[key] = .range(position + 8..<position + 8 + bytes)
      position += 8 + bytes
    }
    guard position == storage.count else {
      throw .storages(
        "\(storage.count - position) bytes behind the last one", offset: position)
    }
    return places
  }

  // MARK: Storages

  /// The bytes of a storage, found to be at least what the pickle says.
  func byteCount(
    of storage: TorchStorage, type: ElementType, tensor: String
  ) throws(PyTorchError.Problem) -> Int {
    let width = storage.isUntyped ? 1 : (storage.elementType ?? type).blockBytes
    let (claimed, overflow) = storage.elementCount.multipliedReportingOverflow(by: width)
    guard let place = places[storage.key] else {
      // torch leaves out the members of storages without elements.
      if claimed == 0 { return 0 }
      throw .missingStorage(tensor: tensor, key: storage.key)
    }
    guard !overflow, claimed <= place.count else {
      throw .storageTooShort(
        tensor: tensor, key: storage.key, expected: overflow ? Int.max : claimed,
        found: place.count)
    }
    return claimed
  }

  /// Lends a storage whose presence `byteCount` has checked.
  func bytes(
    of storage: TorchStorage, path: String
  ) throws(PyTorchError) -> (ByteStorage, Range<Int>) {
    switch (places[storage.key], source) {
    case (.member(let member)?, .zip(let contents)):
      do throws(ZipProblem) {
        return try contents.contents(of: member)
      } catch {
        throw PyTorchError(path: path, problem: .zip(error))
      }
    case (.range(let range)?, .plain(let bytes)): return (bytes, range)
    default:
      throw PyTorchError(
        path: path, problem: .missingStorage(tensor: "", key: storage.key))
    }
  }
}
