"""From diffusers' names to those of the single file, tensors and all: the inverse of diffusers' converters.

`make.py` puts what comes out through diffusers' converters and compares every value, so that a mistake
here cannot pass for the family's layout.
"""

from __future__ import annotations

import re

import numpy as np
import torch

Tensors = dict[str, torch.Tensor]

RESNET = {
    "norm1": "in_layers.0", "conv1": "in_layers.2", "time_emb_proj": "emb_layers.1", "norm2": "out_layers.0",
    "conv2": "out_layers.3", "conv_shortcut": "skip_connection",
}
WHOLE = {
    "conv_in": "input_blocks.0.0", "conv_norm_out": "out.0", "conv_out": "out.2",
    "time_embedding.linear_1": "time_embed.0", "time_embedding.linear_2": "time_embed.2",
    "add_embedding.linear_1": "label_emb.0.0", "add_embedding.linear_2": "label_emb.0.2",
    "controlnet_mid_block": "middle_block_out.0", "controlnet_cond_embedding.conv_in": "input_hint_block.0",
}
TOWER = {
    "layer_norm1": "ln_1", "layer_norm2": "ln_2", "mlp.fc1": "mlp.c_fc", "mlp.fc2": "mlp.c_proj",
    "self_attn.out_proj": "attn.out_proj",
}


def unet(tensors: Tensors, config: dict) -> Tensors:
    """The U-Net's or the ControlNet's tensors, without a prefix."""
    layers, levels = config["layers_per_block"], len(config["block_out_channels"])
    hints = len(config.get("conditioning_embedding_out_channels", ())) - 1
    renamed = {}
    for name, tensor in tensors.items():
        module, leaf = name.rsplit(".", 1)
        if module in WHOLE:
            renamed[f"{WHOLE[module]}.{leaf}"] = tensor
            continue
        if found := re.fullmatch(r"controlnet_(down_blocks|cond_embedding\.blocks)\.(\d+)", module):
            index = int(found[2])
            block = f"zero_convs.{index}.0" if found[1] == "down_blocks" else f"input_hint_block.{2 * index + 2}"
            renamed[f"{block}.{leaf}"] = tensor
            continue
        if module == "controlnet_cond_embedding.conv_out":
            renamed[f"input_hint_block.{4 * hints + 2}.{leaf}"] = tensor
            continue
        found = re.fullmatch(
            r"(down|mid|up)_blocks?\.(?:(\d+)\.)?(resnets|attentions|downsamplers|upsamplers)\.(\d+)\.(.+)", module)
        half, kind, layer, rest = found[1], found[3], int(found[4]), found[5]
        level = int(found[2] or 0)
        if half == "mid":
            block = f"middle_block.{2 * layer if kind == 'resnets' else 1}"
        elif half == "down":
            block = f"input_blocks.{1 + level * (layers + 1) + (layers if kind == 'downsamplers' else layer)}"
            block += ".1" if kind == "attentions" else ".0"
        else:
            block = f"output_blocks.{level * (layers + 1) + (layers if kind == 'upsamplers' else layer)}"
            attends = any(key.startswith(f"up_blocks.{level}.attentions.") for key in tensors)
            block += {"resnets": ".0", "attentions": ".1", "upsamplers": ".2" if attends else ".1"}[kind]
        if kind == "resnets":
            rest = RESNET[rest]
        if kind == "downsamplers":
            rest = "op"
        renamed[f"{block}.{rest}.{leaf}"] = tensor
    return renamed


def vae(tensors: Tensors, config: dict) -> Tensors:
    """The autoencoder's; its attention's matrices are 1x1 convolutions there."""
    levels = len(config["block_out_channels"])
    renamed = {}
    for name, tensor in tensors.items():
        name = name.replace("conv_norm_out", "norm_out").replace("conv_shortcut", "nin_shortcut")
        name = re.sub(r"mid_block\.resnets\.(\d)", lambda m: f"mid.block_{int(m[1]) + 1}", name)
        name = re.sub(r"down_blocks\.(\d+)\.resnets\.", r"down.\1.block.", name)
        name = re.sub(r"down_blocks\.(\d+)\.downsamplers\.0\.", r"down.\1.downsample.", name)
        name = re.sub(r"up_blocks\.(\d+)\.resnets\.", lambda m: f"up.{levels - 1 - int(m[1])}.block.", name)
        name = re.sub(r"up_blocks\.(\d+)\.upsamplers\.0\.", lambda m: f"up.{levels - 1 - int(m[1])}.upsample.", name)
        if "mid_block.attentions.0." in name:
            name = name.replace("mid_block.attentions.0.", "mid.attn_1.").replace("to_out.0", "proj_out")
            name = re.sub(r"\.to_([qkv])\.", r".\1.", name).replace("group_norm", "norm")
            tensor = tensor[:, :, None, None] if tensor.ndim == 2 else tensor
        renamed[name] = tensor
    return renamed


def clip(tensors: Tensors) -> Tensors:
    """OpenAI's text encoder as LDM holds it: transformers' own names of old, with `position_ids`."""
    renamed = {"text_model." + name.removeprefix("text_model."): tensor for name, tensor in tensors.items()}
    positions = renamed["text_model.embeddings.position_embedding.weight"].shape[0]
    return {"text_model.embeddings.position_ids": torch.arange(positions)[None], **renamed}


def tower(tensors: Tensors, random: torch.Generator, unused_block: bool) -> Tensors:
    """OpenCLIP's text tower: q, k and v in one matrix, the projection transposed, one more block in SD 2.x."""
    tensors = {name.removeprefix("text_model."): tensor for name, tensor in tensors.items()}
    width = tensors["final_layer_norm.weight"].shape[0]
    half = tensors["final_layer_norm.weight"].dtype
    projection = tensors.pop("text_projection.weight", None)
    if projection is None:
        projection = torch.randn(width, width, generator=random).to(half)
    renamed = {
        "logit_scale": torch.tensor(4.6052, dtype=half),
        "text_projection": projection.T,
        "positional_embedding": tensors.pop("embeddings.position_embedding.weight"),
        "token_embedding.weight": tensors.pop("embeddings.token_embedding.weight"),
        "ln_final.weight": tensors.pop("final_layer_norm.weight"),
        "ln_final.bias": tensors.pop("final_layer_norm.bias"),
    }
    blocks = 1 + max(int(name.split(".")[2]) for name in tensors)
    for index in range(blocks + unused_block):
        source = f"encoder.layers.{min(index, blocks - 1)}"
        block = f"transformer.resblocks.{index}"
        made = {}
        for leaf in ("weight", "bias"):
            parts = [tensors[f"{source}.self_attn.{part}_proj.{leaf}"] for part in "qkv"]
            made[f"{block}.attn.in_proj_{leaf}"] = torch.cat(parts)
            made |= {f"{block}.{old}.{leaf}": tensors[f"{source}.{new}.{leaf}"] for new, old in TOWER.items()}
        if index == blocks:
            made = {k: torch.randn(t.shape, generator=random).to(half) for k, t in made.items()}
        renamed |= made
    return renamed


def schedule() -> Tensors:
    """What LDM's `register_schedule` leaves in a checkpoint, float32."""
    betas = np.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=np.float64) ** 2
    kept = np.cumprod(1 - betas)
    buffers = {
        "betas": betas, "alphas_cumprod": kept, "alphas_cumprod_prev": np.append(1.0, kept[:-1]),
        "sqrt_alphas_cumprod": np.sqrt(kept), "sqrt_one_minus_alphas_cumprod": np.sqrt(1 - kept),
    }
    return {name: torch.tensor(values, dtype=torch.float32) for name, values in buffers.items()}
