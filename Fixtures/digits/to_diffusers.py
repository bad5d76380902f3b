"""Rebuilds the diffusers folder of the model from the checkpoint alone.

    python to_diffusers.py digits.ckpt OUT

Afterwards `StableDiffusionPipeline.from_pretrained("OUT")` runs it.  The
checkpoint may be any original-layout one of the digits model's dimensions; the
tokenizer comes out of `open_clip`'s list of merges.

The renaming is checked on the way: the same tensors are put through diffusers'
own converters of original checkpoints, and both results must be equal, name for
name and bit for bit.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from diffusers.loaders import single_file_utils as theirs

import layout
import models


def check(state: layout.Tensors, weights: layout.Weights) -> None:
    """Compares this folder's renaming with diffusers' own."""
    converted = {
        "unet": theirs.convert_ldm_unet_checkpoint(dict(state), models.UNET_CONFIG),
        "vae": theirs.convert_ldm_vae_checkpoint(dict(state), models.VAE_CONFIG),
        "text": theirs.convert_ldm_clip_checkpoint(dict(state)),
    }
    del converted["text"]["text_model.embeddings.position_ids"]  # a buffer, not a weight
    for part, tensors in converted.items():
        ours = getattr(weights, part)
        if ours.keys() != tensors.keys():
            raise ValueError(f"{part}: names differ: {sorted(ours.keys() ^ tensors.keys())}")
        for name, tensor in tensors.items():
            if not torch.equal(ours[name], tensor):
                raise ValueError(f"{part}: {name} differs")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("out", type=Path)
    options = parser.parse_args()

    state = layout.read_checkpoint(options.checkpoint)
    weights = layout.from_ldm(state)
    check(state, weights)
    layout.write_diffusers(options.out, weights)


if __name__ == "__main__":
    main()
