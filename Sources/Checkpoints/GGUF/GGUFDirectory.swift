internal import TensorCore

/// The checked directory of a GGUF file.
struct GGUFDirectory {
  /// One tensor and where its bytes lie in the file.
  struct Entry {
    var description: TensorDescription
    let range: Range<Int>
  }

  private(set) var entries: [Entry] = []
  private(set) var metadata = JSONObject()
  private(set) var types: [(key: String, type: GGUFType)] = []
  /// The bytes that bring tensors to their boundaries; nothing reads them.
  private(set) var padding: [Range<Int>] = []
  let isBigEndian: Bool

  private static let magic = 4
  private static let leastKeyBytes = 13  // an empty key, a type and one byte
  private static let leastTensorBytes = 24  // an empty name, no extents, a type and an offset

  init(storage: ByteStorage, path: String) throws(GGUFError) {
    var cursor = GGUFCursor(storage, at: Self.magic, path: path)
    var version = try cursor.number(UInt32.self, "the version")
    // Versions are small: their low half is zero only when the bytes stand the other way round.
    if version & 0xFFFF == 0 {
      cursor.isBigEndian = true
      version = version.byteSwapped
    }
    isBigEndian = cursor.isBigEndian
    guard version == 2 || version == 3 else { throw cursor.fail(.version(version)) }
    let tensorCount = try cursor.number(UInt64.self, "the number of tensors")
    let keyCount = try cursor.number(UInt64.self, "the number of keys")
    for (count, least, things) in [
      (keyCount, Self.leastKeyBytes, "keys"), (tensorCount, Self.leastTensorBytes, "tensors"),
    ] where count > UInt64(cursor.available / least) {
      throw cursor.fail(.count(of: things, claimed: count, room: cursor.available / least))
    }

    let read = try GGUFMetadata(reading: Int(keyCount), from: &cursor)
    metadata = read.values
    types = read.types
    let alignment = try self.alignment(cursor)
    var infos: [GGUFTensorInfo] = []
    infos.reserveCapacity(Int(tensorCount))
    var names: Set<ExactName> = []
    for index in 0..<Int(tensorCount) {
      let info = try GGUFTensorInfo(index: index, from: &cursor)
      guard names.insert(ExactName(info.name)).inserted else {
        throw cursor.fail(.duplicateName(info.name))
      }
      infos.append(info)
    }
    // Cannot overflow: the offset is at most `directoryLimit`, the alignment at most 2³¹.
    let dataStart = (cursor.offset + alignment - 1) / alignment * alignment
    for info in infos {
      let range = try info.range(
        dataStart: dataStart, fileSize: storage.count, alignment: alignment, cursor)
      entries.append(Entry(description: info.description, range: range))
    }
    try checkCoverage(cursor, from: dataStart, alignment: alignment, fileSize: storage.count)
    try restoreShapes(cursor)
  }

  /// The boundary on which tensors start: 32 bytes unless a key says otherwise.
  private func alignment(_ cursor: GGUFCursor) throws(GGUFError) -> Int {
    let key = "general.alignment"
    guard let value = metadata[key] else { return 32 }
    guard types.contains(where: { $0.key == key && $0.type == .scalar(.uint32) }),
      let alignment = value.intValue
    else {
      throw cursor.fail(.value(key: key, problem: "is not a u32"))
    }
    guard alignment > 0, alignment & (alignment - 1) == 0 else {
      throw cursor.fail(.value(key: key, problem: "is \(alignment), expected a power of two"))
    }
    return alignment
  }

  /// Tensors follow each other with nothing but padding between them and behind the last.
  private mutating func checkCoverage(
    _ cursor: GGUFCursor, from dataStart: Int, alignment: Int, fileSize: Int
  ) throws(GGUFError) {
    let order = entries.indices.filter { !entries[$0].range.isEmpty }.sorted {
      (entries[$0].range.lowerBound, $0) < (entries[$1].range.lowerBound, $1)
    }
    for (first, second) in zip(order, order.dropFirst())
    where entries[second].range.lowerBound < entries[first].range.upperBound {
      throw cursor.fail(
        .overlap(
          first: entries[first].description.name, second: entries[second].description.name))
    }
    padding.append(cursor.offset..<min(dataStart, fileSize))
    var end = dataStart
    for index in order {
      let (entry, gap) = (entries[index], entries[index].range.lowerBound - end)
      guard gap < alignment else {
        throw cursor.fail(
          .tensor(
            entry.description.name,
            problem: "starts \(gap) bytes behind the end of the one before, expected less than "
              + "\(alignment): a hole"))
      }
      padding.append(end..<entry.range.lowerBound)
      end = entry.range.upperBound
    }
    guard fileSize - end < alignment else {
      throw cursor.fail(.trailing(count: fileSize - end, alignment: alignment))
    }
    padding.append(min(end, fileSize)..<fileSize)
  }

  /// Gives tensors the shape that ComfyUI-GGUF notes where it stored another: rows as long as a
  /// quantised block for a kernel of 3 × 3, or fewer dimensions than the tensor has.
  private mutating func restoreShapes(_ cursor: GGUFCursor) throws(GGUFError) {
    guard metadata.keys.contains(where: { $0.hasPrefix(GGUFReader.shapeKeyPrefix) }) else { return }
    for index in entries.indices {
      let name = entries[index].description.name
      let key = GGUFReader.shapeKeyPrefix + name
      guard let value = metadata[key] else { continue }
      guard
        types.contains(where: {
          $0.key == key
            && ($0.type == .array(of: .scalar(.int32)) || $0.type == .array(of: .scalar(.int64)))
        }),
        let extents = value.arrayValue?.compactMap(\.intValue)
      else { throw cursor.fail(.value(key: key, problem: "is not a list of i32")) }
      let stored = entries[index].description.shape
      guard extents.count <= GGUFReader.rankLimit, let shape = TensorShape(checking: extents),
        shape.elementCount == stored.elementCount
      else {
        throw cursor.fail(
          .value(
            key: key,
            problem: "is \(value.text(indent: 0)), which is no shape of the "
              + "\(stored.elementCount) values of \(stored)"))
      }
      entries[index].description.shape = shape
      metadata[key] = nil
      types.removeAll { $0.key == key }
    }
  }
}

/// One entry of the directory.
struct GGUFTensorInfo {
  let description: TensorDescription
  private let offset: UInt64
  private let byteCount: Int

  var name: String { description.name }

  init(index: Int, from cursor: inout GGUFCursor) throws(GGUFError) {
    let name = try cursor.text("the name of tensor \(index)")
    let rank = try cursor.number(UInt32.self, "the rank of tensor '\(name)'")
    guard rank <= UInt32(GGUFReader.rankLimit) else {
      throw cursor.fail(
        .tensor(
          name, problem: "has \(rank) dimensions, expected at most \(GGUFReader.rankLimit)"))
    }
    var extents: [UInt64] = []
    for _ in 0..<rank {
      extents.append(try cursor.number(UInt64.self, "the shape of tensor '\(name)'"))
    }
    // GGUF lists the innermost first.
    extents.reverse()
    let code = try cursor.number(UInt32.self, "the type of tensor '\(name)'")
    offset = try cursor.number(UInt64.self, "the offset of tensor '\(name)'")
    guard let type = GGUFElementType.type(code: code) else {
      throw cursor.fail(.tensor(name, problem: GGUFElementType.problem(code: code)))
    }
    let dimensions = extents.compactMap { Int(exactly: $0) }
    guard dimensions.count == extents.count, let shape = TensorShape(checking: dimensions),
      shape.last ?? 1 == 0 || (shape.last ?? 1) % type.blockElements == 0,
      let byteCount = type.byteCount(for: shape)
    else {
      let text = extents.map(String.init).joined(separator: ", ")
      throw cursor.fail(.tensor(name, problem: "is \(type) [\(text)], which is no possible size"))
    }
    description = TensorDescription(name: name, elementType: type, shape: shape)
    self.byteCount = byteCount
  }

  /// Where the bytes lie in the file.
  func range(
    dataStart: Int, fileSize: Int, alignment: Int, _ cursor: GGUFCursor
  ) throws(GGUFError) -> Range<Int> {
    guard offset % UInt64(alignment) == 0 else {
      throw cursor.fail(
        .tensor(name, problem: "starts at data byte \(offset), no multiple of \(alignment)"))
    }
    let available = fileSize - dataStart
    // An empty tensor may stand at the very end, where the last padding may be missing.
    guard byteCount > 0 else { return 0..<0 }
    guard offset <= UInt64(max(available, 0)), byteCount <= available - Int(offset) else {
      let end = offset.addingReportingOverflow(UInt64(byteCount))
      throw cursor.fail(
        .tensor(
          name,
          problem: "ends at data byte \(end.overflow ? "2^64 and more" : String(end.partialValue))"
            + ", the file holds \(max(available, 0)): truncated?"))
    }
    return dataStart + Int(offset)..<dataStart + Int(offset) + byteCount
  }
}
