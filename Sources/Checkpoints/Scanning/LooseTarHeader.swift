/// The header of a member of a tar archive (POSIX's ustar and its elders).
struct LooseTarHeader {
  let name: String
  let size: Int

  /// Reads the 512 bytes of a header; `nil` when their checksum is wrong.
  init?(_ block: ArraySlice<UInt8>) {
    guard block.count >= 512, block.prefix(512).contains(where: { $0 != 0 }) else { return nil }
    let start = block.startIndex
    func field(_ offset: Int, _ count: Int) -> ArraySlice<UInt8> {
      block[start + offset..<start + offset + count]
    }
    guard let checksum = Self.number(field(148, 8)) else { return nil }
    // The sum counts its own field as spaces; old writers counted bytes as signed.
    var sum = 8 * 0x20
    var signed = sum
    for (index, byte) in block.prefix(512).enumerated() where !(148..<156).contains(index) {
      sum += Int(byte)
      signed += Int(Int8(bitPattern: byte))
    }
    guard checksum == sum || checksum == signed else { return nil }
    size = max(Self.number(field(124, 12)) ?? 0, 0)
    let bytes = field(0, 100).prefix { $0 != 0 }
    name = String(decoding: bytes, as: UTF8.self)
  }

  /// A field as Python's `tarfile.nti` takes it: octal digits, or binary behind a byte of 0x80.
  private static func number(_ field: ArraySlice<UInt8>) -> Int? {
    if let first = field.first, first == 0x80 || first == 0xFF {
      var value = first == 0xFF ? -1 : 0
      for byte in field.dropFirst() {
        guard value.magnitude < 1 << 54 else { return nil }
        value = value << 8 | Int(byte)
      }
      return value
    }
    // As `int(text, 8)`: white space around, a sign, a prefix, underscores.
    var digits = field.prefix { $0 != 0 }.filter { $0 != UInt8(ascii: "_") && $0 > 0x20 }[...]
    if digits.first == UInt8(ascii: "+") { digits.removeFirst() }
    if digits.first == UInt8(ascii: "0"), let letter = digits.dropFirst().first,
      letter | 0x20 == UInt8(ascii: "o")
    {
      digits = digits.dropFirst(2)
    }
    return digits.isEmpty ? 0 : Int(String(decoding: digits, as: UTF8.self), radix: 8)
  }
}
