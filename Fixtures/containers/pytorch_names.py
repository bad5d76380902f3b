"""Odd names, and the things that training scripts leave beside the tensors."""
import argparse
import collections
import datetime
import enum
import pathlib

import torch

from common import VALID, expect


class Colour(enum.Enum):
    RED = 1


def make():
    counter = iter(range(100))

    def tensor():
        return torch.tensor([float(next(counter))])

    # Two spellings of one letter, three kinds of one, and names that no one can see.
    names = {
        "": tensor(), "inner": {"": tensor()}, 1: tensor(), "1": tensor(), (1, "a"): tensor(),
        None: tensor(), 2.5: tensor(), False: tensor(), "\u00e9": tensor(), "e\u0301": tensor(),
        "\0": tensor(), "a\nb\x1b[2J": tensor(), "\U0001f600": tensor(), "\udc80": tensor(),
        "a b": tensor(), "a/b": tensor(), "x" * 300: tensor()}
    path = VALID / "names.pt"
    torch.save(names, path)
    expect(path, {
        "": names[""], "inner.": names["inner"][""], "1": names[1], "1'": names["1"],
        "(1, a)": names[(1, "a")], "None": names[None], "2.5": names[2.5],
        "False": names[False], "\u00e9": names["\u00e9"], "e\u0301": names["e\u0301"],
        "\0": names["\0"], "a\nb\x1b[2J": names["a\nb\x1b[2J"],
        "\U0001f600": names["\U0001f600"], "\\udc80": names["\udc80"], "a b": names["a b"],
        "a/b": names["a/b"], "x" * 300: names["x" * 300]})

    w = torch.tensor([1.0, 2.0])
    left = {
        "state_dict": collections.OrderedDict(w=w),
        "hyper_parameters": argparse.Namespace(lr=0.5, betas=(0.9, 0.99)),
        "colour": Colour.RED, "path": pathlib.PurePosixPath("runs/1"),
        "when": datetime.timedelta(days=2), "counts": collections.Counter("aab"),
        "default": collections.defaultdict(list, {"k": [1]}), "frozen": frozenset([4]),
        "big": 1 << 70, "negative": -5, "raw": bytearray(b"\1\2"), "long": b"\0" * 5000,
        "text": "x" * 5000}
    path = VALID / "leftovers.pt"
    torch.save(left, path, pickle_protocol=4)
    expect(path, {"w": w}, {
        "hyper_parameters": {"opaque": "argparse.Namespace",
                             "state": {"lr": 0.5, "betas": [0.9, 0.99]}},
        "colour": {"opaque": "pytorch_names.Colour", "arguments": [1]},
        "path": {"opaque": "pathlib.PurePosixPath", "arguments": ["runs", "1"]},
        "when": {"opaque": "datetime.timedelta", "arguments": [2, 0, 0]},
        "counts": {"opaque": "collections.Counter", "arguments": [{"a": 2, "b": 1}]},
        "default": {"k": [1]}, "frozen": [4], "big": "0x400000000000000000",
        "negative": -5, "raw": {"bytes": "0102"}, "long": {"byteCount": 5000},
        "text": "x" * 5000},
        ["argparse.Namespace called", "pytorch_names.Colour called",
         "pathlib.PurePosixPath called", "datetime.timedelta called",
         "collections.Counter called"])

    for key in ("model_state_dict", "params", "net", "ema", "generator"):
        path = VALID / f"wrapper-{key}.pt"
        torch.save({key: {"w": w}, "epoch": 1}, path)
        expect(path, {"w": w}, {"epoch": 1})
