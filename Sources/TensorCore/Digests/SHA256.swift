internal import CKernels

#if canImport(Glibc)
  internal import Glibc
#endif

/// SHA-256 (FIPS 180-4) of bytes that come in parts, through the processor's SHA instructions where
/// it has them.
public struct SHA256: Sendable {
  private var state: [UInt32] = [
    0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab,
    0x5be0_cd19,
  ]
  private var pending: [UInt8] = []
  private var byteCount: UInt64 = 0
  private let usesKernel: Bool

  /// Starts an empty message.
  public init() {
    self.init(usesKernel: Self.hasKernel && Processor.instructionSet > .portable)
  }

  init(usesKernel: Bool) { self.usesKernel = usesKernel }

  static let hasKernel = assay_cpu_has_sha256()

  /// Appends bytes.
  public mutating func update(_ bytes: RawSpan) {
    byteCount &+= UInt64(bytes.byteCount)
    var rest = bytes
    if !pending.isEmpty {
      let missing = min(64 - pending.count, rest.byteCount)
      unsafe rest.extracting(first: missing).withUnsafeBytes {
        unsafe pending.append(contentsOf: $0)
      }
      rest = rest.extracting(droppingFirst: missing)
      guard pending.count == 64 else { return }
      let block = pending
      pending.removeAll(keepingCapacity: true)
      unsafe process(block.span.bytes)
    }
    let whole = rest.byteCount / 64 * 64
    process(rest.extracting(first: whole))
    unsafe rest.extracting(droppingFirst: whole).withUnsafeBytes {
      unsafe pending.append(contentsOf: $0)
    }
  }

  /// The 32 bytes of the digest.
  public consuming func finish() -> [UInt8] {
    let bits = byteCount &* 8
    var tail = pending + [0x80]
    while tail.count % 64 != 56 { tail.append(0) }
    tail += stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: bits >> $0) }
    unsafe process(tail.span.bytes)
    return state.flatMap { word in
      stride(from: 24, through: 0, by: -8).map { UInt8(truncatingIfNeeded: word >> $0) }
    }
  }

  /// The digest of bytes as hexadecimal digits.
  public static func hexDigest(of bytes: RawSpan) -> String {
    var hash = SHA256()
    hash.update(bytes)
    return hex(hash.finish())
  }

  /// The digest of a file as hexadecimal digits, as `sha256sum` prints it.
  ///
  /// - Throws: `FileError` when the file cannot be opened or read.
  public static func hexDigest(ofFile path: String) throws(FileError) -> String {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileError(.open, path: path, code: errno) }
    defer { close(descriptor) }
    posix_fadvise(descriptor, 0, 0, POSIX_FADV_SEQUENTIAL)
    var hash = SHA256()
    var buffer = [UInt8](repeating: 0, count: 1 << 18)
    while true {
      let count = unsafe buffer.withUnsafeMutableBytes {
        unsafe read(descriptor, $0.baseAddress, $0.count)
      }
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { throw FileError(.read, path: path, code: errno) }
      guard count > 0 else { return hex(hash.finish()) }
      unsafe hash.update(buffer.span.bytes.extracting(first: count))
    }
  }

  private static func hex(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  private mutating func process(_ blocks: RawSpan) {
    if usesKernel {
      unsafe blocks.withUnsafeBytes { blocks in
        unsafe state.withUnsafeMutableBufferPointer { state in
          unsafe assay_sha256_blocks(state.baseAddress, blocks.baseAddress, blocks.count / 64)
        }
      }
    } else {
      for start in stride(from: 0, to: blocks.byteCount, by: 64) {
        processPortably(blocks.extracting(start..<start + 64))
      }
    }
  }

  private mutating func processPortably(_ block: RawSpan) {
    var words = [UInt32](repeating: 0, count: 64)
    for index in 0..<16 {
      words[index] = UInt32(
        bigEndian: unsafe block.unsafeLoadUnaligned(fromByteOffset: 4 * index, as: UInt32.self))
    }
    for index in 16..<64 {
      let (early, late) = (words[index - 15], words[index - 2])
      let first = Self.rotate(early, 7) ^ Self.rotate(early, 18) ^ early >> 3
      let second = Self.rotate(late, 17) ^ Self.rotate(late, 19) ^ late >> 10
      words[index] = words[index - 16] &+ first &+ words[index - 7] &+ second
    }
    var (a, b, c, d) = (state[0], state[1], state[2], state[3])
    var (e, f, g, h) = (state[4], state[5], state[6], state[7])
    for index in 0..<64 {
      let sum1 = Self.rotate(e, 6) ^ Self.rotate(e, 11) ^ Self.rotate(e, 25)
      let choice = e & f ^ ~e & g
      let first = h &+ sum1 &+ choice &+ Self.roundConstants[index] &+ words[index]
      let sum0 = Self.rotate(a, 2) ^ Self.rotate(a, 13) ^ Self.rotate(a, 22)
      let majority = a & b ^ a & c ^ b & c
      (h, g, f, e) = (g, f, e, d &+ first)
      (d, c, b, a) = (c, b, a, first &+ sum0 &+ majority)
    }
    for (index, word) in [a, b, c, d, e, f, g, h].enumerated() { state[index] &+= word }
  }

  private static func rotate(_ word: UInt32, _ count: UInt32) -> UInt32 {
    word >> count | word << (32 - count)
  }

  /// The first 32 bits of the fractional parts of the cube roots of the first 64 primes.
  private static let roundConstants: [UInt32] = {
    let primes = (2...311).filter { number in !(2..<number).contains { number % $0 == 0 } }
    return primes.map { prime in
      // The largest whole r with r³ ≤ prime · 2⁹⁶ is the root with 32 bits behind the point.
      var root: UInt64 = 0
      for bit in stride(from: 34, through: 0, by: -1) {
        let candidate = root | 1 << UInt64(bit)
        let square = candidate.multipliedFullWidth(by: candidate)
        // candidate < 2³⁵, so the square has at most 70 bits and the cube at most 105.
        let low = square.low.multipliedFullWidth(by: candidate)
        let cubeHigh = square.high * candidate + low.high
        if cubeHigh < UInt64(prime) << 32 || cubeHigh == UInt64(prime) << 32 && low.low == 0 {
          root = candidate
        }
      }
      return UInt32(truncatingIfNeeded: root)
    }
  }()
}
