/// The memo of a pickle. Its indices nearly always count up from nought, so that an array holds it;
/// those that do not go into a dictionary.
struct PickleMemo: Sendable {
  private var dense: [PickleValue?] = []
  private var sparse: [Int: PickleValue] = [:]

  /// How many entries there are, which is also the index that MEMOIZE gives.
  private(set) var count = 0

  /// An estimate of the memory it takes: entries of the dictionary cost time, too.
  var weight: Int { 64 * dense.count + 256 * sparse.count }

  subscript(index: Int) -> PickleValue? {
    get { index < dense.count ? dense[index] : sparse[index] }
    set {
      if self[index] == nil { count += 1 }
      if index < dense.count {
        dense[index] = newValue
      } else if index == dense.count {
        dense.append(newValue)
        // What came too early joins the row.
        while !sparse.isEmpty, let next = sparse.removeValue(forKey: dense.count) {
          dense.append(next)
        }
      } else {
        sparse[index] = newValue
      }
    }
  }
}
