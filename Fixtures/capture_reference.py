#!/usr/bin/env python3
"""Runs transformers and diffusers on a model and records what each component computes.

    python capture_reference.py MODEL -o REF.safetensors [--trace] [--components LIST]

MODEL is a diffusers folder, or a Stable Diffusion 1.x checkpoint in the original (LDM) layout
(`.ckpt`, `.safetensors`). Everything runs on the CPU in float32. `assay validate` compares its own
results with the file. Needs torch, diffusers, transformers, safetensors and, for a single file
without `--tokenizer`, open_clip_torch (its list of merges). Nothing is downloaded, and a pickle's
classes are never imported. The parts of this script are in `reference/`.

# The file

One safetensors file. Metadata values are strings; those marked JSON hold a JSON text.

    assay.reference    "1", the version of this schema
    model              the name of the folder or file that was run
    versions           JSON {"torch": "…", "diffusers": "…", "transformers": "…", …}
    seed               the seed of every random input below
    components         JSON list of what was recorded, out of tokenizer clip unet vae scheduler generation
    configurations     JSON {component: its diffusers configuration}
    probes             JSON {canonical tensor name: shape}: the model's identity, see below
    traces             JSON {tensor name: {"shape": […], "stride": n}}: see below
    tokenizer.prompts  JSON list of the prompts behind `tokenizer/ids`
    scheduler.cases    JSON list of {"name", "config", "steps"}
    generation.cases   JSON list of {"prompt", "negative_prompt", "seed", "steps", "guidance_scale",
                       "width", "height", "scheduler": class name}

Tensors (f32 unless noted; P prompts, B batch, K cases, S steps, C text width, h w latent size):

    probe/NAME                     [<= 8]       first values of the weight NAME
    tokenizer/ids                  [P, 77] i32  padded and truncated token ids
    clip/ids                       [B, 77] i32  input
    clip/hidden                    [B, 77, C]   last hidden state, final layer norm applied
    unet/timesteps                 [K]          one timestep a case
    unet/K/sample                  [N, 4, h, w] input latents of case K
    unet/K/context                 [N, 77, C]   input hidden states
    unet/K/noise                   [N, 4, h, w] predicted noise
    vae/image                      [1, 3, H, W] input picture, -1 … 1
    vae/mean  vae/logvar           [1, 4, h, w] moments of its encoding (log-variance as clamped)
    vae/latent                     [1, 4, h, w] input of the decoder (already divided by the scale)
    vae/picture                    [1, 3, H, W] its decoding
    vae/roundtrip                  [1, 3, H, W] the decoding of vae/mean
    scheduler/NAME/timesteps       [S]          in order
    scheduler/NAME/initial         [1, 4, h, w] first latents (init_noise_sigma applied)
    scheduler/NAME/noise           [S, 4, h, w] the noise predictions that were given to it
    scheduler/NAME/scaled          [S, 4, h, w] what scale_model_input returned before each step
    scheduler/NAME/trajectory      [S, 4, h, w] the latents after each step
    generation/K/initial           [1, 4, h, w] standard normal noise of the seed
    generation/K/latents           [1, 4, h, w] final latents
    generation/K/picture           [H, W, 3] u8 the picture

With `--trace`, the output of every block: `clip/trace/BLOCK`, `unet/0/trace/BLOCK` (case 0),
`vae/encode/trace/BLOCK` and `vae/decode/trace/BLOCK`, BLOCK being the module's path in diffusers
(`down_blocks.0.resnets.1`). To keep full-size models small, a block's output is flattened and every
`stride`-th value kept (`traces` has the stride and the whole shape), at most `--trace-values` of them.

The identity of a model is a few values of several of its weights. They are compared with a
tolerance that a cast to bfloat16 passes, so that a cast is judged by its results, while another
model is refused.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import torch

from reference import components as parts
from reference import sampling
from reference.opening import open_model
from reference.recorder import Recorder, save

# In the order of recording.
COMPONENTS = {
    "tokenizer": parts.record_tokenizer,
    "clip": parts.record_clip,
    "unet": parts.record_unet,
    "vae": parts.record_vae,
    "scheduler": sampling.record_scheduler,
    "generation": sampling.record_generation,
}


def size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    return int(height or width), int(width)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Records what transformers and diffusers compute for a model.",
        epilog="The top of this file documents the schema of the reference.",
    )
    parser.add_argument("model", type=Path, help="diffusers folder, or an LDM .ckpt or .safetensors")
    parser.add_argument("-o", "--output", type=Path, required=True, help="the reference, a .safetensors file")
    parser.add_argument("--tokenizer", type=Path, help="folder of CLIP's tokenizer (for a single file)")
    parser.add_argument("--prompt", action="append", help="prompt to generate; may be repeated")
    parser.add_argument("--negative-prompt", default="")
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1024)
    parser.add_argument("--guidance-scale", type=float, default=7.5)
    parser.add_argument("--size", type=size, help="WIDTHxHEIGHT in pixels (default: the model's own)")
    parser.add_argument("--components", default=",".join(COMPONENTS), help=f"out of {','.join(COMPONENTS)}")
    parser.add_argument("--no-variants", dest="variants", action="store_false",
                        help="generate the prompts only, not DDIM and Euler variants of the first")
    parser.add_argument("--trace", action="store_true", help="record the output of every block")
    parser.add_argument("--trace-values", type=int, default=2048, help="values kept of a block's output")
    options = parser.parse_args()
    options.prompt = options.prompt or ["a blue handwritten seven"]
    return options


def main() -> None:
    options = arguments()
    components = [name for name in COMPONENTS if name in options.components.split(",")]
    unknown = set(options.components.split(",")) - set(COMPONENTS)
    if unknown:
        sys.exit(f"unknown component '{sorted(unknown)[0]}': expected some of {', '.join(COMPONENTS)}")
    model = open_model(options.model, options.tokenizer)
    if options.size is None:
        options.size = (model.vae.config.sample_size,) * 2
    to = Recorder(model, options)
    with torch.inference_mode():
        parts.record_probes(to)
        for name in components:
            print(f"recording {name}", file=sys.stderr)
            COMPONENTS[name](to)
    save(to, components)
    print(f"{options.output}: {len(to.tensors)} tensors, {options.output.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
