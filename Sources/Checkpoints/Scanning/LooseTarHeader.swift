/// The header of a member of a tar archive (POSIX's ustar and its elders).
struct LooseTarHeader {
  let name: String
  let size: Int

  /// Reads the 512 bytes of a header; `nil` when their checksum is wrong.
  init?(_ block: ArraySlice<UInt8>) {
    guard block.count >= 512, block.first != 0 else { return nil }
    let start = block.startIndex
    func field(_ offset: Int, _ count: Int) -> ArraySlice<UInt8> {
      block[start + offset..<start + offset + count]
    }
    func octal(_ bytes: ArraySlice<UInt8>) -> Int? {
      let digits = bytes.drop { $0 == 0x20 }.prefix { (0x30...0x37).contains($0) }
      return digits.isEmpty ? nil : Int(String(decoding: digits, as: UTF8.self), radix: 8)
    }
    guard let checksum = octal(field(148, 8)) else { return nil }
    // The sum counts its own field as spaces.
    var sum = 8 * 0x20
    for (index, byte) in block.prefix(512).enumerated() where !(148..<156).contains(index) {
      sum += Int(byte)
    }
    guard checksum == sum else { return nil }
    if let first = field(124, 12).first, first & 0x80 != 0 {
      // GNU's binary form of large sizes.
      var size = 0
      for byte in field(128, 8) {
        guard size < 1 << 54 else { return nil }
        size = size << 8 | Int(byte)
      }
      self.size = size
    } else {
      size = octal(field(124, 12)) ?? 0
    }
    let bytes = field(0, 100).prefix { $0 != 0 }
    name = String(decoding: bytes, as: UTF8.self)
  }
}

extension FileScan {
  /// Looks into the members of a tar archive; `false` when the region is none.
  mutating func scanTar(_ region: ScanRegion, _ place: Place) -> Bool {
    var position = 0
    var isTar = false
    var zeros = 0
    while position + 512 <= region.count {
      let block = region.array(from: position, limit: 512)
      guard let header = LooseTarHeader(block[...]) else {
        guard isTar else { return false }
        // Two blocks of zeros end an archive; readers differ in whether they go on.
        zeros = block.allSatisfy { $0 == 0 } ? zeros + 1 : 0
        if zeros == 0 { break }
        position += 512
        continue
      }
      isTar = true
      guard membersLeft > 0 else { return true }
      takeMembers(1, place)
      let start = position + 512
      let end = start.addingReportingOverflow(header.size).partialValue
      if header.size > 0, end > start {
        if end > region.count { remark(place, "tar: the member reaches past the end") }
        scan(region.part(start..<end), place.inner(header.name))
      }
      let padded = (header.size + 511) / 512 * 512
      guard padded < region.count else { break }
      position = start + padded
    }
    if isTar, position < region.count {
      // Bytes behind the archive.
      scan(region.part(position..<region.count), place.inner("behind the tar archive"))
    }
    return isTar
  }
}
