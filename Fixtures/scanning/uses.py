"""Functions that are judged by their calls, attributes that Python obeys, and names of Python's
library and of training packages, called and referred to."""

import functools
import pickle
import typing

import torch

from common import call, case, stack_global, text

ENUMERATION = ("pytorch_lightning.trainer.states", "TrainerFn")


def getattr_of(owner, name):
    return (b"\x80\x04" + stack_global("builtins", "getattr") + stack_global(*owner) + text(name)
            + b"\x86R.")


def make():
    case("type-of", b"\x80\x04" + stack_global("builtins", "type") + text("X") + b"\x85R.", "safe",
         proved=False)
    case("type-none", pickle.dumps(type(None)), "safe", proved=False)
    three = stack_global("builtins", "type") + text("X") + stack_global("builtins", "object")
    case("type-three", b"\x80\x04" + three + b"\x85}\x87R.", "dangerous", "builtins type")
    case("type-three-newobj", b"\x80\x04" + three + b"\x85}\x87\x81.", "dangerous", "builtins type")
    case("type-three-obj", b"(c__builtin__\ntype\nS'X'\n(t}o.", "dangerous", "__builtin__ type")
    case("type-inst", b"(S'X'\n(t}i__builtin__\ntype\n.", "dangerous", "__builtin__ type")
    case("type-elsewhere", b"\x80\x04" + stack_global("builtins", "map")
         + stack_global("builtins", "type") + b"]\x86R.", "suspicious", proved=False,
         suspects=["builtins map", "builtins type"])

    case("getattr-member", getattr_of(ENUMERATION, "FITTING"), "safe", proved=False)
    case("getattr-unknown-member", getattr_of(("my.project", "Mode"), "TRAIN"), "suspicious",
         proved=False, suspects=["builtins getattr", "my.project Mode"])
    case("getattr-function", getattr_of(("torch._C", "_VariableFunctionsClass"), "silu"), "safe",
         proved=False)
    case("getattr-machinery", getattr_of(("my.project", "Mode"), "__globals__"), "dangerous",
         "builtins getattr", suspects=["my.project Mode"])
    case("getattr-module", getattr_of(("torch.nn.modules", "linear"), "os"), "dangerous",
         "builtins getattr", suspects=["torch.nn.modules linear"])
    case("getattr-string", b"\x80\x04" + stack_global("builtins", "getattr") + text("x")
         + text("format") + b"\x86R.", "dangerous", "builtins getattr")
    case("getattr-twice", b"\x80\x04" + stack_global("builtins", "getattr")
         + getattr_of(ENUMERATION, "A")[2:-1] + text("B") + b"\x86R.", "dangerous",
         "builtins getattr")
    case("getattr-elsewhere", b"\x80\x04" + stack_global("torch._tensor", "_rebuild_from_type_v2")
         + b"(" + stack_global("builtins", "getattr") + stack_global("torch", "Tensor")
         + stack_global(*ENUMERATION) + text("A") + b"\x86}tR.", "dangerous", "builtins getattr")
    case("getattr-behind-fault", b"\x80\x04h\x07" + getattr_of(ENUMERATION, "FITTING")[2:],
         "dangerous", "builtins getattr")

    case("partial-safe", pickle.dumps(functools.partial(torch.nn.LayerNorm, eps=1e-6)), "safe",
         proved=False)
    layer = stack_global("torch.nn.modules.linear", "Linear")
    case("partial-state", b"\x80\x04" + stack_global("functools", "partial") + layer + b"\x85R("
         + stack_global("builtins", "eval") + text("1") + b"\x85}Ntb.", "dangerous",
         "builtins eval", "functools partial")
    case("partial-called", b"\x80\x04" + stack_global("functools", "partial") + layer
         + b"\x85R)R.", "suspicious", proved=False, suspects=["functools partial"])
    case("partial-unknown", b"\x80\x04" + stack_global("functools", "partial")
         + stack_global("my.project", "f") + b"\x85R.", "suspicious", proved=False,
         suspects=["functools partial", "my.project f"])

    case("getitem-typing", pickle.dumps(typing.Dict[str, typing.List[int]]), "safe", proved=False)
    case("getitem-modules", b"\x80\x04" + stack_global("operator", "getitem")
         + stack_global("sys", "modules") + text("os") + b"\x86R.", "dangerous", "sys modules",
         suspects=["operator getitem"])
    case("union-of-types", pickle.dumps(int | None), "safe", proved=False)
    case("reduce-other", b"\x80\x04" + stack_global("_functools", "reduce")
         + stack_global("my.project", "f") + b"]\x86R.", "dangerous", "_functools reduce",
         suspects=["my.project f"])
    case("make-instance-other", b"\x80\x04" + stack_global("fsspec.spec", "make_instance")
         + stack_global("my.project", "FileSystem") + b")}\x87R.", "dangerous",
         "fsspec.spec make_instance", suspects=["my.project FileSystem"])

    namespace = b"\x80\x04" + stack_global("argparse", "Namespace") + b")\x81}"
    case("state-setstate", namespace + text("__setstate__") + stack_global("my.project", "f")
         + b"sb" + text("id") + b"b.", "dangerous", "argparse Namespace",
         suspects=["my.project f"])
    case("state-class", namespace + text("__class__") + stack_global("my.project", "X") + b"sb.",
         "dangerous", "argparse Namespace", suspects=["my.project X"])
    case("state-doc", namespace + text("__doc__") + text("text") + b"sb.", "safe", proved=False)

    # What a project's own function is called says something about what it does.
    case("function-that-runs", call("my.project.tools", "run_script", "x"), "dangerous",
         "my.project.tools run_script", suspects=["my.project.tools run_script"])
    case("function-that-runs-uncalled", call("my.project.tools", "run_script")[:-4] + b".",
         "suspicious", proved=False, suspects=["my.project.tools run_script"])
    case("function-of-package", call("transformers.testing_utils", "anything", "x"), "dangerous",
         "transformers.testing_utils anything", suspects=["transformers.testing_utils anything"])
    case("initialiser", b"\x80\x04" + stack_global("diffusers.models.autoencoders.vae",
         "VectorQuantizer") + b"(K\x01K\x01K\x01" + text("/etc/passwd") + b"tR.", "suspicious",
         proved=False, suspects=["diffusers.models.autoencoders.vae VectorQuantizer"])
