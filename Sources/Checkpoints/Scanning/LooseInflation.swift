internal import TensorCore

/// What a deflate stream gave, as far as it is sound and up to a limit.
struct LooseInflation {
  private(set) var bytes: [UInt8] = []
  /// Where the stream ends in the source; `nil` when its end was not reached.
  private(set) var end: Int?

  private static let pieceBytes = 1 << 16

  /// Nothing.
  init() {}

  /// Inflates until the stream's end, an error in it, or the limit.
  init(_ region: ScanRegion, _ wrapping: Inflater.Wrapping, limit: Int) {
    var inflater = Inflater(region.storage, region.range, wrapping: wrapping)
    var piece = [UInt8](repeating: 0, count: min(limit, Self.pieceBytes))
    while bytes.count < limit {
      let wanted = min(piece.count, limit - bytes.count)
      let given = unsafe piece.withUnsafeMutableBytes {
        unsafe inflater.read(into: UnsafeMutableRawBufferPointer(rebasing: $0[..<wanted]))
      }
      bytes += piece[..<given]
      guard given == wanted else { break }
    }
    end = inflater.end
  }
}
