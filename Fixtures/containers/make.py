"""Makes the container fixtures: valid files with what they hold, hostile ones with one defect each.

    python Fixtures/containers/make.py

Needs torch, numpy and safetensors (made with torch 2.15.0, numpy 2.4.6, safetensors 0.8.0).
`valid/` files are described in `expected.json`: names, dtypes, shapes and bytes (hexadecimal, as
contiguous little-endian numbers), and for pickles the values and the opaque references. The
messages expected for `hostile/` files stand in Tests/CheckpointsTests.
"""
import collections
import io
import json
import pathlib
import shutil
import struct
import sys
import types
import zipfile

import numpy
import safetensors.torch
import torch

import deflated_files
import numpy_files
import sharded_files

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


def expect(path, tensors, values=None, opaque=()):
    EXPECTED[f"{path.parent.name}/{path.name}"] = {
        "tensors": [
            {"name": n, "type": NAMES[t.dtype], "shape": list(t.shape), "bytes": raw(t).hex()}
            for n, t in tensors.items()],
        "values": values or {}, "opaque": list(opaque)}


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


# --- valid files -------------------------------------------------------------------------------

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


def valid_pytorch():
    def save(name, value, tensors, values=None, opaque=(), **options):
        torch.save(value, VALID / name, **options)
        expect(VALID / name, tensors, values, opaque)

    types_ = every_type()
    save("dtypes.pt", types_, types_)
    small = {"a.weight": torch.arange(6, dtype=torch.float32).reshape(2, 3),
             "a.bias": torch.tensor([1.0, -2.0], dtype=torch.float16)}
    wrapped = {"state_dict": collections.OrderedDict(small), "global_step": 7, "epoch": 1,
               "nested": {"list": [1, 2.5, "x", None, True], "big": 1 << 40, "pair": (1, 2)}}
    values = {"global_step": 7, "epoch": 1,
              "nested": {"list": [1, 2.5, "x", None, True], "big": 1 << 40, "pair": [1, 2]}}
    for protocol in (2, 3, 4, 5):
        save(f"protocol-{protocol}.pt", wrapped, small, values, pickle_protocol=protocol)
    save("legacy.pt", wrapped, small, values, _use_new_zipfile_serialization=False)

    base = torch.arange(24, dtype=torch.int32)
    views = {
        "whole": base.reshape(2, 3, 4), "transposed": base.reshape(4, 6).t(),
        "permuted": base.reshape(2, 3, 4).permute(2, 0, 1), "offset": base[5:9],
        "every_third": base[1::3], "expanded": base[3:4].expand(2, 3),
        "channels_last": base.reshape(1, 2, 3, 4).contiguous(memory_format=torch.channels_last),
        "scalar": base[7], "nothing": base[:0], "nothing_strided": base.reshape(4, 6)[:, :0],
        "column": base.reshape(4, 6)[:, 2:3]}
    save("views.pt", views, views)

    parameter = torch.nn.Parameter(torch.tensor([1.0, 2.0]))
    with_state = torch.nn.Parameter(torch.tensor([3.0]))
    with_state.note = "kept"
    save("parameters.pt", {"p": parameter, "q": with_state},
         {"p": parameter, "q": with_state}, {"q": {"note": "kept"}})

    module = torch.nn.Sequential(torch.nn.Linear(2, 1), torch.nn.BatchNorm1d(1))
    torch.manual_seed(3)
    for p in module.parameters():
        torch.nn.init.normal_(p)
    state = module.state_dict()
    save("module.pt", {"state_dict": {"state_dict": state, "inner": 1}, "outer": 2}, state,
         {"state_dict": {"inner": 1}, "outer": 2})
    ema = {"params": {"w": torch.tensor([1.0])}, "params_ema": {"w": torch.tensor([2.0])}}
    save("params-ema.pt", ema, {"params.w": ema["params"]["w"], "w": ema["params_ema"]["w"]})
    beside = {"model": {"w": torch.tensor([1.0])}, "step": torch.tensor(3),
              "optimizer": [{"m": torch.tensor([4.0])}, {3: "three"}]}
    save("beside.pt", beside, {"model.w": torch.tensor([1.0]), "step": torch.tensor(3),
                               "optimizer.0.m": torch.tensor([4.0])},
         {"optimizer": [{"3": "three"}]})
    save("tensor.pt", torch.tensor([5], dtype=torch.uint8),
         {"value": torch.tensor([5], dtype=torch.uint8)})

    numpy_values = {"state_dict": {"w": torch.tensor([1.0])},
                    "f8": numpy.float64(0.25), "f4": numpy.float32(0.5), "f2": numpy.float16(1.5),
                    "i8": numpy.int64(-3), "u1": numpy.uint8(200), "b1": numpy.bool_(True),
                    "big": numpy.frombuffer(b"\x01\x02\x03\x04", ">i4")[0], "raw": b"\x00\xff",
                    "dtype": torch.float16, "device": torch.device("cuda", 1),
                    "size": torch.Size([2, 3]), "set": {4}, "complex": 1 + 2j,
                    "default": collections.defaultdict(int, {"k": 1})}
    expected = {"f8": 0.25, "f4": 0.5, "f2": 1.5, "i8": -3, "u1": 200, "b1": True,
                "big": int(numpy_values["big"]), "raw": {"bytes": "00ff"},
                "dtype": "torch.float16", "device": "cuda:1", "size": [2, 3], "set": [4],
                "complex": [1.0, 2.0], "default": {"k": 1}}
    for protocol in (2, 4):
        save(f"values-{protocol}.pt", numpy_values, {"w": torch.tensor([1.0])}, expected,
             pickle_protocol=protocol)
    before = (VALID / "values-2.pt")
    rezip(before, VALID / "old-numpy.pt", change=lambda name, data: data.replace(
        b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n") if name == "data.pkl" else data)
    EXPECTED["valid/old-numpy.pt"] = EXPECTED["valid/values-2.pt"]

    # A class that the reader's machine does not have, and a function that must not be called.
    fake = types.ModuleType("lightning_like.callbacks")
    sys.modules["lightning_like"] = types.ModuleType("lightning_like")
    sys.modules[fake.__name__] = fake

    class Checkpointing:
        def __init__(self):
            self.best, self.kept = 0.5, torch.tensor([9.0])
    Checkpointing.__module__, Checkpointing.__qualname__ = fake.__name__, "Checkpointing"
    fake.Checkpointing = Checkpointing

    class Command:
        def __reduce__(self):
            import os
            return os.system, ("touch /tmp/assay-was-here",)
    save("opaque.pt", {"state_dict": {"w": torch.tensor([1.0])}, "by_class": {Checkpointing: 1},
                       "callback": Checkpointing(), "command": Command()},
         {"w": torch.tensor([1.0]), "callback.kept": torch.tensor([9.0])},
         {"by_class": {"lightning_like.callbacks.Checkpointing": 1},
          "callback": {"opaque": "lightning_like.callbacks.Checkpointing", "state": {"best": 0.5}},
          "command": {"opaque": "posix.system", "arguments": ["touch /tmp/assay-was-here"]}},
         ["lightning_like.callbacks.Checkpointing called", "posix.system called"])

    plain = VALID / "protocol-2.pt"
    same = EXPECTED["valid/protocol-2.pt"]
    rezip(plain, VALID / "deflated.pt", zipfile.ZIP_DEFLATED)
    rezip(plain, VALID / "zip64.pt", wide=True)
    rezip(plain, VALID / "no-folder.pt", folder="")
    rezip(plain, VALID / "other-folder.pt", folder="v1 final/",
          change=lambda name, data: data if name in ("data.pkl",) or name.startswith("data/")
          else None)
    for name in ("deflated", "zip64", "no-folder", "other-folder"):
        EXPECTED[f"valid/{name}.pt"] = same

    widths = {}
    for index, t in enumerate(types_.values()):
        widths[f"data/{index}"] = t.element_size() // (2 if t.is_complex() else 1)

    def swap(name, data):
        if name == "byteorder":
            return b"big"
        if name in widths:
            return b"".join(data[i:i + widths[name]][::-1]
                            for i in range(0, len(data), widths[name]))
        return data
    rezip(VALID / "dtypes.pt", VALID / "big-endian.pt", change=swap)
    EXPECTED["valid/big-endian.pt"] = EXPECTED["valid/dtypes.pt"]

    import pickle
    for protocol in (0, 1, 2, 4, 5):
        path = VALID / f"plain-{protocol}.pkl"
        path.write_bytes(pickle.dumps(
            {"a": [1, -2, 1 << 40, 2.5], "b": ("x\n\u00e9", None, True), "c": {"d": False}},
            protocol=protocol))
        expect(path, {}, {"a": [1, -2, 1 << 40, 2.5], "b": ["x\n\u00e9", None, True],
                          "c": {"d": False}})


# --- hostile files -----------------------------------------------------------------------------

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


def hostile_pytorch():
    good = VALID / "other-folder.pt"
    data = good.read_bytes()
    (HOSTILE / "truncated.pt").write_bytes(data[:len(data) // 2])
    zipped(HOSTILE / "not-torch.pt", [("readme.txt", b"hello")])
    zipped(HOSTILE / "two-pickles.pt", [("a/data.pkl", b"N."), ("b/data.pkl", b"N.")])
    zipped(HOSTILE / "byteorder.pt", [("a/data.pkl", b"\x80\x02N."), ("a/byteorder", b"middle")])
    with zipfile.ZipFile(HOSTILE / "duplicate.pt", "w") as archive:
        import warnings
        warnings.simplefilter("ignore")
        archive.writestr(zipfile.ZipInfo("a/data.pkl"), b"N.")
        archive.writestr(zipfile.ZipInfo("a/data.pkl"), b"K\x01.")

    with_pickle(HOSTILE / "base.tmp", pickled(tensor([2, 2], [2, 1])))
    base = HOSTILE / "base.tmp"
    content = base.read_bytes()
    (HOSTILE / "payload-crc.pt").write_bytes(content.replace(bytes(16), bytes(15) + b"\1", 1))
    patched(base, HOSTILE / "local-name.pt", b"archive/data/0", b"archive/data/1")
    directory = content.index(b"PK\1\2")

    def edit(name, offset, format_, value):
        changed = bytearray(content)
        struct.pack_into(format_, changed, offset, value)
        (HOSTILE / f"{name}.pt").write_bytes(changed)
    edit("local-crc", 14, "<I", 0xDEADBEEF)
    edit("local-method", 8, "<H", 8)
    edit("flag-bits", 6, "<H", 1)
    edit("encrypted", directory + 8, "<H", 1)
    edit("method", directory + 10, "<H", 12)
    edit("bomb", directory + 24, "<I", 0x7FFFFFFF)
    edit("header-offset", directory + 42, "<I", 7)
    edit("member-count", len(content) - 22 + 10, "<H", 3)
    edit("member-counts", len(content) - 22 + 8, "<I", 3 | 3 << 16)
    edit("directory-size", len(content) - 22 + 12, "<I", 5)
    second = content.index(b"PK\1\2", directory + 1)
    changed = bytearray(content)
    changed[second + 42:second + 46] = struct.pack("<I", 0)
    (HOSTILE / "same-header.pt").write_bytes(changed)
    deflated = HOSTILE / "deflate.tmp"
    with zipfile.ZipFile(deflated, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/data.pkl", b"\x80\x02" + b"N0" * 500 + b"N.")
    content = bytearray(deflated.read_bytes())
    content[30 + 10 + 2] ^= 0xFF
    (HOSTILE / "deflate.pt").write_bytes(content)
    content = bytearray(deflated.read_bytes())
    for place in (22, content.index(b"PK\1\2") + 24):
        struct.pack_into("<I", content, place, 1000)
    (HOSTILE / "deflate-short.pt").write_bytes(content)
    base.unlink()
    deflated.unlink()

    pickles = {
        "opcode": b"\x80\x02\xff.", "protocol": b"\x80\x09N.", "no-stop": b"\x80\x02N",
        "long-string": b"\x80\x02X\xff\xff\xff\x7fabc", "underflow": b"\x80\x020.",
        "no-mark": b"\x80\x02t.", "memo": b"\x80\x02h\x07.", "two-values": b"\x80\x02NN.",
        "second-pickle": b"\x80\x02N.cos\nsystem\n.", "append-to-none": b"\x80\x02NNa.",
        "odd-items": b"\x80\x02}(Nu.", "bad-utf8": b"\x80\x02X\x01\0\0\0\xff.",
        "reduce-none": b"\x80\x02N)R.", "persistent": b"\x80\x02K\x01Q.",
        "bad-rebuild": b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n(K\x01tR.",
        "frame": b"\x80\x04\x95\xff\xff\0\0\0\0\0\0N.",
        "outside": pickled(tensor([2, 3], [3, 1])),
        "offset-outside": pickled(tensor([1], [1], offset=4)),
        "negative-size": pickled(tensor([-1], [1])),
        "negative-stride": pickled(tensor([2], [-1], offset=3)),
        "rank": pickled(tensor([2, 2], [1])),
        "stride-overflow": pickled(tensor([1 << 20, 4], [1 << 62, 1])),
        "size-overflow": pickled(tensor([1 << 40, 1 << 40], [0, 0])),
        "repetition": pickled(tensor([1 << 34], [0])),
        "storage-claim": pickled(tensor([2, 2], [2, 1], count=8)),
        "storage-claim-overflow": pickled(tensor([2, 2], [2, 1], count=1 << 62)),
        "missing-storage": pickled(tensor([2, 2], [2, 1], key="9")),
        "same-name": b"\x80\x02}(" + text("a.b") + tensor([4], [1]) + text("a") + b"}("
                     + text("b") + tensor([4], [1]) + b"uu.",
        "deep": b"\x80\x02" + b"]" * 100_000 + b"a" * 99_999 + b".",
        "deep-tuples": b"\x80\x02N" + b"\x85" * 100_000 + b".",
        "laughs": b"\x80\x02(" + b"K\x01" * 10 + b"tq\x000" + b"".join(
            b"(" + b"h\x00" * 10 + b"tq\x000" for _ in range(12)) + b"h\x00.",
    }
    for name, pickle in pickles.items():
        with_pickle(HOSTILE / f"{name}.pt", pickle)
        if name in ("deep", "deep-tuples"):
            rezip(HOSTILE / f"{name}.pt", HOSTILE / "x.tmp", zipfile.ZIP_DEFLATED)
            (HOSTILE / "x.tmp").rename(HOSTILE / f"{name}.pt")
    zipped(HOSTILE / "extra-member-beside.pt",
           [("archive/data.pkl", b"\x80\x02}."), ("archive/evil.pkl", b"cos\nsystem\n.")])
    one = io.BytesIO()
    torch.save({"w": torch.zeros(4)}, one, _use_new_zipfile_serialization=False)
    legacy = one.getvalue()
    (HOSTILE / "legacy-truncated.pt").write_bytes(legacy[:-3])
    (HOSTILE / "legacy-trailing.pt").write_bytes(legacy + b"xyz")

    (HOSTILE / "lfs.ckpt").write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    (HOSTILE / "text.ckpt").write_bytes(b"<html>404 not found</html>\n")
    (HOSTILE / "noise.ckpt").write_bytes(bytes([0xDE, 0xAD, 0xBE, 0xEF, 0, 1, 2, 3, 4]))
    (HOSTILE / "empty.ckpt").write_bytes(b"")


def main():
    for folder in (VALID, HOSTILE):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
    valid_safetensors()
    valid_pytorch()
    hostile_safetensors()
    hostile_pytorch()
    deflated_files.write(VALID, HOSTILE)
    numpy_files.make(VALID, HOSTILE, EXPECTED)
    sharded_files.make(HERE / "sharded", EXPECTED, NAMES, raw)
    (HERE / "expected.json").write_text(json.dumps(EXPECTED, indent=1, ensure_ascii=False))


main()
