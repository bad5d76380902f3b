public import TensorCore

/// What an ingot's index says about one tensor.
public struct IngotRecord: Sendable, Hashable {
  /// Name, element type and shape.
  public let description: TensorDescription
  /// Where the bytes lie in the file.
  public let byteRange: Range<Int>
  /// The XXH3-128 of the bytes.
  public let digest: Digest128
  /// What the values are like; `nil` for packed types.
  public let statistics: TensorStatistics?

  /// The 160 bytes of the record.
  func encoded(nameOffset: UInt32, nameLength: UInt32, position: UInt32) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(IngotLayout.recordBytes)
    bytes.append(littleEndian: nameOffset)
    bytes.append(littleEndian: nameLength)
    bytes.append(littleEndian: description.elementType.rawValue)
    bytes.append(UInt8(description.shape.rank))
    bytes.append(statistics == nil ? 0 : IngotLayout.hasStatistics)
    bytes.append(littleEndian: position)
    for dimension in 0..<IngotLayout.rankLimit {
      let extent = dimension < description.shape.rank ? description.shape[dimension] : 0
      bytes.append(littleEndian: UInt64(extent))
    }
    bytes.append(littleEndian: UInt64(byteRange.lowerBound))
    bytes.append(littleEndian: UInt64(byteRange.count))
    bytes += digest.canonical
    let figures: [Double] =
      statistics.map { [$0.minimum, $0.maximum, $0.mean, $0.standardDeviation] }
      ?? [0, 0, 0, 0]
    for figure in figures { bytes.append(littleEndian: figure.bitPattern) }
    bytes.append(littleEndian: UInt64(statistics?.zeroCount ?? 0))
    bytes.append(littleEndian: UInt64(statistics?.nonFiniteCount ?? 0))
    return bytes
  }
}

/// The checked index of an ingot.
struct IngotIndex {
  /// The records in the order of their names' UTF-8 bytes.
  private(set) var records: [IngotRecord] = []
  /// Every record's place in the original order.
  private(set) var positions: [Int] = []

  private let path: String

  /// Reads and checks all records.
  ///
  /// - Parameter dataEnd: where the sections start; tensors end before.
  init(index: [UInt8], names: [UInt8], dataEnd: Int, path: String) throws(IngotError) {
    self.path = path
    let count = index.count / IngotLayout.recordBytes
    records.reserveCapacity(count)
    positions.reserveCapacity(count)
    var isTaken = [Bool](repeating: false, count: count)
    var nameEnd = 0
    var previousName = 0..<0
    for place in 0..<count {
      var fields = FieldReader(index[(place * IngotLayout.recordBytes)...])
      let nameOffset = Int(fields.next(UInt32.self))
      let nameLength = Int(fields.next(UInt32.self))
      guard nameOffset == nameEnd, nameLength <= names.count - nameOffset else {
        throw record(
          place,
          "its name of \(nameLength) bytes at \(nameOffset) is not where the previous one ends, "
            + "at \(nameEnd) of \(names.count)")
      }
      nameEnd += nameLength
      let nameBytes = names[nameOffset..<nameEnd]
      guard let name = String(validating: nameBytes, as: UTF8.self) else {
        throw record(place, "its name is not valid UTF-8")
      }
      guard place == 0 || names[previousName].lexicographicallyPrecedes(nameBytes) else {
        throw record(place, "its name '\(name)' does not come after the previous one")
      }
      previousName = nameOffset..<nameEnd
      let (parsed, position) = try parse(&fields, name: name, dataEnd: dataEnd)
      guard position < count, !isTaken[position] else {
        throw tensor(
          name,
          "the original position \(position) "
            + (position < count ? "stands twice" : "is not below the tensor count, \(count)"))
      }
      isTaken[position] = true
      records.append(parsed)
      positions.append(position)
    }
    guard nameEnd == names.count else {
      throw IngotError(
        path: path,
        problem: .section(
          .names, offset: UInt64(nameEnd), length: UInt64(names.count - nameEnd),
          problem: "belongs to no tensor"))
    }
    try checkOverlap()
  }

  private func record(_ place: Int, _ problem: String) -> IngotError {
    IngotError(path: path, problem: .record(place, problem: problem))
  }

  private func tensor(_ name: String, _ problem: String) -> IngotError {
    IngotError(path: path, problem: .tensor(name, problem: problem))
  }

  /// Checks the fields of a record behind those of its name.
  private func parse(
    _ fields: inout FieldReader, name: String, dataEnd: Int
  ) throws(IngotError) -> (IngotRecord, position: Int) {
    let code: UInt16 = fields.next()
    let rank = Int(fields.next(UInt8.self))
    let flags: UInt8 = fields.next()
    let position = Int(fields.next(UInt32.self))
    guard let type = ElementType(rawValue: code) else {
      throw tensor(name, "the element type code \(code) is unknown")
    }
    guard rank <= IngotLayout.rankLimit else {
      throw tensor(name, "rank \(rank), expected at most \(IngotLayout.rankLimit)")
    }
    guard flags & ~IngotLayout.hasStatistics == 0 else {
      throw tensor(name, "unknown flags \(flags)")
    }
    let extents = (0..<IngotLayout.rankLimit).map { _ in fields.next(UInt64.self) }
    guard extents[rank...].allSatisfy({ $0 == 0 }) else {
      throw tensor(name, "extents behind rank \(rank) are not zero")
    }
    let dimensions = extents[..<rank].compactMap { Int(exactly: $0) }
    let (offset, length): (UInt64, UInt64) = (fields.next(), fields.next())
    guard dimensions.count == rank, let shape = TensorShape(checking: dimensions),
      let count = type.byteCount(for: shape)
    else {
      let shape = extents[..<rank].map(String.init).joined(separator: ", ")
      throw tensor(name, "\(type) [\(shape)] is not a possible size")
    }
    guard UInt64(count) == length else {
      throw tensor(name, "\(length) bytes, expected \(count) for \(type) \(shape)")
    }
    guard offset >= UInt64(IngotLayout.headerBytes), offset <= UInt64(dataEnd),
      length <= UInt64(dataEnd) - offset
    else {
      throw tensor(
        name, "\(length) bytes at \(offset) lie outside the data, which ends at \(dataEnd)")
    }
    let alignment = IngotLayout.alignment(ofTensor: count)
    guard offset % UInt64(alignment) == 0 else {
      throw tensor(name, "offset \(offset) is no multiple of \(alignment)")
    }
    let digest = fields.nextDigest()
    let figures = (0..<4).map { _ in fields.nextDouble() }
    let (zeros, nonFinite): (UInt64, UInt64) = (fields.next(), fields.next())
    var statistics: TensorStatistics?
    if flags & IngotLayout.hasStatistics != 0 {
      guard zeros <= 2 * UInt64(shape.elementCount), nonFinite <= 2 * UInt64(shape.elementCount)
      else { throw tensor(name, "more zeros or non-finite values than elements") }
      statistics = TensorStatistics(
        minimum: figures[0], maximum: figures[1], mean: figures[2], standardDeviation: figures[3],
        zeroCount: Int(zeros), nonFiniteCount: Int(nonFinite))
    } else if figures.contains(where: { $0.bitPattern != 0 }) || zeros != 0 || nonFinite != 0 {
      throw tensor(name, "statistics without the flag for them")
    }
    let record = IngotRecord(
      description: TensorDescription(name: name, elementType: type, shape: shape),
      byteRange: Int(offset)..<Int(offset) + count, digest: digest, statistics: statistics)
    return (record, position)
  }

  /// Extents may be shared as a whole; they never overlap in part.
  private func checkOverlap() throws(IngotError) {
    let order = records.indices.filter { !records[$0].byteRange.isEmpty }.sorted {
      let (left, right) = (records[$0].byteRange, records[$1].byteRange)
      return (left.lowerBound, left.upperBound, $0) < (right.lowerBound, right.upperBound, $1)
    }
    for (left, right) in zip(order, order.dropFirst()) {
      let (first, second) = (records[left], records[right])
      guard
        first.byteRange == second.byteRange
          || first.byteRange.upperBound <= second.byteRange.lowerBound
      else {
        throw tensor(
          second.description.name,
          "its bytes overlap those of '\(first.description.name)' in part")
      }
    }
  }

  /// The original position of the tensor with a name, by binary search.
  func position(of name: String) -> Int? {
    var (low, high) = (0, records.count)
    while low < high {
      let middle = low + (high - low) / 2
      if records[middle].description.name.utf8.lexicographicallyPrecedes(name.utf8) {
        low = middle + 1
      } else {
        high = middle
      }
    }
    guard low < records.count, records[low].description.name.utf8.elementsEqual(name.utf8) else {
      return nil
    }
    return positions[low]
  }
}
