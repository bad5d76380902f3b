"""Files that look like torch's, with one defect each."""
import io
import struct
import warnings
import zipfile

import torch

from common import (
    HOSTILE, VALID, number, numbers, patched, pickled, rezip, tensor, text, with_pickle, zipped)


def hostile_pytorch():
    good = VALID / "other-folder.pt"
    data = good.read_bytes()
    (HOSTILE / "truncated.pt").write_bytes(data[:len(data) // 2])
    zipped(HOSTILE / "not-torch.pt", [("readme.txt", b"hello")])
    zipped(HOSTILE / "two-pickles.pt", [("a/data.pkl", b"N."), ("b/data.pkl", b"N.")])
    zipped(HOSTILE / "byteorder.pt", [("a/data.pkl", b"\x80\x02N."), ("a/byteorder", b"middle")])
    with zipfile.ZipFile(HOSTILE / "duplicate.pt", "w") as archive:
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
        "storage-longer": pickled(tensor([2], [1], count=2)),
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
