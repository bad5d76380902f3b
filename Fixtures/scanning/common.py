"""What the scripts that make cases for the scanner share: the cases, pickles and archives by hand."""

import base64
import io
import pickle
import zipfile

import torch

CASES = {}


def case(name, data, verdict, *dangers, ending="pkl", proved=None, suspects=(), remark=None):
    """`dangers` and `suspects` are the globals that must get that verdict, all of them."""
    assert name not in CASES, name
    CASES[name] = {
        "ending": ending,
        "bytes": base64.b64encode(data).decode(),
        "verdict": verdict,
        "dangerous": sorted(dangers),
        "suspicious": sorted(suspects),
        "proved": (verdict == "safe") if proved is None else proved,
    }
    if remark:
        CASES[name]["remark"] = remark


def text(value):
    raw = value.encode()
    return b"\x8c" + bytes([len(raw)]) + raw


def stack_global(module, name):
    return text(module) + text(name) + b"\x93"


def call(module, name, *arguments):
    """A pickle of protocol 4 that calls a function with strings."""
    body = b"(" + b"".join(text(a) for a in arguments) + b"t"
    return b"\x80\x04" + stack_global(module, name) + body + b"R."


EVIL = call("os", "system", "id")
SAFE = pickle.dumps({"a": [1, 2.5, "three"]}, 2)


def archive(members, method=zipfile.ZIP_STORED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as file:
        for name, data in members:
            file.writestr(zipfile.ZipInfo(name), data, method)
    return bytearray(buffer.getvalue())


def saved(value, **options):
    buffer = io.BytesIO()
    torch.save(value, buffer, **options)
    return buffer.getvalue()


def numpy_file(save, *arrays):
    buffer = io.BytesIO()
    save(buffer, *arrays)
    return buffer.getvalue()
