import Foundation
import Testing

@testable import TensorCore

@Suite struct HashTests {
  /// Values of the reference implementation's `xxh64sum`-family tools (`xxhsum -H3`, `xxh128sum`).
  @Test func xxHash3() {
    let empty: [UInt8] = []
    #expect(XXHash3.hash64(empty.span.bytes) == 0x2D06_8005_38D3_94C2)
    #expect(
      XXHash3.hash128(empty.span.bytes).description == "99aa06d3014798d86001c324468d497f")
    let text = Array("abc".utf8)
    #expect(XXHash3.hash64(text.span.bytes) == 0x78AF_5F94_892F_3950)
    #expect(XXHash3.hash128(text.span.bytes).description == "06b05ab6733a618578af5f94892f3950")
  }

  @Test func streamsGiveTheDigestOfTheWhole() {
    let bytes = (0..<300_001).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
    var stream = XXHash3Stream()
    var start = 0
    for count in [0, 1, 255, 256, 4096, 100_000, 195_393] {
      stream.update(bytes.span.bytes.extracting(start..<start + count))
      start += count
    }
    #expect(start == bytes.count)
    #expect(stream.digest == XXHash3.hash128(bytes.span.bytes))
    #expect(Digest128(canonical: stream.digest.canonical) == stream.digest)
    #expect(Digest128(canonical: [1, 2]) == nil)
  }

  /// FIPS 180-4's examples, and the well-known million of letters.
  @Test(
    arguments: [
      ("", 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
      ("abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
      (
        "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
        1,
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
      ),
      (
        "a", 1_000_000,
        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
      ),
    ], [false, true])
  func sha256(example: (text: String, repeats: Int, digest: String), usesKernel: Bool) {
    guard !usesKernel || SHA256.hasKernel else { return }
    var hash = SHA256(usesKernel: usesKernel)
    let text = String(repeating: example.text, count: example.repeats)
    hash.update(Array(text.utf8).span.bytes)
    let hex = hash.finish().map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    #expect(hex == example.digest)
  }

  @Test(.enabled(if: SHA256.hasKernel, "the processor has no SHA instructions"))
  func sha256KernelAgreesWithSwift() {
    let bytes = (0..<1000).map { UInt8(truncatingIfNeeded: $0 &* 91 &+ $0 >> 3) }
    for count in 0...300 {
      var (fast, slow) = (SHA256(usesKernel: true), SHA256(usesKernel: false))
      for part in [0..<count / 3, count / 3..<count, count..<3 * count] {
        fast.update(bytes.span.bytes.extracting(part))
        slow.update(bytes.span.bytes.extracting(part))
      }
      #expect(fast.finish() == slow.finish())
    }
  }

  @Test func sha256OfAFile() throws {
    let path = FileManager.default.temporaryDirectory.appending(
      path: "assay-sha256-\(UUID().uuidString)"
    ).path(percentEncoded: false)
    defer { try? FileManager.default.removeItem(atPath: path) }
    let bytes = [UInt8](repeating: UInt8(ascii: "a"), count: 1_000_000)
    try Data(bytes).write(to: URL(filePath: path))
    #expect(
      try SHA256.hexDigest(ofFile: path)
        == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
    #expect(throws: FileError(.open, path: path + "x", code: ENOENT)) {
      try SHA256.hexDigest(ofFile: path + "x")
    }
  }

  /// The check value of the catalogue of CRCs, and zlib's for the alphabet.
  @Test(arguments: [false, true])
  func crc32(usesKernel: Bool) {
    guard !usesKernel || CRC32.hasKernel else { return }
    for (text, checksum) in [
      ("", 0), ("123456789", 0xCBF4_3926), ("abcdefghijklmnopqrstuvwxyz", 0x4C27_50BD),
    ] as [(String, UInt32)] {
      var crc = CRC32(usesKernel: usesKernel)
      crc.update(Array(text.utf8).span.bytes)
      #expect(crc.checksum == checksum)
    }
  }

  @Test(.enabled(if: CRC32.hasKernel, "the processor has no carry-less multiplication"))
  func crc32KernelAgreesWithSwift() {
    let bytes = (0..<3000).map { UInt8(truncatingIfNeeded: $0 &* 91 &+ $0 >> 3) }
    for count in Array(0...300) + [1024, 2999, 3000] {
      var (fast, slow) = (CRC32(usesKernel: true), CRC32(usesKernel: false))
      // In parts, so that the register is not fresh, and at odd addresses.
      for part in [0..<count / 3, count / 3..<count] {
        fast.update(bytes.span.bytes.extracting(part))
        slow.update(bytes.span.bytes.extracting(part))
      }
      #expect(fast.checksum == slow.checksum, "of \(count) bytes")
    }
  }
}
