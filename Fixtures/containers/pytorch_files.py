"""Files of torch.save as they are every day: protocols, wrappers, views, values, zip forms."""
import collections
import pickle
import sys
import types
import zipfile

import numpy
import torch

from common import EXPECTED, VALID, every_type, expect, rezip


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
    save("params-ema.pt", ema, {"w": ema["params"]["w"], "params_ema.w": ema["params_ema"]["w"]})
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

    for protocol in (0, 1, 2, 4, 5):
        path = VALID / f"plain-{protocol}.pkl"
        path.write_bytes(pickle.dumps(
            {"a": [1, -2, 1 << 40, 2.5], "b": ("x\n\u00e9", None, True), "c": {"d": False}},
            protocol=protocol))
        expect(path, {}, {"a": [1, -2, 1 << 40, 2.5], "b": ["x\n\u00e9", None, True],
                          "c": {"d": False}})
