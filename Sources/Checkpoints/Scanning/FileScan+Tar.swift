extension FileScan {
  /// Looks into the members of a tar archive; `false` when the region is none.
  mutating func scanTar(_ region: ScanRegion, _ place: Place) -> Bool {
    var position = 0
    var members: [Range<Int>] = []
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
        members.append(start..<min(end, region.count))
      }
      guard header.size < region.count - start else {
        position = region.count
        break
      }
      position = start + (header.size + 511) / 512 * 512
    }
    guard isTar else { return false }
    // Headers, padding, and blocks that are neither: a size can stand in another header.
    let end = min(position, region.count)
    searchOutside(members + [end..<region.count], region, place)
    let rest = region.from(position)
    if let first = rest.firstNonzero { scan(rest.from(first), place.behind("tar archive")) }
    return true
  }
}
