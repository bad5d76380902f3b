"""Small configurations of every family, in two sizes, with widths and depths that nobody published.

`tiny` is for the repository: few norm groups and narrow heads, which a single file does not tell, so that
reading one needs `--config`. `lab` follows the families' own rules (32 groups, heads of 64 in SD 2.x and
SDXL, 8 heads in SD 1.x), so that the single file alone must be enough.
"""

from __future__ import annotations

from dataclasses import dataclass

CROSS, PLAIN, CROSS_UP, PLAIN_UP = "CrossAttnDownBlock2D", "DownBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"
NOISE = {
    "num_train_timesteps": 1000, "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear",
    "steps_offset": 1,
}
PNDM = ("PNDMScheduler", NOISE | {"set_alpha_to_one": False, "skip_prk_steps": True})
DDIM_V = ("DDIMScheduler", NOISE | {
    "set_alpha_to_one": False, "clip_sample": False, "prediction_type": "v_prediction"})
EULER = ("EulerDiscreteScheduler", NOISE | {"prediction_type": "epsilon", "timestep_spacing": "leading"})
TOWER_BLOCKS = 23
"""Blocks that SD 2.x uses of OpenCLIP's 24; the single file stores the last one too. Other depths have no
unused block: diffusers' converter passes over block 23 by its number."""


@dataclass(frozen=True)
class Size:
    groups: int
    first: tuple[int, ...]
    """SD 1.x's widths."""
    later: tuple[int, ...]
    """SD 2.x's and SDXL's."""
    head: int
    heads: int
    clip: int
    tower: int
    time: int
    merges: int
    layers: int
    """Of each level in SD 2.x."""
    vae: tuple[int, ...]
    """The autoencoder's widths."""
    samples: tuple[int, int, int, int]
    """Latents' sizes: SD 1.x and 2.x, SD 2.x with v-prediction, SDXL; and the VAE's pixels for each."""
    deep: int
    """Transformer blocks in SDXL's last level that attends; its autoencoder's layers, too."""


TINY = Size(
    groups=4, first=(8, 12, 16), later=(8, 8, 16), head=8, heads=2, clip=12, tower=16, time=8, merges=60, layers=1,
    samples=(16, 16, 16, 4),
    vae=(4, 8, 8), deep=2)
LAB = Size(
    groups=32, first=(32, 96, 64, 128), later=(64, 128, 192), head=64, heads=8, clip=64, tower=128, time=256,
    merges=48894, layers=3, samples=(64, 96, 128, 8),
    vae=(32, 64, 64, 96), deep=3)


@dataclass(frozen=True)
class Family:
    pipeline: str | None
    scheduler: tuple[str, dict] | None = None
    unet: dict | None = None
    vae: dict | None = None
    text_encoder: dict | None = None
    text_encoder_2: dict | None = None
    controlnet: dict | None = None
    metadata: dict | None = None


def families(size: Size) -> dict[str, Family]:
    def text(width: int, layers: int, activation: str) -> dict:
        return {
            "hidden_size": width, "intermediate_size": 4 * width, "num_hidden_layers": layers,
            "num_attention_heads": max(width // size.head, 1), "projection_dim": width, "hidden_act": activation,
        }

    def unet(widths: tuple[int, ...], attends: list[bool], context: int, layers: int, **other) -> dict:
        return {
            "sample_size": size.samples[0], "block_out_channels": widths, "layers_per_block": layers,
            "down_block_types": tuple(CROSS if a else PLAIN for a in attends),
            "up_block_types": tuple(CROSS_UP if a else PLAIN_UP for a in reversed(attends)),
            "cross_attention_dim": context, "norm_num_groups": size.groups,
        } | other

    heads = tuple(width // size.head for width in size.later)
    first = unet(size.first, [True] * (len(size.first) - 1) + [False], size.clip, 1, attention_head_dim=size.heads)
    second = unet(
        size.later, [True, True, False], size.tower, size.layers, attention_head_dim=heads, use_linear_projection=True)
    extended = {
        "attention_head_dim": heads, "use_linear_projection": True, "addition_embed_type": "text_time",
        "addition_time_embed_dim": size.time, "sample_size": size.samples[2],
    }
    both, conditions = size.clip + size.tower, {"projection_class_embeddings_input_dim": size.tower + 6 * size.time}
    base = unet(
        size.later, [False, True, True], both, 1, transformer_layers_per_block=(1, 2, size.deep), **extended, **conditions)
    refiner = unet(
        (*size.later, size.later[-1]), [False, True, True, False], size.tower, 1,
        transformer_layers_per_block=size.deep - 1, **extended | {"attention_head_dim": (*heads, heads[-1])},
        projection_class_embeddings_input_dim=size.tower + 5 * size.time)
    distilled = base | {
        "layers_per_block": 2, "transformer_layers_per_block": (1, (2, 2), (1, 1)),
        "reverse_transformer_layers_per_block": ((1, 1, 3), (2, 1, 1), 1), "mid_block_type": "UNetMidBlock2D",
    }
    vae = {
        "sample_size": size.samples[0] * size.samples[3], "block_out_channels": size.vae,
        "layers_per_block": 1, "latent_channels": 4, "norm_num_groups": size.groups,
        "down_block_types": ("DownEncoderBlock2D",) * len(size.vae), "up_block_types": ("UpDecoderBlock2D",) * len(size.vae),
        "scaling_factor": 0.18215,
    }
    vae_xl = vae | {"sample_size": size.samples[2] * size.samples[3], "scaling_factor": 0.13025, "layers_per_block": size.deep}
    clip = text(size.clip, 3, "quick_gelu")
    old, short, new = (text(size.tower, layers, "gelu") for layers in (TOWER_BLOCKS, 5, 1 + size.deep))

    def control(config: dict) -> dict:
        kept = {k: v for k, v in config.items() if k not in ("sample_size", "up_block_types")}
        return kept | {"conditioning_embedding_out_channels": (4, 6, 8, 10)}

    def wider(config: dict, channels: int) -> dict:
        return config | {"in_channels": channels}

    one = {"vae": vae, "text_encoder": clip, "scheduler": PNDM}
    two = {"vae": vae, "text_encoder": old, "scheduler": PNDM}
    two_short = two | {"text_encoder": short}
    xl = {"vae": vae_xl, "text_encoder": clip, "text_encoder_2": new, "scheduler": EULER}
    return {
        "sd15": Family("StableDiffusionPipeline", unet=first, **one),
        "sd15-inpainting": Family("StableDiffusionInpaintPipeline", unet=wider(first, 9), **one),
        "instruct-pix2pix": Family("StableDiffusionInstructPix2PixPipeline", unet=wider(first, 8), **one),
        "sd21-base": Family("StableDiffusionPipeline", unet=second, **two),
        "sd21-v": Family(
            "StableDiffusionPipeline", unet=second | {"upcast_attention": True, "sample_size": size.samples[1]},
            **two_short | {"scheduler": DDIM_V, "vae": vae | {"sample_size": size.samples[1] * size.samples[3]}},
            metadata={"modelspec.prediction_type": "v"}),
        "sd2-inpainting": Family("StableDiffusionInpaintPipeline", unet=wider(second, 9), **two_short),
        "sd2-depth": Family("StableDiffusionDepth2ImgPipeline", unet=wider(second, 5), **two_short),
        "sdxl-base": Family("StableDiffusionXLPipeline", unet=base, **xl),
        "sdxl-refiner": Family(
            "StableDiffusionXLImg2ImgPipeline", unet=refiner, **{k: v for k, v in xl.items() if k != "text_encoder"}),
        "sdxl-inpainting": Family("StableDiffusionXLInpaintPipeline", unet=wider(base, 9), **xl),
        "ssd-1b": Family("StableDiffusionXLPipeline", unet=distilled, **xl),
        "controlnet-sd15": Family(None, controlnet=control(first)),
        "controlnet-sdxl": Family(None, controlnet=control(base)),
    }
