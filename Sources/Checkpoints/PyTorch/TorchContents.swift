internal import TensorCore

/// What a PyTorch file holds, whichever form it has: the unpickled value and the bytes of storages.
struct TorchContents: Sendable {
  let root: PickleValue
  let heap: PickleHeap
  /// Whether the numbers in storages have their high byte first.
  let isBigEndian: Bool
  let unreadMembers: [String]
  private let places: [ExactName: Place]
  private let source: Source
  /// What holds the pickle, and so the arrays in it.
  let pickleStorage: ByteStorage

  /// Where a storage's bytes are.
  enum Place: Sendable {
    case member(ZipMember)
    case range(Range<Int>)

    var count: Int {
      switch self {
      case .member(let member): member.size
      case .range(let range): range.count
      }
    }
  }

  enum Source: Sendable {
    case zip(ZipContents)
    case plain(ByteStorage)
  }

  init(
    root: PickleValue, _ unpickler: Unpickler, places: [ExactName: Place], source: Source,
    isBigEndian: Bool = false, unreadMembers: [String] = []
  ) {
    self.root = root
    self.places = places
    self.source = source
    self.isBigEndian = isBigEndian
    self.unreadMembers = unreadMembers
    heap = unpickler.heap
    pickleStorage = unpickler.bytes.storage
  }

  /// Reads a file of any of the forms.
  static func read(_ storage: ByteStorage) throws(PyTorchError.Problem) -> TorchContents {
    if ZipArchive.recognises(storage) { return try zip(storage) }
    if TarArchive.recognises(storage) { return try tar(storage) }
    return try pickles(storage)
  }

  /// Whether a file looks like one of the forms.
  static func recognises(_ storage: ByteStorage) -> Bool {
    ZipArchive.recognises(storage) || recognisesPickle(storage) || TarArchive.recognises(storage)
  }

  static func run(
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

  // MARK: Storages

  /// The bytes of a storage or a view of one, found to be what the pickle says.
  func byteCount(
    of storage: TorchStorage, type: ElementType, tensor: String
  ) throws(PyTorchError.Problem) -> Int {
    if let data = storage.data { return heap.data[data].count }
    let width = storage.isUntyped ? 1 : (storage.elementType ?? type).blockBytes
    let (claimed, overflow) = storage.rootCount.multipliedReportingOverflow(by: width)
    guard let place = places[ExactName(storage.key)] else {
      // torch leaves out the members of storages without elements.
      if claimed == 0 { return 0 }
      throw .missingStorage(tensor: tensor, key: storage.key)
    }
    guard !overflow, claimed == place.count else {
      throw .storageLength(
        tensor: tensor, key: storage.key, expected: overflow ? Int.max : claimed,
        found: place.count)
    }
    // A view lies in its storage, which the unpickler checked.
    return storage.elementCount * width
  }

  /// Lends a storage whose presence `byteCount` has checked.
  func bytes(
    of storage: TorchStorage, path: String
  ) throws(PyTorchError) -> (ByteStorage, Range<Int>) {
    if let data = storage.data { return heap.data[data].bytes(in: pickleStorage) }
    let start = storage.viewOffset * (storage.elementType?.blockBytes ?? 1)
    switch (places[ExactName(storage.key)], source) {
    case (.member(let member)?, .zip(let contents)):
      do throws(ZipProblem) {
        let (bytes, range) = try contents.contents(of: member)
        return (bytes, range.lowerBound + start..<range.upperBound)
      } catch {
        throw PyTorchError(path: path, problem: .zip(error))
      }
    case (.range(let range)?, .plain(let bytes)):
      return (bytes, range.lowerBound + start..<range.upperBound)
    default:
      throw PyTorchError(
        path: path, problem: .missingStorage(tensor: "", key: storage.key))
    }
  }
}
