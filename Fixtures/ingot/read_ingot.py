#!/usr/bin/env python3
"""An independent reader of ingots, version 1, after Docs/ingot.md: read_ingot.py FILE prints JSON.

Needs NumPy; checks the hashes as well where the `xxhash` package is installed.
"""
import json
import math
import struct
import sys

import numpy

try:
    import xxhash
except ImportError:
    xxhash = None

MAGIC = b"\x89INGOT\n\x1a"
SECTIONS = ["index", "names", "metadata", "attachments"]
RECORD = struct.Struct("<IIHBBI8QQQ16s4dQQ")
# code: (name, NumPy type or None, elements a block, bytes a block)
TYPES = {
    0x01: ("bool", "?", 1, 1), 0x02: ("u8", "u1", 1, 1), 0x03: ("i8", "i1", 1, 1),
    0x04: ("u16", "<u2", 1, 2), 0x05: ("i16", "<i2", 1, 2), 0x06: ("u32", "<u4", 1, 4),
    0x07: ("i32", "<i4", 1, 4), 0x08: ("u64", "<u8", 1, 8), 0x09: ("i64", "<i8", 1, 8),
    0x10: ("f16", "<f2", 1, 2), 0x11: ("bf16", None, 1, 2), 0x12: ("f32", "<f4", 1, 4),
    0x13: ("f64", "<f8", 1, 8), 0x18: ("f8_e4m3fn", None, 1, 1), 0x19: ("f8_e5m2", None, 1, 1),
    0x1A: ("f8_e4m3fnuz", None, 1, 1), 0x1B: ("f8_e5m2fnuz", None, 1, 1),
    0x1C: ("f8_e8m0fnu", None, 1, 1), 0x1D: ("f6_e2m3", None, 4, 3),
    0x1E: ("f6_e3m2", None, 4, 3), 0x1F: ("f4_e2m1", None, 2, 1), 0x20: ("c64", "<c8", 1, 8),
    0x21: ("c128", "<c16", 1, 16), 0x42: ("q4_0", None, 32, 18), 0x43: ("q4_1", None, 32, 20),
    0x46: ("q5_0", None, 32, 22), 0x47: ("q5_1", None, 32, 24), 0x48: ("q8_0", None, 32, 34),
    0x49: ("q8_1", None, 32, 36), 0x4A: ("q2_k", None, 256, 84), 0x4B: ("q3_k", None, 256, 110),
    0x4C: ("q4_k", None, 256, 144), 0x4D: ("q5_k", None, 256, 176),
    0x4E: ("q6_k", None, 256, 210), 0x4F: ("q8_k", None, 256, 292),
}


def check64(data, expected, what):
    if xxhash and xxhash.xxh3_64_intdigest(data) != expected:
        sys.exit(f"{what}: hash differs")


def check128(data, expected, what):
    if xxhash and xxhash.xxh3_128_digest(data) != expected:
        sys.exit(f"{what}: digest differs")


def read(path):
    data = numpy.memmap(path, mode="r")
    header = bytes(data[:4096])
    assert header[:8] == MAGIC, "not an ingot"
    version, flags, length = struct.unpack_from("<IIQ", header, 8)
    assert (version, flags, length) == (1, 0, len(data)), (version, flags, length)
    assert not any(header[144:]), "reserved bytes are not zero"
    (own_hash,) = struct.unpack_from("<Q", header, 136)
    check64(header[:136] + bytes(8) + header[144:], own_hash, "header")
    section, content = {}, {}
    for place, name in enumerate(SECTIONS):
        start, count, expected = struct.unpack_from("<QQQ", header, 24 + 24 * place)
        content[name], section[name] = bytes(data[start : start + count]), start
        hashed = content[name]
        if name == "attachments":
            (directory_length,) = struct.unpack_from("<Q", hashed)
            hashed = hashed[: 8 + directory_length]
            directory = json.loads(hashed[8:])
        check64(hashed, expected, name)

    tensors, fingerprint = {}, b""
    for fields in RECORD.iter_unpack(content["index"]):
        name_start, name_length, code, rank, flags, position, *rest = fields
        shape, (start, count, digest), figures = rest[:rank], rest[8:11], rest[11:]
        raw_name = content["names"][name_start : name_start + name_length]
        name, numpy_type, block_elements, block_bytes = TYPES[code]
        assert math.prod(shape) // block_elements * block_bytes == count
        assert start % (4096 if count >= 65536 else 64) == 0
        raw = data[start : start + count]
        check128(raw, digest, raw_name)
        entry = {"dtype": name, "shape": shape, "position": position, "digest": digest.hex()}
        if flags & 1:
            keys = ["minimum", "maximum", "mean", "standard_deviation", "zeros", "non_finite"]
            entry |= zip(keys, [None if isinstance(f, float) and f != f else f for f in figures])
        # An array that computes with the mapped bytes in place, where NumPy has the type.
        entry["array"] = raw.view(numpy_type).reshape(shape) if numpy_type and count else raw
        tensors[raw_name.decode()] = entry
        fingerprint += struct.pack(f"<I{name_length}sHB", name_length, raw_name, code, rank)
        fingerprint += struct.pack(f"<{rank}Q", *shape) + digest
    check128(fingerprint, header[120:136], "weights fingerprint")

    attachments = {}
    for entry in directory:
        start = section["attachments"] + entry["offset"]
        attachments[entry["path"]] = bytes(data[start : start + entry["length"]])
        check128(attachments[entry["path"]], bytes.fromhex(entry["digest"]), entry["path"])
    return tensors, json.loads(content["metadata"]), attachments, header[120:136].hex()


if __name__ == "__main__":
    tensors, metadata, attachments, fingerprint = read(sys.argv[1])
    for entry in tensors.values():
        array = entry.pop("array")
        entry["sum"] = int(array.reshape(-1).view("u1").sum(dtype="u8")) if array.size else 0
        if array.dtype == numpy.float32:
            entry["first"] = float(array.flat[0])
    json.dump(
        {
            "tensors": tensors, "metadata": metadata, "fingerprint": fingerprint,
            "attachments": {path: data.decode() for path, data in attachments.items()},
            "hashes_checked": xxhash is not None,
        },
        sys.stdout,
    )
