internal import TensorCore

/// The form of torch before 0.1.10: a tar archive of `storages`, `tensors` and `pickle`, each a run
/// of pickles and numbers (`legacy_load` in torch/serialization.py).
extension TorchContents {
  static func tar(_ storage: ByteStorage) throws(PyTorchError.Problem) -> TorchContents {
    let archive: TarArchive
    do throws(TarArchive.Problem) {
      archive = try TarArchive(storage)
    } catch {
      throw .tar(error.text, offset: error.offset)
    }
    func range(_ name: String) throws(PyTorchError.Problem) -> Range<Int> {
      guard let range = archive.range(of: name) else {
        throw .tar(
          "a tar archive without a member '\(name)', so not a PyTorch checkpoint", offset: 0)
      }
      return range
    }
    var unpickler = Unpickler(storage, in: try range("pickle"))
    var reader = TarObjects(storage, range: try range("storages"), member: "storages")
    try reader.readStorages(&unpickler)
    reader.enter(try range("tensors"), member: "tensors")
    try reader.readTensors(&unpickler)
    unpickler.archived = reader.objects
    let root = try run(&unpickler, member: "pickle", isWhole: true)
    let read = ["pickle", "storages", "tensors", "sys_info"]
    return TorchContents(
      root: root, unpickler, places: reader.places, source: .plain(storage),
      unreadMembers: archive.members.map(\.name).filter { !read.contains($0) })
  }
}

/// Reads the storages and tensors that stand beside the pickle, by their numbers.
private struct TarObjects {
  private(set) var objects: [Int: PickleValue] = [:]
  private(set) var places: [ExactName: TorchContents.Place] = [:]
  private let storage: ByteStorage
  private var bytes: PickleBytes
  private var member: String
  /// Counted from the start of the member.
  private var position = 0

  init(_ storage: ByteStorage, range: Range<Int>, member: String) {
    self.storage = storage
    self.member = member
    bytes = PickleBytes(storage, in: range)
  }

  mutating func enter(_ range: Range<Int>, member: String) {
    bytes = PickleBytes(storage, in: range)
    self.member = member
    position = 0
  }

  /// Follows the pickle at the position.
  private mutating func pickle() throws(PyTorchError.Problem) -> (PickleValue, PickleHeap) {
    var part = Unpickler(bytes, at: position)
    let value = try TorchContents.run(&part, member: member, isWhole: false)
    bytes = part.bytes
    position = part.position
    return (value, part.heap)
  }

  private mutating func number() throws(PyTorchError.Problem) -> Int {
    guard position + 8 <= bytes.count,
      let number = storage.load(Int64.self, at: bytes.range.lowerBound + position)
    else { throw problem("it ends in the middle: truncated?") }
    position += 8
    return Int(number)
  }

  private func problem(_ text: String) -> PyTorchError.Problem {
    .tar("\(member): \(text)", offset: bytes.range.lowerBound + position)
  }

  private mutating func count() throws(PyTorchError.Problem) -> Int {
    guard let count = try pickle().0.integerValue, count >= 0 else {
      throw problem("it starts with no count")
    }
    return count
  }

  private func checkEnd() throws(PyTorchError.Problem) {
    guard position == bytes.count else {
      let rest = bytes.count - position
      throw problem("\(rest) byte\(rest == 1 ? "" : "s") behind its end")
    }
  }

  private mutating func add(
    _ object: PickleValue, number: Int
  ) throws(PyTorchError.Problem) {
    guard objects.updateValue(object, forKey: number) == nil else {
      throw problem("two objects have the number \(number)")
    }
  }

  /// A count; for each storage `(number, location, class)`, its length and its elements; then the
  /// views, each `(number, number of the storage, offset, length)` in elements.
  mutating func readStorages(_ unpickler: inout Unpickler) throws(PyTorchError.Problem) {
    for _ in 0..<(try count()) {
      let (value, heap) = try pickle()
      guard let parts = heap.elements(of: value), parts.count == 3,
        let number = parts[0].integerValue, case .global(let index) = parts[2],
        case .storageType(let type?)? = heap.globals[index].known
      else { throw problem("a storage without number, location and known class") }
      let length = try self.number()
      let (size, overflow) = length.multipliedReportingOverflow(by: type.blockBytes)
      guard length >= 0, !overflow, size <= bytes.count - position else {
        throw problem("storage \(number) reaches past the end: truncated?")
      }
      let start = bytes.range.lowerBound + position
      position += size
      places[ExactName("\(number)")] = .range(start..<start + size)
      try add(
        unpickler.newStorage(
          TorchStorage(
            key: "\(number)", elementType: type, typeName: heap.globals[index].qualifiedName,
            isUntyped: false, elementCount: length, rootCount: length)),
        number: number)
    }
    let (value, heap) = try pickle()
    for view in heap.elements(of: value) ?? [] {
      guard let numbers = heap.integers(of: view), numbers.count == 4,
        case .storage(let root)? = objects[numbers[1]]
      else { throw problem("a view without a storage") }
      var storage = unpickler.heap.storages[root]
      let (offset, count) = (numbers[2], numbers[3])
      guard offset >= 0, count >= 0, offset <= storage.elementCount,
        count <= storage.elementCount - offset
      else { throw problem("view \(numbers[0]) does not lie in storage \(numbers[1])") }
      storage.viewOffset += offset
      storage.elementCount = count
      try add(unpickler.newStorage(storage), number: numbers[0])
    }
    try checkEnd()
  }

  /// A count; for each tensor `(number, number of the storage, class)`, then in binary its rank in
  /// four bytes and four more, its sizes, strides and offset.
  mutating func readTensors(_ unpickler: inout Unpickler) throws(PyTorchError.Problem) {
    for _ in 0..<(try count()) {
      let (value, heap) = try pickle()
      guard let parts = heap.elements(of: value), parts.count == 3,
        let number = parts[0].integerValue, let root = parts[1].integerValue,
        case .storage(let storage)? = objects[root]
      else { throw problem("a tensor without number and storage") }
      let rank = Int(Int32(truncatingIfNeeded: try self.number()))
      guard (0...64).contains(rank) else { throw problem("tensor \(number) has rank \(rank)") }
      var numbers: [Int] = []
      for _ in 0..<2 * rank + 1 { numbers.append(try self.number()) }
      try add(
        unpickler.newTensor(
          TorchTensor(
            storage: storage, elementType: unpickler.heap.storages[storage].elementType,
            offset: numbers[2 * rank], sizes: Array(numbers[..<rank]),
            strides: Array(numbers[rank..<2 * rank]), pickleOffset: position)),
        number: number)
    }
    try checkEnd()
  }
}
