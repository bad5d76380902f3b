"""NumPy's part of the container fixtures; `make.py` calls it."""
import io
import struct
import zipfile

import numpy

TYPES = {"b1": "bool", "i1": "i8", "i2": "i16", "i4": "i32", "i8": "i64", "u1": "u8", "u2": "u16",
         "u4": "u32", "u8": "u64", "f2": "f16", "f4": "f32", "f8": "f64", "c8": "c64",
         "c16": "c128"}


def header(text, version=(1, 0), pad=True):
    data = text.encode("latin1" if version < (3, 0) else "utf8")
    start = 10 if version[0] == 1 else 12
    if pad:
        data += b" " * (-(start + len(data) + 1) % 64) + b"\n"
    length = struct.pack("<H" if version[0] == 1 else "<I", len(data))
    return b"\x93NUMPY" + bytes(version) + length + data


def descr(type_="'<f4'", order="False", shape="(2,)"):
    return f"{{'descr': {type_}, 'fortran_order': {order}, 'shape': {shape}, }}"


def saved(array):
    out = io.BytesIO()
    numpy.save(out, array, allow_pickle=True)
    return out.getvalue()


def every_type(shape=(2, 3)):
    generator = numpy.random.default_rng(1)
    arrays = {}
    for code, name in TYPES.items():
        count = int(numpy.prod(shape)) * numpy.dtype(code).itemsize
        data = generator.integers(0, 2 if code == "b1" else 256, count, dtype=numpy.uint8)
        arrays[name] = data.view(code).reshape(shape)
    return arrays


def entry(name, array, type_=None):
    dtype = array.dtype.newbyteorder("<")
    return {"name": name, "type": type_ or TYPES[dtype.kind + str(dtype.itemsize)],
            "shape": list(array.shape),
            "bytes": numpy.ascontiguousarray(array.astype(dtype)).tobytes().hex()}


def make(valid, hostile, expected):
    def expect(name, entries):
        expected[f"valid/{name}"] = {"tensors": entries, "values": {}, "opaque": []}

    def archive(name, arrays, save=numpy.savez):
        save(valid / name, **arrays)
        expect(name, [entry(n, a) for n, a in arrays.items()])

    types = every_type()
    archive("no-arrays.npz", {})
    archive("dtypes.npz", types)
    archive("deflated.npz", types | {"zeros": numpy.zeros((40, 50), "<f4")},
            numpy.savez_compressed)
    archive("big-endian.npz", {n: a.astype(a.dtype.newbyteorder(">")) for n, a in types.items()})
    archive("fortran.npz", {
        **{n: numpy.asfortranarray(a) for n, a in types.items()},
        "three": numpy.asfortranarray(numpy.arange(24, dtype="<i4").reshape(2, 3, 4)),
        "swapped": numpy.asfortranarray(numpy.arange(24, dtype=">i2").reshape(4, 3, 2)),
        "row": numpy.asfortranarray(numpy.arange(5, dtype="<f8").reshape(1, 5)),
        "none": numpy.zeros((3, 0, 2), "<f4", order="F")})
    archive("shapes.npz", {
        "scalar": numpy.array(7, "<i8"), "empty": numpy.zeros(0, "<f4"),
        "empty_inside": numpy.zeros((2, 0, 3), "<f2"), "ones": numpy.ones((1, 1, 1, 1, 1), "|u1"),
        "long": numpy.arange(300, dtype="<u2")})
    archive("names.npz", {
        "folder/a": numpy.array([1], "|u1"), "x.npy": numpy.array([2], "|u1"),
        "é\U0001F600": numpy.array([3], "|u1"), "two words": numpy.array([4], "|u1"),
        "../up": numpy.array([5], "|u1"), "": numpy.array([6], "|u1"),
        "e\u0301": numpy.array([7], "|u1"), "\u00e9": numpy.array([8], "|u1")})
    numpy.savez(valid / "positional.npz", numpy.array([1.5], "<f4"), numpy.array([2], "<i4"))
    expect("positional.npz", [entry("arr_0", numpy.array([1.5], "<f4")),
                              entry("arr_1", numpy.array([2], "<i4"))])

    # What ml_dtypes' bfloat16, and so JAX, becomes in numpy's hands.
    brain = numpy.array([0x3F80, 0xC000], "<u2")
    numpy.savez(valid / "bfloat16.npz", w=brain.view("V2"))
    expect("bfloat16.npz", [entry("w", brain, "bf16")])

    # Text, dates and other files beside the arrays are listed as unread.
    numpy.savez(valid / "beside.npz", w=numpy.array([1], "<f4"), text=numpy.array("hello"),
                days=numpy.array(["2020-01-01"], "M8[D]"), raw=numpy.array([b"ab"]))
    with zipfile.ZipFile(valid / "beside.npz", "a") as file:
        file.writestr(zipfile.ZipInfo("notes/"), b"")
        file.writestr(zipfile.ZipInfo("notes/readme.txt"), b"hello")
    expect("beside.npz", [entry("w", numpy.array([1], "<f4"))])

    square = numpy.array([[1, 2], [3, 4]], "<i4")
    for version in ((1, 0), (2, 0), (3, 0)):
        with open(valid / f"version-{version[0]}.npy", "wb") as file:
            numpy.lib.format.write_array(file, square, version)
        expect(f"version-{version[0]}.npy", [entry("value", square)])
    lone = {"scalar.npy": numpy.array(2.5), "fortran.npy": numpy.asfortranarray(square),
            "big-endian.npy": square.astype(">i4"), "empty.npy": numpy.zeros((0, 4), "<f2")}
    for name, array in lone.items():
        numpy.save(valid / name, array)
        expect(name, [entry("value", array)])
    # As Python 2 wrote it, without padding, keys in another order, double quotes.
    (valid / "python-2.npy").write_bytes(header(
        '{"shape": (2L, 2L), "fortran_order": False, "descr": "<i4"}', pad=False)
        + square.tobytes())
    expect("python-2.npy", [entry("value", square)])
    (valid / "native-order.npy").write_bytes(header(descr("'=i4'", shape="(2, 2)"))
                                             + square.tobytes())
    expect("native-order.npy", [entry("value", square)])

    hostile_arrays(hostile)
    hostile_archives(hostile)


def hostile_arrays(hostile):
    def write(name, data):
        (hostile / f"{name}.npy").write_bytes(data)

    two = bytes(8)
    good = header(descr()) + two
    write("only-magic", good[:6])
    write("no-length", good[:9])
    write("no-length-2", header(descr(), (2, 0))[:11])
    write("version-4", good[:6] + b"\4\0" + good[8:])
    write("version-1.1", good[:6] + b"\1\1" + good[8:])
    write("header-past-end", good[:40])
    write("long-header", header(descr() + " " * 10_000) + two)
    write("huge-header", b"\x93NUMPY\2\0\xff\xff\xff\xff{}")
    write("truncated", good[:-3])
    write("trailing", good + b"x")
    write("two-arrays", good + good)
    texts = {
        "no-text": "", "not-dictionary": "(1, 2)", "set": "{'descr', 'shape'}",
        "expression": descr(shape="(__import__('os').system('touch /tmp/assay-was-here'),)"),
        "product": descr(shape="(1*2,)"), "comment": descr() + "# x", "two-values": descr() + "{}",
        "duplicate-member": "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, "
                            "'shape': (2,)}",
        "missing-member": "{'descr': '<f4', 'shape': (2,)}",
        "extra-member": "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'x': 1}",
        "order-number": descr(order="0"), "shape-list": descr(shape="[2]"),
        "shape-number": descr(shape="(2)"), "shape-negative": descr(shape="(-2,)"),
        "shape-bool": descr(shape="(2, True)"), "shape-float": descr(shape="(2.0,)"),
        "shape-zero-first": descr(shape="(02,)"), "shape-minus": descr(shape="(-,)"),
        "shape-huge": descr(shape="(9223372036854775808,)"),
        "shape-overflow": descr(shape="(4294967296, 4294967296)"),
        "bytes-overflow": descr(shape="(4611686018427387904,)"),
        "shape-hidden-overflow": descr(shape="(0, 4294967296, 4294967296)"),
        "no-comma": "{'descr': '<f4' 'shape': (2,)}", "no-colon": "{'descr' '<f4'}",
        "number-key": "{1: 2}", "no-quote": "{'descr", "escape": descr("'\\x3cf4'"),
        "no-end": "{'descr': '<f4', ", "no-tuple-end": "{'shape': (2, ",
        "deep": "{'descr': " + "(" * 3000 + ")" * 3000 + "}",
        "type-number": descr("4"), "type-none": descr("None"),
        "unknown-type": descr("'<x4'"), "odd-size": descr("'<f3'"), "no-type": descr("''"),
        "two-orders": descr("'<<f4'"), "raw": descr("'|V1'"), "long-double": descr("'<f16'"),
        "long-complex": descr("'<c32'"), "objects": descr("'|O'"), "text": descr("'<U5'"),
        "dates": descr("'<M8[D]'"), "structured": descr("[('a', '<f4'), ('b', '<i4')]"),
        "subarray": descr("('<f4', (2,))"),
    }
    for name, text in texts.items():
        write(name, header(text) + two)
    write("bad-utf8", header(descr("'<f\xff'")) + two)
    write("pickled-objects", saved(numpy.array([{"a": 1}], object)))


def hostile_archives(hostile):
    good = saved(numpy.array([1, 2], "<f4"))

    def write(name, members, compression=zipfile.ZIP_STORED):
        with zipfile.ZipFile(hostile / f"{name}.npz", "w", compression) as archive:
            for member, data in members:
                info = zipfile.ZipInfo(member)
                info.compress_type = compression
                archive.writestr(info, data)

    write("objects", [("a.npy", good), ("b.npy", saved(numpy.array([None], object)))])
    write("structured", [("a.npy", saved(numpy.zeros(2, [("x", "<f4"), ("y", "<i2")])))])
    write("not-array", [("a.npy", b"hello")])
    write("empty-member", [("a.npy", b"")])
    write("trailing-member", [("a.npy", good + b"x")])
    write("truncated-member", [("a.npy", good[:-1])])
    write("truncated-deflated", [("a.npy", good[:-1])], zipfile.ZIP_DEFLATED)
    write("base", [("a.npy", good)])
    content = (hostile / "base.npz").read_bytes()
    (hostile / "cut.npz").write_bytes(content[:-30])
    changed = bytearray(content)
    changed[30 + 5 + len(good) - 1] ^= 1
    (hostile / "checksum.npz").write_bytes(changed)
    changed = bytearray(content)
    changed[30] = ord("b")
    (hostile / "local-name.npz").write_bytes(changed)
    (hostile / "base.npz").unlink()
    write("base", [("a.npy", good + bytes(0))], zipfile.ZIP_DEFLATED)
    changed = bytearray((hostile / "base.npz").read_bytes())
    changed[35 + 40] ^= 0xFF
    (hostile / "stream.npz").write_bytes(changed)
    (hostile / "base.npz").unlink()
    large = saved(numpy.zeros(5000, "<f4"))
    write("base", [("a.npy", large)], zipfile.ZIP_DEFLATED)
    changed = bytearray((hostile / "base.npz").read_bytes())
    for place in (22, changed.index(b"PK\1\2") + 24):
        struct.pack_into("<I", changed, place, len(large) - 4)
    (hostile / "short-claim.npz").write_bytes(changed)
    (hostile / "base.npz").unlink()
