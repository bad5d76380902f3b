internal import TensorCore

#if canImport(Glibc)
  internal import Glibc
#endif

extension ScanRegion {
  /// The place of the first byte that is not zero.
  var firstNonzero: Int? {
    var position = 0
    while position < count {
      let part = array(from: position, limit: 1 << 16)
      if let index = part.firstIndex(where: { $0 != 0 }) { return position + index }
      position += part.count
    }
    return nil
  }

  /// A place at which a pickle may give itself away.
  struct Candidate {
    enum Kind {
      /// The opcode PROTO and its version.
      case header
      /// The end of the first of two lines that are names.
      case lineEnd
      /// The opcode STACK_GLOBAL behind a name.
      case strings
    }

    let kind: Kind
    /// Where the byte is that gives it away.
    let trigger: Int
  }

  /// Calls `body` with the places where a pickle may be, in order, until it answers `false`.
  func forEachCandidate(_ body: (Candidate) -> Bool) {
    // A name behind a line end is looked for in the same piece.
    let overlap = 256
    var position = 0
    while position < count {
      let bytes = array(from: position, limit: Self.chunk + overlap)
      let end = position + Self.chunk >= count ? bytes.count : min(Self.chunk, bytes.count)
      let triggers = [Opcode.proto.rawValue, UInt8(ascii: "\n"), Opcode.stackGlobal.rawValue]
      let places = triggers.flatMap { unsafe bytes.span.bytes.offsets(of: $0) }.sorted()
      for place in places where place < end {
        guard let kind = Self.kind(bytes, place) else { continue }
        guard body(Candidate(kind: kind, trigger: position + place)) else { return }
      }
      position += end
    }
  }

  private static func kind(_ bytes: [UInt8], _ place: Int) -> Candidate.Kind? {
    switch bytes[place] {
    case Opcode.proto.rawValue:
      guard place + 2 < bytes.count, bytes[place + 1] <= 5,
        Opcode(rawValue: bytes[place + 2]) != nil
      else { return nil }
      return .header
    case UInt8(ascii: "\n"):
      // The first bytes of a piece have their neighbours in the one before.
      guard place == 0 || isNameByte(bytes[place - 1]) else { return nil }
      let name = bytes[(place + 1)...].prefix(128).prefix(while: isNameByte)
      guard !name.isEmpty, name.endIndex < bytes.count, bytes[name.endIndex] == UInt8(ascii: "\n")
      else { return nil }
      return .lineEnd
    case Opcode.stackGlobal.rawValue:
      guard place > 1 else { return .strings }
      let isBehindName =
        isNameByte(bytes[place - 1]) || bytes[place - 1] == Opcode.memoize.rawValue
        || bytes[place - 2] == Opcode.binPut.rawValue
      return isBehindName ? .strings : nil
    default: return nil
    }
  }

  private static func isNameByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "."):
      true
    default: false
    }
  }

  /// Where the opcode GLOBAL or INST stands of which a line end closes the module's name, when
  /// another name follows: `cos\nsystem\n`.
  func importStart(firstLineEnd: Int) -> Int? {
    guard let last = load(UInt8.self, at: firstLineEnd - 1), Self.isNameByte(last),
      let next = load(UInt8.self, at: firstLineEnd + 1), Self.isNameByte(next)
    else { return nil }
    let behind = array(from: firstLineEnd + 1, limit: 128)
    let name = behind.prefix(while: Self.isNameByte)
    guard name.count < behind.count, behind[name.count] == UInt8(ascii: "\n") else { return nil }
    // The longest run of name bytes may begin with the opcode, itself a letter.
    let from = max(0, firstLineEnd - 128)
    let before = array(from: from, limit: firstLineEnd - from)
    let module = before.reversed().prefix(while: Self.isNameByte).count
    for start in (before.count - module)..<max(before.count - 1, before.count - module) {
      let byte = before[start]
      guard byte == UInt8(ascii: "c") || byte == UInt8(ascii: "i") else { continue }
      let names = String(decoding: before[(start + 1)...], as: UTF8.self)
      let judgement = GlobalJudgement(
        module: names, name: String(decoding: name, as: UTF8.self))
      // In the middle of text only what is dangerous counts.
      if start == before.count - module || judgement.verdict == .dangerous { return from + start }
    }
    return nil
  }

  /// Where two short strings start that stand in front of STACK_GLOBAL.
  func stringsStart(before offset: Int) -> Int? {
    let from = max(0, offset - 300)
    let bytes = array(from: from, limit: offset - from)
    var end = bytes.count
    for _ in 0..<2 {
      if end >= 1, bytes[end - 1] == Opcode.memoize.rawValue {
        end -= 1
      } else if end >= 2, bytes[end - 2] == Opcode.binPut.rawValue {
        end -= 2
      }
      guard end >= 1, Self.isNameByte(bytes[end - 1]) else { return nil }
      var length = 1
      while length < 128, end - length >= 2 {
        if bytes[end - length - 1] == UInt8(length),
          bytes[end - length - 2] == Opcode.shortBinUnicode.rawValue
        {
          break
        }
        guard Self.isNameByte(bytes[end - length]) else { return nil }
        length += 1
      }
      guard length < 128, end - length >= 2 else { return nil }
      end -= length + 2
    }
    return from + end
  }
}

extension RawSpan {
  /// The place of the first little-endian number of 32 bits that is a signature.
  func firstOffset(of signature: UInt32) -> Int? {
    unsafe withUnsafeBytes { bytes in
      guard let start = bytes.baseAddress else { return nil }
      let first = Int32(signature & 0xFF)
      var position = 0
      while bytes.count - position >= 4,
        let found = unsafe memchr(start + position, first, bytes.count - position - 3)
      {
        position = unsafe UnsafeRawPointer(found) - start
        let number = unsafe bytes.loadUnaligned(fromByteOffset: position, as: UInt32.self)
        if UInt32(littleEndian: number) == signature { return position }
        position += 1
      }
      return nil
    }
  }

  /// The places of a byte, in order.
  func offsets(of byte: UInt8) -> [Int] {
    unsafe withUnsafeBytes { bytes in
      guard let start = bytes.baseAddress else { return [] }
      var offsets: [Int] = []
      var position = 0
      while position < bytes.count,
        let found = unsafe memchr(start + position, Int32(byte), bytes.count - position)
      {
        position = unsafe UnsafeRawPointer(found) - start
        offsets.append(position)
        position += 1
      }
      return offsets
    }
  }
}
