"""Times a checkpoint's way to a diffusers folder in float16 against diffusers itself, in turns.

    python pipeline.py CHECKPOINT [--assay .build/release/assay] [--repeat 3] [--folder FOLDER]

The peer is what diffusers' conversion script does: `from_single_file(CHECKPOINT, dtype=float16)`,
offline with the configurations of a folder that assay wrote, then `save_pretrained`. Both run as
whole processes from a warm cache; what was written is removed before the next. The two folders'
tensors are compared once. Medians, their ratio, and the peak of anonymous memory are printed.
"""

import argparse
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile

from conversion import measure

PEER = """
import os, sys
os.environ |= {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
import diffusers, torch
pipe = diffusers.StableDiffusionPipeline.from_single_file(
    sys.argv[1], config=sys.argv[3], local_files_only=True, dtype=torch.float16, safety_checker=None)
pipe.save_pretrained(sys.argv[2])
os.sync()
"""

SAME = """
import pathlib, sys
import torch
from safetensors.torch import load_file
a, b = map(pathlib.Path, sys.argv[1:])
for name in ("unet/diffusion_pytorch_model", "vae/diffusion_pytorch_model", "text_encoder/model"):
    x, y = (load_file(folder / f"{name}.safetensors") for folder in (a, b))
    plain = lambda found: {key.removeprefix("text_model."): value for key, value in found.items()}
    x, y = plain(x), plain(y)
    assert x.keys() == y.keys(), (name, x.keys() ^ y.keys())
    assert all(torch.equal(x[key], y[key]) for key in x), name
print("both folders hold the same tensors")
"""


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("checkpoint")
    parser.add_argument("--assay", default=".build/release/assay")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--folder", default=tempfile.gettempdir())
    options = parser.parse_args()
    ours, theirs, configurations = (
        pathlib.Path(options.folder) / name for name in ("ours", "theirs", "configurations"))
    commands = {
        "assay": [options.assay, "convert", options.checkpoint, "-o", str(ours), "--dtype", "f16", "-q"],
        "diffusers": [sys.executable, "-c", PEER, options.checkpoint, str(theirs), str(configurations)],
    }
    for folder in (ours, theirs, configurations):
        shutil.rmtree(folder, ignore_errors=True)
    subprocess.run(commands["assay"], check=True)
    shutil.copytree(ours, configurations, ignore=shutil.ignore_patterns("*.safetensors"))
    pathlib.Path(options.checkpoint).read_bytes()
    times, peaks = {name: [] for name in commands}, {name: 0 for name in commands}
    for _ in range(options.repeat):
        for name, command in commands.items():
            shutil.rmtree(ours if name == "assay" else theirs, ignore_errors=True)
            os.sync()
            seconds, peak = measure(command)
            times[name].append(seconds)
            peaks[name] = max(peaks[name], peak)
    subprocess.run([sys.executable, "-c", SAME, str(ours), str(theirs)], check=True)
    for name in commands:
        print(f"{name:10} {statistics.median(times[name]):6.2f} s "
              f"({min(times[name]):.2f} to {max(times[name]):.2f}), {peaks[name] / 1024:.0f} MiB")
    print(f"ratio {statistics.median(times['diffusers']) / statistics.median(times['assay']):.1f}")
    for folder in (ours, theirs, configurations):
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
