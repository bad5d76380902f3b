"""Makes the pictures of a list of prompts with diffusers, for `judge.py` to score.

    python generate_with_diffusers.py MODEL PROMPTS.json OUT [--sheet SHEET.png]

`MODEL` is a diffusers folder (see to_diffusers.py).  Each object of the list
names a `prompt`, a `seed` and the `file` to write under `OUT`.  The noise of a
picture is `torch.randn` of its own seeded CPU generator, so a picture does not
depend on which others are made with it.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch
from diffusers import StableDiffusionPipeline

import data
import diffusion


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("prompts", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--steps", type=int, default=diffusion.STEPS)
    parser.add_argument("--guidance", type=float, default=diffusion.GUIDANCE)
    parser.add_argument("--sheet", type=Path, help="also put all of them on one contact sheet")
    options = parser.parse_args()

    entries = json.loads(options.prompts.read_text())
    pipeline = StableDiffusionPipeline.from_pretrained(options.model, dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    pictures = diffusion.generate(pipeline, entries, options.steps, options.guidance)
    options.out.mkdir(parents=True, exist_ok=True)
    for entry, picture in zip(entries, pictures):
        picture.save(options.out / entry["file"])
    if options.sheet:
        data.contact_sheet(pictures, 10).save(options.sheet)


if __name__ == "__main__":
    main()
