"""Puts an original list through diffusers' own converters and holds the result against the other list."""

from __future__ import annotations

import torch
from diffusers.loaders import single_file_utils as converters
from torch import nn

Shapes = dict[str, list[int]]
NOT_CONVERTED = {
    # `convert_controlnet_checkpoint` has no line for SDXL's conditions; the U-Net's converter has this one.
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
}


def check(original: Shapes, diffusers: Shapes, models: dict[str, nn.Module], configurations: dict) -> list[str]:
    """What differs, a line each; and no name of the original list may be left without a use."""
    complaints = []
    for component, model in models.items():
        state = {name: torch.empty(shape, device="meta") for name, shape in original.items()}
        found = {k: list(t.shape) for k, t in _convert(component, state, model, configurations).items()}
        expected = {k.removeprefix(component + "."): v for k, v in diffusers.items() if k.startswith(component + ".")}
        for name in sorted(found.keys() | expected.keys()):
            if found.get(name) != expected.get(name):
                complaints.append(f"{component}.{name}: converted {found.get(name)}, diffusers {expected.get(name)}")
    return complaints


def _convert(component: str, state: dict, model: nn.Module, configurations: dict) -> dict[str, torch.Tensor]:
    if component == "unet":
        return converters.convert_ldm_unet_checkpoint(state, configurations["unet"])
    if component == "vae":
        return converters.convert_ldm_vae_checkpoint(state, configurations["vae"])
    if component == "controlnet":
        found = converters.convert_controlnet_checkpoint(state, configurations["controlnet"])
        for new, old in NOT_CONVERTED.items():
            for part in ("weight", "bias"):
                if f"control_model.{old}.{part}" in state:
                    found[f"{new}.{part}"] = state[f"control_model.{old}.{part}"]
        return found
    for prefix in ("cond_stage_model.model.", "conditioner.embedders.1.model.", "conditioner.embedders.0.model."):
        if component == "text_encoder" and prefix.startswith("conditioner"):
            continue
        if prefix + "positional_embedding" in state:
            return converters.convert_open_clip_checkpoint(model, state, prefix)
    found = converters.convert_ldm_clip_checkpoint(state)
    return {name: tensor for name, tensor in found.items() if not name.endswith("position_ids")}
