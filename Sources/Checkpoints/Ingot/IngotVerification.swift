internal import Dispatch
internal import Synchronization
internal import TensorCore

/// What `IngotReader.verify()` found.
public struct IngotVerification: Sendable, Hashable {
  /// The tensors whose bytes are not those that were written, in the ingot's order.
  public var damagedTensors: [String] = []
  /// The attachments whose bytes are not those that were written.
  public var damagedAttachments: [String] = []
  /// The sections whose bytes do not have their hash.
  public var damagedSections: [IngotSection] = []
  /// The offsets of the first byte of every gap that is not zero throughout.
  public var damagedGaps: [Int] = []
  /// Whether the weights fingerprint is that of the index.
  public var isFingerprintRight = true

  /// Whether every byte of the file is as it was written.
  public var isIntact: Bool {
    damagedTensors.isEmpty && damagedAttachments.isEmpty && damagedSections.isEmpty
      && damagedGaps.isEmpty && isFingerprintRight
  }
}

extension IngotReader {
  /// Reads the whole file, on all processor cores, and compares it with every hash in it.
  ///
  /// - Parameter progress: called with the tensor bytes checked so far, from several threads.
  /// - Throws: `FileError` when the file shrank meanwhile.
  public func verify(
    progress: (@Sendable (_ bytes: Int) -> Void)? = nil
  ) throws -> IngotVerification {
    var result = IngotVerification()
    result.damagedTensors = damagedTensors(progress: progress)
    for entry in attached {
      let digest = storage.withBytes(in: fileRange(of: entry)) { XXHash3.hash128($0) }
      if digest != entry.digest { result.damagedAttachments.append(entry.path) }
    }
    for section in IngotSection.allCases {
      let hash = storage.withBytes(in: hashedRange(of: section)) { XXHash3.hash64($0) }
      if hash != header[section].hash { result.damagedSections.append(section) }
    }
    result.damagedGaps = damagedGaps()
    result.isFingerprintRight =
      WeightsFingerprint.of(index.records.map { ($0.description, $0.digest) })
      == weightsFingerprint
    try MappingGuard.check()
    return result
  }

  /// The part of a section that its hash covers: of the attachments, the directory.
  private func hashedRange(of section: IngotSection) -> Range<Int> {
    let range = header[section].range
    guard section == .attachments else { return range }
    let directory = storage.withBytes(in: range) { $0.load(UInt64.self, at: 0) } ?? 0
    let end = Int(clamping: directory.addingReportingOverflow(8).partialValue)
    return range.lowerBound..<range.lowerBound + min(end, range.count)
  }

  private func damagedTensors(progress: (@Sendable (Int) -> Void)?) -> [String] {
    // An extent that several tensors share is read once.
    let extents = Dictionary(grouping: tensors.indices) { record(at: $0).byteRange }
    let ranges = extents.keys.sorted {
      ($0.lowerBound, $0.upperBound) < ($1.lowerBound, $1.upperBound)
    }
    let damaged = Mutex<[Int]>([])
    let done = Atomic(0)
    DispatchQueue.concurrentPerform(iterations: ranges.count) { iteration in
      let range = ranges[iteration]
      storage.advise(.willNeed, range: range)
      let digest = storage.withBytes(in: range) { XXHash3.hash128($0) }
      let wrong = (extents[range] ?? []).filter { record(at: $0).digest != digest }
      if !wrong.isEmpty { damaged.withLock { $0 += wrong } }
      let total = done.add(range.count, ordering: .relaxed).newValue
      progress?(total)
    }
    return damaged.withLock { $0.sorted() }.map { tensors[$0].name }
  }

  /// Everything between header, extents, sections and attachments is zero.
  private func damagedGaps() -> [Int] {
    let attachmentRanges = attached.map(fileRange(of:))
    let ranges =
      index.records.map(\.byteRange) + IngotSection.allCases.map(hashedRange(of:))
      + attachmentRanges
    var gaps: [Int] = []
    var end = IngotLayout.headerBytes
    for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) where !range.isEmpty {
      if range.lowerBound > end {
        let gap = end..<range.lowerBound
        let isZero = storage.withBytes(in: gap) { bytes in
          unsafe bytes.withUnsafeBytes { unsafe $0.allSatisfy { $0 == 0 } }
        }
        if !isZero { gaps.append(gap.lowerBound) }
      }
      end = max(end, range.upperBound)
    }
    return gaps
  }
}
