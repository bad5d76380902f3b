internal import TensorCore

extension PyTorchReader {
  /// The places of tensors whose elements do not lie one behind the other: transposed or strided
  /// views, and those stored with the other byte order or with negated signs.
  package var stridedTensors: [Int] { layouts.indices.filter { !layouts[$0].isInOrder } }

  /// The places of tensors that have bytes in common, a group for each run of bytes.
  package var sharedTensors: [[Int]] {
    var byStorage: [Int: [(place: Int, range: Range<Int>)]] = [:]
    for (place, layout) in layouts.enumerated() {
      guard let storage = layout.storage, layout.description.shape.elementCount > 0 else {
        continue
      }
      byStorage[storage, default: []].append((place, layout.reach))
    }
    var groups: [[Int]] = []
    for tensors in byStorage.values where tensors.count > 1 {
      var group: [Int] = []
      var end = 0
      for (place, range) in tensors.sorted(by: { $0.range.lowerBound < $1.range.lowerBound }) {
        if range.lowerBound >= end {
          if group.count > 1 { groups.append(group) }
          group = []
        }
        group.append(place)
        end = max(end, range.upperBound)
      }
      if group.count > 1 { groups.append(group) }
    }
    return groups.map { $0.sorted() }.sorted { $0[0] < $1[0] }
  }
}

extension TorchLayout {
  /// The bytes of the storage from the first to the last element. The numbers have been checked.
  fileprivate var reach: Range<Int> {
    let width = order.elementType.blockBytes
    let last = zip(order.shape.dimensions, order.strides).reduce(0) {
      $0 + max($1.0 - 1, 0) * $1.1
    }
    return byteOffset..<byteOffset + (last + 1) * width
  }
}
