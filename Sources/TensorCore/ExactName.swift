/// A name as files compare it: by its bytes.
///
/// Swift's strings are equal when Unicode calls them so: `é` as one scalar or as two is the same
/// `String`. To a container these are two names.
package struct ExactName: Sendable, Hashable {
  /// The name.
  package let string: String

  /// Wraps a name.
  package init(_ string: String) { self.string = string }

  /// Whether two names have the same bytes.
  package static func == (left: Self, right: Self) -> Bool {
    left.string.utf8.elementsEqual(right.string.utf8)
  }

  /// Feeds the bytes.
  package func hash(into hasher: inout Hasher) {
    var string = string
    string.withUTF8 { unsafe hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
  }
}
