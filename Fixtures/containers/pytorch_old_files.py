"""torch's older forms, and archives that other programs packed. torch.load reads all of them back
as expected here: that is asserted."""
import collections
import io
import pickle
import struct
import tarfile
import zipfile

import torch

from common import EXPECTED, VALID, expect, rezip

STORAGES = {torch.float32: "FloatStorage", torch.int64: "LongStorage", torch.float16: "HalfStorage"}


def check(path, tensors):
    loaded = torch.load(path, weights_only=False)
    assert list(loaded) == list(tensors), path
    assert all(torch.equal(loaded[name], tensors[name]) for name in tensors), path
    expect(path, tensors)


class Storage:
    """A storage by its key, as torch 0.1 to 1.5 refer to it."""

    def __init__(self, key, dtype, count, view=None):
        self.identity = (
            "storage", getattr(torch, STORAGES[dtype]), key, "cpu", count, view)


class Tensor:
    def __init__(self, storage, offset, sizes, strides):
        self.arguments = (storage, offset, sizes, strides, False, collections.OrderedDict())

    def __reduce__(self):
        return torch._utils._rebuild_tensor_v2, self.arguments


class Pickler(pickle._Pickler):
    def persistent_id(self, value):
        return getattr(value, "identity", None)


def legacy(value, storages, little_endian=True):
    """The run of pickles of `torch.serialization._legacy_save`."""
    out = io.BytesIO()
    for head in (0x1950a86a20f9469cfc6c, 1001, {
            "protocol_version": 1001, "little_endian": little_endian,
            "type_sizes": {"short": 2, "int": 4, "long": 4}}):
        pickle.dump(head, out, protocol=2)
    Pickler(out, protocol=2).dump(value)
    pickle.dump(sorted(storages), out, protocol=2)
    for key in sorted(storages):
        out.write(struct.pack("<q", storages[key].numel()) + storages[key].numpy().tobytes())
    return out.getvalue()


def make_legacy():
    base = torch.arange(12, dtype=torch.float32)
    halves = torch.tensor([0.5, -2], dtype=torch.float16)
    view = Storage("10", torch.float32, 12, ("11", 4, 6))
    value = {
        "whole": Tensor(Storage("10", torch.float32, 12, None), 0, (3, 4), (4, 1)),
        "view": Tensor(view, 0, (2, 3), (3, 1)), "inside": Tensor(view, 2, (2, 2), (1, 2)),
        "halves": Tensor(Storage("2", torch.float16, 2), 0, (2,), (1,))}
    tensors = {
        "whole": base.reshape(3, 4), "view": base[4:10].reshape(2, 3),
        "inside": base[6:10].reshape(2, 2).t(), "halves": halves}
    tensors["inside"] = torch.as_strided(base, (2, 2), (1, 2), 6)
    for name, is_little in (("legacy-views", True), ("legacy-big", False)):
        path = VALID / f"{name}.pt"
        path.write_bytes(legacy(value, {"10": base, "2": halves}, is_little))
        check(path, tensors)

    shared = torch.arange(6, dtype=torch.int64)
    torch.save({"a": shared[:2], "b": shared.reshape(2, 3).t(), "c": shared[4]},
               VALID / "legacy-shared.pt", _use_new_zipfile_serialization=False)
    check(VALID / "legacy-shared.pt",
          {"a": shared[:2], "b": shared.reshape(2, 3).t(), "c": shared[4]})


def tar_members():
    """`storages`, `tensors` and `pickle` as torch 0.1.9 wrote them."""
    base = torch.arange(12, dtype=torch.float32)
    counts = torch.tensor([5, 6, 7], dtype=torch.int64)
    storages = io.BytesIO()
    pickle.dump(2, storages, protocol=2)
    for key, storage in ((1, base), (2, counts)):
        pickle.dump((key, "cpu", getattr(torch, STORAGES[storage.dtype])), storages, protocol=2)
        storages.write(struct.pack("<q", storage.numel()) + storage.numpy().tobytes())
    pickle.dump([(3, 1, 4, 6)], storages, protocol=2)
    tensors = io.BytesIO()
    entries = [(100, 1, (3, 4), (4, 1), 0), (101, 3, (2, 3), (3, 1), 0), (102, 2, (2,), (1,), 1)]
    pickle.dump(len(entries), tensors, protocol=2)
    for key, storage, sizes, strides, offset in entries:
        pickle.dump((key, storage, torch.FloatTensor), tensors, protocol=2)
        numbers = (*sizes, *strides, offset)
        tensors.write(struct.pack("<ii", len(sizes), 0) + struct.pack(f"<{len(numbers)}q", *numbers))
    value = io.BytesIO()

    class Reference:
        def __init__(self, number):
            self.identity = str(number)
    Pickler(value, protocol=2).dump(
        {"whole": Reference(100), "view": Reference(101), "counts": Reference(102)})
    members = {"sys_info": pickle.dumps({"protocol_version": 1000, "little_endian": True}, 2),
               "pickle": value.getvalue(), "tensors": tensors.getvalue(),
               "storages": storages.getvalue()}
    return members, {"whole": base.reshape(3, 4), "view": base[4:10].reshape(2, 3),
                     "counts": counts[1:]}


def tar(members, format=tarfile.USTAR_FORMAT, pax=None, folder=""):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=format) as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(folder + name)
            info.size = len(data)
            info.pax_headers = pax or {}
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def make_tar():
    members, tensors = tar_members()
    forms = {
        "tar-ustar": tar(members),
        "tar-gnu": tar({"n" * 150: b"long", **members}, tarfile.GNU_FORMAT),
        "tar-pax": tar(members, tarfile.PAX_FORMAT, {"comment": "größe"}),
        "tar-dot": tar(members, folder="./")}
    for name, data in forms.items():
        path = VALID / f"{name}.pt"
        path.write_bytes(data)
        if name == "tar-dot":
            # torch asks for the plain name; tar's own `tar -c .` writes the other.
            expect(path, tensors)
        else:
            check(path, tensors)


class Pipe(io.RawIOBase):
    """A target that cannot be moved in, so that sizes and checksums follow the data."""

    def __init__(self):
        self.data = bytearray()

    def writable(self):
        return True

    def write(self, data):
        self.data += data
        return len(data)


def make_zips():
    plain = VALID / "protocol-2.pt"
    same = EXPECTED["valid/protocol-2.pt"]
    rezip(plain, VALID / "utf8-folder.pt", folder="größe 1/")
    rezip(plain, VALID / "deep-folder.pt", folder="a/b/")
    rezip(plain, VALID / "comment.pt")
    with zipfile.ZipFile(VALID / "comment.pt", "a") as archive:
        archive.comment = b"repacked by hand"
    pipe = Pipe()
    with zipfile.ZipFile(plain) as old, zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as new:
        for info in old.infolist():
            new.writestr(info.filename, old.read(info))
    (VALID / "descriptors.pt").write_bytes(pipe.data)
    for name in ("utf8-folder", "deep-folder", "comment", "descriptors"):
        EXPECTED[f"valid/{name}.pt"] = same


def make():
    make_legacy()
    make_tar()
    make_zips()
