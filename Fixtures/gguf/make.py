"""Makes Fixtures/gguf: valid/ and expected.json, hostile/ and messages.json.

Run with Python 3.11, gguf 0.19.0, NumPy 2.4.6: `python Fixtures/gguf/make.py`.
The valid files are written by the gguf package and the expected values read back by it; Q8_K, which
the package does not decode, follows ggml's dequantize_row_q8_K. A hostile file has one defect, and
messages.json has the line that the reader must end with.
"""

import json
import math
import shutil
import struct
from pathlib import Path

import numpy as np
import gguf
from gguf import GGMLQuantizationType as T, GGUFEndian, GGUFReader, GGUFWriter, quants
from gguf.scripts import gguf_convert_endian

HERE = Path(__file__).parent
VALID, HOSTILE = HERE / "valid", HERE / "hostile"
EXPECTED, MESSAGES = {}, {}
np.seterr(all="ignore")


def finish(writer):
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def writer(name, arch="sd1", **options):
    return GGUFWriter(VALID / f"{name}.gguf", arch, **options)


# --- block types -------------------------------------------------------------------------------

# Places of the scales in a block: half floats, but for Q8_K's one float.
SCALES = {
    T.Q4_0: [0], T.Q4_1: [0, 2], T.Q5_0: [0], T.Q5_1: [0, 2], T.Q8_0: [0], T.Q2_K: [80, 82],
    T.Q3_K: [108], T.Q4_K: [0, 2], T.Q5_K: [0, 2], T.Q6_K: [208], T.Q8_K: [],
}
F = gguf.LlamaFileType
FILE_TYPES = {
    T.Q4_0: F.MOSTLY_Q4_0, T.Q4_1: F.MOSTLY_Q4_1, T.Q5_0: F.MOSTLY_Q5_0, T.Q5_1: F.MOSTLY_Q5_1,
    T.Q8_0: F.MOSTLY_Q8_0, T.Q2_K: F.MOSTLY_Q2_K, T.Q3_K: F.MOSTLY_Q3_K_M, T.Q4_K: F.MOSTLY_Q4_K_M,
    T.Q5_K: F.MOSTLY_Q5_K_M, T.Q6_K: F.MOSTLY_Q6_K,
}
# One, a typical one, zero, minus zero, the smallest and largest denormal, the smallest normal, the
# largest, infinity, NaN, negative ones.
HALVES = [0x3C00, 0x2E66, 0x0000, 0x8000, 0x0001, 0x03FF, 0x0400, 0x7BFF, 0x7C00, 0x7E00, 0xB800,
          0xFC00]


def blocks(kind, seed):
    random = np.random.default_rng(seed)
    size = gguf.GGML_QUANT_SIZES[kind][1]
    pairs = [(a, b) for a in HALVES for b in (HALVES if len(SCALES[kind]) > 1 else [0])]
    if len(pairs) > 24:
        pairs = [pairs[i] for i in random.permutation(len(pairs))[:24]]
    data = random.integers(0, 256, (len(pairs) + 4, size), dtype=np.uint8)
    for row, pair in enumerate(pairs):
        for place, bits in zip(SCALES[kind], pair):
            data[row, place:place + 2] = np.frombuffer(struct.pack("<H", bits), np.uint8)
    if kind == T.Q8_K:
        scales = np.array([1, -0.02, 0, -0.0, 1e-45, 3e38, np.inf, np.nan], np.float32)
        data[:8, :4] = scales.view(np.uint8).reshape(8, 4)
    # Every byte value stands in a block with a plain scale.
    data[0].view(np.uint8)[4:] = np.resize(np.arange(256, dtype=np.uint8), size)[4:]
    for place in SCALES[kind]:
        data[0, place:place + 2] = np.frombuffer(struct.pack("<H", 0x3555), np.uint8)
    return data


def decoded(kind, data):
    if kind == T.Q8_K:
        data = np.ascontiguousarray(data)
        scale = np.ascontiguousarray(data[:, :4]).view(np.float32)
        return scale * data[:, 4:260].view(np.int8).astype(np.float32)
    return quants.dequantize(data, kind)


def block_types():
    for seed, kind in enumerate(SCALES):
        data = blocks(kind, seed)
        name = kind.name.lower()
        w = writer(name)
        if kind in FILE_TYPES:
            w.add_file_type(FILE_TYPES[kind])
        w.add_quantization_version(gguf.GGML_QUANT_VERSION)
        w.add_tensor("blocks", data, raw_dtype=kind)
        finish(w)
        (VALID / f"{name}.f32").write_bytes(decoded(kind, data).astype("<f4").tobytes())


# --- what quantising gives -----------------------------------------------------------------------

def rows_to_quantise():
    random = np.random.default_rng(1)
    rows = [random.normal(0, 1, (12, 32)), random.normal(0, 0.02, (12, 32)),
            random.normal(0, 1e-40, (4, 32)), random.normal(0, 1e30, (4, 32)),
            np.zeros((1, 32)), -np.zeros((1, 32)), np.full((1, 32), -1.0), np.full((1, 32), 1e-42),
            np.full((1, 32), 1e-44), np.resize([1.0, -1.0], (1, 32)),
            np.resize([3e38, -3e38], (1, 32)), np.resize([1e-38] * 31 + [1], (1, 32)),
            np.resize([0.0, -0.0], (1, 32)),
            np.arange(-16, 16).reshape(1, 32) / 2, np.arange(-32, 0).reshape(1, 32),
            (np.arange(32).reshape(1, 32) - 15.5) / 8, np.resize([65504, 65519, 65520], (1, 32)),
            np.resize([127, 0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 0.49999997], (1, 32))]
    for value in (np.inf, -np.inf, np.nan):
        row = random.normal(0, 1, (3, 32))
        row[0, 0], row[1, 13], row[2, 31] = value, value, value
        # Which of several NaNs a maximum in NumPy ends with depends on the processor.
        row[2, 30] = -value if value == value else 0
        rows.append(row)
    return np.concatenate(rows).astype(np.float32)


def quantised():
    rows = rows_to_quantise()
    w = writer("quantised")
    w.add_quantization_version(gguf.GGML_QUANT_VERSION)
    w.add_tensor("f32", rows)
    for kind in (T.Q8_0, T.Q4_0, T.Q5_0, T.Q4_1, T.Q5_1):
        w.add_tensor(kind.name.lower(), quants.quantize(rows, kind), raw_dtype=kind)
    finish(w)


# --- plain types and metadata --------------------------------------------------------------------

def plain_tensors():
    return {
        "f32": np.array([[1.5, -2, np.inf], [np.nan, -0.0, 1e-45]], np.float32),
        "f16": np.arange(6, dtype=np.float16).reshape(2, 3) / 3,
        "f64": np.array([math.pi, -1e300]),
        "i8": np.array([-128, 127, 1], np.int8),
        "i16": np.array([-32768, 5], np.int16),
        "i32": np.array([[-2**31], [7]], np.int32),
        "i64": np.array([-2**63, 2**63 - 1]),
        "kernel": np.arange(2 * 3 * 2 * 1, dtype=np.float32).reshape(2, 3, 2, 1),
        "empty": np.zeros((0, 4), np.float32),
        "name with \u00e9 \U0001f600 and 'quotes'": np.float32([1]),
    }


def add_plain(w):
    for name, tensor in plain_tensors().items():
        w.add_tensor(name, tensor)
    if w.endianess == GGUFEndian.LITTLE:
        w.add_tensor("bf16", np.array([[1, 2, 0x3F80]], "<u2").view(np.uint8), raw_dtype=T.BF16)
        w.add_tensor("scalar", np.array(2.5, np.float32))


def note(name, values, skip=()):
    reader = GGUFReader(VALID / f"{name}.gguf")
    tensors = []
    for tensor in reader.tensors:
        little = np.ascontiguousarray(tensor.data)
        if reader.byte_order == "S":
            little = little.astype(little.dtype.newbyteorder("<"))
        tensors.append({
            "name": tensor.name, "type": tensor.tensor_type.name.lower(),
            "shape": [int(n) for n in reversed(tensor.shape)], "bytes": little.tobytes().hex()})
    EXPECTED[name] = {"values": values, "tensors": tensors}


def plain_files():
    V = gguf.GGUFValueType
    w = writer("plain")
    w.add_uint8("a.u8", 255); w.add_int8("a.i8", -128); w.add_uint16("a.u16", 65535)
    w.add_int16("a.i16", -32768); w.add_uint32("a.u32", 2**32 - 1); w.add_int32("a.i32", -2**31)
    w.add_uint64("a.u64", 2**63 - 1); w.add_int64("a.i64", -2**63)
    w.add_uint64("a.u64.big", 2**64 - 1)
    w.add_float32("a.f32", 0.1); w.add_float64("a.f64", 0.1)
    w.add_bool("a.yes", True); w.add_bool("a.no", False)
    w.add_string("a.string", "\u00e9\n\U0001f600 \u0000 end")
    w.add_key_value("a.empty", "", V.STRING)
    w.add_array("a.numbers", [3, -1]); w.add_array("a.strings", ["x", "", "\u00e9"])
    w.add_array("a.floats", [0.5, 1.5]); w.add_array("a.bools", [True, False])
    w.add_key_value("a.bytes", b"\x01\xff", V.ARRAY)
    w.add_key_value("a.nested", [[1, 2], [3]], V.ARRAY, V.ARRAY)
    values = {
        "general.architecture": "sd1", "a.u8": 255, "a.i8": -128, "a.u16": 65535, "a.i16": -32768,
        "a.u32": 2**32 - 1, "a.i32": -2**31, "a.u64": 2**63 - 1, "a.i64": -2**63,
        "a.u64.big": str(2**64 - 1), "a.f32": float(np.float32(0.1)), "a.f64": 0.1, "a.yes": True,
        "a.no": False, "a.string": "\u00e9\n\U0001f600 \u0000 end", "a.empty": "",
        "a.numbers": [3, -1], "a.strings": ["x", "", "\u00e9"], "a.floats": [0.5, 1.5],
        "a.bools": [True, False], "a.bytes": [1, 255], "a.nested": [[1, 2], [3]],
        "gguf.types": {
            "a.u8": "u8", "a.i8": "i8", "a.u16": "u16", "a.i16": "i16", "a.u32": "u32",
            "a.i32": "i32", "a.u64": "u64", "a.i64": "i64", "a.u64.big": "u64", "a.f32": "f32",
            "a.f64": "f64", "a.yes": "bool", "a.no": "bool", "a.numbers": "[i32]",
            "a.strings": "[string]", "a.floats": "[f32]", "a.bools": "[bool]", "a.bytes": "[u8]",
            "a.nested": "[[i32]]"},
    }
    add_plain(w)
    finish(w)
    note("plain", values)

    # Version 2 has the same bytes but for the number.
    data = bytearray((VALID / "plain.gguf").read_bytes())
    data[4:8] = struct.pack("<I", 2)
    (VALID / "version-2.gguf").write_bytes(data)
    note("version-2", values)

    w = writer("big-endian", endianess=GGUFEndian.BIG)
    w.add_uint16("a.u16", 513); w.add_float32("a.f32", 0.5); w.add_array("a.strings", ["x", "yz"])
    w.add_float64("a.f64", 0.25)
    add_plain(w)
    finish(w)
    note("big-endian", {
        "general.architecture": "sd1", "a.u16": 513, "a.f32": 0.5, "a.strings": ["x", "yz"],
        "a.f64": 0.25, "gguf.types": {"a.u16": "u16", "a.f32": "f32", "a.strings": "[string]",
                                      "a.f64": "f64"}})

    w = writer("alignment")
    w.add_custom_alignment(128)
    for index in range(3):
        w.add_tensor(f"t{index}", np.arange(index + 1, dtype=np.float32))
    finish(w)
    note("alignment", {"general.architecture": "sd1", "general.alignment": 128})

    finish(writer("no-tensors"))
    note("no-tensors", {"general.architecture": "sd1"})

    # stable-diffusion.cpp writes no keys at all.
    w = writer("no-keys")
    w.kv_data[0].clear()
    w.add_tensor("w", np.float32([[1, 2]]))
    finish(w)
    note("no-keys", {})

    # ComfyUI-GGUF stores a kernel as rows of blocks and keeps its shape beside it.
    w = writer("comfy")
    kernel = quants.quantize(np.arange(320, dtype=np.float32).reshape(10, 32), T.Q8_0)
    w.add_array("comfy.gguf.orig_shape.conv.weight", [10, 4, 4, 2])
    w.add_array("comfy.gguf.orig_shape.gone", [1, 2])
    w.add_tensor("conv.weight", kernel, raw_dtype=T.Q8_0)
    finish(w)
    note("comfy", {"general.architecture": "sd1", "comfy.gguf.orig_shape.gone": [1, 2],
                   "gguf.types": {"comfy.gguf.orig_shape.gone": "[i32]"}})
    EXPECTED["comfy"]["tensors"][0]["shape"] = [10, 4, 4, 2]

    # The order of bytes on mainframes, by the package's own converter.
    w = writer("big-endian-blocks")
    for kind in (T.Q4_0, T.Q8_0, T.Q4_K, T.Q6_K):
        w.add_tensor(kind.name.lower(), blocks(kind, 7)[:3], raw_dtype=kind)
    w.add_tensor("bf16", np.array([[1, 2, 0x3F80]], "<u2").view(np.uint8), raw_dtype=T.BF16)
    finish(w)
    note("big-endian-blocks", {"general.architecture": "sd1"})
    import argparse
    gguf_convert_endian.input = lambda _: "YES"
    gguf_convert_endian.convert_byteorder(
        GGUFReader(VALID / "big-endian-blocks.gguf", "r+"),
        argparse.Namespace(order="big", dry_run=False))


# --- hostile files -----------------------------------------------------------------------------

def s(text):
    data = text if isinstance(text, bytes) else text.encode()
    return struct.pack("<Q", len(data)) + data


def kv(key, kind, value):
    return s(key) + struct.pack("<I", kind) + value


def info(name, shape, kind, offset):
    return (s(name) + struct.pack("<I", len(shape))
            + b"".join(struct.pack("<Q", n) for n in reversed(shape))
            + struct.pack("<IQ", kind, offset))


def build(keys=(), infos=(), data=b"", version=3, tensors=None, count=None, alignment=32):
    head = b"GGUF" + struct.pack(
        "<IQQ", version, len(infos) if tensors is None else tensors,
        len(keys) if count is None else count) + b"".join(keys) + b"".join(infos)
    return head + bytes(-len(head) % alignment) + data


def hostile(name, data, message):
    (HOSTILE / f"{name}.gguf").write_bytes(data)
    MESSAGES[name] = message


def u32(n):
    return struct.pack("<I", n)


def u64(n):
    return struct.pack("<Q", n)


def hostile_files():
    arch = kv("general.architecture", 8, s("sd1"))
    one = [info("a", [2], 0, 0)]
    good = build([arch], one, bytes(8))
    hostile("magic-only", b"GGUF", "the version at byte 4 takes 4 bytes, the file has 0 left: truncated?")
    hostile("no-counts", b"GGUF" + u32(3) + b"\1\0",
            "the number of tensors at byte 8 takes 8 bytes, the file has 2 left: truncated?")
    hostile("version-0", build(version=0), "GGUF version 0, expected 2 or 3")
    hostile("version-1", build(version=1),
            "GGUF version 1, expected 2 or 3: convert it with an old llama.cpp first")
    hostile("version-4", build(version=4), "GGUF version 4, expected 2 or 3")
    hostile("tensor-count", build([arch], one, bytes(8), tensors=2**63),
            f"the file claims {2**63} tensors, it has room for at most 4: truncated?")
    hostile("key-count", build([arch], one, bytes(8), count=2**64 - 1),
            f"the file claims {2**64 - 1} keys, it has room for at most 8: truncated?")
    hostile("key-past-end", b"GGUF" + u32(3) + u64(0) + u64(1) + u64(2**40) + b"abcdef",
            f"key 0 at byte 32 takes {2**40} bytes, the file has 6 left: truncated?")
    hostile("key-length-overflow", b"GGUF" + u32(3) + u64(0) + u64(1) + u64(2**64 - 1) + b"abcdef",
            f"key 0 at byte 32 takes {2**64 - 1} bytes, the file has 6 left: truncated?")
    hostile("key-utf8", build([kv(b"a\xff", 4, u32(1))]), "key 0 at byte 32 is not valid UTF-8")
    hostile("value-utf8", build([kv("a", 8, s(b"\xc3"))]),
            "the value of key 'a' at byte 45 is not valid UTF-8")
    hostile("duplicate-key", build([kv("a", 4, u32(1)), kv("a", 4, u32(2))]), "key 'a' stands twice")
    hostile("value-type", build([kv("a", 13, u32(1))]), "key 'a' has the unknown value type 13")
    hostile("boolean", build([kv("a", 7, b"\2")]), "key 'a' has the Boolean 2, expected 0 or 1")
    hostile("value-past-end", build([kv("a", 8, u64(2**62))], alignment=1),
            f"the value of key 'a' at byte 45 takes {2**62} bytes, the file has 0 left: truncated?")
    hostile("array-count", build([kv("a", 9, u32(4) + u64(2**61))], alignment=1),
            f"the file claims {2**61} values of key 'a', it has room for at most 0: truncated?")
    hostile("array-type", build([kv("a", 9, u32(99) + u64(1))]),
            "key 'a' has the unknown value type 99")
    hostile("array-string-past-end", build([kv("a", 9, u32(8) + u64(1) + u64(9))], alignment=1),
            "the value of key 'a' at byte 57 takes 9 bytes, the file has 0 left: truncated?")
    deep = u32(4) + u64(0)
    for _ in range(5000):
        deep = u32(9) + u64(1) + deep
    hostile("deep-arrays", build([kv("a", 9, deep)]), "key 'a' nests arrays more than 16 levels deep")
    hostile("alignment-0", build([kv("general.alignment", 4, u32(0))], one, bytes(8)),
            "key 'general.alignment' is 0, expected a power of two")
    hostile("alignment-24", build([kv("general.alignment", 4, u32(24))], one, bytes(8)),
            "key 'general.alignment' is 24, expected a power of two")
    hostile("alignment-type", build([kv("general.alignment", 10, u64(32))], one, bytes(8)),
            "key 'general.alignment' is not a u32")
    hostile("alignment-huge", build([kv("general.alignment", 4, u32(2**31))], one, bytes(8)),
            "tensor 'a' ends at data byte 8, the file holds 0: truncated?")
    hostile("name-past-end", build([], [u64(2**32) + bytes(24)]),
            f"the name of tensor 0 at byte 32 takes {2**32} bytes, the file has 32 left: truncated?")
    hostile("name-utf8", build([], [info(b"\xed\xa0\x80", [2], 0, 0)], bytes(8)),
            "the name of tensor 0 at byte 32 is not valid UTF-8")
    hostile("duplicate-name", build([], one + [info("a", [2], 0, 32)], bytes(64)),
            "two tensors are named 'a'")
    hostile("rank", build([], [info("a", [1] * 9, 0, 0)], bytes(8)),
            "tensor 'a' has 9 dimensions, expected at most 8")
    hostile("rank-huge", build([], [s("a") + u32(2**32 - 1) + bytes(64)]),
            f"tensor 'a' has {2**32 - 1} dimensions, expected at most 8")
    hostile("type-unknown", build([], [info("a", [32], 200, 0)], bytes(32)),
            "tensor 'a' has the unknown type 200")
    hostile("type-iq4-nl", build([], [info("a", [32], 20, 0)], bytes(32)),
            "tensor 'a' is IQ4_NL (type 20), which assay does not decode")
    hostile("type-tq1-0", build([], [info("a", [256], 34, 0)], bytes(64)),
            "tensor 'a' is TQ1_0 (type 34), which assay does not decode")
    hostile("type-mxfp4", build([], [info("a", [32], 39, 0)], bytes(32)),
            "tensor 'a' is MXFP4 (type 39), which assay does not decode")
    hostile("type-q8-1", build([], [info("a", [32], 9, 0)], bytes(64)),
            "tensor 'a' is Q8_1 (type 9), which assay does not decode")
    hostile("type-removed", build([], [info("a", [32], 4, 0)], bytes(32)),
            "tensor 'a' is Q4_2 (type 4), which assay does not decode")
    hostile("extent-overflow", build([], [info("a", [2**40, 2**40], 0, 0)], bytes(8)),
            f"tensor 'a' is f32 [{2**40}, {2**40}], which is no possible size")
    hostile("extent-negative", build([], [info("a", [2**64 - 1], 0, 0)], bytes(8)),
            f"tensor 'a' is f32 [{2**64 - 1}], which is no possible size")
    hostile("extent-zero-overflow", build([], [info("a", [0, 2**40, 2**40], 0, 0)], bytes(8)),
            f"tensor 'a' is f32 [0, {2**40}, {2**40}], which is no possible size")
    hostile("bytes-overflow", build([], [info("a", [2**62], 28, 0)], bytes(8)),
            f"tensor 'a' is f64 [{2**62}], which is no possible size")
    hostile("odd-rows", build([], [info("a", [4, 16], 8, 0)], bytes(68)),
            "tensor 'a' is q8_0 [4, 16], which is no possible size")
    hostile("odd-k-rows", build([], [info("a", [2, 128], 12, 0)], bytes(144)),
            "tensor 'a' is q4_k [2, 128], which is no possible size")
    hostile("offset-odd", build([], [info("a", [2], 0, 4)], bytes(40)),
            "tensor 'a' starts at data byte 4, no multiple of 32")
    hostile("offset-past-end", build([], [info("a", [2], 0, 64)], bytes(40)),
            "tensor 'a' ends at data byte 72, the file holds 40: truncated?")
    hostile("offset-overflow", build([], [info("a", [8], 0, 2**64 - 32)], bytes(40)),
            "tensor 'a' ends at data byte 2^64 and more, the file holds 40: truncated?")
    hostile("truncated", good[:-1], "tensor 'a' ends at data byte 8, the file holds 7: truncated?")
    hostile("truncated-padding", build([arch], one)[:-1],
            "tensor 'a' ends at data byte 8, the file holds 0: truncated?")
    hostile("truncated-directory", build([arch], one)[:90],
            "the type of tensor 'a' at byte 88 takes 4 bytes, the file has 2 left: truncated?")
    hostile("same-extent", build([], [info("a", [2], 0, 0), info("b", [2], 0, 0)], bytes(64)),
            "tensor 'b' starts before tensor 'a' ends: tensors overlap")
    hostile("hole", build([], [info("a", [4], 0, 0), info("b", [4], 0, 64)], bytes(96)),
            "tensor 'b' starts 48 bytes behind the end of the one before, expected less than 32: a hole")
    hostile("trailing", build([], [info("a", [4], 0, 0)], bytes(64)),
            "48 bytes behind the last tensor, expected less than 32")
    hostile("overlap", build([], [info("a", [4], 0, 32), info("b", [16], 0, 0)], bytes(64)),
            "tensor 'a' starts before tensor 'b' ends: tensors overlap")
    hostile("shape-count", build(
        [kv("comfy.gguf.orig_shape.a", 9, u32(5) + u64(2) + u32(3) + u32(1))], one, bytes(8)),
        "key 'comfy.gguf.orig_shape.a' is [3, 1], which is no shape of the 2 values of [2]")
    hostile("shape-negative", build(
        [kv("comfy.gguf.orig_shape.a", 9, u32(5) + u64(2) + u32(2**32 - 1) + u32(2**32 - 2))],
        one, bytes(8)),
        "key 'comfy.gguf.orig_shape.a' is [-1, -2], which is no shape of the 2 values of [2]")
    hostile("shape-type", build([kv("comfy.gguf.orig_shape.a", 8, s("2"))], one, bytes(8)),
            "key 'comfy.gguf.orig_shape.a' is not a list of i32")
    big = struct.pack(">IQQ", 3, 1, 0) + struct.pack(">Q", 1) + b"a" + struct.pack(
        ">IQIQ", 1, 32, 6, 0)
    hostile("big-endian-q5-0", b"GGUF" + big + bytes(-(4 + len(big)) % 32 + 32),
            "tensor 'a' is q5_0 with the most significant byte first, an order that nobody defined "
            "for this type")


def main():
    for folder in (VALID, HOSTILE):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
    block_types()
    quantised()
    plain_files()
    hostile_files()
    for name, value in (("expected", EXPECTED), ("messages", MESSAGES)):
        (HERE / f"{name}.json").write_text(
            json.dumps(value, indent=1, ensure_ascii=False) + "\n")


main()
