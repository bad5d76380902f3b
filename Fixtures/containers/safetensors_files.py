"""safetensors files, valid and hostile."""
import json
import struct

import safetensors.torch
import torch

from common import EXPECTED, HOSTILE, VALID, every_type, expect


def valid_safetensors():
    tensors = every_type()
    del tensors["c128"], tensors["f8_e4m3fnuz"], tensors["f8_e5m2fnuz"]
    path = VALID / "dtypes.safetensors"
    safetensors.torch.save_file(tensors, path)
    order = json.loads(path.read_bytes()[8:8 + int.from_bytes(path.read_bytes()[:8], "little")])
    expect(path, {name: tensors[name] for name in order if name != "__metadata__"})

    path = VALID / "shapes.safetensors"
    tensors = {"matrix": torch.arange(6, dtype=torch.float32).reshape(2, 3),
               "nothing": torch.zeros(0, 4), "scalar": torch.tensor(2.5)}
    safetensors.torch.save_file(tensors, path, metadata={"note": "größe \"x\""})
    expect(path, tensors, {"note": "größe \"x\""})

    path = VALID / "empty.safetensors"
    safetensors.torch.save_file({}, path)
    expect(path, {})

    # Packed types, which the Python library cannot write, in the reverse of the header's order.
    header = {"f4": ("F4", [2, 4], [6, 10]), "f6_e3m2": ("F6_E3M2", [4], [3, 6]),
              "f6_e2m3": ("F6_E2M3", [4], [0, 3])}
    path = VALID / "packed.safetensors"
    path.write_bytes(safetensors_file(header, bytes(range(10))))
    EXPECTED["valid/packed.safetensors"] = {"values": {}, "opaque": [], "tensors": [
        {"name": "f6_e2m3", "type": "f6_e2m3", "shape": [4], "bytes": "000102"},
        {"name": "f6_e3m2", "type": "f6_e3m2", "shape": [4], "bytes": "030405"},
        {"name": "f4", "type": "f4_e2m1", "shape": [2, 4], "bytes": "06070809"}]}


def safetensors_file(header, data, pad=b""):
    if isinstance(header, dict):
        header = json.dumps({
            name: {"dtype": e[0], "shape": e[1], "data_offsets": e[2]} if isinstance(e, tuple)
            else e for name, e in header.items()})
    header = header.encode() if isinstance(header, str) else header
    return struct.pack("<Q", len(header)) + header + data + pad


def hostile_safetensors():
    def write(name, data):
        (HOSTILE / f"{name}.safetensors").write_bytes(data)
    f32 = safetensors_file
    write("short", b"\x10\0\0\0")
    write("huge-header", struct.pack("<Q", 100_000_001) + b"{}")
    write("header-past-end", struct.pack("<Q", 100) + b'{"a":1}')
    write("bad-json", safetensors_file('{"a":}', b""))
    write("duplicate-key", safetensors_file(
        '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},'
        '"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', bytes(4)))
    write("metadata-number", safetensors_file({"__metadata__": {"a": 1}}, b""))
    write("missing-dtype", safetensors_file({"a": {"shape": [1], "data_offsets": [0, 4]}}, b""))
    write("extra-member", safetensors_file(
        {"a": {"dtype": "U8", "shape": [1], "data_offsets": [0, 1], "x": 1}}, bytes(1)))
    write("unknown-dtype", f32({"a": ("F99", [1], [0, 4])}, bytes(4)))
    write("negative-extent", f32({"a": ("F32", [-1], [0, 4])}, bytes(4)))
    write("falling-offsets", f32({"a": ("F32", [1], [4, 0])}, bytes(4)))
    write("overflow", f32({"a": ("F32", [1 << 40, 1 << 40], [0, 4])}, bytes(4)))
    write("wrong-length", f32({"a": ("F32", [2], [0, 4])}, bytes(4)))
    write("odd-f4", f32({"a": ("F4", [3], [0, 1])}, bytes(1)))
    write("overlap", f32({"a": ("F32", [2], [0, 8]), "b": ("F32", [1], [4, 8])}, bytes(8)))
    write("hole", f32({"a": ("F32", [1], [0, 4]), "b": ("F32", [1], [8, 12])}, bytes(12)))
    write("truncated", f32({"a": ("F32", [4], [0, 16])}, bytes(10)))
    write("trailing", f32({"a": ("F32", [1], [0, 4])}, bytes(5)))
