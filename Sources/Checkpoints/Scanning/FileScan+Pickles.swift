internal import TensorCore

extension FileScan {
  /// Follows the pickles that stand one behind the other at the start of a region, then looks for
  /// more behind them.
  ///
  /// - Parameter isWhole: whether the region is nothing else, so that what follows the pickles
  ///   is searched too.
  /// - Returns: whether there was one.
  @discardableResult
  mutating func scanPickles(_ region: ScanRegion, _ place: Place, isWhole: Bool) -> Bool {
    var run = PickleRun(region)
    var found = 0
    while run.position < region.count, found < Limits.sequence {
      let start = run.position
      let isPatient = place.isPickleByName || place.isFile && run.hasHeader(at: start)
      guard let trace = run.next(isPatient: isPatient) else { break }
      // The first bytes of an archive are opcodes too, at which Python stops.
      let isChance = !isWhole && trace.fault?.offset == start
      guard !isChance, isAccepted(trace, run, start: start, place, isFirst: found == 0) else {
        run.position = start
        break
      }
      found += 1
      record(trace, place, region, start: start, end: run.position)
      guard trace.isComplete else {
        if region.count - start > Limits.pickle, trace.isCut {
          remark(place, "the pickle is longer than \(Limits.pickle) bytes: not followed further")
        }
        break
      }
    }
    if found == Limits.sequence { remark(place, "more than \(found) pickles behind each other") }
    let isLoose = place.isFile || place.isPickleByName || place.isBehind
    if found > 0 || isWhole && isLoose { searchRest(region, place, from: run.searchStart) }
    return found > 0
  }

  private mutating func record(
    _ trace: PickleTrace, _ place: Place, _ region: ScanRegion, start: Int, end: Int
  ) {
    // Legacy files hold several; long runs of trivial ones are not worth a line each.
    if report.pickles.count >= 64, trace.entries.isEmpty, trace.fault == nil { return }
    if report.pickles.count < Limits.listed {
      report.pickles.append(
        PickleVerdict(trace, member: place.member, base: place.base, start: start, end: end))
    } else if report.pickles.count == Limits.listed {
      remark(place, "more than \(Limits.listed) pickles: not all are listed")
    }
    for nested in trace.nested {
      var inner = place.inner("bytes at \(place.base + nested.offset)")
      inner.isPickleByName = true
      let (storage, range) = nested.data.bytes(in: region.storage)
      scan(ScanRegion(storage, range), inner)
    }
  }

  /// Whether what was followed is a pickle, and not bytes that look like one by chance.
  private func isAccepted(
    _ trace: PickleTrace, _ run: PickleRun, start: Int, _ place: Place, isFirst: Bool
  ) -> Bool {
    let isSound = trace.isComplete && trace.fault == nil
    if trace.hasDanger || trace.hasNamesBeforeFault { return true }
    // Of bytes that are something else only what is imported is news.
    if place.isOther { return false }
    guard !isSound else {
      // A value without imports does no harm; of bytes that are something else it is no news.
      let isAll = place.isFile && run.position == run.region.count
      return place.isPickleByName || isAll || run.hasHeader(at: start) || !isFirst && place.isFile
    }
    // Damaged, but meant to be one.
    return isFirst && run.hasHeader(at: start) && (place.isPickleByName || place.isFile)
  }

  // MARK: Search

  /// Looks for more behind the pickles: a compressed stream, or pickles at any place.
  private mutating func searchRest(_ region: ScanRegion, _ place: Place, from start: Int) {
    let rest = region.part(start..<region.count)
    guard let first = rest.firstNonzero else { return }
    if start > 0, scanStreams(rest.from(first), place.inner("behind the pickle")) { return }
    search(rest, place, base: start)
  }

  /// Looks for pickles at any place. Only what imports something by name, and either is followed to
  /// its end or names something dangerous, is more than chance.
  mutating func search(_ region: ScanRegion, _ place: Place, base: Int) {
    guard region.count > 1, region.firstNonzero != nil else { return }
    var hits: [(start: Int, end: Int)] = []
    func isInside(_ offset: Int) -> Bool { hits.contains { $0.start <= offset && offset < $0.end } }
    var attempts = 0
    func attempt(_ start: Int) -> Int? {
      guard !isInside(start), hits.count < 1000 else { return nil }
      attempts += 1
      guard attempts <= Limits.attempts else { return nil }
      var run = PickleRun(region, at: start)
      guard let trace = run.next(), trace.hasNamesBeforeFault,
        trace.hasDanger || trace.isComplete && trace.fault == nil
      else { return nil }
      hits.append((start, max(run.position, start + 1)))
      var outer = place
      outer.base += base
      record(trace, outer, region, start: start, end: run.position)
      return run.position
    }
    var next = 0
    region.forEachCandidate { candidate in
      guard attempts <= Limits.attempts else { return false }
      // What was followed already is not looked at again.
      guard candidate.trigger >= next else { return true }
      let start: Int?
      switch candidate.kind {
      case .header: start = candidate.trigger
      case .lineEnd:
        attempts += 1
        start = region.importStart(firstLineEnd: candidate.trigger)
      case .strings: start = region.stringsStart(before: candidate.trigger)
      }
      if let start, let end = attempt(start) { next = end }
      return true
    }
    if attempts > Limits.attempts {
      remark(place, "more than \(Limits.attempts) places look like pickles: not all were followed")
    }
  }
}

extension PickleTrace {
  /// Whether something dangerous is named in plain letters.
  fileprivate var hasDanger: Bool {
    entries.contains {
      $0.subject.isPlausible && judgement(of: $0.subject).verdict == .dangerous
    }
  }

  /// Whether something is named in plain letters before Python would stop.
  fileprivate var hasNamesBeforeFault: Bool {
    let sound = fault == nil ? entries.count : entriesBeforeFault
    return entries.prefix(sound).contains(where: \.subject.isPlausible)
  }
}

extension PickleTrace.Subject {
  /// Whether module and name are identifiers, as no chance gives them.
  fileprivate var isPlausible: Bool {
    guard let module, !module.isEmpty, !name.isEmpty else { return false }
    return (module + "." + name).unicodeScalars.allSatisfy {
      $0 == "." || $0 == "_" || $0 == " " || $0 == "-" || $0.properties.isAlphabetic
        || $0.properties.numericType != nil
    }
  }
}

/// Pickles one behind the other in a region.
struct PickleRun {
  let region: ScanRegion
  /// Where the next one starts.
  var position: Int
  /// How many of the five pickles of torch's older form were there.
  private var legacyStep = 0
  private var storageWidths: [String: Int] = [:]
  private var legacyEnd: Int?

  /// What is looked at first: most bytes show at once that they are no pickle.
  private static let probe = 1 << 12

  init(_ region: ScanRegion, at position: Int = 0) {
    self.region = region
    self.position = position
  }

  /// Where bytes begin that belong to none: behind the storages of torch's older form.
  var searchStart: Int { max(legacyEnd ?? position, position) }

  func hasHeader(at offset: Int) -> Bool {
    region.load(UInt8.self, at: offset) == 0x80
      && (region.load(UInt8.self, at: offset + 1) ?? 0xFF) <= 5
  }

  /// Follows the next pickle and moves behind it; `nil` at the end.
  ///
  /// - Parameter isPatient: whether to read on behind an error although nothing was imported.
  mutating func next(isPatient: Bool = false) -> PickleTrace? {
    guard position < region.count else { return nil }
    let start = position
    for part in [region.part(start..<start + Self.probe), region.part(start..<region.count)] {
      var unpickler = Unpickler(part.storage, in: part.range)
      let trace = unpickler.followTracing(from: start)
      let isWhole = start + part.count == region.count
      if trace.isCut, !isWhole,
        isPatient || trace.fault?.problem == .truncated || !trace.entries.isEmpty
      {
        continue
      }
      position = start + unpickler.position
      noteLegacy(unpickler)
      return trace
    }
    return nil
  }

  // MARK: torch's older form

  /// `torch.serialization._legacy_save`: magic number, protocol, system, value and storage keys as
  /// five pickles, then each storage behind its count of elements.
  private mutating func noteLegacy(_ unpickler: Unpickler) {
    let value = unpickler.result
    switch legacyStep {
    case 0:
      guard case .bigInteger(let bytes)? = value,
        bytes == [0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19]
      else { return }
      legacyStep = 1
    case 1, 2: legacyStep += 1
    case 3:
      for storage in unpickler.heap.storages {
        storageWidths[storage.key] =
          storage.isUntyped ? 1 : storage.elementType?.blockBytes ?? 1
      }
      legacyStep = 4
    case 4:
      legacyStep = 5
      guard let value, let keys = unpickler.heap.elements(of: value) else { return }
      var end = position
      for key in keys {
        guard let key = key.stringValue, let width = storageWidths[key],
          let count = region.load(UInt64.self, at: end).flatMap({ Int(exactly: $0) })
        else { return }
        let (bytes, overflow) = count.multipliedReportingOverflow(by: width)
        guard !overflow, bytes <= region.count - end - 8 else { return }
        end += 8 + bytes
        legacyEnd = end
      }
    default: break
    }
  }
}
