internal import TensorCore

/// A container that holds no pickle.
enum PlainFormat: String {
  case gguf, ingot, safetensors

  init?(_ region: ScanRegion) {
    if region.holds("GGUF", at: 0) {
      self = .gguf
    } else if region.array(from: 0, limit: IngotLayout.magic.count) == Array(IngotLayout.magic) {
      self = .ingot
    } else if let length = region.load(UInt64.self, at: 0), length <= UInt64(region.count),
      SafetensorsReader.startsObject({ region.load(UInt8.self, at: $0) })
    {
      self = .safetensors
    } else {
      return nil
    }
  }

  /// Where the tensors of an unsound file end, when bytes that are something else follow.
  func end(of region: ScanRegion) -> Int? {
    guard self == .safetensors, let length = region.load(UInt64.self, at: 0),
      length <= UInt64(SafetensorsReader.headerLimit),
      let header = try? JSON(parsing: region.array(from: 8, limit: Int(length))),
      let entries = header.objectValue?.members
    else { return nil }
    let ends = entries.compactMap { $0.value["data_offsets"]?.arrayValue?.last?.intValue }
    let (end, overflow) = (8 + Int(length)).addingReportingOverflow(max(ends.max() ?? 0, 0))
    guard !overflow, end < region.count else { return nil }
    return region.from(end).firstNonzero.map { end + $0 }
  }

  /// Whether the region is one to its last byte. The readers account for every byte of a file, so
  /// that nothing can hide in one that they take; one that they refuse is searched.
  func isSound(_ region: ScanRegion) -> Bool {
    // In an archive they would have to be copied.
    guard region.range == 0..<region.storage.count else { return false }
    do {
      switch self {
      case .gguf:
        let directory = try GGUFDirectory(storage: region.storage, path: "")
        return directory.padding.allSatisfy { region.part($0).firstNonzero == nil }
      case .ingot: _ = try IngotReader(storage: region.storage, path: "")
      case .safetensors: _ = try SafetensorsReader(storage: region.storage, path: "")
      }
      return true
    } catch {
      return false
    }
  }
}
