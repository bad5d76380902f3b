internal import KeyLayouts
internal import TensorCore

/// A conversion and its way back, both computed a chunk at a time, compared with the source.
struct RoundTrip {
  private let plan: ConversionPlan
  private let result: any TensorSource
  private let path: String

  /// - Parameter result: the tensors that are written, markers aside.
  init(_ plan: ConversionPlan, _ result: any TensorSource, of path: String) {
    self.plan = plan
    self.result = result
    self.path = path
  }

  /// Converts the result back into the source's names and types and compares.
  ///
  /// - Throws: the errors of readers, and `LayoutError` when the result cannot be read as what it
  ///   was made of.
  func certificate() throws -> RoundTripCertificate {
    let back = MappedTensors(result, by: try wayBack())
    var places: [String: Int] = [:]
    for (place, tensor) in back.tensors.enumerated() { places[tensor.name] = place }
    let usual = try usualNames()
    let types = Dictionary(
      plan.ownEntries.enumerated().flatMap { index, entry in
        [NameCleaning.clean(entry.source.name), usual[index]].compactMap { name in
          name.map { ($0, entry.source.elementType) }
        }
      }, uniquingKeysWith: { first, _ in first })
    // What cannot be made again, float8 among it, stays in the result's type: an exception.
    let returned = CastTensors(
      back,
      to: back.tensors.map {
        types[NameCleaning.clean($0.name)].flatMap { $0.isEncodable ? $0 : nil }
      })
    var exceptions: [RoundTripCertificate.Exception] = []
    var leftBehind: [String: Int] = [:]
    var (compared, respelled) = (0, 0)
    for (index, entry) in plan.ownEntries.enumerated() {
      if case .ignored(let reason) = entry.fate {
        leftBehind[reason, default: 0] += 1
        continue
      }
      if entry.fate == .unexplained {
        leftBehind["unexplained", default: 0] += 1
        continue
      }
      compared += 1
      let name = NameCleaning.clean(entry.source.name)
      let own = places[entry.source.name] ?? places[name]
      guard let place = own ?? usual[index].flatMap({ places[$0] }) else {
        exceptions.append(.init(tensor: entry.source.name, difference: "does not come back"))
        continue
      }
      if own == nil { respelled += 1 }
      if let difference = try difference(
        try plan.source.tensor(at: index), try returned.tensor(at: place))
      {
        exceptions.append(.init(tensor: entry.source.name, difference: difference))
      }
    }
    return RoundTripCertificate(
      compared: compared, respelled: respelled, exceptions: exceptions, leftBehind: leftBehind)
  }

  /// By place among the source's tensors, the name under which one comes back: of several spellings
  /// that are read the way back leads to the usual one.
  private func usualNames() throws -> [Int: String] {
    guard let reading = plan.reading, !plan.keepsNames else { return [:] }
    let canonical = reading.ledger
    let back = canonical.followed(
      by: try reading.ledger(writingBack: canonical.targets.map(\.description)))
    var names: [Int: String] = [:]
    for target in back.targets {
      let sources = Set(target.recipe.sources)
      if let index = sources.first, sources.count == 1 { names[index] = target.description.name }
    }
    return names
  }

  /// The account that leads from the result to the names of the source.
  private func wayBack() throws -> Ledger {
    guard let reading = plan.reading, !plan.keepsNames else {
      return .keeping(result.tensors)
    }
    let canonical: Ledger =
      plan.layout == .ldm
      ? try reading.ledger(readingBack: result.tensors) : .keeping(result.tensors)
    return canonical.followed(
      by: try reading.ledger(writingBack: canonical.targets.map(\.description)))
  }

  private func difference(_ source: TensorView, _ back: TensorView) throws -> String? {
    guard source.shape == back.shape else { return "is \(back.shape), was \(source.shape)" }
    guard source.elementType == back.elementType else {
      return "is \(back.elementType), was \(source.elementType)"
    }
    let count = source.countDifferent(from: back)
    return count == 0 ? nil : "\(count) of \(source.shape.elementCount) values differ"
  }
}

extension TensorView {
  /// The number of elements, or blocks, whose bytes are not those of another tensor of the same type
  /// and shape.
  func countDifferent(from other: TensorView) -> Int {
    let unit = elementType.blockBytes
    let chunk = max(ByteStorage.chunkBytes / unit, 1) * unit
    var count = 0
    for start in stride(from: 0, to: byteRange.count, by: chunk) {
      let length = min(chunk, byteRange.count - start)
      let (a, b) = (byteRange.lowerBound + start, other.byteRange.lowerBound + start)
      storage.withBytes(in: a..<a + length) { mine in
        other.storage.withBytes(in: b..<b + length) { theirs in
          mine.withUnsafeBytes { mine in
            theirs.withUnsafeBytes { theirs in
              if mine.elementsEqual(theirs) { return }
              for element in stride(from: 0, to: length, by: unit) {
                let range = element..<element + unit
                if !mine[range].elementsEqual(theirs[range]) { count += 1 }
              }
            }
          }
        }
      }
    }
    storage.advise(.dontNeed, range: byteRange)
    return count
  }
}
