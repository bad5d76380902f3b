"""Deflated archives whose contents are far larger than the file, for readers that stream."""

import io
import zipfile

import torch


def write(valid, hostile):
    """`streamed/…`: six million bytes that tell their place; and the same with a broken end."""
    plain = io.BytesIO()
    torch.save({"long": torch.arange(1_500_000, dtype=torch.int32) % 251,
                "short": torch.arange(7, dtype=torch.int16)}, plain)
    good = valid.parent / "streamed" / "deflated.pt"
    good.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(plain) as old, \
            zipfile.ZipFile(good, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as new:
        for info in old.infolist():
            member = zipfile.ZipInfo(info.filename)
            member.compress_type = zipfile.ZIP_DEFLATED
            new.writestr(member, old.read(info))
    with zipfile.ZipFile(hostile / "expansion.pt", "w", zipfile.ZIP_DEFLATED,
                         compresslevel=9) as bomb:
        bomb.writestr(zipfile.ZipInfo("a/data.pkl"), b"\x80\x02}.")
        member = zipfile.ZipInfo("a/data/0")
        member.compress_type = zipfile.ZIP_DEFLATED
        bomb.writestr(member, bytes(70_000_000))
    content = bytearray(good.read_bytes())
    with zipfile.ZipFile(good) as archive:
        info = next(i for i in archive.infolist() if i.file_size == 6_000_000)
    start = info.header_offset + 30 + len(info.filename)
    content[start + info.compress_size - 20] ^= 0x55
    (hostile / "deflate-late.pt").write_bytes(content)
