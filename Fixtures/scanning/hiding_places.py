"""Pickles where a loader finds them and a scanner may not look: compressed, behind the end of other
formats, between the members of archives, in headers, in pickles."""

import bz2
import gzip
import io
import json
import lzma
import struct
import tarfile
import zipfile
import zlib

import numpy

from common import EVIL, SAFE, archive, case, numpy_file, stack_global, text

OLD = b"cposix\nsystem\n(S'id'\ntR."


def hidden(name, data, ending, old=False):
    case(name, bytes(data), "dangerous", "posix system" if old else "os system", ending=ending)


def make():
    streams()
    behind_arrays_and_tensors()
    zips()
    tars()
    nested()


def streams():
    hidden("zlib", zlib.compress(EVIL), "pkl.z")
    hidden("zlib-stored", zlib.compress(EVIL, 0), "bin")
    hidden("zlib-fast", zlib.compress(EVIL, 1), "txt")
    small = zlib.compressobj(9, zlib.DEFLATED, 9)
    hidden("zlib-small-window", small.compress(EVIL) + small.flush(), "bin")
    hidden("zlib-cut", zlib.compress(EVIL + bytes(range(256)))[:-6], "pkl.z")
    hidden("zlib-wrong-sum", zlib.compress(EVIL)[:-1] + b"\0", "pkl.z")
    hidden("zlib-behind-zlib", zlib.compress(SAFE) + zlib.compress(EVIL), "pkl.z")
    hidden("pickle-behind-zlib", zlib.compress(SAFE) + EVIL, "pkl.z")
    hidden("pickle-behind-gzip", gzip.compress(SAFE, mtime=0) + EVIL, "gz")
    hidden("zlib-in-gzip", gzip.compress(zlib.compress(EVIL), mtime=0), "bin")
    hidden("gzip-behind-pickle", SAFE + gzip.compress(EVIL, mtime=0), "pkl")
    hidden("zlib-behind-pickle", SAFE + zlib.compress(EVIL), "pkl")
    raw = zlib.compressobj(9, zlib.DEFLATED, -15)
    hidden("deflate-without-header", raw.compress(EVIL) + raw.flush(), "pkl")
    for name, data in [("bzip2", bz2.compress(EVIL)), ("xz", lzma.compress(EVIL)),
                       ("lzma", lzma.compress(EVIL, format=lzma.FORMAT_ALONE))]:
        case(name, data, "suspicious", ending=f"pkl.{name}", proved=False,
             remark=f"{name}: cannot be looked into")


def safetensors(tail, header=None):
    header = header or json.dumps({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}})
    return struct.pack("<Q", len(header)) + header.encode() + bytes(8) + tail


def behind_arrays_and_tensors():
    array = numpy_file(numpy.save, numpy.arange(4))
    hidden("npy-behind", array + EVIL, "npy")
    hidden("npy-behind-protocol-0", array + OLD, "npy", old=True)
    hidden("npy-behind-a-gap", array + bytes(1000) + EVIL, "npy")
    hidden("npy-behind-objects", numpy_file(numpy.save, numpy.array([1, "x"], object)) + EVIL, "npy")
    hidden("npy-elements", numpy_file(numpy.save, numpy.frombuffer(EVIL, "u1")), "npy")
    hidden("npz-behind", archive([("a.npy", array + EVIL)]), "npz")
    hidden("safetensors-behind", safetensors(EVIL), "safetensors")
    hidden("safetensors-behind-protocol-0", safetensors(OLD), "safetensors", old=True)
    hidden("safetensors-behind-noise", safetensors(b"\xff" * 500 + EVIL), "safetensors")
    hidden("safetensors-behind-zlib", safetensors(zlib.compress(EVIL)), "safetensors")
    hidden("safetensors-empty", struct.pack("<Q", 2) + b"{}" + EVIL, "safetensors")
    hidden("safetensors-damaged", safetensors(EVIL, '{"a":1,}'), "safetensors")
    hidden("safetensors-in-zip", archive([("a.safetensors", safetensors(EVIL))]), "zip")
    gguf = struct.pack("<4sIQQ", b"GGUF", 3, 0, 0) + bytes(8)
    hidden("gguf-behind", gguf + EVIL, "gguf")
    plain = numpy_file(numpy.save, numpy.frombuffer(bytes(100) + EVIL, "u1"))
    case("npy-amid-elements", plain, "safe", ending="npy")
    case("safetensors-metadata", safetensors(b"", json.dumps({
        "__metadata__": {"x": OLD.decode()},
        "a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}})), "safe",
        ending="safetensors")


def zip_with(comment=b"", comment_of_member=b"", extra=b""):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        member = zipfile.ZipInfo("archive/data.pkl")
        member.comment, member.extra = comment_of_member, extra
        file.writestr(member, SAFE)
        file.comment = comment
    return buffer.getvalue()


def with_gap(gap):
    """Two members with bytes between them."""
    first = archive([("archive/data.pkl", SAFE)])
    second = archive([("archive/version", b"3\n")])
    directory, end = b"PK\1\2", b"PK\5\6"
    places = [(part[:part.index(directory)], part[part.index(directory):part.index(end)])
              for part in (first, second)]
    start = len(places[0][0]) + len(gap)
    struct.pack_into("<I", places[1][1], 42, start)
    body = places[0][0] + gap + places[1][0]
    entries = places[0][1] + places[1][1]
    return body + entries + end + struct.pack("<HHHHIIH", 0, 0, 2, 2, len(entries), len(body), 0)


def zips():
    hidden("zip-comment", zip_with(comment=EVIL), "pt")
    hidden("zip-comment-protocol-0", zip_with(comment=b"hello " + OLD), "pt", old=True)
    hidden("zip-member-comment", zip_with(comment_of_member=EVIL), "pt")
    hidden("zip-extra", zip_with(extra=struct.pack("<HH", 0x7777, len(EVIL)) + EVIL), "pt")
    hidden("zip-gap", with_gap(EVIL), "pt")
    hidden("zip-gap-protocol-0", with_gap(bytes(9) + OLD), "pt", old=True)
    case("zip-gap-of-nothing", bytes(with_gap(b"padding")), "safe", ending="pt")
    plain = bytes(archive([("archive/data.pkl", SAFE)]))
    hidden("zip-behind", plain + EVIL, "pt")
    hidden("zip-in-front", bytes(100) + EVIL + plain, "pt")
    hidden("zip-member-zlib",
           archive([("archive/data.pkl", SAFE), ("archive/x", zlib.compress(EVIL))]), "pt")
    hidden("zip-member-gzip",
           archive([("archive/data.pkl", SAFE), ("x", gzip.compress(EVIL, mtime=0))]), "pt")
    deep = EVIL
    for _ in range(5):
        deep = bytes(archive([("x", deep)]))
    hidden("zip-five-deep", deep, "zip")
    case("zip-amid-member", bytes(archive([
        ("archive/data.pkl", SAFE), ("archive/data/0", b"\1\2" * 500 + EVIL)])), "safe",
        ending="pt")


def tar(members, format_=tarfile.USTAR_FORMAT, headers=None):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=format_) as file:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            info.pax_headers = headers or {}
            file.addfile(info, io.BytesIO(data))
    return bytearray(buffer.getvalue())


def summed(data, at, write):
    """The header at a place with its checksum anew, as `write` spells it."""
    header = data[at:at + 512]
    header[148:156] = b" " * 8
    data[at + 148:at + 156] = write(sum(header), header)
    return data


def tars():
    for name, format_, member in [("ustar", tarfile.USTAR_FORMAT, "b"),
                                  ("gnu", tarfile.GNU_FORMAT, "b" * 150),
                                  ("pax", tarfile.PAX_FORMAT, "b" * 150)]:
        hidden(f"tar-{name}", tar([("a", SAFE), (member, EVIL)], format_), "tar")
    hidden("tar-zip", tar([("a.zip", bytes(archive([("x", EVIL)])))]), "tar")
    hidden("tar-zlib", tar([("a", zlib.compress(EVIL))]), "tar")
    inner = gzip.compress(bytes(tar([("p", EVIL)])), mtime=0)
    hidden("tar-gz-in-zip", archive([("t.tar.gz", inner)]), "zip")
    hidden("tar-behind", tar([("a", SAFE)]) + EVIL, "tar")
    # Checksums as `tarfile` takes them, too.
    hidden("tar-octal-prefix",
           summed(tar([("p", EVIL)]), 0, lambda n, _: b"0o%o" % n + b"\0\0"), "tar")
    hidden("tar-binary-sum",
           summed(tar([("p", EVIL)]), 0, lambda n, _: b"\x80" + n.to_bytes(7, "big")), "tar")
    latin = tar([("p", EVIL)])
    latin[1] = 0xE9
    hidden("tar-signed-sum", summed(latin, 0, lambda _, h: b"%06o\0 " % sum(
        byte - 256 * (byte > 127) for byte in h)), "tar")
    nameless = tar([("p", EVIL)])
    nameless[0] = 0
    hidden("tar-no-name", summed(nameless, 0, lambda n, _: b"%06o\0 " % n), "tar")
    # The size stands in the extended header, and is nought in the plain one.
    extended = tar([("p", EVIL)], tarfile.PAX_FORMAT, {"size": str(len(EVIL)), "comment": "x"})
    extended[1024 + 124:1024 + 136] = b"00000000000\0"
    hidden("tar-size-elsewhere", summed(extended, 1024, lambda n, _: b"%06o\0 " % n), "tar")


def loading(data):
    return (stack_global("torch.storage", "_load_from_bytes") + b"B" + struct.pack("<I", len(data))
            + data + b"\x85R")


def nested():
    many = b"".join(loading(SAFE[:-1] + bytes([0x4B, i, 0x30]) + b".") + b"0" for i in range(70))
    hidden("nested-behind-seventy", b"\x80\x04" + many + loading(EVIL) + b".", "pkl")
    hidden("nested-zlib", b"\x80\x04" + loading(zlib.compress(EVIL)) + b".", "pkl")
    long = SAFE[:-1] + b"0B" + struct.pack("<I", 10_000) + bytes(10_000) + b"0" + EVIL[2:]
    hidden("nested-long", b"\x80\x04" + loading(long) + b".", "pkl")
    latin = EVIL.decode("latin1").encode()
    hidden("nested-latin-1", b"\x80\x02ctorch.storage\n_load_from_bytes\nc_codecs\nencode\nX"
           + struct.pack("<I", len(latin)) + latin + b"X\x06\0\0\0latin1\x86R\x85R.", "pkl")
    case("nested-computed", b"\x80\x04" + stack_global("torch.storage", "_load_from_bytes")
         + stack_global("_codecs", "encode") + text("x") + text("zlib_codec") + b"\x86R\x85R.",
         "dangerous", "torch.storage _load_from_bytes")
    case("nested-in-map", b"\x80\x04" + stack_global("builtins", "map")
         + stack_global("torch.storage", "_load_from_bytes") + b"C\x02N.\x85\x86R.",
         "dangerous", "torch.storage _load_from_bytes", suspects=["builtins map"])
    case("nested-safe", b"\x80\x04" + loading(SAFE) + b".", "safe", proved=False)
