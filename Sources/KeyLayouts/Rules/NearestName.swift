extension LayoutError {
  /// The same error with the name that is most like that of the tensor which tells a size.
  func naming(nearestAmong names: [String]) -> LayoutError {
    guard case .noMeasure(let name, let found, nil) = problem else { return self }
    return LayoutError(
      .noMeasure(name, found: found, nearest: NearestName.find(name, among: names)),
      origin: origin)
  }
}

/// Finds the name that a mistaken one was probably meant to be.
enum NearestName {
  /// The candidate that shares most pairs of neighbouring bytes with a name (Dice's coefficient), if
  /// it shares more than half.
  static func find(_ name: String, among candidates: some Collection<String>) -> String? {
    let wanted = pairs(of: name)
    var best: (name: String, score: Double)?
    for candidate in candidates where candidate != name {
      let size = candidate.utf8.count
      // Names of much other length cannot share half of their pairs.
      guard size > name.utf8.count / 3, size < name.utf8.count * 3 else { continue }
      let found = pairs(of: candidate)
      let shared = found.reduce(0) { $0 + min($1.value, wanted[$1.key] ?? 0) }
      let score = 2 * Double(shared) / Double(max(size + name.utf8.count - 2, 1))
      if score > best?.score ?? 0.5 { best = (candidate, score) }
    }
    return best?.name
  }

  private static func pairs(of name: String) -> [UInt16: Int] {
    var pairs: [UInt16: Int] = [:]
    var last: UInt8?
    for byte in name.utf8 {
      if let last { pairs[UInt16(last) << 8 | UInt16(byte), default: 0] += 1 }
      last = byte
    }
    return pairs
  }
}
