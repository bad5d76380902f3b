"""Writes pipeline-reference.safetensors: what capture_reference.py records of pipeline.safetensors.

    python make_reference.py     (torch, diffusers, transformers; the versions are in the metadata)

The model becomes a diffusers folder first, with the tokenizer of `make_pipeline.py`: the first 1,000
of CLIP's merges. Few steps and small traces keep the file small.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import diffusers
import torch
from safetensors import safe_open
from transformers import CLIPTextConfig, CLIPTextModel

import parts

here = Path(__file__).parent


def pipeline(folder: Path) -> diffusers.StableDiffusionPipeline:
    with safe_open(here / "pipeline.safetensors", "pt") as file:
        tensors = {name: file.get_tensor(name).float() for name in file.keys()}
        configurations = {name: json.loads(file.metadata()[name]) for name in ("unet", "vae", "text_encoder", "scheduler")}
    unet = diffusers.UNet2DConditionModel.from_config(configurations["unet"])
    vae = diffusers.AutoencoderKL.from_config(configurations["vae"])
    text = CLIPTextModel(CLIPTextConfig(**configurations["text_encoder"]))
    prefix = "text_model." if any(key.startswith("text_model.") for key in text.state_dict()) else ""
    for name, module in (("unet", unet), ("vae", vae), ("text_encoder", text)):
        start = f"{name}." if name != "text_encoder" else "text_encoder.text_model."
        module.load_state_dict({
            (prefix if name == "text_encoder" else "") + key.removeprefix(start): tensor
            for key, tensor in tensors.items() if key.startswith(start)
        })
    return diffusers.StableDiffusionPipeline(
        vae=vae, text_encoder=text, tokenizer=parts.tokenizer(folder / "words"), unet=unet,
        scheduler=diffusers.PNDMScheduler.from_config(configurations["scheduler"]), safety_checker=None,
        feature_extractor=None, requires_safety_checker=False)


with tempfile.TemporaryDirectory() as name:
    folder = Path(name) / "pipeline"
    pipeline(Path(name)).save_pretrained(folder)
    # As it is published: a saved configuration would spell out the defaults of this library version,
    # which a sampler of another class then takes for the model's own.
    with safe_open(here / "pipeline.safetensors", "pt") as file:
        (folder / "scheduler/scheduler_config.json").write_text(file.metadata()["scheduler"])
    subprocess.run(
        [sys.executable, here.parent / "capture_reference.py", folder, "-o", here / "pipeline-reference.safetensors",
         "--trace", "--trace-values", "64", "--prompt", "a red three on black", "--steps", "6"], check=True)
