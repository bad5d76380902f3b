"""Hostile files of torch's older forms, hostile arrays, and pickles that ask for memory."""
import pickle
import struct
import tarfile
import zipfile

import numpy
import torch

from common import HOSTILE, with_pickle
from pytorch_old_files import Storage, Tensor, legacy, tar, tar_members


def make_legacy():
    base = torch.arange(4, dtype=torch.float32)

    def write(name, value, storages, change=lambda data: data):
        (HOSTILE / f"legacy-{name}.pt").write_bytes(change(legacy(value, storages)))

    def storage(count=4, view=None, key="1"):
        return {"w": Tensor(Storage(key, torch.float32, count, view), 0, (2,), (1,))}
    write("view-outside", storage(view=("2", 3, 2)), {"1": base})
    write("view-negative", storage(view=("2", -1, 2)), {"1": base})
    write("view-short", storage(view=("2", 3, 1)), {"1": base})
    write("other-size", storage(5), {"1": base})
    write("unknown-key", storage(), {"1": base, "2": base})
    write("missing-storage", storage(), {})
    write("protocol", storage(), {"1": base}, lambda data: data.replace(
        struct.pack("<H", 1001), struct.pack("<H", 1002), 1))
    keys = pickle.dumps(["1"], protocol=2)
    write("same-key", storage(), {"1": base}, lambda data: data.replace(
        keys, pickle.dumps(["1", "1"], protocol=2)) + struct.pack("<q4f", 4, 0, 1, 2, 3))


def make_tar():
    members, _ = tar_members()
    whole = tar(members)

    def write(name, data):
        (HOSTILE / f"tar-{name}.pt").write_bytes(data)

    def changed(name, find, replace, count=1):
        data = members[name].replace(find, replace, count)
        assert data != members[name], (name, find)
        return tar({**members, name: data})
    second = 512 + 512
    write("checksum", whole[:second + 5] + b"x" + whole[second + 6:])
    write("cut", whole[:second + 700])
    write("cut-header", whole[:second + 100])
    write("behind", whole + b"x" * 512)
    write("twice", tar({**members, "./pickle": b"N."}))
    write("no-tensors", tar({k: v for k, v in members.items() if k != "tensors"}))
    write("storage-past-end", changed("storages", struct.pack("<q", 12), struct.pack("<q", 1 << 40)))
    write("storage-negative", changed("storages", struct.pack("<q", 12), struct.pack("<q", -1)))
    views = pickle.dumps([(3, 1, 4, 6)], protocol=2)
    write("view-outside", changed("storages", views, pickle.dumps([(3, 1, 10, 6)], protocol=2)))
    write("view-of-nothing", changed("storages", views, pickle.dumps([(3, 9, 4, 6)], protocol=2)))
    write("same-number", changed("storages", views, pickle.dumps([(1, 1, 4, 6)], protocol=2)))
    write("rank", changed("tensors", struct.pack("<ii", 2, 0), struct.pack("<ii", 1 << 30, 0)))
    write("outside", changed("tensors", struct.pack("<3q", 4, 1, 0), struct.pack("<3q", 4, 1, 9)))
    write("unknown-number", changed("pickle", b"100", b"999"))
    write("tail", tar({**members, "tensors": members["tensors"] + b"\0"}))
    link = tarfile.TarInfo("pickle")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    rest = tar({k: v for k, v in members.items() if k != "pickle"})
    write("link", link.tobuf(tarfile.USTAR_FORMAT) + rest)
    record = tarfile.TarInfo("record")
    record.type, record.size = tarfile.XHDTYPE, 9
    write("record", record.tobuf(tarfile.USTAR_FORMAT) + b"99 path=x".ljust(512, b"\0") + rest)


def make_arrays():
    good = pickle.dumps({"a": numpy.arange(3, dtype="<f4")}, protocol=3)
    raw = numpy.arange(3, dtype="<f4").tobytes()
    shape = b"K\x03\x85"

    def write(name, find, replace):
        assert find in good
        (HOSTILE / f"array-{name}.pkl").write_bytes(good.replace(find, replace))
    write("short", b"C\x0c" + raw, b"C\x0b" + raw[:-1])
    write("negative", shape, b"J\xff\xff\xff\xff\x85")
    write("huge", shape, b"\x8a\x08" + struct.pack("<q", 1 << 62) + b"\x85")
    write("no-bytes", b"C\x0c" + raw, b"N")
    write("no-shape", shape, b"N")


def make_bombs():
    def deflated(name, pickle):
        with zipfile.ZipFile(HOSTILE / f"{name}.pt", "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(zipfile.ZipInfo("archive/data.pkl"), pickle, zipfile.ZIP_DEFLATED, 9)
    deflated("many-lists", b"\x80\x02" + b"]" * 3_000_000 + b".")
    deflated("many-marks", b"\x80\x02" + b"(" * 20_000_000 + b".")
    deflated("duplicates", b"\x80\x02N" + b"2" * 3_000_000 + b".")
    deflated("memoized", b"\x80\x04N" + b"\x94" * 3_000_000 + b".")
    deflated("appended", b"\x80\x02]q\0" + b"(h\0h\0h\0h\0e" * 800_000 + b".")
    deflated("inflated", b"\x80\x02" + b"N0" * 17_000_000 + b"N.")
    deflated("long-number", b"\x80\x02\x8b" + struct.pack("<I", 40_000_000) + bytes(40_000_000) + b".")
    with_pickle(HOSTILE / "long-claim.pt", b"\x80\x02\x8b" + struct.pack("<I", 200 << 20) + b"\0.")


def make():
    make_legacy()
    make_tar()
    make_arrays()
    make_bombs()
