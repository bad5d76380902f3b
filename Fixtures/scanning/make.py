"""Writes cases.json: pickles and archives that have got past published scanners, tricks of the
pickle machine, and the leftovers of ordinary training, each with the verdict it must get.

Nothing here is ever loaded: the pickles are put together by opcode. The plain files come from
torch 2.15 and numpy 2.4. The names of the bypasses are those of GitHub's advisories on picklescan
and fickling.

    python Fixtures/scanning/make.py
"""

import collections
import gzip
import io
import json
import pathlib
import pickle
import struct
import tarfile
import zipfile
import zlib

import numpy
import torch

import hiding_places
import leftovers
import uses
from common import (
    CASES, EVIL, SAFE, archive, call, case, numpy_file, saved, stack_global, text)

# The functions of published bypasses.
BYPASSES = """
GHSA-4r9r-ch6f-vxmx torch.utils.bottleneck.__main__ run_cprofile
GHSA-86cj-95qr-2p4f torch._dynamo.guards GuardBuilder.get
GHSA-f4x7-rfwp-v3xw torch.fx.experimental.symbolic_shapes ShapeEnv.evaluate_guards_expression
GHSA-f745-w6jp-hpxx torch.utils.collect_env run
GHSA-jhph-76pp-mggw torch.utils.collect_env run_and_read_all
GHSA-h3qp-7fh3-f8h4 torch.utils.data.datapipes.utils.decoder basichandlers
GHSA-vr7h-p6mm-wpmh torch.jit.unsupported_tensor_ops execWrapper
GHSA-vv6j-3g6g-2pvj torch.utils._config_module ConfigModule.load_config
GHSA-5qwp-399c-mjwf trace Trace.run
GHSA-g344-hcph-8vgg trace Trace.runctx
GHSA-x696-vm39-cp64 profile Profile.run
GHSA-6vqj-c2q5-j97w profile Profile.runctx
GHSA-f54q-57x4-jg88 lib2to3.pgen2.grammar Grammar.loads
GHSA-3vg9-h568-4w9m idlelib.debugobj ObjectTreeItem.SetText
GHSA-6w4w-5w54-rjvr idlelib.autocomplete AutoComplete.get_entity
GHSA-7cq8-mj8x-j263 idlelib.autocomplete AutoComplete.fetch_completions
GHSA-cj3c-v495-4xqh code InteractiveInterpreter.runcode
GHSA-8r4j-24qv-fmq9 idlelib.calltip Calltip.fetch_tip
GHSA-9xph-j2h6-g47v idlelib.calltip get_entity
GHSA-4whj-rm5r-c2v8 torch.utils.bottleneck.__main__ run_autograd_prof
GHSA-xp4f-hrf8-rxw7 ensurepip _run_pip
GHSA-p9w7-82w4-7q8m lib2to3.pgen2.pgen ParserGenerator.make_label
GHSA-m869-42cg-3xwr idlelib.run Executive.runcode
GHSA-j343-8v2j-ff7w idlelib.pyshell ModifiedInterpreter.runcommand
GHSA-3gf5-cxq9-w223 idlelib.pyshell ModifiedInterpreter.runcode
GHSA-fqq6-7vqf-w3fg doctest debug_script
GHSA-9w88-8rmg-7g2p cProfile runctx
GHSA-49gj-c84q-6qm9 cProfile run
GHSA-7wx9-6375-f5wh profile run
GHSA-q77w-mwjj-7mqx asyncio.unix_events _UnixSubprocessTransport._start
GHSA-m273-6v24-x4m4 distutils.file_util write_file
GHSA-4675-36f9-wf6r ctypes CDLL
GHSA-84r2-jw7c-4r5q pydoc locate
GHSA-vqmv-47xg-9wpr pty spawn
GHSA-r8g5-cgf2-4m4m numpy.f2py.crackfortran getlincoef
GHSA-955r-x9j8-7rhh _operator methodcaller
GHSA-46h3-79wf-xr6c _operator attrgetter
GHSA-vvpj-8cmc-gx39 pkgutil resolve_name
GHSA-v7x6-rv5q-mhwc timeit timeit
GHSA-g38g-8gr9-h9xp-uuid uuid _get_command_stdout
GHSA-g38g-8gr9-h9xp-osx _osx_support _read_output
GHSA-g38g-8gr9-h9xp-aix _aix_support _read_cmd_output
GHSA-g38g-8gr9-h9xp-imaplib imaplib IMAP4_stream
GHSA-g38g-8gr9-h9xp-pyrepl _pyrepl.pager pipe_pager
GHSA-g38g-8gr9-h9xp-test test.support.script_helper assert_python_ok
GHSA-565g-hwwr-4pp3-marshal marshal loads
GHSA-565g-hwwr-4pp3-types types FunctionType
GHSA-wfq2-52f7-7qvj runpy run_path
GHSA-q5qq-mvfm-j35x importlib import_module
GHSA-q5qq-mvfm-j35x-spawn multiprocessing.util spawnv_passfds
GHSA-q5qq-mvfm-j35x-code code InteractiveInterpreter
GHSA-6ggj-6f2q-f7mx _interpreters create
GHSA-6ggj-6f2q-f7mx-old _xxsubinterpreters run_string
GHSA-m6fh-58r7-x697 _posixsubprocess fork_exec
GHSA-m6fh-58r7-x697-site site addsitedir
GHSA-m6fh-58r7-x697-atexit atexit register
types-CodeType types CodeType
cloudpickle cloudpickle.cloudpickle _function_setstate
file-io _io FileIO
logging-handler logging FileHandler
urlopen urllib.request urlopen
certificate ssl get_server_certificate
compile-file torch._inductor.codecache compile_file
torch-load torch.serialization load
partial functools partial
venv-create venv create
pip-main pip main
pipepager pydoc pipepager
runstring numpy.testing._private.utils runstring
bdb-run bdb Bdb.run
python2-http httplib HTTPSConnection
python2-commands commands getoutput
python2-eval __builtin__ eval
python2-apply __builtin__ apply
requests requests.api get
aiohttp aiohttp.client ClientSession
sys-exit sys exit
pickle-loads pickle loads
torch-os torch os.system
torch-serialization-os torch.serialization os.system
six six.moves.builtins eval
dunder-call builtins eval.__call__
subclasses builtins object.__subclasses__
numpy-builtins numpy __builtins__
graph-module torch.fx.graph_module reduce_graph_module
hub torch.hub load
f2py numpy.f2py.capi_maps getinit
load_library torch.ops load_library
getattr builtins getattr
webbrowser webbrowser open
joblib joblib load
dill dill loads
""".split("\n")
for line in filter(None, BYPASSES):
    name, module, function = line.split(" ", 2)
    case(name, call(module, function, "x"), "dangerous", f"{module} {function}")

# The protocols and the opcodes that call.
for protocol, module in [(0, "posix"), (2, "posix")]:
    head = b"" if protocol == 0 else b"\x80\x02"
    case(f"protocol-{protocol}", head + b"cposix\nsystem\n(S'id'\ntR.", "dangerous", "posix system")
case("inst", b"(S'x'\ni__builtin__\nexec\n.", "dangerous", "__builtin__ exec")
case("obj", b"(cos\nsystem\nS'x'\no.", "dangerous", "os system")
case("newobj", b"\x80\x02cos\nsystem\nX\x01\x00\x00\x00x\x85\x81.", "dangerous", "os system")
case("newobj-ex", b"\x80\x04" + stack_global("os", "system") + text("x") + b"\x85}\x92.",
     "dangerous", "os system")
case("import-only", b"cos\nsystem\n.", "dangerous", "os system")
case("popped", b"cos\nsystem\n0N.", "dangerous", "os system")
case("popped-to-mark", b"(cos\nsystem\n1N.", "dangerous", "os system")

# Names from the memo: the numbers of PUT and MEMOIZE collide (picklescan's issues 14 and 22).
case("memo-put", b"Vos\np2\n0Vsystem\np3\n0Vtorch\np0\n0VLongStorage\np1\n0g2\ng3\n\x93(Vx\ntR.",
     "dangerous", "os system")
case("memo-collision", b"\x80\x04" + text("torch") + b"q\x01" + text("os") + b"\x94"
     + text("Size") + b"q\x02" + text("system") + b"\x94" + b"h\x01h\x02\x93" + text("x")
     + b"\x85R.", "dangerous", "os system")
case("memo-overwritten", b"\x80\x04" + text("collections") + b"q\x00" + text("OrderedDict")
     + b"q\x01" + text("os") + b"q\x00" + text("system") + b"q\x01" + b"h\x00h\x01\x93."
     , "dangerous", "os system")
case("dup", b"\x80\x04" + text("os") + b"2\x940" + text("system") + b"\x93.", "dangerous",
     "os system")
case("octal-escape", b"S'\\157s'\nS'sys\\x74em'\n\x93S'x'\n\x85R.", "dangerous", "os system")
case("unicode-escape", b"V\\u006fs\nVsys\\U00000074em\n\x93Vx\n\x85R.", "dangerous", "os system")
case("GHSA-9gvj-pp9x-gcfr", b"S'os'\nS'system'\n\x93S'ls'\n\x85R.", "dangerous", "os system")
case("put-underscores", b"Vos\np1_0\n0Vsystem\np +11 \n0g10\ng11\n\x93.", "dangerous", "os system")
case("white-space", b"cos \nsystem\r\n.", "dangerous", "os  system\r")
case("end-of-file-name", b"cos\nsystemX", "dangerous", "os system")

# Names that are computed.
COMPUTED = b"\x80\x04" + stack_global("builtins", "str") + text("os") + b"\x85R"
case("computed-module", COMPUTED + text("system") + b"\x93.", "dangerous",
     "a computed value system")
case("slot-state-names",  # modelscan's issue 85
     b"\x80\x05cnumpy\nprod\nN(Va\nVos\nd\x86bN(Vb\nVsystem\nd\x86b0cnumpy\nprod.a\np0\n"
     b"cnumpy\nprod.b\np1\n00g0\ng1\n\x93Vx\n\x85R.", "dangerous", "numpy prod",
     "numpy.prod.a numpy.prod.b", "a computed value", suspects=["numpy prod", "numpy prod.a", "numpy prod.b"])
case("extension-1", b"\x80\x02\x82\x01.", "dangerous", "extension code 1")
case("extension-2", b"\x80\x02\x83\x01\x01.", "dangerous", "extension code 257")
case("extension-4", b"\x80\x02\x84\x00\x00\x01\x00.", "dangerous", "extension code 65536")
case("add-extension", call("copyreg", "add_extension", "os", "system"), "dangerous",
     "copyreg add_extension")
case("setstate", b"ccollections\nOrderedDict\n)R}S'__setstate__'\ncos\nsystem\nsbS'x'\nb.",
     "dangerous", "a dictionary", "os system")
case("build-on-class", b"ccollections\nOrderedDict\nN}S'x'\nI1\ns\x86b.", "dangerous",
     "collections OrderedDict")
case("modules-override", b"csys\nmodules\nS'os'\nNs.", "dangerous", "sys modules")
case("attribute-chain", b"\x80\x04" + stack_global("builtins", "getattr")
     + stack_global("importlib", "import_module") + text("os") + b"\x85R" + text("system")
     + b"\x86R" + text("id") + b"\x85R.", "dangerous", "builtins getattr",
     "importlib import_module")

# Python imports and calls before it stops.
case("broken-model", b"cbuiltins\nexec\n(X>\nf = open('my_file.txt', 'a')tRX.", "dangerous",
     "builtins exec")
case("truncated", EVIL[:-1], "dangerous", "os system")
case("unknown-opcode", EVIL[:-1] + b"\xff", "dangerous", "os system")
case("fault-first", b"\x80\x04h\x07" + EVIL[2:], "dangerous", "os system")
case("fault-underflow", b"\x80\x02RRR" + EVIL[2:], "dangerous", "os system")
case("keyerror", b"\x80\x04cos\nsystem\nVx\n\x85R0" + text("os") + b"\x94h\x03h\x00\x93K\x42.",
     "dangerous", "os os", "os system")
case("type-confusion", b"\x80\x04cos\nsystem\nVx\n\x85R0J\x2a\x00\x00\x00\x94" + text("os")
     + b"\x94h\x00h\x01\x93K\x42.", "dangerous", "os os", "os system")
case("protocol-9", b"\x80\x09" + EVIL[2:], "dangerous", "os system")
case("wrong-frame", b"\x80\x04\x95\xff\xff\x00\x00\x00\x00\x00\x00" + EVIL[2:], "dangerous",
     "os system")
case("odd-integers", b"I0x10\nI 5\nI1_0\nL5L\nL0b11L\nI010\nF1e5\nF inf\n000000" + b"cos\nsystem\n0N.",
     "dangerous", "os system")
case("lone-surrogate", b"X\x03\x00\x00\x00\xed\xa0\x80" + EVIL[2:], "dangerous", "os system")
case("persistent-ids", b"Pabc\nVabc\nQ" + EVIL[2:], "dangerous", "os system")
case("buffers", b"\x80\x05\x97\x98" + EVIL[2:], "dangerous", "os system")
case("truncated-plain", SAFE[:-3], "suspicious", proved=False)
case("no-pickle", b"\x89PNG\r\n\x1a\n" + bytes(40), "suspicious", ending="pt", proved=False,
     remark="no known format")

# A pickle behind the pickle.
case("second-pickle", SAFE + EVIL, "dangerous", "os system")
case("second-behind-garbage", SAFE + b"\xff\xfe garbage " + EVIL, "dangerous", "os system")
case("second-protocol-0", SAFE + b"\x00" * 100 + b"cos\nsystem\n(S'x'\ntR.", "dangerous",
     "os system")
case("second-without-header", SAFE + b"\xff" * 9 + EVIL[2:], "dangerous", "os system")
case("nested-bytes", b"\x80\x04" + stack_global("torch.storage", "_load_from_bytes") + b"C"
     + bytes([len(EVIL)]) + EVIL + b"\x85R.", "dangerous", "os system")


# Archives.
PLAIN_ZIP = archive([("archive/data.pkl", EVIL), ("archive/version", b"3\n")])
LOCAL, CENTRAL = b"PK\3\4", b"PK\1\2"


def patched(data, signature, offset, value):
    data = bytearray(data)
    at = data.index(signature) + offset
    data[at : at + len(value)] = value
    return bytes(data)


def zipped(name, data, **more):
    case(name, bytes(data), "dangerous", "os system", ending="pt", **more)


zipped("zip", PLAIN_ZIP)
zipped("zip-deflated", archive([("archive/data.pkl", EVIL)], zipfile.ZIP_DEFLATED))
zipped("zip-any-name", archive([("readme.txt", EVIL)]))
zipped("zip-data-member", archive([("archive/data.pkl", SAFE), ("archive/data/0", EVIL)]))
zipped("zip-flag-1", patched(patched(PLAIN_ZIP, LOCAL, 6, b"\1"), CENTRAL, 8, b"\1"),
       remark="encrypted")
zipped("zip-flag-20", patched(PLAIN_ZIP, CENTRAL, 8, b"\x20"))
zipped("zip-flag-40", patched(PLAIN_ZIP, CENTRAL, 8, b"\x40"))
zipped("zip-crc", patched(PLAIN_ZIP, CENTRAL, 16, b"\1\2\3\4"), remark="checksum")
zipped("zip-method-central", patched(PLAIN_ZIP, CENTRAL, 10, b"\x63"), remark="two compression")
zipped("zip-method-local", patched(PLAIN_ZIP, LOCAL, 8, b"\x63"))
zipped("zip-local-name", patched(PLAIN_ZIP, LOCAL, 30, b"archive/datap.kl"), remark="own header")
zipped("zip-wrong-size", patched(PLAIN_ZIP, CENTRAL, 20, b"\1\0\0\0\1\0\0\0"))
zipped("zip-huge-size", patched(PLAIN_ZIP, CENTRAL, 20, b"\xff\xff\xff\x7f" * 2))
zipped("zip-prefix", b"#!/bin/sh\n" + bytes(range(256)) + bytes(PLAIN_ZIP))
zipped("zip-no-directory", PLAIN_ZIP[: PLAIN_ZIP.index(CENTRAL)])
zipped("zip-duplicate", archive([("a/data.pkl", SAFE), ("b/data.pkl", EVIL)]).replace(b"b/data", b"a/data"),
       remark="two members")
first = archive([("a/data.pkl", SAFE)])
hidden = archive([("hidden", EVIL)])
zipped("zip-shifted", hidden[: hidden.index(CENTRAL)] + first, remark="own header")
both = archive([("a/data.pkl", SAFE), ("hidden", EVIL)])
second = both.rindex(CENTRAL)
length = both.index(b"PK\5\6") - second
del both[second : second + length]
both[-14:-10] = b"\1\0\1\0"
both[-10:-6] = struct.pack("<I", struct.unpack("<I", both[-10:-6])[0] - length)
zipped("zip-unlisted", both, remark="in no directory")
zipped("zip-in-zip", archive([("inner.zip", archive([("x", EVIL)]))]))
zipped("zip-behind-pickle", SAFE + bytes(PLAIN_ZIP))
raw = zlib.compressobj(9, zlib.DEFLATED, -15)
stream = raw.compress(EVIL + bytes(5000)) + raw.flush()
broken = bytearray(archive([("a/data.pkl", EVIL + bytes(5000))], zipfile.ZIP_DEFLATED))
broken[broken.index(LOCAL) + 30 + 10 + len(stream) - 3] ^= 0xFF
zipped("zip-broken-deflate", broken)
descriptor = bytearray(PLAIN_ZIP)
at = descriptor.index(LOCAL)
descriptor[at + 6] |= 8
descriptor[at + 14 : at + 26] = bytes(12)
zipped("zip-descriptor", descriptor)
tar = io.BytesIO()
with tarfile.open(fileobj=tar, mode="w") as file:
    info = tarfile.TarInfo("pickle")
    info.size = len(EVIL)
    file.addfile(info, io.BytesIO(EVIL))
case("tar", tar.getvalue(), "dangerous", "os system", ending="pth")
case("tar-gz", gzip.compress(tar.getvalue(), mtime=0), "dangerous", "os system", ending="gz")
case("gzip-twice", gzip.compress(SAFE, mtime=0) + gzip.compress(EVIL, mtime=0), "dangerous",
     "os system", ending="gz")
case("7z", bytes.fromhex("377abcaf271c0004") + bytes(60), "suspicious", ending="pt", proved=False,
     remark="7z: cannot be looked into")


# numpy's arrays of objects.
def array_file(payload):
    header = b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }"
    header += b" " * (117 - len(header)) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + payload


case("npy-objects", array_file(EVIL), "dangerous", "os system", ending="npy")
case("npz-objects", bytes(archive([("a.npy", array_file(EVIL))], zipfile.ZIP_DEFLATED)),
     "dangerous", "os system", ending="npz")


# What is only ordinary.
torch.manual_seed(7)
weights = {"a.weight": torch.randn(4, 3), "b": torch.arange(5), "c": torch.ones(3).half()}
case("torch-zip", saved(weights), "safe", ending="ckpt")
case("torch-legacy", saved(weights, _use_new_zipfile_serialization=False), "safe", ending="bin")
case("torch-protocol-4", saved(weights, pickle_protocol=4), "safe", ending="pt")
case("torch-module", saved(torch.nn.Linear(2, 2)), "safe", ending="pt", proved=False)
case("torch-optimizer", saved(torch.optim.Adam([torch.nn.Parameter(torch.ones(2))]).state_dict()),
     "safe", ending="pt")
legacy = saved(weights, _use_new_zipfile_serialization=False)
case("torch-legacy-tail", legacy + EVIL, "dangerous", "os system", ending="bin")
case("int-array", numpy_file(numpy.save, numpy.arange(4)), "safe", ending="npy")
case("int-arrays", numpy_file(numpy.savez, numpy.arange(4)), "safe", ending="npz")
case("object-array", numpy_file(numpy.save, numpy.array([{}, "x"], dtype=object)), "safe",
     ending="npy")
case("string-of-code", pickle.dumps("import os\nos.system('rm -rf /')\ncos\nsystem\n", 2), "safe")
case("keys-of-danger", pickle.dumps({"exec": 1, "os": "system", "__reduce__": 2}, 4), "safe")
for protocol in range(6):
    case(f"plain-{protocol}", pickle.dumps([1, -2.5, "x", (None, True), {"k": b"\xff"}], protocol),
         "safe")
case("ordered", pickle.dumps(collections.OrderedDict(a=1), 2), "safe")
case("text-file", b"hello, world\nclass Foo:\n  pass\n", "safe", ending="txt")
case("safetensors", struct.pack("<Q", 2) + b"{}", "safe", ending="safetensors")


def leftover(module, name, state=b"}S'a'\nI1\ns"):
    """An object of a class with a state, as `object.__reduce_ex__(2)` writes it."""
    return b"\x80\x02c" + f"{module}\n{name}\n".encode() + b")\x81" + state + b"b."


for module, name in [
    ("pytorch_lightning.callbacks.model_checkpoint", "ModelCheckpoint"),
    ("lightning.pytorch.callbacks.early_stopping", "EarlyStopping"),
    ("omegaconf.dictconfig", "DictConfig"), ("omegaconf.base", "ContainerMetadata"),
    ("omegaconf.nodes", "AnyNode"), ("argparse", "Namespace"), ("pathlib", "PosixPath"),
    ("pathlib._local", "PosixPath"), ("datetime", "timedelta"), ("decimal", "Decimal"),
    ("collections", "Counter"), ("typing", "Any"), ("uuid", "UUID"),
    ("torch.nn.modules.linear", "Linear"), ("torch.optim.lr_scheduler", "LambdaLR"),
    ("torch.torch_version", "TorchVersion"), ("transformers.models.clip.configuration_clip", "CLIPConfig"),
    ("diffusers.configuration_utils", "FrozenDict"), ("ldm.modules.attention", "CrossAttention"),
    ("pytorch_lightning.utilities.parsing", "AttributeDict"), ("numpy.random.mtrand", "RandomState"),
    ("torch.testing._internal.two_tensor", "TwoTensor"),
    ("transformers.training_args", "TrainingArguments"), ("logging", "getLogger"),
]:
    case(f"leftover-{module}.{name}", leftover(module, name), "safe", proved=False)
case("unknown-class", leftover("my.project", "Settings"), "suspicious", proved=False,
     suspects=["my.project Settings"])
case("dotted-on-safe", b"\x80\x04" + stack_global("collections", "OrderedDict.fromkeys") + b".",
     "suspicious", proved=False, suspects=["collections OrderedDict.fromkeys"])
case("hooks", b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n((X\x07\x00\x00\x00storagectorch\n"
     b"FloatStorage\nX\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x01tQK\x00K\x01\x85K\x01\x85\x89"
     b"ccollections\nOrderedDict\n)RK\x01K\x02stR.", "safe", proved=False)

hiding_places.make()
uses.make()
leftovers.make()
out = pathlib.Path(__file__).parent / "cases.json"
out.write_text(json.dumps(CASES, indent=1, sort_keys=True) + "\n")
print(len(CASES), "cases,", out.stat().st_size, "bytes")
