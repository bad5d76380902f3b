"""What training really leaves in checkpoints, pickled by the libraries themselves: none of it is a
reason for an alarm.

Made with Python 3.11, torch 2.15, pytorch-lightning 2.6, omegaconf 2.4, transformers 5.24,
diffusers 0.42, peft 0.21.
"""

import argparse
import array
import collections
import datetime
import decimal
import fractions
import logging
import pathlib
import pickle
import random
import re
import types
import typing
import uuid
import warnings
import zoneinfo

import diffusers
import numpy
import peft
import pytorch_lightning
import torch
import transformers
from omegaconf import OmegaConf
from pytorch_lightning.callbacks import ModelCheckpoint
from pytorch_lightning.trainer.states import RunningStage, TrainerFn, TrainerState

from common import case, saved

warnings.simplefilter("ignore")


def safe(name, value, protocols=(2, 4), file=True):
    """Pickled by itself, and by `torch.save`."""
    for protocol in protocols:
        case(f"real-{name}-{protocol}", pickle.dumps(value, protocol), "safe", proved=False)
    if file:
        case(f"real-{name}", saved(value), "safe", ending="ckpt", proved=False)


def make():
    folder = pathlib.Path("/tmp/checkpoints")
    safe("namespace", argparse.Namespace(lr=0.1, folder=folder, layers=[1, 2]), (0, 2, 4))
    safe("times", [datetime.datetime(2026, 1, 2), datetime.date(2026, 1, 2), datetime.timedelta(1),
                   datetime.timezone.utc, datetime.time(1, 2), zoneinfo.ZoneInfo("UTC")])
    safe("numbers", [decimal.Decimal("1.5"), fractions.Fraction(1, 3), 1 + 2j, 10**50])
    safe("collections", [
        collections.Counter("abc"), collections.deque([1], 3),
        collections.defaultdict(list, {"a": [1]}), collections.ChainMap({1: 2}),
        types.SimpleNamespace(a=1), {1, 2}, frozenset([1]), range(3), slice(1, 2), Ellipsis,
        bytearray(b"x"), NotImplemented, ValueError("x"), array.array("f", [1, 2]),
        re.compile("a.*b", re.I), uuid.UUID(int=7), logging.getLogger("x")], (0, 2, 4))
    safe("types", [
        typing.Any, typing.List[int], typing.Optional[str], typing.Dict[str, typing.Any],
        typing.Tuple[int, ...], list[int], dict[str, int], typing.Callable, type(None), int | None,
        int, torch.float16], (0, 2, 4))
    safe("numpy", [
        numpy.float64(1), numpy.bool_(True), numpy.ones((2, 2)).T, numpy.array(["a"]),
        numpy.datetime64("2020-01-01"), numpy.array([1, "x"], object),
        numpy.zeros(2, [("a", "<f4")]), numpy.ma.array([1, 2], mask=[0, 1]), numpy.dtype(">i2"),
        numpy.float32, numpy.matrix([[1]]), numpy.rec.array([(1, 2.0)], [("a", "i4"), ("b", "f4")]),
        numpy.longdouble(1)], (0, 2, 5))
    safe("generators", [
        numpy.random.Generator(numpy.random.PCG64(1)), numpy.random.SeedSequence(1),
        numpy.random.Generator(numpy.random.Philox(1))])
    safe("random", random.Random(1), (2,), file=False)
    plain = {f"w{i}": torch.full((2,), float(i)) for i in range(3)}
    for protocol in (0, 2, 4):
        case(f"real-tensors-{protocol}", pickle.dumps(plain, protocol), "safe", proved=False)
    safe("functions", {"a": torch.nn.functional.relu, "b": torch.nn.functional.gelu,
                       "c": torch.sigmoid, "d": torch.nn.functional.silu})
    safe("omegaconf", OmegaConf.create({"a": 1, "b": [1, {"c": "x"}], "d": "${a}", "n": None}),
         (0, 2, 4))
    callback = ModelCheckpoint(str(folder))
    safe("lightning", {
        "callbacks": {ModelCheckpoint: callback.state_dict()}, "callback": callback,
        "hyper_parameters": pytorch_lightning.utilities.parsing.AttributeDict(a=1),
        "states": [TrainerFn.FITTING, TrainerState(), RunningStage.TRAINING]})
    arguments = transformers.TrainingArguments(str(folder), use_cpu=True)
    case("real-training-arguments", saved(arguments), "safe", ending="bin", proved=False)
    safe("transformers", [transformers.CLIPTextConfig(), transformers.GenerationConfig(),
                          transformers.BatchEncoding({"a": [1]})], (4,))
    safe("diffusers", diffusers.DDIMScheduler().config, (4,))
    safe("peft", peft.LoraConfig(r=4, target_modules=["to_q"]), (4,))
    layers = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.GELU(), torch.nn.LSTM(2, 2))
    case("real-modules", saved(layers), "safe", ending="pt", proved=False)
    case("real-quantised", saved(torch.ao.quantization.quantize_dynamic(
        torch.nn.Sequential(torch.nn.Linear(2, 2)))), "safe", ending="pt", proved=False)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(
        torch.optim.SGD(layers.parameters(), 0.1), max_lr=1, total_steps=5)
    case("real-scheduler", saved(scheduler.state_dict()), "safe", ending="pt")
