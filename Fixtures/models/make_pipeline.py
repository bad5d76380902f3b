"""Writes pipeline.safetensors: a random, complete Stable Diffusion and pictures that diffusers draws.

    python make_pipeline.py      (torch, diffusers, transformers; the versions are in the metadata)

Weights (float16, computed with as float32) stand under canonical names; each component's
configuration is in the metadata as JSON. The tokenizer has the first 1,000 of CLIP's merges, see
`Fixtures/tokenizer`. `cases` in the metadata lists the requests; for case K there are
`reference.K.noise`, `.latents` (float32) and `.picture` (uint8, `[height, width, 3]`).
"""

import json
import tempfile
from pathlib import Path

import diffusers
import torch
import transformers
from diffusers import AutoencoderKL, PNDMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel

import parts

here = Path(__file__).parent
torch.manual_seed(5)
torch.set_grad_enabled(False)

_, words = parts.words()
with tempfile.TemporaryDirectory() as name:
    tokenizer = parts.tokenizer(Path(name))

unet = UNet2DConditionModel(
    sample_size=8, in_channels=4, out_channels=4, block_out_channels=(16, 24, 32), layers_per_block=1,
    down_block_types=("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
    up_block_types=("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
    attention_head_dim=2, cross_attention_dim=24, norm_num_groups=8,
)
vae = AutoencoderKL(
    block_out_channels=(8, 16, 16, 16), layers_per_block=1, latent_channels=4, norm_num_groups=4,
    down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
)
text = CLIPTextModel(CLIPTextConfig(
    vocab_size=len(words), hidden_size=24, intermediate_size=48, num_hidden_layers=2, num_attention_heads=2,
    max_position_embeddings=77, hidden_act="quick_gelu",
    bos_token_id=len(words) - 2, eos_token_id=len(words) - 1, pad_token_id=len(words) - 1,
))
tensors, metadata = parts.keep({"unet": unet, "vae": vae, "text_encoder": text}, noise=0.05)

# The configuration of an old SD 1.x, as it is read and before a pipeline corrects it: without an offset.
published = {
    "_class_name": "PNDMScheduler", "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear",
    "num_train_timesteps": 1000, "set_alpha_to_one": False, "skip_prk_steps": True, "trained_betas": None,
    "clip_sample": False,
}
metadata["scheduler"] = json.dumps(published)
CASES = [
    {"prompt": "a red three on black", "negative_prompt": "", "seed": 1024, "steps": 12, "guidance_scale": 7.5,
     "width": 64, "height": 64, "scheduler": "PNDMScheduler"},
    {"prompt": "the house; it's RED!", "negative_prompt": "blue sky", "seed": 7, "steps": 9, "guidance_scale": 3.0,
     "width": 96, "height": 64, "scheduler": "DDIMScheduler"},
    {"prompt": "very " * 100, "negative_prompt": "", "seed": 4294967297, "steps": 10, "guidance_scale": 5.0,
     "width": 32, "height": 128, "scheduler": "EulerDiscreteScheduler"},
    {"prompt": "", "negative_prompt": "not used", "seed": 0, "steps": 1, "guidance_scale": 1.0,
     "width": 64, "height": 64, "scheduler": "PNDMScheduler"},
    # Latents of 9 x 5 and 1 x 7, which do not halve evenly.
    {"prompt": "a red three", "negative_prompt": "black", "seed": 3, "steps": 5, "guidance_scale": 2.0,
     "width": 40, "height": 72, "scheduler": "PNDMScheduler"},
    {"prompt": "a red three", "negative_prompt": "", "seed": 4, "steps": 5, "guidance_scale": 2.0,
     "width": 56, "height": 8, "scheduler": "EulerDiscreteScheduler"},
]
for number, case in enumerate(CASES):
    pipeline = StableDiffusionPipeline(
        vae=vae, text_encoder=text, tokenizer=tokenizer, unet=unet, scheduler=PNDMScheduler.from_config(published),
        safety_checker=None, feature_extractor=None, requires_safety_checker=False)
    if case["scheduler"] != "PNDMScheduler":
        pipeline.scheduler = getattr(diffusers, case["scheduler"]).from_config(pipeline.scheduler.config)
    pipeline.set_progress_bar_config(disable=True)
    shape = (1, 4, case["height"] // 8, case["width"] // 8)
    tensors[f"reference.{number}.noise"] = torch.randn(shape, generator=torch.Generator("cpu").manual_seed(case["seed"]))
    options = {k: v for k, v in case.items() if k not in ("seed", "steps", "scheduler")} | {"num_inference_steps": case["steps"]}
    run = lambda kind: pipeline(**options, generator=torch.Generator("cpu").manual_seed(case["seed"]), output_type=kind).images
    tensors[f"reference.{number}.latents"] = run("latent")
    picture = torch.from_numpy(__import__("numpy").array(run("pil")[0]))
    tensors[f"reference.{number}.picture"] = picture
    print(case["scheduler"], picture.float().mean().item(), picture.float().std().item())
metadata["cases"] = json.dumps(CASES)
metadata |= {"torch": torch.__version__, "diffusers": diffusers.__version__, "transformers": transformers.__version__}
save_file({k: v.contiguous().clone() for k, v in tensors.items()}, here / "pipeline.safetensors", metadata)
