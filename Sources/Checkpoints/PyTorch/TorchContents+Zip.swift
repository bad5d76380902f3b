internal import TensorCore

/// The zip form, of torch 1.6 and later (caffe2/serialize/inline_container.cc).
extension TorchContents {
  /// Reads `<folder>/data.pkl` and finds the storages in `<folder>/data/`.
  static func zip(_ storage: ByteStorage) throws(PyTorchError.Problem) -> TorchContents {
    let contents: ZipContents
    do throws(ZipProblem) {
      contents = try ZipContents(storage)
    } catch {
      throw .zip(error)
    }
    let members = contents.archive.members
    let pickle = try pickle(among: members)
    let folder = String(pickle.name.dropLast("data.pkl".count))
    // An inflated pickle stands in memory, and a small one can inflate a thousandfold.
    guard !pickle.isDeflated || pickle.size <= Unpickler.lengthLimit else {
      throw .pickleTooLarge(bytes: pickle.size, limit: Unpickler.lengthLimit)
    }
    var order = "little"
    var unpickler: Unpickler
    do throws(ZipProblem) {
      if let member = contents.archive.member(named: folder + "byteorder") {
        order =
          member.size > 64
          ? "\(member.size) bytes long"
          : String(decoding: try contents.array(of: member), as: UTF8.self)
      }
      let (storage, range) = try contents.contents(of: pickle)
      unpickler = Unpickler(storage, in: range)
    } catch {
      throw .zip(error)
    }
    let root = try run(&unpickler, member: pickle.name, isWhole: true)
    guard order == "little" || order == "big" else {
      throw .byteOrder(JSON.string(order).text())
    }

    let prefix = folder + "data/"
    var places: [ExactName: Place] = [:]
    for storage in unpickler.heap.storages where storage.data == nil {
      if let member = contents.archive.member(named: prefix + storage.key) {
        places[ExactName(storage.key)] = .member(member)
      }
    }
    return TorchContents(
      root: root, unpickler, places: places, source: .zip(contents), isBigEndian: order == "big",
      unreadMembers: unread(members, folder: folder, places: places))
  }

  /// The pickle of the value. The folder has the name of the file as it was saved; torch makes one
  /// level only, and an archive of an archive's folder has more.
  private static func pickle(
    among members: [ZipMember]
  ) throws(PyTorchError.Problem) -> ZipMember {
    let pickles = members.filter { $0.name == "data.pkl" || $0.name.hasSuffix("/data.pkl") }
    let depths = pickles.map { $0.name.utf8.count(where: { $0 == UInt8(ascii: "/") }) }
    // An archive of TorchScript holds further pickles of this name below `code`.
    let depth = max(depths.min() ?? 0, depths.contains(1) ? 1 : 0)
    let outer = Swift.zip(pickles, depths).filter { $0.1 <= depth }.map(\.0)
    guard let pickle = outer.first else { throw .notPyTorch(firstMember: members.first?.name) }
    if outer.count > 1 { throw .ambiguous(first: pickle.name, second: outer[1].name) }
    return pickle
  }

  /// Members that nothing refers to.
  private static func unread(
    _ members: [ZipMember], folder: String, places: [ExactName: Place]
  ) -> [String] {
    let expected: Set<String> = [
      "data.pkl", "byteorder", "version", ".format_version", ".storage_alignment",
    ]
    return members.map(\.name).filter { name in
      guard name.hasPrefix(folder) else { return true }
      let rest = name.dropFirst(folder.count)
      if rest.hasPrefix("data/") { return places[ExactName(String(rest.dropFirst(5)))] == nil }
      return !expected.contains(String(rest)) && !rest.hasPrefix(".data/")
    }
  }
}
