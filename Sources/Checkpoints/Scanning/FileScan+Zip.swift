internal import TensorCore

extension FileScan {
  /// Looks into every member of a zip archive that any reader could find; `false` when the region
  /// is none.
  mutating func scanZip(_ region: ScanRegion, _ place: Place) -> Bool {
    // Of a thousand tensors, the last pages of each would have to be read.
    let reach = place.isTensor ? 1 << 10 : LooseZip.endReach
    guard membersLeft > 0, let archive = LooseZip(region, limit: membersLeft, reach: reach) else {
      return false
    }
    takeMembers(archive.members.count, place)
    if archive.isCut { remark(place, "zip: more members than are looked into") }
    for oddity in archive.oddities { remark(place, "zip: " + oddity) }
    noteDuplicates(archive, place)
    for member in archive.members {
      scanMember(member, region, place)
    }
    searchOutside(archive.members.map { $0.dataStart..<$0.dataEnd }, region, place)
    let names = archive.members.flatMap(\.names)
    if names.contains(where: { $0.hasSuffix("/constants.pkl") }),
      names.contains(where: { $0.contains("/code/") })
    {
      remark(place, "a TorchScript program: torch.load runs its code")
    }
    return true
  }

  /// Searches what lies in no member: headers with their extra fields, comments, the space between
  /// members and around the archive.
  mutating func searchOutside(_ members: [Range<Int>], _ region: ScanRegion, _ place: Place) {
    var position = 0
    let end = region.count..<region.count
    for member in members.sorted(by: { $0.lowerBound < $1.lowerBound }) + [end] {
      if member.lowerBound > position {
        search(region.part(position..<member.lowerBound), place, base: position)
      }
      position = max(position, member.upperBound)
    }
  }

  private mutating func noteDuplicates(_ archive: LooseZip, _ place: Place) {
    var seen: Set<[UInt8]> = []
    for member in archive.members {
      for name in member.names where !seen.insert(Array(name.utf8)).inserted {
        remark(place, "zip: two members are named '\(name)'")
      }
    }
  }

  private mutating func scanMember(_ member: LooseMember, _ region: ScanRegion, _ place: Place) {
    let stored = region.part(member.dataStart..<member.dataEnd)
    guard stored.count > 0 else { return }
    var inner = place.inner(member.names.joined(separator: " = "))
    inner.isPickleByName = member.names.contains { Self.isPickleName($0) }
    let count = report.pickles.count + report.remarks.count
    var isUnderstood = member.methods.contains(0)
    // Readers follow one header or the other, so every method that one names is tried.
    if member.methods != [0] {
      let beyond: SafetyVerdict = inner.isPickleByName ? .dangerous : .suspicious
      let bytes = inflate(stored, .raw, inner, beyond: beyond).bytes
      if !bytes.isEmpty {
        isUnderstood = isUnderstood || member.methods.contains(8)
        if member.methods.contains(8) || bytes.count > 64 {
          scan(ScanRegion(bytes), inner)
        }
      }
    }
    if member.methods != [8] || !isUnderstood { scan(stored, inner) }
    let isFound = report.pickles.count + report.remarks.count > count
    if !isUnderstood, !isFound {
      let methods = member.methods.sorted().map(String.init).joined(separator: " or ")
      remark(inner, "compression method \(methods): cannot be looked into")
    }
    if member.flags & 1 != 0, !isFound {
      remark(inner, "encrypted: cannot be looked into")
    }
    checkSum(member, stored, inner)
  }

  /// Tells when a pickle's checksum is wrong; torch does not look at it.
  private mutating func checkSum(_ member: LooseMember, _ stored: ScanRegion, _ place: Place) {
    guard member.methods == [0], place.isPickleByName, stored.count <= Limits.pickle,
      !member.checksums.isEmpty
    else { return }
    let found = CRC32.checksum(of: stored.storage, in: stored.range)
    if member.checksums != [found] { remark(place, "the checksum is wrong: damaged or doctored") }
  }
}
