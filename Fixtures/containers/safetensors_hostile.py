"""Safetensors headers with one defect each, and odd ones that are sound; `make.py` calls it."""
import json
import struct


def file(header, data=b""):
    if isinstance(header, str):
        header = header.encode()
    return struct.pack("<Q", len(header)) + header + data


def entry(dtype='"F32"', shape="[1]", offsets="[0,4]", name='"a"', more=""):
    return f'{name}:{{"dtype":{dtype},"shape":{shape},"data_offsets":{offsets}{more}}}'


def make(valid, hostile, expected):
    one = "{" + entry() + "}"
    deep = "[" * 200 + "]" * 200
    texts = {
        "escaped-key": "{" + entry() + "," + entry(name='"\\u0061"', offsets="[4,8]") + "}",
        "two-metadata": '{"__metadata__":{},"__metadata__":{}}',
        "metadata-twice": '{"__metadata__":{"k":"1","\\u006b":"2"}}',
        "dtype-twice": "{" + entry(more=',"dtype":"U8"') + "}",
        "shape-decimal": "{" + entry(shape="[1.0]") + "}",
        "shape-exponent": "{" + entry(shape="[1e0]") + "}",
        "shape-minus-zero": "{" + entry(shape="[-0]", offsets="[0,0]") + "}",
        "offset-minus-zero": "{" + entry(offsets="[-0,4]") + "}",
        "offset-decimal": "{" + entry(offsets="[0,4.0]") + "}",
        "shape-beyond": "{" + entry(shape="[18446744073709551616]") + "}",
        "offset-beyond": "{" + entry(offsets="[0,9223372036854775808]") + "}",
        "offset-largest": "{" + entry(offsets="[9223372036854775807,9223372036854775807]",
                                      shape="[0]") + "}",
        "shape-hidden": "{" + entry(shape="[0,4294967296,4294967296]", offsets="[0,0]") + "}",
        "shape-zero-first": "{" + entry(shape="[01]") + "}",
        "shape-nan": "{" + entry(shape="[NaN]") + "}",
        "shape-object": "{" + entry(shape='{"0":1}') + "}",
        "shape-null": "{" + entry(shape="null") + "}",
        "shape-nested": "{" + entry(shape="[[1]]") + "}",
        "shape-text": "{" + entry(shape='["1"]') + "}",
        "offsets-three": "{" + entry(offsets="[0,4,4]") + "}",
        "offsets-one": "{" + entry(offsets="[0]") + "}",
        "offsets-missing": '{"a":{"dtype":"F32","shape":[1]}}',
        "shape-missing": '{"a":{"dtype":"F32","data_offsets":[0,4]}}',
        "dtype-lower": "{" + entry(dtype='"f32"') + "}",
        "dtype-number": "{" + entry(dtype="4") + "}",
        "dtype-torch": "{" + entry(dtype='"F8_E4M3FN"') + "}",
        "entry-null": '{"a":null}',
        "entry-list": '{"a":["F32",[1],[0,4]]}',
        "header-list": "[" + one + "]",
        "metadata-list": '{"__metadata__":[]}',
        "metadata-null-value": '{"__metadata__":{"k":null}}',
        "metadata-nested": '{"__metadata__":{"k":{"x":"y"}}}',
        "deep": '{"a":' + deep + "}",
        "deep-metadata": '{"__metadata__":{"k":' + deep + "}}",
        "lone-surrogate": "{" + entry(name='"\\ud800"') + "}",
        "low-surrogate": "{" + entry(name='"\\udc00\\ud800"') + "}",
        "half-surrogate": "{" + entry(name='"\\ud83dx"') + "}",
        "control-character": "{" + entry(name='"a\n"') + "}",
        "unknown-escape": "{" + entry(name='"\\x61"') + "}",
        "short-escape": "{" + entry(name='"\\u61"') + "}",
        "zero-padding": one + "\0\0",
        "two-headers": one + one,
        "comma": "{" + entry() + ",}",
        "comment": "{/**/" + entry() + "}",
        "no-end": one[:-1],
        "single-quotes": "{'a':{}}",
    }
    for name, text in texts.items():
        (hostile / f"{name}.safetensors").write_bytes(file(text, bytes(4)))
    (hostile / "bad-utf8.safetensors").write_bytes(
        file(one.encode().replace(b'"a"', b'"\xff"'), bytes(4)))
    (hostile / "utf8-surrogate.safetensors").write_bytes(
        file(one.encode().replace(b'"a"', b'"\xed\xa0\x80"'), bytes(4)))
    (hostile / "long-utf8.safetensors").write_bytes(
        file(one.encode().replace(b'"a"', b'"\xc1\xa1"'), bytes(4)))
    (hostile / "byte-order-mark.safetensors").write_bytes(
        file(b"\xef\xbb\xbf" + one.encode(), bytes(4)))
    (hostile / "length-largest.safetensors").write_bytes(b"\xff" * 8 + one.encode() + bytes(4))
    (hostile / "length-zero.safetensors").write_bytes(bytes(8))
    (hostile / "no-data.safetensors").write_bytes(file(one))
    (hostile / "empty-in-front.safetensors").write_bytes(file(
        "{" + entry(shape="[0]", offsets="[2,2]") + "," + entry(name='"b"') + "}", bytes(4)))
    (hostile / "six-bits.safetensors").write_bytes(file(
        "{" + entry(dtype='"F6_E2M3"', shape="[5]") + "}", bytes(4)))

    def sound(name, text, data, tensors, values=None):
        (valid / f"{name}.safetensors").write_bytes(file(text, data))
        expected[f"valid/{name}.safetensors"] = {
            "tensors": [{"name": n, "type": t, "shape": s, "bytes": b.hex()}
                        for n, t, s, b in tensors],
            "values": values or {}, "opaque": []}
    lone = [("a", "f32", [1], b"\1\2\3\4")]
    sound("space-around", " \n\t" + one + " \r\n", b"\1\2\3\4", lone)
    sound("null-metadata", '{"__metadata__":null,' + entry() + "}", b"\1\2\3\4", lone)
    sound("escaped-names", '{"__metadata__":{"\\u00e9\\n":"\\ud83d\\ude00"},'
          + entry(name='"\\u0061\\/\\u00e9"') + "}", b"\1\2\3\4",
          [("a/\u00e9", "f32", [1], b"\1\2\3\4")], {"\u00e9\n": "\U0001F600"})
    sound("two-forms", "{" + entry(name='"\u00e9"') + ","
          + entry(name='"e\u0301"', offsets="[4,8]") + "}", b"\1\2\3\4\5\6\7\x08",
          [("\u00e9", "f32", [1], b"\1\2\3\4"), ("e\u0301", "f32", [1], b"\5\6\7\x08")])
    sound("empties", "{" + ",".join(
        entry(dtype=json.dumps(t), shape=s, offsets=o, name=f'"{n}"') for n, t, s, o in [
            ("z", "F64", "[0]", "[4,4]"), ("a", "F32", "[]", "[0,4]"),
            ("b", "U8", "[3,0,2]", "[0,0]"), ("c", "F4", "[0]", "[4,4]")]) + "}", b"\1\2\3\4",
        [("b", "u8", [3, 0, 2], b""), ("a", "f32", [], b"\1\2\3\4"), ("z", "f64", [0], b""),
         ("c", "f4_e2m1", [0], b"")])
