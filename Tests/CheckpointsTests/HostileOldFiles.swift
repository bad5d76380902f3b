/// Hostile files of torch's older forms, hostile arrays, and pickles that ask for memory: see
/// `Fixtures/containers/hostile_old_files.py`.
enum HostileOldFiles {
  static let messages: [(file: String, text: String)] = [
    (
      "appended.pt",
      "archive/data.pkl at byte 6990500: the pickle's values take more than 134217728 "
        + "bytes"
    ),
    (
      "array-huge.pkl",
      "pickle at byte 183: numpy.ndarray: f32 [4611686018427387904] is not a possible "
        + "size"
    ),
    ("array-negative.pkl", "pickle at byte 178: numpy.ndarray: f32 [-1] is not a possible size"),
    (
      "array-no-bytes.pkl",
      "pickle at byte 162: numpy.ndarray: None in place of the bytes of a f32 [3]"
    ),
    (
      "array-no-shape.pkl",
      "pickle at byte 173: numpy.ndarray: a state without shape, dtype, order and bytes"
    ),
    ("array-short.pkl", "pickle at byte 174: numpy.ndarray: 11 bytes, expected 12 for f32 [3]"),
    (
      "duplicates.pt",
      "archive/data.pkl at byte 2097154: the pickle's values take more than 134217728 "
        + "bytes"
    ),
    ("inflated.pt", "the pickle has 34000004 bytes, expected at most 33554432"),
    ("legacy-missing-storage.pt", "tensor 'w' lies in storage '1', which the file does not have"),
    ("legacy-other-size.pt", "storages at byte 315: '1' has 4 elements, the pickle says 5"),
    ("legacy-protocol.pt", "torch's protocol is 1002, expected 1001"),
    ("legacy-same-key.pt", "storages at byte 342: '1' stands twice"),
    ("legacy-unknown-key.pt", "storages at byte 348: number 1 has no known element type"),
    (
      "legacy-view-negative.pt",
      "pickle at byte 264: storage: a view of storage '1' does not lie in its 4 "
        + "elements"
    ),
    (
      "legacy-view-outside.pt",
      "pickle at byte 261: storage: a view of storage '1' does not lie in its 4 "
        + "elements"
    ),
    ("legacy-view-short.pt", "tensor 'w' reaches element 1 of a storage of 1"),
    ("long-claim.pt", "archive/data.pkl at byte 2: the pickle ends in the middle: truncated?"),
    ("long-number.pt", "the pickle has 40000008 bytes, expected at most 33554432"),
    (
      "many-lists.pt",
      "archive/data.pkl at byte 1525203: the pickle's values take more than 134217728 "
        + "bytes"
    ),
    (
      "many-marks.pt",
      "archive/data.pkl at byte 16777218: the pickle's values take more than 134217728 "
        + "bytes"
    ),
    (
      "memoized.pt",
      "archive/data.pkl at byte 2097154: the pickle's values take more than 134217728 "
        + "bytes"
    ),
    ("tar-behind.pt", "at byte 4096: bytes behind the end of the tar"),
    ("tar-checksum.pt", "at byte 1024: a tar header has a wrong checksum: damaged?"),
    ("tar-cut-header.pt", "at byte 1024: the tar archive ends in the middle of a header"),
    (
      "tar-cut.pt",
      "at byte 0: a tar archive without a member 'storages', so not a PyTorch "
        + "checkpoint"
    ),
    ("tar-link.pt", "at byte 0: tar member 'pickle' is of kind 50, expected a regular file"),
    (
      "tar-no-tensors.pt",
      "at byte 0: a tar archive without a member 'tensors', so not a PyTorch checkpoint"
    ),
    ("tar-outside.pt", "tensor 'whole' reaches element 20 of a storage of 12"),
    ("tar-rank.pt", "at byte 2604: tensors: tensor 100 has rank 1073741824"),
    ("tar-record.pt", "at byte 0: a tar record is not 'length key=value'"),
    ("tar-same-number.pt", "at byte 3775: storages: two objects have the number 1"),
    (
      "tar-storage-negative.pt",
      "at byte 3637: storages: storage 1 reaches past the end: truncated?"
    ),
    (
      "tar-storage-past-end.pt",
      "at byte 3637: storages: storage 1 reaches past the end: truncated?"
    ),
    ("tar-tail.pt", "at byte 2786: tensors: 1 byte behind its end"),
    ("tar-twice.pt", "at byte 4096: two tar members are named 'pickle'"),
    ("tar-unknown-number.pt", "pickle at byte 28: persistent id: the archive has no tensor 999"),
    ("tar-view-of-nothing.pt", "at byte 3775: storages: a view without a storage"),
    ("tar-view-outside.pt", "at byte 3775: storages: view 3 does not lie in storage 1"),
  ]
}
