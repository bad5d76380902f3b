"""Holds LoRAs that assay renamed against diffusers: loaded there and fused, they must give the same weights.

    python check_naming.py [--assay ../../.build/release/assay]

Every adapter of plain LoRA in `cases.json` goes through `convert --lora-naming` to every naming and from there through
`load_lora_weights` and `fuse_lora`. Prints the largest difference over the largest value; exit status 1 beyond 1e-6.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from make import fused
from pipelines import HERE, networks, pipeline
from safetensors.torch import load_file

torch.set_grad_enabled(False)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--assay", default=str(HERE.parent.parent / ".build" / "release" / "assay"))
    assay = parser.parse_args().assay
    cases, worst = json.loads((HERE / "cases.json").read_text()), 0.0
    for name in ("alpha", "no-alpha", "xl", "dora-peft", "dora-kohya"):
        case = cases[name]
        (first, strength), = case["adapters"].items()
        expected = load_file(HERE / "expected" / f"{name}.safetensors")
        base = HERE.parent / "families" / f"{case['model']}.safetensors"
        for adapter in [first, *case["same"]]:
            for naming in ("kohya", "diffusers", "peft"):
                if naming == "kohya" and name.startswith("dora"):
                    continue  # diffusers leaves kohya's dora_scale out.
                with tempfile.TemporaryDirectory() as scratch:
                    out = Path(scratch) / "out.safetensors"
                    subprocess.run(
                        [assay, "convert", HERE / adapter, "-o", out, "--lora-naming", naming, "--base", base, "-q"], check=True)
                    pipe = pipeline(case["model"])
                    pipe.load_lora_weights(str(out))
                    pipe.fuse_lora(components=list(networks(pipe)), lora_scale=strength)
                    found = fused(pipe)
                error = 0.0 if found.keys() == expected.keys() else float("inf")
                for key in found.keys() & expected.keys():
                    error = max(error, float((found[key] - expected[key]).abs().max() / expected[key].abs().max()))
                worst = max(worst, error)
                print(f"{name:12}{adapter:32}{naming:12}{error:.1e}", sorted(expected.keys() ^ found.keys())[:3] or "")
    return int(worst > 1e-6)


if __name__ == "__main__":
    sys.exit(main())
