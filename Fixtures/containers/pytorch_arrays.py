"""Pickles of NumPy arrays, with and without torch around them."""
import pickle

import numpy
import torch

from common import VALID, expect


def numbers(array):
    """What the reader should make of an array."""
    plain = numpy.ascontiguousarray(array.astype(array.dtype.newbyteorder("<")))
    return torch.from_numpy(plain.reshape(array.shape).copy())


def make():
    arrays = {
        "c": numpy.arange(6, dtype="<f4").reshape(2, 3),
        "fortran": numpy.asfortranarray(numpy.arange(6, dtype="<f8").reshape(2, 3)),
        "transposed": numpy.arange(24, dtype="i2").reshape(2, 3, 4).transpose(2, 0, 1),
        "sliced": numpy.arange(20, dtype="i1")[::3],
        "big": numpy.arange(4, dtype=">i4"),
        "big_fortran": numpy.asfortranarray(numpy.arange(6, dtype=">f8").reshape(3, 2)),
        "big_complex": numpy.array([1 + 2j, -3j], dtype=">c8"),
        "half": numpy.array([0.5, -1, 65504], dtype="<f2"),
        "flags": numpy.array([True, False, True]),
        "bytes": numpy.arange(256, dtype="u1"),
        "long": numpy.arange(256 * 20, dtype="u4").reshape(-1, 2),
        "counts": numpy.array([0, 2**64 - 1], dtype="u8"),
        "scalar_array": numpy.array(2.5),
        "nothing": numpy.zeros((0, 3), dtype="<f4"),
        "complex": numpy.array([1 + 2j]),
    }
    others = {
        "scalar": numpy.float32(1.5), "flag": numpy.bool_(True), "type": numpy.dtype("f4"),
        "text": numpy.array(["a", "bc"]), "days": numpy.array(["2020-01-01"], dtype="M8[D]"),
        "fields": numpy.zeros(2, dtype=[("x", "f4"), ("y", "i4")]),
        "objects": numpy.array([1, "x", None], dtype=object),
    }
    tensors = {name: numbers(array) for name, array in arrays.items()}
    values = {"scalar": 1.5, "flag": True, "type": "numpy.f4", "objects": [1, "x", None]}
    unread = {
        "text": "the NumPy dtype 'U2' has no counterpart",
        "days": "the NumPy dtype 'M8' has no counterpart",
        "fields": "the NumPy dtype 'V8' has no counterpart",
        "objects": "a NumPy array of Python objects"}

    def add(path, value, fields=("text", "days", "fields", "objects")):
        loaded = value["c"] if isinstance(value, dict) else value
        assert loaded is not None
        # The bytes of arrays of text and the like are kept in sight by their number.
        beside = dict(values)
        for name, count in (("text", 16), ("days", 8), ("fields", 16)):
            raw = others[name].tobytes()
            beside[name] = {"bytes": raw.hex()}
            assert len(raw) == count
        order = list(others)
        expect(path, tensors, {key: beside[key] for key in order}, (), unread)

    both = {**arrays, **others}
    for protocol in range(6):
        path = VALID / f"arrays-{protocol}.pkl"
        path.write_bytes(pickle.dumps(both, protocol=protocol))
        add(path, both)
    torch.save(both, VALID / "arrays.pt")
    add(VALID / "arrays.pt", both)
    types()
    # NumPy 1's names for the same functions.
    old = pickle.dumps(both, protocol=2).replace(
        b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n")
    (VALID / "arrays-old.pkl").write_bytes(old)
    add(VALID / "arrays-old.pkl", both)
    old = pickle.dumps(both, protocol=5).replace(
        b"\x8c\x13numpy._core.numeric", b"\x8c\x12numpy.core.numeric")
    # One byte less inside a frame.
    frame = old.index(b"\x95") + 1
    length = int.from_bytes(old[frame:frame + 8], "little") - 1
    old = old[:frame] + length.to_bytes(8, "little") + old[frame + 8:]
    pickle.loads(old)
    (VALID / "arrays-old-5.pkl").write_bytes(old)
    add(VALID / "arrays-old-5.pkl", both)

    path = VALID / "array.pkl"
    path.write_bytes(pickle.dumps(arrays["c"], protocol=4))
    expect(path, {"value": tensors["c"]})
    path = VALID / "nested-arrays.pkl"
    path.write_bytes(pickle.dumps(
        {"params": {"layer": [{"w": arrays["half"]}, arrays["flags"]]}, "step": 3}, protocol=4))
    expect(path, {"params.layer.0.w": tensors["half"], "params.layer.1": tensors["flags"]},
           {"step": 3})


def types():
    """Codes of element types that numpy takes and does not write itself, and some that it refuses."""
    def array(code):
        dtype = numpy.dtype(code) if code in KNOWN else None
        values = numpy.arange(1, 4).astype(dtype) if dtype else numpy.zeros(3, "f8")
        plain = pickle.dumps(values, 2)
        own = f"{values.dtype.kind}{values.dtype.itemsize}".encode()
        mark = b"X" + len(own).to_bytes(4, "little") + own
        assert plain.count(mark) == 1
        other = b"X" + len(code).to_bytes(4, "little") + code.encode()
        # What numpy would take, it must take.
        plain = plain.replace(mark, other)
        if dtype:
            assert (pickle.loads(plain) == values).all()
        return plain[2:-1], values

    parts, tensors, unread = [], {}, {}
    for code in KNOWN + ["f6", "f3", "x4", "g", "", "<", "Float32"]:
        body, values = array(code)
        # Every array is a pickle of its own inside one dictionary; memo numbers repeat harmlessly.
        parts.append(b"X" + len(code).to_bytes(4, "little") + code.encode() + body)
        if code in KNOWN:
            tensors[code] = torch.from_numpy(values.astype(values.dtype.newbyteorder("<")))
        else:
            unread[code] = f"the NumPy dtype '{code}' has no counterpart"
    path = VALID / "array-types.pkl"
    path.write_bytes(b"\x80\x02}(" + b"".join(parts) + b"u.")
    raw = numpy.zeros(3, "f8").tobytes().hex()
    expect(path, tensors, {code: {"bytes": raw} for code in unread}, (), unread)


KNOWN = ["<f4", ">f4", "=f4", "float32", "single", "f", "half", "e", "float64", "double", "d",
         "float", "int8", "b", "uint8", "B", "int16", ">i2", "h", "int32", "i", "int64", "q",
         "complex64", "F", "complex", "?", "bool"]
