extension HostileFileTests {
  /// The files of `Fixtures/containers/numpy_files.py`.
  static let numpy: [(file: String, text: String)] = [
    ("bad-utf8.npy", "the header at byte 20: the string is not valid UTF-8"),
    ("bytes-overflow.npy", "has the impossible shape [4611686018427387904]"),
    ("checksum.npz", "member 'a.npy' has the checksum 90acfa0c, expected e7abca9a: damaged?"),
    ("comment.npy", "the header at byte 67: expected the end, found '#'"),
    ("cut.npz", "the zip has no end record: truncated?"),
    ("dates.npy", "holds dates, expected numbers"),
    ("deep.npy", "the header at byte 35: nested more than 16 levels deep"),
    ("duplicate-member.npy", "the header at byte 27: key 'descr' stands twice"),
    ("empty-member.npz", "member 'a.npy': does not start as a NumPy array"),
    (
      "escape.npy",
      "the header at byte 21: expected a string without escapes and control "
        + "characters, found '\\'"
    ),
    ("expression.npy", "the header at byte 61: expected a value, found '_'"),
    ("extra-member.npy", "the header: unknown key 'x'"),
    ("header-past-end.npy", "the header ends at byte 128, found 40 bytes: truncated?"),
    ("huge-header.npy", "the header's text has 4294967295 bytes, expected at most 10000"),
    (
      "local-name.npz",
      "member 'a.npy' has the name a.npy in the directory but b.npy in its header"
    ),
    ("long-complex.npy", "holds long doubles ('<c32'), whose layout depends on the machine"),
    ("long-double.npy", "holds long doubles ('<f16'), whose layout depends on the machine"),
    ("long-header.npy", "the header's text has 10102 bytes, expected at most 10000"),
    ("missing-member.npy", "the header: 'fortran_order' is missing"),
    ("no-colon.npy", "the header at byte 19: expected ':', found '''"),
    ("no-comma.npy", "the header at byte 26: expected ',' or '}', found '''"),
    ("no-end.npy", "the header at byte 64: expected a key, found the end"),
    ("no-length-2.npy", "the header ends at byte 12, found 11 bytes: truncated?"),
    ("no-length.npy", "the header ends at byte 10, found 9 bytes: truncated?"),
    (
      "no-quote.npy",
      "the header at byte 63: expected a string without escapes and control "
        + "characters, found byte 0xa"
    ),
    ("no-text.npy", "the header at byte 64: expected a value, found the end"),
    ("no-tuple-end.npy", "the header at byte 64: expected a value, found the end"),
    ("no-type.npy", "has the unknown type ''"),
    ("not-array.npz", "member 'a.npy': does not start as a NumPy array"),
    ("not-dictionary.npy", "the header: no dictionary"),
    ("number-key.npy", "the header at byte 11: expected a key, found '1'"),
    ("objects.npy", "holds pickled Python objects, which are not read"),
    ("objects.npz", "member 'b.npy': holds pickled Python objects, which are not read"),
    ("odd-size.npy", "has the unknown type '<f3'"),
    ("only-magic.npy", "the header ends at byte 10, found 6 bytes: truncated?"),
    ("order-number.npy", "the header: 'fortran_order' is neither True nor False"),
    ("pickled-objects.npy", "holds pickled Python objects, which are not read"),
    ("product.npy", "the header at byte 62: expected ',' or ')', found '*'"),
    ("raw.npy", "holds raw bytes ('|V1') whose meaning the file does not say"),
    ("set.npy", "the header at byte 18: expected ':', found ','"),
    ("shape-bool.npy", "the header: 'shape' is no tuple of whole numbers from 0 up"),
    ("shape-float.npy", "the header at byte 62: expected ',' or ')', found '.'"),
    ("shape-hidden-overflow.npy", "has the impossible shape [0, 4294967296, 4294967296]"),
    ("shape-huge.npy", "the header at byte 61: the number 9223372036854775808 is out of range"),
    ("shape-list.npy", "the header: 'shape' is no tuple"),
    ("shape-minus.npy", "the header at byte 62: expected a digit, found ','"),
    ("shape-negative.npy", "the header: 'shape' is no tuple of whole numbers from 0 up"),
    ("shape-number.npy", "the header: 'shape' is no tuple"),
    ("shape-overflow.npy", "has the impossible shape [4294967296, 4294967296]"),
    ("shape-zero-first.npy", "the header at byte 61: a number starts with 0"),
    (
      "short-claim.npz",
      "member 'a.npy': has 19996 bytes of elements, expected 20000 for f32 [5000]: truncated?"
    ),
    ("stream.npz", "member 'a.npy' does not inflate to its 136 bytes: damaged?"),
    ("structured.npy", "is structured (fields with names), which no tensor is"),
    ("structured.npz", "member 'a.npy': is structured (fields with names), which no tensor is"),
    ("subarray.npy", "has elements that are arrays, which no tensor has"),
    ("text.npy", "holds text, expected numbers"),
    ("trailing-member.npz", "member 'a.npy': has 9 bytes of elements, expected 8 for f32 [2]"),
    ("trailing.npy", "has 9 bytes of elements, expected 8 for f32 [2]"),
    (
      "truncated-deflated.npz",
      "member 'a.npy': has 7 bytes of elements, expected 8 for f32 [2]: truncated?"
    ),
    (
      "truncated-member.npz",
      "member 'a.npy': has 7 bytes of elements, expected 8 for f32 [2]: truncated?"
    ),
    ("truncated.npy", "has 5 bytes of elements, expected 8 for f32 [2]: truncated?"),
    ("two-arrays.npy", "has 144 bytes of elements, expected 8 for f32 [2]"),
    ("two-orders.npy", "has the unknown type '<<f4'"),
    ("two-values.npy", "the header at byte 67: expected the end, found '{'"),
    ("type-none.npy", "the header: 'descr' is no type"),
    ("type-number.npy", "the header: 'descr' is no type"),
    ("unknown-type.npy", "has the unknown type '<x4'"),
    ("version-1.1.npy", "has version 1.1 of the npy format, expected 1.0, 2.0 or 3.0"),
    ("version-4.npy", "has version 4.0 of the npy format, expected 1.0, 2.0 or 3.0"),
  ]
}
