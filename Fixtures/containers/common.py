"""What the scripts that make container fixtures share: expectations, zip surgery, pickles by hand."""
import json
import pathlib
import struct
import zipfile

import numpy
import torch

HERE = pathlib.Path(__file__).parent
VALID, HOSTILE = HERE / "valid", HERE / "hostile"
EXPECTED = {}

NAMES = {
    torch.bool: "bool", torch.uint8: "u8", torch.int8: "i8", torch.uint16: "u16",
    torch.int16: "i16", torch.uint32: "u32", torch.int32: "i32", torch.uint64: "u64",
    torch.int64: "i64", torch.float16: "f16", torch.bfloat16: "bf16", torch.float32: "f32",
    torch.float64: "f64", torch.float8_e4m3fn: "f8_e4m3fn", torch.float8_e5m2: "f8_e5m2",
    torch.float8_e4m3fnuz: "f8_e4m3fnuz", torch.float8_e5m2fnuz: "f8_e5m2fnuz",
    torch.float8_e8m0fnu: "f8_e8m0fnu", torch.complex64: "c64", torch.complex128: "c128",
}


def raw(tensor):
    flat = tensor.detach().contiguous().reshape(-1)
    if flat.numel() == 0:
        return b""
    return flat.clone().untyped_storage()[:].tolist() and bytes(
        flat.clone().view(torch.uint8).tolist())


def expect(path, tensors, values=None, opaque=(), unread=None):
    EXPECTED[f"{path.parent.name}/{path.name}"] = {
        "tensors": [
            {"name": n, "type": NAMES[t.dtype], "shape": list(t.shape), "bytes": raw(t).hex()}
            for n, t in tensors.items()],
        "values": values or {}, "opaque": list(opaque), **({"unread": unread} if unread else {})}


def every_type(shape=(2, 3)):
    torch.manual_seed(1)
    tensors = {}
    for dtype, name in NAMES.items():
        count = int(numpy.prod(shape)) * torch.empty(0, dtype=dtype).element_size()
        data = torch.randint(0, 2 if dtype == torch.bool else 256, (count,), dtype=torch.uint8)
        tensors[name] = data.view(dtype).reshape(shape)
    return tensors


# --- zip surgery -------------------------------------------------------------------------------

def rezip(source, target, compression=zipfile.ZIP_STORED, change=None, wide=False, folder=None):
    """Writes the members of a torch file anew, as `change(name, bytes)` says."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", compression) as new:
        for info in old.infolist():
            data, name = old.read(info), info.filename
            if change:
                data = change(name.split("/", 1)[1], data)
            if data is None:
                continue
            if folder is not None:
                name = folder + name.split("/", 1)[1]
            member = zipfile.ZipInfo(name)
            member.compress_type = compression
            with new.open(member, "w", force_zip64=wide) as out:
                out.write(data)


def zipped(path, members):
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members:
            archive.writestr(zipfile.ZipInfo(name), data)


def with_pickle(path, pickle, storages=((b"0", bytes(16)),)):
    zipped(path, [("archive/data.pkl", pickle)]
           + [("archive/data/" + key.decode(), data) for key, data in storages])


def patched(source, target, find, replace, which=0):
    data = bytearray(source.read_bytes())
    place = -1
    for _ in range(which + 1):
        place = data.index(find, place + 1)
    data[place:place + len(find)] = replace
    target.write_bytes(data)


# --- pickles by hand ---------------------------------------------------------------------------

def text(string):
    data = string.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def number(value):
    return b"\x8a\x08" + struct.pack("<q", value)


def numbers(values):
    return b"(" + b"".join(map(number, values)) + b"t"


def tensor(sizes, strides, offset=0, count=4, key="0"):
    return (b"ctorch._utils\n_rebuild_tensor_v2\n((" + text("storage") + b"ctorch\nFloatStorage\n"
            + text(key) + text("cpu") + number(count) + b"tQ" + number(offset) + numbers(sizes)
            + numbers(strides) + b"\x89}tR")


def pickled(value):
    return b"\x80\x02}(" + text("w") + value + b"u."
