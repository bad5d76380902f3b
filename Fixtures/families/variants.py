"""Writes networks with configurations that no published family has, as diffusers saves them.

    python variants.py [FOLDER]     FOLDER/NAME.safetensors, with the configuration in its metadata (`config`)

Each file is what `save_pretrained` writes beside `config.json`; the values are runs of few numbers, so that
the files are small in a repository. Made with diffusers; `variants/` is the default.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import diffusers
import torch
from safetensors.torch import save_file

CROSS, PLAIN, CROSS_UP, PLAIN_UP = "CrossAttnDownBlock2D", "DownBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"

UNET = {
    "sample_size": 8, "block_out_channels": (4, 8), "norm_num_groups": 2, "layers_per_block": 1,
    "cross_attention_dim": 6, "attention_head_dim": 2, "down_block_types": (CROSS, CROSS),
    "up_block_types": (CROSS_UP, CROSS_UP),
}
VAE = {
    "sample_size": 16, "block_out_channels": (4, 8), "norm_num_groups": 2, "layers_per_block": 1,
    "down_block_types": ("DownEncoderBlock2D",) * 2, "up_block_types": ("UpDecoderBlock2D",) * 2,
}
IMAGE = {"encoder_hid_dim": 10, "encoder_hid_dim_type": "image_proj"}

UNETS = {
    "layers-tuple": {"layers_per_block": (1, 2)},
    "only-cross": {"only_cross_attention": (True, False), "num_class_embeds": 10, "in_channels": 7},
    "only-cross-everywhere": {"only_cross_attention": True},
    "class-timestep": {"class_embed_type": "timestep"},
    "class-identity": {"class_embed_type": "identity"},
    "class-projection": {"class_embed_type": "projection", "projection_class_embeddings_input_dim": 12},
    "class-simple-projection": {
        "class_embed_type": "simple_projection", "projection_class_embeddings_input_dim": 12},
    "depths": {"transformer_layers_per_block": (1, 2)},
    "depths-uneven": {
        "layers_per_block": 2, "transformer_layers_per_block": ((1, 2), (2, 1)),
        "reverse_transformer_layers_per_block": ((1, 2, 1), (2, 1, 2))},
    "no-middle": {"mid_block_type": None},
    "plain-middle": {"mid_block_type": "UNetMidBlock2D"},
    "addition-text": {"addition_embed_type": "text", "encoder_hid_dim": 6, "addition_embed_type_num_heads": 2},
    "addition-text-image": {
        "addition_embed_type": "text_image", "encoder_hid_dim": 10, "encoder_hid_dim_type": "text_image_proj"},
    "addition-image": {"addition_embed_type": "image", **IMAGE},
    "heads-tuple": {"attention_head_dim": (1, 4)},
    "guidance": {"time_cond_proj_dim": 16},
    "scale-shift": {"resnet_time_scale_shift": "scale_shift"},
    "simple-cross": {
        "down_block_types": ("ResnetDownsampleBlock2D", "SimpleCrossAttnDownBlock2D"),
        "mid_block_type": "UNetMidBlock2DSimpleCrossAttn",
        "up_block_types": ("SimpleCrossAttnUpBlock2D", "ResnetUpsampleBlock2D"), "encoder_hid_dim": 6},
    "contexts": {"cross_attention_dim": (6, 10)},
    "time-width": {"time_embedding_dim": 12},
    "kernels": {"conv_in_kernel": 1, "conv_out_kernel": 1},
    "settings": {
        "act_fn": "gelu", "norm_eps": 1e-6, "flip_sin_to_cos": False, "freq_shift": 1,
        "center_input_sample": True, "mid_block_scale_factor": 2, "resnet_skip_time_act": True,
        "resnet_out_scale_factor": 1.5, "time_embedding_act_fn": "silu", "timestep_post_act": "silu",
        "upcast_attention": True},
}

MODELS = {
    **{f"unet-{name}": (diffusers.UNet2DConditionModel, UNET | other) for name, other in UNETS.items()},
    "vae-sixteen": (diffusers.AutoencoderKL, VAE | {
        "latent_channels": 16, "use_quant_conv": False, "use_post_quant_conv": False, "scaling_factor": 0.3611,
        "shift_factor": 0.1159}),
    "vae-statistics": (diffusers.AutoencoderKL, VAE | {
        "latents_mean": (-1.6574, 1.886, -1.383, 2.5155), "latents_std": (8.4927, 5.9022, 6.5498, 5.2299),
        "scaling_factor": 0.5}),
    "vae-no-attention": (diffusers.AutoencoderKL, VAE | {"mid_block_add_attention": False}),
    "vae-attention-blocks": (diffusers.AutoencoderKL, VAE | {
        "down_block_types": ("DownEncoderBlock2D", "AttnDownEncoderBlock2D"),
        "up_block_types": ("AttnUpDecoderBlock2D", "UpDecoderBlock2D")}),
    "vae-asymmetric": (diffusers.AsymmetricAutoencoderKL, {
        "down_block_types": ("DownEncoderBlock2D",) * 2, "down_block_out_channels": (4, 8), "norm_num_groups": 2,
        "up_block_types": ("UpDecoderBlock2D",) * 2, "up_block_out_channels": (6, 8), "layers_per_up_block": 2,
        "sample_size": 16}),
    "vae-tiny": (diffusers.AutoencoderTiny, {
        "encoder_block_out_channels": (4, 4), "decoder_block_out_channels": (4, 4), "num_encoder_blocks": (1, 2),
        "num_decoder_blocks": (2, 1)}),
    "controlnet-depths": (diffusers.ControlNetModel, {
        k: v for k, v in UNET.items() if k not in ("sample_size", "up_block_types")} | {
        "transformer_layers_per_block": (1, 2), "conditioning_embedding_out_channels": (4, 6)}),
    "controlnet-classes": (diffusers.ControlNetModel, {
        k: v for k, v in UNET.items() if k not in ("sample_size", "up_block_types")} | {
        "num_class_embeds": 5, "conditioning_embedding_out_channels": (4, 6)}),
}


def main(target: str = str(Path(__file__).parent / "variants")) -> None:
    for number, (name, (kind, values)) in enumerate(MODELS.items()):
        model = kind(**values)
        config = {"_class_name": kind.__name__, **{k: v for k, v in model.config.items() if k != "_name_or_path"}}
        tensors = {}
        for place, (key, tensor) in enumerate(model.state_dict().items()):
            # Every tensor has a number of its own at the start.
            tensors[key] = torch.full(tensor.shape, 1 + number / 64, dtype=torch.float16)
            tensors[key].view(-1)[0] = place + 2
        # As JSON has it: no tuples.
        text = json.dumps({k: v for k, v in config.items() if k != "_use_default_values"})
        save_file(tensors, Path(target) / f"{name}.safetensors", {"config": text})
        print(name, len(tensors), (Path(target) / f"{name}.safetensors").stat().st_size)


if __name__ == "__main__":
    main(*sys.argv[1:])
