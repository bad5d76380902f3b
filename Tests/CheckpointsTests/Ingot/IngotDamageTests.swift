import Foundation
import TensorCore
import TestSupport
import Testing

@testable import Checkpoints

/// An ingot as bytes, to be damaged.
private struct Bytes {
  var bytes: [UInt8]

  /// Two tensors and an attachment: 'b' (f32 [4]) is written first, 'a' (u8 [2, 3]) second.
  init() throws {
    let folder = try ScratchFolder()
    try writeIngot(
      [makeTensor("b", .float32, [4], seed: 1), makeTensor("a", .uint8, [2, 3], seed: 2)],
      to: folder.path("x"), attachments: [("notes.txt", Array("hello".utf8))])
    bytes = Array(try Data(contentsOf: URL(filePath: folder.path("x"))))
  }

  func number(at offset: Int) -> Int {
    (0..<8).reduce(0) { $0 | Int(bytes[offset + $1]) << (8 * $1) }
  }
  var index: Int { number(at: 24) }
  var names: Int { number(at: 48) }
  var metadata: Int { number(at: 72) }
  var attachments: Int { number(at: 96) }

  mutating func set<Number: FixedWidthInteger>(_ value: Number, at offset: Int) {
    for byte in 0..<Number.bitWidth / 8 {
      bytes[offset + byte] = UInt8(truncatingIfNeeded: value >> Number(8 * byte))
    }
  }

  /// Makes the hashes right again, so that the check behind them is reached.
  mutating func seal() {
    for field in [24, 48, 72, 96] {
      let (start, length) = (number(at: field), number(at: field + 8))
      guard start >= 0, start <= bytes.count, length >= 0, length <= bytes.count - start else {
        continue
      }
      var hashed = length
      if field == 96 && start <= bytes.count - 8 {
        hashed = min(max(number(at: start), 0), length - min(length, 8)) + min(length, 8)
      }
      set(XXHash3.hash64(bytes.span.bytes.extracting(start..<start + hashed)), at: field + 16)
    }
    sealHeader()
  }

  mutating func sealHeader() {
    set(UInt64(0), at: 136)
    set(XXHash3.hash64(bytes.span.bytes.extracting(first: 4096)), at: 136)
  }

  func read() throws(IngotError) -> IngotReader {
    try IngotReader(storage: ByteStorage(copying: bytes.span.bytes), path: "x.ingot")
  }

  var message: String {
    do throws(IngotError) { return try "no error: \(read().tensors.count)" } catch {
      return error.description
    }
  }
}

@Suite struct IngotDamageTests {
  /// One field, what is put there, and the message; offsets of records count from the index.
  struct Damage: CustomTestStringConvertible, Sendable {
    let name: String
    let message: String
    var seals = true
    let change: @Sendable (inout [UInt8], Places) -> Void
    var testDescription: String { name }
  }
  struct Places: Sendable { let index, names, metadata, attachments, count: Int }

  static func set<Number: FixedWidthInteger>(
    _ bytes: inout [UInt8], _ value: Number, at offset: Int
  ) {
    for byte in 0..<Number.bitWidth / 8 {
      bytes[offset + byte] = UInt8(truncatingIfNeeded: value >> Number(8 * byte))
    }
  }

  static let damages: [Damage] = [
    Damage(
      name: "magic", message: "not an ingot: the file does not start with its signature"
    ) { bytes, _ in bytes[0] = 0x88 },
    Damage(
      name: "version",
      message: "an ingot of version 2; this assay reads version 1: a newer assay reads it"
    ) { bytes, _ in bytes[8] = 2 },
    Damage(
      name: "flags",
      message: "header byte 13 is not zero, as version 1 wants it: written by a newer assay?"
    ) { bytes, _ in bytes[13] = 1 },
    Damage(
      name: "reserved",
      message: "header byte 4095 is not zero, as version 1 wants it: written by a newer assay?"
    ) { bytes, _ in bytes[4095] = 1 },
    Damage(name: "truncated", message: "the file has 4864 bytes, expected 4869: truncated?") {
      bytes, _ in bytes.removeLast(5)
    },
    Damage(
      name: "appended", message: "the file has 4870 bytes, expected 4869: something was appended?"
    ) { bytes, _ in bytes.append(0) },
    Damage(
      name: "shorter than a header",
      message: "the file has 100 bytes, expected at least the 4096 of an ingot's header",
      seals: false
    ) { bytes, _ in bytes.removeSubrange(100...) },
    Damage(
      name: "section outside",
      message: "the names section of 9223372036854775807 bytes at offset 4544 reaches past the end "
        + "of the file, at 4869"
    ) { bytes, _ in set(&bytes, Int.max, at: 56) },
    Damage(
      name: "section overflow",
      message:
        "the names section of 2 bytes at offset 18446744073709551615 reaches past the end of "
        + "the file, at 4869"
    ) { bytes, _ in set(&bytes, UInt64.max, at: 48) },
    Damage(
      name: "sections overlap",
      message: "the names section of 2 bytes at offset 4480 starts before byte 4544, which is taken"
    ) { bytes, _ in set(&bytes, 4480, at: 48) },
    Damage(
      name: "section unaligned",
      message: "the names section of 2 bytes at offset 4545 does not start on a multiple of 64"
    ) { bytes, _ in set(&bytes, 4545, at: 48) },
    Damage(
      name: "half a record",
      message: "the index section of 300 bytes at offset 4224 is not a whole number of records of "
        + "160 bytes"
    ) { bytes, _ in set(&bytes, 300, at: 32) },
    Damage(
      name: "name gap",
      message:
        "record 0 of the index: its name of 1 bytes at 1 is not where the previous one ends, "
        + "at 0 of 2"
    ) { bytes, places in set(&bytes, UInt32(1), at: places.index) },
    Damage(
      name: "name too long",
      message: "record 1 of the index: its name of 4294967295 bytes at 1 is not where the previous "
        + "one ends, at 1 of 2"
    ) { bytes, places in set(&bytes, UInt32.max, at: places.index + 164) },
    Damage(name: "name not UTF-8", message: "record 0 of the index: its name is not valid UTF-8") {
      bytes, places in bytes[places.names] = 0xFF
    },
    Damage(
      name: "names not ascending",
      message: "record 1 of the index: its name 'a' does not come after the previous one"
    ) { bytes, places in bytes[places.names + 1] = UInt8(ascii: "a") },
    Damage(
      name: "names left over",
      message: "the names section of 1 bytes at offset 1 belongs to no tensor"
    ) { bytes, places in
      // One record fewer.
      set(&bytes, 160, at: 32)
      set(&bytes, UInt32(0), at: places.index + 12)
    },
    Damage(name: "element type", message: "tensor 'a': the element type code 255 is unknown") {
      bytes, places in bytes[places.index + 8] = 0xFF
    },
    Damage(name: "rank", message: "tensor 'a': rank 9, expected at most 8") { bytes, places in
      bytes[places.index + 10] = 9
    },
    Damage(name: "record flags", message: "tensor 'a': unknown flags 3") { bytes, places in
      bytes[places.index + 11] = 3
    },
    Damage(
      name: "no statistics flag", message: "tensor 'a': statistics without the flag for them"
    ) { bytes, places in bytes[places.index + 11] = 0 },
    Damage(name: "position twice", message: "tensor 'b': the original position 1 stands twice") {
      bytes, places in bytes[places.index + 172] = 1
    },
    Damage(
      name: "position outside",
      message: "tensor 'a': the original position 2 is not below the tensor count, 2"
    ) { bytes, places in bytes[places.index + 12] = 2 },
    Damage(name: "extent behind rank", message: "tensor 'a': extents behind rank 2 are not zero") {
      bytes, places in bytes[places.index + 32] = 1
    },
    Damage(
      name: "shape overflow",
      message: "tensor 'a': u8 [18446744073709551615, 3] is not a possible size"
    ) { bytes, places in set(&bytes, UInt64.max, at: places.index + 16) },
    Damage(name: "shape", message: "tensor 'a': 6 bytes, expected 9 for u8 [3, 3]") {
      bytes, places in bytes[places.index + 16] = 3
    },
    Damage(name: "length", message: "tensor 'a': 7 bytes, expected 6 for u8 [2, 3]") {
      bytes, places in bytes[places.index + 88] = 7
    },
    Damage(
      name: "data in the header",
      message: "tensor 'a': 6 bytes at 4032 lie outside the data, which ends at 4224"
    ) { bytes, places in set(&bytes, 4032, at: places.index + 80) },
    Damage(
      name: "data in the index",
      message: "tensor 'a': 6 bytes at 4224 lie outside the data, which ends at 4224"
    ) { bytes, places in set(&bytes, 4224, at: places.index + 80) },
    Damage(
      name: "data overflow",
      message:
        "tensor 'a': 6 bytes at 18446744073709551552 lie outside the data, which ends at 4224"
    ) { bytes, places in set(&bytes, UInt64.max - 63, at: places.index + 80) },
    Damage(name: "data unaligned", message: "tensor 'a': offset 4161 is no multiple of 64") {
      bytes, places in set(&bytes, 4161, at: places.index + 80)
    },
    Damage(
      name: "data overlap", message: "tensor 'b': its bytes overlap those of 'a' in part"
    ) { bytes, places in set(&bytes, 4096, at: places.index + 80) },
    Damage(
      name: "too many zeros", message: "tensor 'a': more zeros or non-finite values than elements"
    ) { bytes, places in set(&bytes, 13, at: places.index + 144) },
    Damage(
      name: "metadata no JSON",
      message: "the metadata section: invalid JSON at byte 0: expected a value, found 'X'"
    ) { bytes, places in bytes[places.metadata] = UInt8(ascii: "X") },
    Damage(
      name: "attachment directory too long",
      message: "the attachments: the directory does not fit into 197 bytes"
    ) { bytes, places in set(&bytes, 1 << 40, at: places.attachments) },
    Damage(
      name: "attachment directory no JSON",
      message: "the attachments section: invalid JSON at byte 8: expected a value, found 'X'"
    ) { bytes, places in bytes[places.attachments + 8] = UInt8(ascii: "X") },
    Damage(
      name: "attachment member",
      message:
        "the attachments: entry 0 has not the members path, offset, length, media_type, digest"
    ) { bytes, places in bytes[places.attachments + 11] = UInt8(ascii: "X") },
    Damage(
      name: "attachment path", message: "the attachments: '/otes.txt' is not a plain relative path"
    ) { bytes, places in bytes[places.attachments + 18] = UInt8(ascii: "/") },
  ]

  @Test(arguments: damages) func eachFieldHasItsError(damage: Damage) throws {
    var file = try Bytes()
    let places = Places(
      index: file.index, names: file.names, metadata: file.metadata,
      attachments: file.attachments, count: file.bytes.count)
    damage.change(&file.bytes, places)
    if damage.seals { file.seal() }
    #expect(file.message == "x.ingot: \(damage.message)")
  }

  @Test func unsealedDamageIsFoundByTheHashes() throws {
    let intact = try Bytes()
    var file = intact
    file.bytes[20] ^= 1
    #expect(file.message.hasPrefix("x.ingot: the header is damaged: its hash is "))
    for (section, offset) in [
      (IngotSection.index, intact.index + 130), (.names, intact.names),
      (.metadata, intact.metadata + 3), (.attachments, intact.attachments + 20),
    ] {
      file = intact
      file.bytes[offset] ^= 1
      #expect(file.message.hasPrefix("x.ingot: the \(section) section is damaged: its hash is "))
    }
  }

  /// Whatever single byte is flipped, opening or verifying finds it.
  @Test func everyByteIsGuarded() throws {
    let intact = try Bytes()
    for offset in intact.bytes.indices {
      var file = intact
      file.bytes[offset] ^= 0x20
      guard let reader = try? file.read() else { continue }
      let found = try reader.verify()
      if found.isIntact { Issue.record("byte \(offset) is not guarded") }
      switch offset {
      case 4096..<4112: #expect(found.damagedTensors == ["b"])
      case 4160..<4166: #expect(found.damagedTensors == ["a"])
      case intact.bytes.count - 5..<intact.bytes.count:
        #expect(found.damagedAttachments == ["notes.txt"])
        #expect(throws: IngotError.self) { try reader.attachment("notes.txt") }
      default: #expect(found.damagedGaps.count == 1)
      }
    }
  }

  @Test func damagedSharedBytesNameBothTensors() throws {
    let folder = try ScratchFolder()
    let path = folder.path("x")
    try writeIngot(
      [
        makeTensor("z", .uint8, [8]), makeTensor("y", .uint8, [4], seed: 3),
        makeTensor("tied", .uint8, [2, 4]),
      ], to: path)
    var bytes = Array(try Data(contentsOf: URL(filePath: path)))
    bytes[4097] ^= 1
    let reader = try IngotReader(
      storage: ByteStorage(copying: bytes.span.bytes), path: path)
    #expect(try reader.verify().damagedTensors == ["z", "tied"])
  }

  @Test func fingerprintIsVerified() throws {
    var file = try Bytes()
    file.bytes[120] ^= 1
    file.sealHeader()
    let found = try file.read().verify()
    #expect(!found.isFingerprintRight && !found.isIntact && found.damagedTensors.isEmpty)
  }

  @Test func everyTruncationIsAnError() throws {
    let intact = try Bytes()
    for count in stride(from: 0, to: intact.bytes.count, by: 7) {
      var file = intact
      file.bytes.removeSubrange(count...)
      if !file.message.hasPrefix("x.ingot: ") { Issue.record("\(count) bytes were accepted") }
    }
  }

  /// Random damage, with the hashes made right: an error or a reader whose views can be read.
  @Test func randomDamageNeverCrashes() throws {
    let intact = try Bytes()
    var random = SystemRandomNumberGenerator()
    let rounds = ProcessInfo.processInfo.environment["ASSAY_FUZZ_ROUNDS"].flatMap(Int.init) ?? 3000
    for _ in 0..<rounds {
      var file = intact
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        let area =
          [0..<144, intact.index..<intact.bytes.count].randomElement(using: &random) ?? 0..<144
        let offset = Int.random(in: area, using: &random)
        let values: [UInt8] = [0, 1, 0x7F, 0x80, 0xFF, UInt8.random(in: 0...255, using: &random)]
        file.bytes[offset] = values.randomElement(using: &random) ?? 0
      }
      if Bool.random(using: &random) {
        file.bytes.removeLast(Int.random(in: 0...200, using: &random))
        file.set(file.bytes.count, at: 16)
      }
      file.seal()
      guard let reader = try? file.read() else { continue }
      for index in reader.tensors.indices { _ = reader.tensor(at: index).bytes }
      _ = try reader.verify()
      _ = try? reader.attachments
      _ = reader.components
    }
  }
}
