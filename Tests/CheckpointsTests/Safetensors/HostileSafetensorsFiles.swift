extension HostileFileTests {
  /// The files of `Fixtures/containers/safetensors_hostile.py`.
  static let safetensors: [(file: String, text: String)] = [
    (
      "bad-utf8.safetensors",
      "the header is invalid JSON at byte 9: the string is not valid UTF-8"
    ),
    (
      "byte-order-mark.safetensors",
      "not a checkpoint of a known format: starts with bytes 39 00 00 00 00 00 00 00"
    ),
    ("comma.safetensors", "the header is invalid JSON at byte 62: expected a key, found '}'"),
    ("comment.safetensors", "the header is invalid JSON at byte 9: expected a key, found '/'"),
    (
      "control-character.safetensors",
      "the header is invalid JSON at byte 11: a control character in a string must be "
        + "escaped, found byte 0xa"
    ),
    (
      "deep-metadata.safetensors",
      "the header is invalid JSON at byte 155: nested more than 128 levels deep"
    ),
    (
      "deep.safetensors",
      "the header is invalid JSON at byte 140: nested more than 128 levels deep"
    ),
    ("dtype-lower.safetensors", "tensor 'a' has the unknown dtype 'f32'"),
    ("dtype-number.safetensors", "tensor 'a': 'dtype' is not a string"),
    ("dtype-torch.safetensors", "tensor 'a' has the unknown dtype 'F8_E4M3FN'"),
    (
      "dtype-twice.safetensors",
      "the header is invalid JSON at byte 61: key 'dtype' stands twice"
    ),
    (
      "empty-in-front.safetensors",
      "tensor 'a' starts at data byte 2, expected 4: tensors overlap"
    ),
    ("entry-list.safetensors", "tensor 'a': the entry is not an object"),
    ("entry-null.safetensors", "tensor 'a': the entry is not an object"),
    ("escaped-key.safetensors", "the header is invalid JSON at byte 62: key 'a' stands twice"),
    ("half-surrogate.safetensors", "the header is invalid JSON at byte 12: a lone surrogate"),
    (
      "header-list.safetensors",
      "not a checkpoint of a known format: starts with bytes 38 00 00 00 00 00 00 00"
    ),
    (
      "length-largest.safetensors",
      "not a checkpoint of a known format: starts with bytes ff ff ff ff ff ff ff ff"
    ),
    (
      "length-zero.safetensors",
      "not a checkpoint of a known format: starts with bytes 00 00 00 00 00 00 00 00"
    ),
    ("lone-surrogate.safetensors", "the header is invalid JSON at byte 12: a lone surrogate"),
    (
      "long-utf8.safetensors",
      "the header is invalid JSON at byte 9: the string is not valid UTF-8"
    ),
    ("low-surrogate.safetensors", "the header is invalid JSON at byte 12: a lone surrogate"),
    ("metadata-list.safetensors", "'__metadata__' is not an object"),
    ("metadata-nested.safetensors", "'__metadata__' has a value that is not a string: 'k'"),
    ("metadata-null-value.safetensors", "'__metadata__' has a value that is not a string: 'k'"),
    (
      "metadata-twice.safetensors",
      "the header is invalid JSON at byte 33: key 'k' stands twice"
    ),
    ("no-data.safetensors", "tensor 'a' ends at data byte 4, the file holds 0: truncated?"),
    (
      "no-end.safetensors",
      "the header is invalid JSON at byte 61: expected ',' or '}', found the end"
    ),
    (
      "offset-beyond.safetensors",
      "tensor 'a': 'data_offsets' is not a pair of rising whole numbers"
    ),
    (
      "offset-decimal.safetensors",
      "tensor 'a': 'data_offsets' is not a pair of rising whole numbers"
    ),
    (
      "offset-largest.safetensors",
      "tensor 'a' starts at data byte 9223372036854775807, expected 0: a hole between tensors"
    ),
    (
      "offset-minus-zero.safetensors",
      "tensor 'a': 'data_offsets' is not a pair of rising whole numbers"
    ),
    ("offsets-missing.safetensors", "tensor 'a': 'data_offsets' is missing"),
    (
      "offsets-one.safetensors",
      "tensor 'a': 'data_offsets' is not a pair of rising whole numbers"
    ),
    (
      "offsets-three.safetensors",
      "tensor 'a': 'data_offsets' is not a pair of rising whole numbers"
    ),
    (
      "shape-beyond.safetensors",
      "tensor 'a': 'shape' is not a list of whole numbers from 0 up"
    ),
    (
      "shape-decimal.safetensors",
      "tensor 'a': 'shape' is not a list of whole numbers from 0 up"
    ),
    (
      "shape-exponent.safetensors",
      "tensor 'a': 'shape' is not a list of whole numbers from 0 up"
    ),
    (
      "shape-hidden.safetensors",
      "tensor 'a': f32 [0, 4294967296, 4294967296] is not a possible size"
    ),
    (
      "shape-minus-zero.safetensors",
      "tensor 'a': 'shape' is not a list of whole numbers from 0 up"
    ),
    ("shape-missing.safetensors", "tensor 'a': 'shape' is missing"),
    (
      "shape-nan.safetensors",
      "the header is invalid JSON at byte 37: expected a value, found 'N'"
    ),
    (
      "shape-nested.safetensors",
      "tensor 'a': 'shape' is not a list of whole numbers from 0 up"
    ),
    ("shape-null.safetensors", "tensor 'a': 'shape' is not a list of whole numbers from 0 up"),
    (
      "shape-object.safetensors",
      "tensor 'a': 'shape' is not a list of whole numbers from 0 up"
    ),
    ("shape-text.safetensors", "tensor 'a': 'shape' is not a list of whole numbers from 0 up"),
    (
      "shape-zero-first.safetensors",
      "the header is invalid JSON at byte 37: a number starts with 0"
    ),
    (
      "short-escape.safetensors",
      "the header is invalid JSON at byte 12: expected four hexadecimal digits, found '6'"
    ),
    (
      "single-quotes.safetensors",
      "the header is invalid JSON at byte 9: expected a key, found '''"
    ),
    ("six-bits.safetensors", "tensor 'a': f6_e2m3 [5] is not a possible size"),
    (
      "two-headers.safetensors",
      "the header is invalid JSON at byte 62: expected the end, found '{'"
    ),
    (
      "two-metadata.safetensors",
      "the header is invalid JSON at byte 27: key '__metadata__' stands twice"
    ),
    (
      "unknown-escape.safetensors",
      "the header is invalid JSON at byte 11: an unknown escape, 'x'"
    ),
    (
      "utf8-surrogate.safetensors",
      "the header is invalid JSON at byte 9: the string is not valid UTF-8"
    ),
    (
      "zero-padding.safetensors",
      "the header is invalid JSON at byte 62: expected the end, found byte 0x0"
    ),
  ]
}
