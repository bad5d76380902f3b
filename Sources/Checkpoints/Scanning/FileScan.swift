internal import TensorCore

/// Looks for pickles wherever a file can hold them: in archives of any nesting, behind each other,
/// inside numpy's arrays, and in bytes that are nothing else.
struct FileScan {
  var report = SafetyReport(container: "unknown")
  /// How many bytes may still be inflated.
  private var inflatable = Limits.inflated
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

    func inner(_ name: String) -> Place {
      Place(member: member + [name], isPickleByName: FileScan.isPickleName(name))
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
      remark(place, "nested more than \(Limits.depth) archives deep: not looked into")
      return nil
    }
    let archive = scanArchive(region, place)
    let plain = archive == nil ? Self.plainFormat(region) : nil
    // Whatever else it is, it may be read as a pickle too.
    let hasPickles = scanPickles(region, place, isWhole: archive == nil && plain == nil)
    return archive ?? plain ?? (hasPickles ? "pickle" : nil)
  }

  // MARK: Containers

  private mutating func scanArchive(_ region: ScanRegion, _ place: Place) -> String? {
    let start = region.array(from: 0, limit: 8)
    if scanZip(region, place) { return "zip" }
    if start.starts(with: [0x1F, 0x8B, 8]), scanGzip(region, place) { return "gzip" }
    if scanTar(region, place) { return "tar" }
    if start.starts(with: [0x93] + Array("NUMPY".utf8)) {
      scanArray(region, place)
      return "npy"
    }
    let sealed: [(bytes: [UInt8], name: String)] = [
      ([0x37, 0x7A, 0xBC, 0xAF, 0x27, 0x1C], "7z"), ([0xFD, 0x37, 0x7A, 0x58, 0x5A, 0], "xz"),
      (Array("Rar!\u{1A}\u{7}".utf8), "rar"), (Array("BZh91AY&".utf8), "bzip2"),
      ([0x28, 0xB5, 0x2F, 0xFD], "zstd"), ([0x04, 0x22, 0x4D, 0x18], "lz4"),
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

  /// Formats that hold no pickle.
  private static func plainFormat(_ region: ScanRegion) -> String? {
    if region.holds("GGUF", at: 0) { return "gguf" }
    if region.array(from: 0, limit: IngotLayout.magic.count) == Array(IngotLayout.magic) {
      return "ingot"
    }
    if let length = region.load(UInt64.self, at: 0), length <= UInt64(region.count),
      region.load(UInt8.self, at: 8) == UInt8(ascii: "{")
    {
      return "safetensors"
    }
    return nil
  }

  private mutating func scanGzip(_ region: ScanRegion, _ place: Place) -> Bool {
    guard let flags = region.load(UInt8.self, at: 3), flags & 0xE0 == 0 else { return false }
    var part = region
    var place = place
    place.isPickleByName = true
    // Streams behind each other are one file to gzip.
    var bytes: [UInt8] = []
    while part.count > 0 {
      let result = inflate(part, .gzip, place)
      bytes += result.bytes
      guard let end = result.end else { break }
      part = part.part(end..<part.count)
    }
    guard !bytes.isEmpty else { return false }
    scan(ScanRegion(bytes), place.inner("gzip"))
    return true
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
  }

  // MARK: Common

  /// Inflates first a little, and the rest when that looks like something.
  mutating func inflate(
    _ region: ScanRegion, _ wrapping: Inflater.Wrapping, _ place: Place
  ) -> LooseInflation {
    guard inflatable > 0 else { return LooseInflation() }
    let start = LooseInflation(region, wrapping, limit: Limits.sniffed)
    inflatable -= start.bytes.count
    noteExhaustion(place)
    guard start.bytes.count == Limits.sniffed, inflatable > 0 else { return start }
    let isPromising = place.isPickleByName || Self.isPromising(start.bytes)
    let expanded = max(Limits.unknown, min(region.count, Limits.member) * Limits.expansion)
    let limit = min(isPromising ? min(Limits.member, expanded) : Limits.unknown, inflatable)
    let whole = LooseInflation(region, wrapping, limit: limit)
    inflatable -= whole.bytes.count
    noteExhaustion(place)
    if whole.bytes.count == limit, isPromising {
      // A loader would go on to what stands behind.
      remark(
        place, "inflates beyond \(limit) bytes: only those were looked into",
        place.isPickleByName ? .dangerous : .suspicious)
    }
    return whole
  }

  private mutating func noteExhaustion(_ place: Place) {
    if inflatable <= 0 {
      remark(place, "more than \(Limits.inflated) bytes inflated: nothing more is looked into")
    }
  }

  /// Whether bytes start as something that is looked into further.
  private static func isPromising(_ bytes: [UInt8]) -> Bool {
    let start = bytes.prefix(8)
    return start.starts(with: Array("PK".utf8)) || start.starts(with: [0x1F, 0x8B])
      || start.starts(with: Array("\u{93}NUMPY".unicodeScalars.map { UInt8($0.value) }))
      || LooseTarHeader(bytes[...]) != nil || bytes[0] == 0x80 && bytes[1] <= 5
  }

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
