internal import TensorCore

/// Looks for pickles wherever a file can hold them: in archives of any nesting, behind each other,
/// inside numpy's arrays, and in bytes that are nothing else.
struct FileScan {
  var report = SafetyReport(container: "unknown")
  /// How many bytes may still be inflated.
  var inflatable = Limits.inflated
  private(set) var membersLeft = Limits.members

  /// Bounds on what a file can make us do.
  enum Limits {
    /// Archives within archives.
    static let depth = 6
    /// Members of all archives together.
    static let members = 1 << 18
    /// The largest pickle that is followed.
    static let pickle = 1 << 28
    /// The most bytes that one member is inflated to.
    static let member = 1 << 28
    /// The most bytes that all members are inflated to.
    static let inflated = 1 << 30
    /// No honest pickle or archive shrinks further; zeros shrink a thousandfold.
    static let expansion = 64
    /// What is inflated to see what a member is.
    static let sniffed = 1 << 16
    /// Members that are no known format are inflated whole up to this size.
    static let unknown = 1 << 24
    /// Pickles behind each other.
    static let sequence = 1 << 20
    /// Places behind the pickles that look like more of them; four gigabytes of noise have half of
    /// that.
    static let attempts = 1 << 18
    /// Pickles and remarks that are listed.
    static let listed = 10_000
  }

  /// Where a region comes from.
  struct Place {
    /// Names from the outermost archive inwards.
    var member: [String] = []
    var depth: Int { member.count }
    /// What its offsets are counted from.
    var base = 0
    /// Whether its name or what holds it says that it is a pickle.
    var isPickleByName = false
    /// Whether it is the file itself.
    var isFile: Bool { member.isEmpty }
    /// Whether it is called as torch calls the bytes of tensors: `archive/data/7`.
    var isTensor: Bool {
      guard let parts = member.last?.utf8.split(separator: UInt8(ascii: "/")), parts.count > 1,
        parts[parts.count - 2].elementsEqual("data".utf8)
      else { return false }
      return parts[parts.count - 1].allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")) ~= $0 }
    }
    /// Whether it lies where nothing has a place, so that a pickle may start anywhere in it.
    var isBehind = false
    /// Whether it is some other container, whose first bytes may be opcodes by chance: a header's
    /// length of 128 to 133, of 384 and so on begins as a pickle's version does.
    var isOther = false

    func inner(_ name: String) -> Place {
      Place(member: member + [name], isPickleByName: FileScan.isPickleName(name))
    }

    /// Bytes behind the end of what the place holds, which no reader of it reads.
    func behind(_ format: String) -> Place {
      var place = inner("behind the \(format)")
      place.isBehind = true
      return place
    }
  }

  static func isPickleName(_ name: String) -> Bool {
    let lower = name.lowercased()
    return [".pkl", ".pickle", ".p", ".pck", ".pcl", ".ckpt", ".pt", ".pth"].contains {
      lower.hasSuffix($0)
    }
  }

  mutating func scanFile(_ storage: ByteStorage, named path: String) {
    var place = Place()
    place.isPickleByName = Self.isPickleName(path)
    let format = scan(ScanRegion(storage), place)
    report.container = format ?? "unknown"
    if format == nil, place.isPickleByName, report.pickles.isEmpty {
      remark(place, "no known format: nothing to look into")
    }
  }

  /// Looks into a region and names what it is; `nil` for bytes of no known format.
  @discardableResult
  mutating func scan(_ region: ScanRegion, _ place: Place) -> String? {
    guard region.count > 0 else { return "empty" }
    guard place.depth <= Limits.depth else {
      remark(place, "nested more than \(Limits.depth) deep: not looked into", .dangerous)
      return nil
    }
    let archive = scanArchive(region, place)
    let plain = archive == nil ? PlainFormat(region) : nil
    // Whatever else it is, it may be read as a pickle too.
    var loose = place
    loose.isOther = plain != nil
    if let plain, !plain.isSound(region) {
      loose.isBehind = true
      if let end = plain.end(of: region) {
        scan(region.from(end), place.behind(plain.rawValue))
      }
    }
    let isWhole = archive == nil && (plain == nil || loose.isBehind)
    let hasPickles = scanPickles(region, loose, isWhole: isWhole)
    if let name = archive ?? plain?.rawValue ?? (hasPickles ? "pickle" : nil) { return name }
    return place.isFile || place.isPickleByName ? scanDeflated(region, place) : nil
  }

  // MARK: Containers

  private mutating func scanArchive(_ region: ScanRegion, _ place: Place) -> String? {
    let start = region.array(from: 0, limit: 8)
    if scanZip(region, place) { return "zip" }
    if scanStreams(region, place) { return start[0] == 0x1F ? "gzip" : "zlib" }
    if scanTar(region, place) { return "tar" }
    if start.starts(with: [0x93] + Array("NUMPY".utf8)) {
      scanArray(region, place)
      return "npy"
    }
    let sealed: [(bytes: [UInt8], name: String)] = [
      ([0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C], "7z"), ([0xFD, 0x37, 0x7A, 0x58, 0x5A, 0], "xz"),
      (Array("Rar!\u{1A}\u{7}".utf8), "rar"), (Array("BZh91AY&".utf8), "bzip2"),
      ([0x28, 0xB5, 0x2F, 0xFD], "zstd"), ([0x04, 0x22, 0x4D, 0x18], "lz4"),
      ([0x5D, 0, 0, 0x80, 0], "lzma"), ([0x5D, 0, 0, 0, 1, 0xFF], "lzma"),
      (Array("ZF0x".utf8), "joblib"), ([0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A], "HDF5"),
    ]
    for format in sealed where start.starts(with: format.bytes) {
      guard format.bytes.count > 4 || place.isFile || place.isPickleByName else { continue }
      remark(place, "\(format.name): cannot be looked into")
      return format.name
    }
    if start.starts(with: Array("BZh".utf8)), region.holds("1AY&SY", at: 4) {
      remark(place, "bzip2: cannot be looked into")
      return "bzip2"
    }
    return nil
  }

  /// numpy's own format: the elements of an array of objects are a pickle.
  private mutating func scanArray(_ region: ScanRegion, _ place: Place) {
    let isLong = (region.load(UInt8.self, at: 6) ?? 1) > 1
    let length =
      isLong
      ? region.load(UInt32.self, at: 8).map { Int($0) }
      : region.load(UInt16.self, at: 8).map { Int($0) }
    let start = (isLong ? 12 : 10) + (length ?? 0)
    let header = region.array(from: isLong ? 12 : 10, limit: min(length ?? 0, 1 << 16))
    let isObject = String(decoding: header, as: UTF8.self).contains("O")
    var inner = place
    inner.base = place.base + start
    inner.isPickleByName = isObject
    // Without objects the elements are plain; a pickle in their place is looked for all the same.
    scanPickles(region.from(start), inner, isWhole: false)
    guard !isObject else { return }
    let whole = try? ArrayHeader(
      region.array(from: 0, limit: ArrayHeader.byteLimit), count: region.count)
    if case .numbers? = whole?.type { return }
    // What is no array of numbers up to its end may hide a pickle anywhere.
    inner.isBehind = true
    search(region.from(start), place, base: start)
  }

  // MARK: Common

  /// Counts members; what is beyond the limit was not looked for.
  mutating func takeMembers(_ count: Int, _ place: Place) {
    membersLeft -= count
    if membersLeft <= 0 {
      remark(place, "more than \(Limits.members) members: not all were looked into")
    }
  }

  mutating func remark(_ place: Place, _ text: String, _ verdict: SafetyVerdict = .suspicious) {
    guard report.remarks.count < Limits.listed else { return }
    report.remarks.append(.init(member: place.member, text: text, verdict: verdict))
  }
}
