"""Makes the container fixtures: valid files with what they hold, hostile ones with one defect each.

    python Fixtures/containers/make.py

Needs torch, numpy and safetensors (made with torch 2.15.0, numpy 2.4.6, safetensors 0.8.0).
`valid/` files are described in `expected.json`: names, dtypes, shapes and bytes (hexadecimal, as
contiguous little-endian numbers), and for pickles the values and the opaque references. The
messages expected for `hostile/` files stand in Tests/CheckpointsTests.
"""
import json
import shutil

import deflated_files
import hostile_old_files
import hostile_pytorch
import numpy_files
import pytorch_arrays
import pytorch_files
import pytorch_names
import pytorch_old_files
import pytorch_parts
import safetensors_files
import safetensors_hostile
import sharded_files
from common import EXPECTED, HERE, HOSTILE, NAMES, VALID, raw


def main():
    for folder in (VALID, HOSTILE):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
    safetensors_files.valid_safetensors()
    pytorch_files.valid_pytorch()
    pytorch_arrays.make()
    pytorch_names.make()
    pytorch_old_files.make()
    pytorch_parts.make()
    safetensors_files.hostile_safetensors()
    hostile_pytorch.hostile_pytorch()
    hostile_old_files.make()
    deflated_files.write(VALID, HOSTILE)
    numpy_files.make(VALID, HOSTILE, EXPECTED)
    safetensors_hostile.make(VALID, HOSTILE, EXPECTED)
    sharded_files.make(HERE / "sharded", EXPECTED, NAMES, raw)
    (HERE / "expected.json").write_text(json.dumps(EXPECTED, indent=1, ensure_ascii=False))


main()
