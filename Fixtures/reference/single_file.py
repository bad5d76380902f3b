"""Opens a Stable Diffusion 1.x checkpoint in the original (LDM) layout, with diffusers' converters."""

from __future__ import annotations

import pickle
import sys
import types
from pathlib import Path

import torch
from safetensors.torch import load_file

from .model import Model
from .tokenizer import open_tokenizer


class RestrictedUnpickler(pickle.Unpickler):
    """Rebuilds tensors and containers; any other class becomes an empty stand-in, never imported."""

    allowed = {
        ("collections", "OrderedDict"),
        ("torch._utils", "_rebuild_tensor_v2"),
        ("torch._utils", "_rebuild_parameter"),
        ("torch", "Size"),
    }

    def find_class(self, module: str, name: str):
        storage = module == "torch" and name.endswith("Storage")
        if storage or (module, name) in self.allowed:
            return super().find_class(module, name)

        def initialise(self, *_, **__):
            pass

        return type(name, (), {"__module__": module, "__init__": initialise})


def read_state(path: Path) -> tuple[dict[str, torch.Tensor], int]:
    """The tensors of a single file, and the latent size of the trainer's notes (or the family's)."""
    with path.open("rb") as file:
        start = file.read(9)
    if start[8:9] == b"{":
        return load_file(path), 64
    reader = types.SimpleNamespace(Unpickler=RestrictedUnpickler, load=None, __name__="restricted")
    value = torch.load(path, map_location="cpu", pickle_module=reader, weights_only=False)
    notes = value.get("hyper_parameters") or {}
    while isinstance(value, dict) and isinstance(value.get("state_dict"), dict):
        value = value["state_dict"]
    state = {name: tensor for name, tensor in value.items() if isinstance(tensor, torch.Tensor)}
    return state, notes.get("image_size", 64) if isinstance(notes, dict) else 64


def open_single_file(path: Path, tokenizer: Path | None) -> Model:
    """Opens an original checkpoint with diffusers' own converters."""
    from diffusers import AutoencoderKL, PNDMScheduler, UNet2DConditionModel
    from diffusers.loaders import single_file_utils as converters
    from transformers import CLIPTextConfig, CLIPTextModel

    state, image_size = read_state(path)
    unet_config, vae_config, text_config = (derive(state) for derive in (derive_unet, derive_vae, derive_text))
    unet_config["sample_size"] = image_size
    vae_config["sample_size"] = image_size * 2 ** (len(vae_config["block_out_channels"]) - 1)
    unet = UNet2DConditionModel.from_config(unet_config)
    # diffusers' converters take what they use out of the dictionary: each gets its own.
    unet.load_state_dict(converters.convert_ldm_unet_checkpoint(dict(state), unet_config))
    vae = AutoencoderKL.from_config(vae_config)
    vae.load_state_dict(converters.convert_ldm_vae_checkpoint(dict(state), vae_config))
    text_encoder = CLIPTextModel(CLIPTextConfig(**text_config))
    prefix = "text_model." if any(k.startswith("text_model.") for k in text_encoder.state_dict()) else ""
    text = {
        prefix + name.removeprefix("text_model."): tensor
        for name, tensor in converters.convert_ldm_clip_checkpoint(dict(state)).items()
        if not name.endswith("position_ids")
    }
    text_encoder.load_state_dict(text, strict=True)
    # What Stable Diffusion 1.x publishes; PNDM has no `clip_sample`, other schedulers take it over.
    scheduler = PNDMScheduler.from_config({
        "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "clip_sample": False,
        "num_train_timesteps": 1000, "set_alpha_to_one": False, "skip_prk_steps": True, "steps_offset": 1,
    })
    return Model(open_tokenizer(tokenizer), text_encoder, unet, vae, scheduler)


def derive_unet(state) -> dict:
    """The U-Net's configuration: the SD 1.x family's, with the dimensions that the shapes tell."""
    prefix = "model.diffusion_model."
    if prefix + "input_blocks.0.0.weight" not in state:
        sys.exit("not a Stable Diffusion 1.x checkpoint: no tensor 'model.diffusion_model.input_blocks.0.0.weight'")
    widths, layers, attends, context, block = [], [0], [False], None, 1
    while True:
        here = f"{prefix}input_blocks.{block}.0."
        if here + "op.weight" in state:
            layers.append(0)
            attends.append(False)
        elif here + "out_layers.3.weight" in state:
            width = state[here + "out_layers.3.weight"].shape[0]
            widths = widths[: len(layers) - 1] + [width]
            layers[-1] += 1
            key = f"{prefix}input_blocks.{block}.1.transformer_blocks.0.attn2.to_k.weight"
            if key in state:
                attends[-1], context = True, state[key].shape[1]
        else:
            break
        block += 1
    return {
        "act_fn": "silu", "attention_head_dim": 8, "block_out_channels": widths,
        "cross_attention_dim": context, "center_input_sample": False, "downsample_padding": 1,
        "down_block_types": ["CrossAttnDownBlock2D" if a else "DownBlock2D" for a in attends],
        "up_block_types": ["CrossAttnUpBlock2D" if a else "UpBlock2D" for a in reversed(attends)],
        "flip_sin_to_cos": True, "freq_shift": 0, "layers_per_block": layers[0],
        "in_channels": state[prefix + "input_blocks.0.0.weight"].shape[1],
        "out_channels": state[prefix + "out.2.weight"].shape[0],
        "mid_block_scale_factor": 1, "norm_eps": 1e-5, "norm_num_groups": 32,
    }


def derive_vae(state) -> dict:
    prefix = "first_stage_model.encoder.down."
    widths, layers = [], 0
    while f"{prefix}{len(widths)}.block.0.conv2.weight" in state:
        widths.append(state[f"{prefix}{len(widths)}.block.0.conv2.weight"].shape[0])
    while f"{prefix}0.block.{layers}.conv2.weight" in state:
        layers += 1
    return {
        "act_fn": "silu", "block_out_channels": widths, "layers_per_block": layers,
        "down_block_types": ["DownEncoderBlock2D"] * len(widths),
        "up_block_types": ["UpDecoderBlock2D"] * len(widths), "in_channels": 3, "out_channels": 3,
        "latent_channels": state["first_stage_model.post_quant_conv.weight"].shape[0],
        "norm_num_groups": 32, "scaling_factor": 0.18215,
    }


def derive_text(state) -> dict:
    prefix = "cond_stage_model.transformer."
    if not any(name.startswith(prefix + "text_model.") for name in state):
        sys.exit("not a Stable Diffusion 1.x checkpoint: no text encoder under 'cond_stage_model.transformer.text_model.'")
    prefix += "text_model."
    vocabulary, width = state[prefix + "embeddings.token_embedding.weight"].shape
    layers = 0
    while f"{prefix}encoder.layers.{layers}.mlp.fc1.weight" in state:
        layers += 1
    return {
        "hidden_size": width, "vocab_size": vocabulary, "num_hidden_layers": layers,
        "intermediate_size": state[f"{prefix}encoder.layers.0.mlp.fc1.weight"].shape[0],
        "num_attention_heads": width // 64, "hidden_act": "quick_gelu", "layer_norm_eps": 1e-5,
        "max_position_embeddings": state[prefix + "embeddings.position_embedding.weight"].shape[0],
        "projection_dim": width, "bos_token_id": 49406, "eos_token_id": 49407, "pad_token_id": 1,
    }
