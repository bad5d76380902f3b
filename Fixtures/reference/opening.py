"""Opens a diffusers folder or a single file."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch

from .model import Model
from .single_file import open_single_file


def open_model(path: Path, tokenizer: Path | None) -> Model:
    """Opens a diffusers folder or a single checkpoint."""
    if not path.exists():
        sys.exit(f"{path}: no such file or folder")
    return open_folder(path, tokenizer) if path.is_dir() else open_single_file(path, tokenizer)


def open_folder(path: Path, tokenizer: Path | None) -> Model:
    import diffusers
    from transformers import CLIPTextModel, CLIPTokenizer

    index = json.loads((path / "model_index.json").read_text())
    scheduler_class = getattr(diffusers, index["scheduler"][1])
    options = {"torch_dtype": torch.float32, "local_files_only": True}
    return Model(
        CLIPTokenizer.from_pretrained(tokenizer or path / "tokenizer", local_files_only=True),
        CLIPTextModel.from_pretrained(path / "text_encoder", dtype=torch.float32, local_files_only=True),
        diffusers.UNet2DConditionModel.from_pretrained(path / "unet", **options),
        diffusers.AutoencoderKL.from_pretrained(path / "vae", **options),
        scheduler_class.from_pretrained(path / "scheduler", local_files_only=True),
    )
