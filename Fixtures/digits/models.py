"""The model: Stable Diffusion 1.x with every one of its parts, only small.

A checkpoint in the original (LDM) layout says nothing about its own shape beyond
the shapes of its tensors.  So everything those cannot tell - 32 norm groups, 8
attention heads in the U-Net, text heads 64 wide, quick GELU, the epsilons, the
latent scale 0.18215 - is what the SD 1.x family has, and a reader that knows the
family needs no more than the file.
"""

from __future__ import annotations

from diffusers import AutoencoderKL, PNDMScheduler, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel

TEXT_WIDTH = 64
TEXT_LAYERS = 3
VOCABULARY = 49_408
POSITIONS = 77
LATENT_SCALE = 0.18215

TEXT_CONFIG: dict = {
    "architectures": ["CLIPTextModel"],
    "attention_dropout": 0.0,
    "bos_token_id": 49_406,
    "dropout": 0.0,
    "eos_token_id": 49_407,
    "hidden_act": "quick_gelu",
    "hidden_size": TEXT_WIDTH,
    "initializer_factor": 1.0,
    "initializer_range": 0.02,
    "intermediate_size": 4 * TEXT_WIDTH,
    "layer_norm_eps": 1e-5,
    "max_position_embeddings": POSITIONS,
    "model_type": "clip_text_model",
    "num_attention_heads": TEXT_WIDTH // 64,
    "num_hidden_layers": TEXT_LAYERS,
    "pad_token_id": 1,
    "projection_dim": TEXT_WIDTH,
    "torch_dtype": "float16",
    "vocab_size": VOCABULARY,
}

VAE_CONFIG: dict = {
    "_class_name": "AutoencoderKL",
    "_diffusers_version": "0.6.0",
    "act_fn": "silu",
    "block_out_channels": [64, 64, 64, 64],
    "down_block_types": ["DownEncoderBlock2D"] * 4,
    "in_channels": 3,
    "latent_channels": 4,
    "layers_per_block": 1,
    "norm_num_groups": 32,
    "out_channels": 3,
    "sample_size": 64,
    "scaling_factor": LATENT_SCALE,
    "up_block_types": ["UpDecoderBlock2D"] * 4,
}

UNET_CONFIG: dict = {
    "_class_name": "UNet2DConditionModel",
    "_diffusers_version": "0.6.0",
    "act_fn": "silu",
    "attention_head_dim": 8,  # the family's name for the *number* of heads
    "block_out_channels": [64, 64, 96, 96],
    "center_input_sample": False,
    "cross_attention_dim": TEXT_WIDTH,
    "down_block_types": ["CrossAttnDownBlock2D"] * 3 + ["DownBlock2D"],
    "downsample_padding": 1,
    "flip_sin_to_cos": True,
    "freq_shift": 0,
    "in_channels": 4,
    "layers_per_block": 1,
    "mid_block_scale_factor": 1,
    "norm_eps": 1e-5,
    "norm_num_groups": 32,
    "out_channels": 4,
    "sample_size": 8,
    "up_block_types": ["UpBlock2D"] + ["CrossAttnUpBlock2D"] * 3,
}

SCHEDULER_CONFIG: dict = {
    "_class_name": "PNDMScheduler",
    "_diffusers_version": "0.6.0",
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "beta_start": 0.00085,
    "clip_sample": False,
    "num_train_timesteps": 1000,
    "set_alpha_to_one": False,
    "skip_prk_steps": True,
    "steps_offset": 1,
    "trained_betas": None,
}


def text_encoder() -> CLIPTextModel:
    """A text encoder with new weights."""
    return CLIPTextModel(CLIPTextConfig(**TEXT_CONFIG))


def vae() -> AutoencoderKL:
    """An autoencoder with new weights."""
    return AutoencoderKL.from_config(VAE_CONFIG)


def unet() -> UNet2DConditionModel:
    """A U-Net with new weights."""
    return UNet2DConditionModel.from_config(UNET_CONFIG)


def scheduler() -> PNDMScheduler:
    """The family's noise schedule."""
    return PNDMScheduler.from_config(SCHEDULER_CONFIG)
