internal import TensorCore

extension FileScan {
  /// Looks into streams of gzip or zlib, one behind the other, and what follows them; `false` when
  /// the region does not start as one.
  mutating func scanStreams(_ region: ScanRegion, _ place: Place) -> Bool {
    guard let wrapping = Self.wrapping(of: region) else { return false }
    var part = region
    var bytes: [UInt8] = []
    repeat {
      let result = inflate(part, wrapping, place, beyond: .suspicious)
      bytes += result.bytes
      guard let end = result.end else {
        part = part.part(0..<0)
        break
      }
      part = part.from(end)
      // Streams of gzip behind each other are one file; of zlib, readers take the first.
      if wrapping == .zlib { break }
    } while Self.wrapping(of: part) == wrapping
    guard !bytes.isEmpty else { return false }
    var inner = place.inner(wrapping == .gzip ? "gzip" : "zlib")
    inner.isBehind = place.isFile || place.isBehind || place.isPickleByName
    scan(ScanRegion(bytes), inner)
    if let first = part.firstNonzero {
      scan(part.from(first), place.behind("\(wrapping == .gzip ? "gzip" : "zlib") stream"))
    }
    return true
  }

  /// Whether bytes start as a compressed stream does: a gzip header (RFC 1952), or the two bytes of
  /// zlib (RFC 1950), of which the second makes the first divisible by 31.
  private static func wrapping(of region: ScanRegion) -> Inflater.Wrapping? {
    guard let first = region.load(UInt8.self, at: 0), let second = region.load(UInt8.self, at: 1)
    else { return nil }
    if first == 0x1F, second == 0x8B, region.load(UInt8.self, at: 2) == 8,
      (region.load(UInt8.self, at: 3) ?? 0xFF) & 0xE0 == 0
    {
      return .gzip
    }
    let isZlib =
      first & 0x0F == 8 && first >> 4 <= 7 && second & 0x20 == 0
      && (Int(first) << 8 | Int(second)).isMultiple(of: 31)
    return isZlib ? .zlib : nil
  }

  /// Looks into bytes of no other format that are a deflate stream without any header.
  mutating func scanDeflated(_ region: ScanRegion, _ place: Place) -> String? {
    let result = inflate(region, .raw, place, beyond: .suspicious)
    guard result.end != nil, !result.bytes.isEmpty else { return nil }
    let count = report.pickles.count + report.remarks.count
    var inner = place.inner("deflate")
    inner.isBehind = true
    scan(ScanRegion(result.bytes), inner)
    return report.pickles.count + report.remarks.count > count ? "deflate" : nil
  }

  /// Inflates first a little, and the rest when that looks like something.
  ///
  /// - Parameter beyond: how bad it is that more comes out than is looked into.
  mutating func inflate(
    _ region: ScanRegion, _ wrapping: Inflater.Wrapping, _ place: Place, beyond: SafetyVerdict
  ) -> LooseInflation {
    guard inflatable > 0 else { return LooseInflation() }
    let start = LooseInflation(region, wrapping, limit: Limits.sniffed)
    inflatable -= start.bytes.count
    noteExhaustion(place)
    guard start.bytes.count == Limits.sniffed, inflatable > 0 else { return start }
    let isPromising = place.isFile || place.isPickleByName || Self.isPromising(start.bytes)
    let expanded = max(Limits.unknown, min(region.count, Limits.member) * Limits.expansion)
    let limit = min(isPromising ? min(Limits.member, expanded) : Limits.unknown, inflatable)
    let whole = LooseInflation(region, wrapping, limit: limit)
    inflatable -= whole.bytes.count
    noteExhaustion(place)
    if whole.bytes.count == limit, isPromising {
      // A loader would go on to what stands behind.
      remark(place, "inflates beyond \(limit) bytes: only those were looked into", beyond)
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
      || start.starts(with: ArrayHeader.magic) || LooseTarHeader(bytes[...]) != nil
      || bytes[0] == 0x80 && bytes[1] <= 5
  }
}
