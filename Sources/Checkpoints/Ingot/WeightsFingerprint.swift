public import TensorCore

/// One number for all weights of a model: equal when every tensor's name, element type, shape and
/// bytes are equal, whatever container they come from and in whatever order.
///
/// It is the XXH3-128 of the tensors' entries in the order of their names' UTF-8 bytes; an entry
/// is, little-endian: name length `u32`, name, element type code `u16`, rank `u8`, extents `u64`
/// each, and the sixteen canonical bytes of the XXH3-128 of the tensor's bytes.
public enum WeightsFingerprint {
  /// The fingerprint of tensors whose digests are known.
  public static func of(_ tensors: [(description: TensorDescription, digest: Digest128)])
    -> Digest128
  {
    let sorted = tensors.sorted {
      $0.description.name.utf8.lexicographicallyPrecedes($1.description.name.utf8)
    }
    var hash = XXHash3Stream()
    for (tensor, digest) in sorted {
      var entry: [UInt8] = []
      entry.append(littleEndian: UInt32(truncatingIfNeeded: tensor.name.utf8.count))
      entry += tensor.name.utf8
      entry.append(littleEndian: tensor.elementType.rawValue)
      entry.append(UInt8(truncatingIfNeeded: tensor.shape.rank))
      for extent in tensor.shape.dimensions { entry.append(littleEndian: UInt64(extent)) }
      entry += digest.canonical
      unsafe hash.update(entry.span.bytes)
    }
    return hash.digest
  }

  /// The fingerprint of any source; reads all its bytes.
  ///
  /// - Throws: what the source throws when it cannot produce a tensor.
  public static func of(_ source: any TensorSource) throws -> Digest128 {
    var tensors: [(description: TensorDescription, digest: Digest128)] = []
    for (index, description) in source.tensors.enumerated() {
      let digest = try source.tensor(at: index).digest
      tensors.append((description, digest))
    }
    return of(tensors)
  }
}
