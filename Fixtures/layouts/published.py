"""The configurations that the families were published with, as their diffusers folders state them.

Only what differs from the class's own default stands here; `models.py` fills in the rest. The original
side's counterparts are the `.yaml` files of LDM and SGM, in `original.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

LEVELS = ("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",), ("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3

UNET_1 = {
    "sample_size": 64, "in_channels": 4, "out_channels": 4, "block_out_channels": (320, 640, 1280, 1280),
    "down_block_types": LEVELS[0], "up_block_types": LEVELS[1], "layers_per_block": 2,
    "attention_head_dim": 8, "cross_attention_dim": 768,
}
UNET_2 = UNET_1 | {
    "attention_head_dim": (5, 10, 20, 20), "cross_attention_dim": 1024, "use_linear_projection": True,
}
UNET_2_V = UNET_2 | {"sample_size": 96, "upcast_attention": True}
UNET_XL = {
    "sample_size": 128, "in_channels": 4, "out_channels": 4, "block_out_channels": (320, 640, 1280),
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"), "layers_per_block": 2,
    "attention_head_dim": (5, 10, 20), "cross_attention_dim": 2048, "use_linear_projection": True,
    "transformer_layers_per_block": (1, 2, 10), "addition_embed_type": "text_time",
    "addition_time_embed_dim": 256, "projection_class_embeddings_input_dim": 2816,
}
UNET_REFINER = UNET_XL | {
    "block_out_channels": (384, 768, 1536, 1536), "attention_head_dim": (6, 12, 24, 24),
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
    "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
    "cross_attention_dim": 1280, "transformer_layers_per_block": 4,
    "projection_class_embeddings_input_dim": 2560,
}
UNET_SSD = UNET_XL | {
    "transformer_layers_per_block": (1, (2, 2), (4, 4)), "mid_block_type": "UNetMidBlock2D",
    "reverse_transformer_layers_per_block": ((4, 4, 10), (2, 1, 1), 1),
}
CONTROL_1 = {
    key: value for key, value in UNET_1.items() if key not in ("sample_size", "out_channels", "up_block_types")
}
CONTROL_XL = {
    key: value for key, value in UNET_XL.items() if key not in ("sample_size", "out_channels", "up_block_types")
}

VAE_1 = {
    "sample_size": 512, "block_out_channels": (128, 256, 512, 512), "layers_per_block": 2, "latent_channels": 4,
    "down_block_types": ("DownEncoderBlock2D",) * 4, "up_block_types": ("UpDecoderBlock2D",) * 4,
    "scaling_factor": 0.18215,
}
VAE_2_V = VAE_1 | {"sample_size": 768}
VAE_XL = VAE_1 | {"sample_size": 1024, "scaling_factor": 0.13025}

CLIP_L = {
    "hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12,
    "projection_dim": 768, "hidden_act": "quick_gelu", "pad_token_id": 1, "bos_token_id": 49406,
    "eos_token_id": 49407,
}
OPEN_H = CLIP_L | {
    "hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 23, "num_attention_heads": 16,
    "projection_dim": 512, "hidden_act": "gelu",
}
OPEN_G = CLIP_L | {
    "hidden_size": 1280, "intermediate_size": 5120, "num_hidden_layers": 32, "num_attention_heads": 20,
    "projection_dim": 1280, "hidden_act": "gelu",
}

_NOISE = {
    "num_train_timesteps": 1000, "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear",
    "steps_offset": 1,
}
PNDM = ("PNDMScheduler", _NOISE | {"set_alpha_to_one": False, "skip_prk_steps": True})
DDIM_V = ("DDIMScheduler", _NOISE | {
    "set_alpha_to_one": False, "clip_sample": False, "prediction_type": "v_prediction",
})
EULER = ("EulerDiscreteScheduler", _NOISE | {
    "prediction_type": "epsilon", "timestep_spacing": "leading", "interpolation_type": "linear",
})
EULER_ANCESTRAL = ("EulerAncestralDiscreteScheduler", _NOISE)


@dataclass(frozen=True)
class Family:
    """One published family: its pipeline's class and the configuration of each component."""

    pipeline: str | None
    image_size: int
    unet: dict | None = None
    vae: dict | None = None
    text_encoder: dict | None = None
    text_encoder_2: dict | None = None
    controlnet: dict | None = None
    scheduler: tuple[str, dict] | None = None
    refiner: bool = field(default=False)


def inpainting(unet: dict) -> dict:
    return unet | {"in_channels": 9}


FAMILIES = {
    "sd15": Family("StableDiffusionPipeline", 64, UNET_1, VAE_1, CLIP_L, scheduler=PNDM),
    "sd15-inpainting": Family(
        "StableDiffusionInpaintPipeline", 64, inpainting(UNET_1), VAE_1, CLIP_L, scheduler=PNDM),
    "instruct-pix2pix": Family(
        "StableDiffusionInstructPix2PixPipeline", 64, UNET_1 | {"in_channels": 8}, VAE_1, CLIP_L,
        scheduler=EULER_ANCESTRAL),
    "sd21-base": Family("StableDiffusionPipeline", 64, UNET_2, VAE_1, OPEN_H, scheduler=PNDM),
    "sd21-v": Family("StableDiffusionPipeline", 96, UNET_2_V, VAE_2_V, OPEN_H, scheduler=DDIM_V),
    "sd2-inpainting": Family(
        "StableDiffusionInpaintPipeline", 64, inpainting(UNET_2), VAE_1, OPEN_H, scheduler=PNDM),
    "sd2-depth": Family(
        "StableDiffusionDepth2ImgPipeline", 64, UNET_2 | {"in_channels": 5}, VAE_1, OPEN_H, scheduler=PNDM),
    "sdxl-base": Family("StableDiffusionXLPipeline", 128, UNET_XL, VAE_XL, CLIP_L, OPEN_G, scheduler=EULER),
    "sdxl-refiner": Family(
        "StableDiffusionXLImg2ImgPipeline", 128, UNET_REFINER, VAE_XL, text_encoder_2=OPEN_G, scheduler=EULER,
        refiner=True),
    "sdxl-inpainting": Family(
        "StableDiffusionXLInpaintPipeline", 128, inpainting(UNET_XL), VAE_XL, CLIP_L, OPEN_G, scheduler=EULER),
    "ssd-1b": Family("StableDiffusionXLPipeline", 128, UNET_SSD, VAE_XL, CLIP_L, OPEN_G, scheduler=EULER),
    "controlnet-sd15": Family(None, 64, controlnet=CONTROL_1),
    "controlnet-sdxl": Family(None, 128, controlnet=CONTROL_XL),
}
