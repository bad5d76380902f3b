internal import CXXHash

/// A 128-bit XXH3 digest: 'are these bytes those bytes?' without a key, and not for security.
///
/// As sixteen bytes and as text it is in the hash's canonical form, the big-endian one that
/// `xxh128sum` prints: the high half first, each half from its most significant byte.
public struct Digest128: Sendable, Hashable {
  /// The upper 64 bits.
  public let high: UInt64
  /// The lower 64 bits.
  public let low: UInt64

  /// Puts a digest together.
  public init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  /// Reads the canonical sixteen bytes; `nil` when there are not sixteen.
  public init?(canonical bytes: some Collection<UInt8>) {
    guard bytes.count == 16 else { return nil }
    self.init(
      high: bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) },
      low: bytes.dropFirst(8).reduce(0) { $0 << 8 | UInt64($1) })
  }

  /// The canonical sixteen bytes.
  public var canonical: [UInt8] {
    [high, low].flatMap { half in
      stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: half >> $0) }
    }
  }
}

extension Digest128: CustomStringConvertible {
  /// The canonical form as 32 hexadecimal digits.
  public var description: String {
    canonical.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}

/// The XXH3 hash functions, without a seed.
public enum XXHash3 {
  /// The 64-bit hash. Formats of ours store it as a little-endian number.
  public static func hash64(_ bytes: RawSpan) -> UInt64 {
    unsafe bytes.withUnsafeBytes { unsafe XXH3_64bits($0.baseAddress, $0.count) }
  }

  /// The 128-bit hash.
  public static func hash128(_ bytes: RawSpan) -> Digest128 {
    let hash = unsafe bytes.withUnsafeBytes { unsafe XXH3_128bits($0.baseAddress, $0.count) }
    return Digest128(high: hash.high64, low: hash.low64)
  }
}

/// The 128-bit XXH3 hash of bytes that come in parts.
@safe public struct XXHash3Stream: ~Copyable {
  private let state: OpaquePointer

  /// Starts an empty stream.
  public init() {
    guard let state = unsafe XXH3_createState() else {
      fatalError("out of memory for a hash state")
    }
    unsafe XXH3_128bits_reset(state)
    unsafe self.state = unsafe state
  }

  deinit { unsafe XXH3_freeState(state) }

  /// Appends bytes.
  public mutating func update(_ bytes: RawSpan) {
    unsafe bytes.withUnsafeBytes { bytes in
      _ = unsafe XXH3_128bits_update(state, bytes.baseAddress, bytes.count)
    }
  }

  /// The digest of what was appended so far.
  public var digest: Digest128 {
    let hash = unsafe XXH3_128bits_digest(state)
    return Digest128(high: hash.high64, low: hash.low64)
  }
}

extension TensorView {
  /// The XXH3-128 of the tensor's bytes, which are read piece by piece.
  public var digest: Digest128 {
    var hash = XXHash3Stream()
    forEachChunk { hash.update($0) }
    return hash.digest
  }
}
