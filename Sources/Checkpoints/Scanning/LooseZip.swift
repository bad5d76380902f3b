internal import TensorCore

/// One member of a zip archive as some reader may see it: through the directory, or through the
/// header in front of it.
struct LooseMember {
  var names: [String]
  /// Where the header starts.
  let headerOffset: Int
  let dataStart: Int
  /// The longest extent that a reader may give it.
  var dataEnd: Int
  /// The compression methods that the headers name.
  var methods: Set<UInt16>
  var flags: UInt16
  var isListed: Bool
  /// The checksums that the headers state; none that follows the data.
  var checksums: Set<UInt32>
  /// The lengths of the contents that the headers state.
  var sizes: Set<Int>
}

/// A zip archive read as loosely as the loosest reader does: nothing that is wrong with it hides a
/// member. (`ZipArchive` is the strict one.)
struct LooseZip {
  private(set) var members: [LooseMember] = []
  /// What contradicts itself.
  private(set) var oddities: [String] = []
  /// The extents of directories and end records.
  private(set) var directories: [Range<Int>] = []
  private(set) var isCut = false
  private let region: ScanRegion
  private var places: [Int: Int] = [:]
  /// Which entry of a directory listed the header at a place.
  private var listings: [Int: Int] = [:]

  private typealias Signature = ZipArchive.Signature
  private let limit: Int

  /// How far from the end of a file the end record may start: behind it stands a comment.
  static let endReach = 22 + 0xFFFF

  /// Reads an archive of at most `limit` members; `nil` when the region is none.
  ///
  /// - Parameter reach: how far from the end an end record is looked for.
  init?(_ region: ScanRegion, limit: Int, reach: Int = LooseZip.endReach) {
    self.region = region
    self.limit = limit
    let startsAsZip = region.load(UInt32.self, at: 0) == Signature.localHeader
    let ends = Self.ends(in: region, reach: startsAsZip ? Self.endReach : reach)
    for end in ends { readDirectory(end: end) }
    // An end record without members is an empty archive, or chance.
    let isEmpty = region.count == 22 && ends == [0]
    guard startsAsZip || !members.isEmpty || isEmpty else { return nil }
    walk()
  }

  // MARK: The directory

  /// End records: the last one that fits, and any other in the last 64 KiB, since readers differ
  /// in where they look.
  private static func ends(in region: ScanRegion, reach: Int) -> [Int] {
    var ends: [Int] = []
    let from = max(0, region.count - reach)
    while let last = region.firstSignature(
      Signature.end, from: (ends.last ?? from - 1) + 1, before: region.count)
    {
      ends.append(last)
    }
    // In bytes that are no archive the signature may stand by chance.
    return Array(ends.filter { $0 + 22 <= region.count }.suffix(8).reversed())
  }

  private mutating func readDirectory(end: Int) {
    var starts: [Int: Int] = [:]
    func add(size: Int?, offset: Int?, before end: Int) {
      guard let size, let offset, size >= 0, offset >= 0, size <= end else { return }
      // Bytes in front of the archive shift every offset; some readers correct that.
      starts[end - size] = end - size - offset
      if offset < end { starts[offset] = starts[offset] ?? 0 }
    }
    add(
      size: region.load(UInt32.self, at: end + 12).map { Int($0) },
      offset: region.load(UInt32.self, at: end + 16).map { Int($0) }, before: end)
    if region.load(UInt32.self, at: end - 20) == Signature.locator64 {
      for start in [
        region.load(UInt64.self, at: end - 12).flatMap { Int(exactly: $0) }, end - 20 - 56,
      ] {
        guard let start, start >= 0, start < end,
          region.load(UInt32.self, at: start) == Signature.end64
        else { continue }
        add(
          size: region.load(UInt64.self, at: start + 40).flatMap { Int(exactly: $0) },
          offset: region.load(UInt64.self, at: start + 48).flatMap { Int(exactly: $0) },
          before: start)
      }
    }
    for (start, shift) in starts.sorted(by: { $0.key < $1.key })
    where region.load(UInt32.self, at: start) == Signature.directory {
      readEntries(from: start, end: end, shift: shift)
    }
  }

  private mutating func readEntries(from start: Int, end: Int, shift: Int) {
    var position = start
    var entries: [(entry: Int, header: UInt32)] = []
    while region.load(UInt32.self, at: position) == Signature.directory,
      let name = region.load(UInt16.self, at: position + 28),
      let extra = region.load(UInt16.self, at: position + 30),
      let comment = region.load(UInt16.self, at: position + 32),
      let header = region.load(UInt32.self, at: position + 42)
    {
      guard members.count + entries.count < limit else {
        isCut = true
        break
      }
      entries.append((position, header))
      position += 46 + Int(name) + Int(extra) + Int(comment)
    }
    directories.append(start..<max(end, min(position, region.count)))
    for (entry, header) in entries { readEntry(entry, header: header, shift: shift) }
  }

  private mutating func readEntry(_ entry: Int, header: UInt32, shift: Int) {
    guard let flags = region.load(UInt16.self, at: entry + 8),
      let method = region.load(UInt16.self, at: entry + 10),
      let checksum = region.load(UInt32.self, at: entry + 16),
      let stored = region.load(UInt32.self, at: entry + 20),
      let size = region.load(UInt32.self, at: entry + 24),
      let nameLength = region.load(UInt16.self, at: entry + 28),
      let extraLength = region.load(UInt16.self, at: entry + 30)
    else { return }
    let name = text(entry + 46, Int(nameLength))
    let wide = wideFields(
      [size, stored, header],
      extra: entry + 46 + Int(nameLength), count: Int(extraLength))
    // Where the header is: as stated, or shifted by what stands in front of the archive.
    let places = Set([wide[2], wide[2].addingReportingOverflow(shift).partialValue]).sorted()
      .filter { region.load(UInt32.self, at: $0) == Signature.localHeader }
    if places.isEmpty { note("'\(name)' is listed and has no header") }
    for place in places {
      add(
        place, entry: entry, name: name, flags: flags, method: method, checksum: checksum,
        sizes: wide)
    }
  }

  /// Takes up a listed member with what the directory says of it.
  private mutating func add(
    _ place: Int, entry: Int, name: String, flags: UInt16, method: UInt16, checksum: UInt32,
    sizes wide: [Int]
  ) {
    guard var member = localMember(at: place) else { return }
    let local = member
    if local.names.first.map({ Array($0.utf8) }) != Array(name.utf8) {
      note("'\(name)' is '\(local.names.first ?? "")' in its own header")
      member.names.insert(name, at: 0)
    }
    if !local.methods.contains(method) {
      note("'\(name)' has two compression methods, \(method) and \(local.methods.first ?? 0)")
    }
    if (flags | local.flags) & 1 != 0 { note("'\(name)' is marked as encrypted") }
    member.methods.insert(method)
    member.flags |= flags
    member.isListed = true
    member.checksums.insert(checksum)
    member.sizes.insert(wide[0])
    for length in [wide[0], wide[1]] where method == 0 || length == wide[1] {
      let end = member.dataStart.addingReportingOverflow(length)
      if !end.overflow { member.dataEnd = max(member.dataEnd, min(end.partialValue, region.count)) }
    }
    if let known = places[place] {
      // Two readings of where the directory starts can meet the same entry: torch writes sizes for
      // ZIP64 behind the directory, and counting back over them may end on a later entry.
      if members[known].isListed, members[known].names.first == name, listings[place] != entry {
        note("'\(name)' is listed twice")
      }
      members[known].names += member.names.filter { !members[known].names.contains($0) }
      members[known].methods.formUnion(member.methods)
      members[known].dataEnd = max(members[known].dataEnd, member.dataEnd)
      members[known].isListed = true
      return
    }
    places[place] = members.count
    listings[place] = entry
    members.append(member)
  }

  // MARK: Headers

  /// Reads the header at an offset.
  private func localMember(at start: Int) -> LooseMember? {
    guard region.load(UInt32.self, at: start) == Signature.localHeader,
      let flags = region.load(UInt16.self, at: start + 6),
      let method = region.load(UInt16.self, at: start + 8),
      let checksum = region.load(UInt32.self, at: start + 14),
      let stored = region.load(UInt32.self, at: start + 18),
      let size = region.load(UInt32.self, at: start + 22),
      let nameLength = region.load(UInt16.self, at: start + 26),
      let extraLength = region.load(UInt16.self, at: start + 28)
    else { return nil }
    let dataStart = start + 30 + Int(nameLength) + Int(extraLength)
    guard dataStart <= region.count else { return nil }
    let wide = wideFields(
      [size, stored], extra: start + 30 + Int(nameLength), count: Int(extraLength))
    let length = method == 0 ? max(wide[0], wide[1]) : wide[1]
    let end = dataStart.addingReportingOverflow(length)
    let follows = flags & 8 != 0
    return LooseMember(
      names: [text(start + 30, Int(nameLength))], headerOffset: start, dataStart: dataStart,
      dataEnd: end.overflow ? region.count : min(end.partialValue, region.count),
      methods: [method], flags: flags, isListed: false,
      checksums: follows && checksum == 0 ? [] : [checksum],
      sizes: follows && size == 0 ? [] : [wide[0]])
  }

  /// Finds the headers that no directory lists: whatever lies outside the listed members is
  /// searched for them.
  private mutating func walk() {
    let listed = members.sorted { $0.headerOffset < $1.headerOffset }
    var covered: [Range<Int>] = listed.map { $0.headerOffset..<max($0.dataEnd, $0.dataStart) }
    covered += directories
    covered.sort { $0.lowerBound < $1.lowerBound }
    var position = 0
    for range in covered + [region.count..<region.count] {
      var start = position
      while start < range.lowerBound,
        let found = region.firstSignature(
          Signature.localHeader, from: start, before: range.lowerBound)
      {
        start = found + 4
        guard members.count < limit, var member = localMember(at: found) else {
          continue
        }
        if member.dataEnd == member.dataStart {
          // The sizes follow the data: up to the next record, whichever it is.
          let next = region.firstRecord(from: member.dataStart)
          member.dataEnd = next ?? region.count
        }
        if !directories.isEmpty { note("'\(member.names[0])' is in no directory") }
        places[found] = members.count
        members.append(member)
      }
      position = max(position, range.upperBound)
    }
  }

  // MARK: Fields

  private func text(_ offset: Int, _ count: Int) -> String {
    ZipArchive.name(region.array(from: offset, limit: count))
  }

  private func wideFields(_ fields: [UInt32], extra: Int, count: Int) -> [Int] {
    var values = fields.map { Int($0) }
    guard fields.contains(.max) else { return values }
    var offset = extra
    while offset + 4 <= extra + count, let tag = region.load(UInt16.self, at: offset),
      let length = region.load(UInt16.self, at: offset + 2)
    {
      if tag == 1 {
        var place = offset + 4
        for index in fields.indices where fields[index] == .max {
          guard place + 8 <= offset + 4 + Int(length),
            let value = region.load(UInt64.self, at: place).flatMap({ Int(exactly: $0) })
          else { break }
          values[index] = value
          place += 8
        }
        return values
      }
      offset += 4 + Int(length)
    }
    return values
  }

  private mutating func note(_ oddity: String) {
    if oddities.count < 100, !oddities.contains(oddity) { oddities.append(oddity) }
  }
}
