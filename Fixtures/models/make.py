"""Writes tiny.safetensors: a random model of Stable Diffusion's architecture and what diffusers and
transformers compute with it in float32.

    python make.py      (torch, diffusers, transformers; the versions are in the file's metadata)

Weights (float16, computed with as float32) stand under canonical names, `unet.`, `vae.`,
`text_encoder.text_model.`; inputs and outputs under `reference.`; each component's configuration is
in the metadata as JSON. The dimensions are unlike any real model's, so that nothing is right by
accident: three levels of which the middle one has no attention, two heads, two layers.
"""

import json
from pathlib import Path

import diffusers
import torch
import transformers
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel

import parts

torch.manual_seed(33)
torch.set_grad_enabled(False)

unet = UNet2DConditionModel(
    sample_size=12, in_channels=5, out_channels=3, block_out_channels=(16, 32, 48), layers_per_block=2,
    down_block_types=("CrossAttnDownBlock2D", "DownBlock2D", "CrossAttnDownBlock2D"),
    up_block_types=("CrossAttnUpBlock2D", "UpBlock2D", "CrossAttnUpBlock2D"),
    attention_head_dim=2, cross_attention_dim=24, norm_num_groups=8,
)
vae = AutoencoderKL(
    block_out_channels=(16, 16, 32), layers_per_block=1, latent_channels=3, norm_num_groups=4,
    down_block_types=("DownEncoderBlock2D",) * 3, up_block_types=("UpDecoderBlock2D",) * 3,
)
text = CLIPTextModel(CLIPTextConfig(
    vocab_size=60, hidden_size=24, intermediate_size=40, num_hidden_layers=3, num_attention_heads=3,
    max_position_embeddings=11, hidden_act="quick_gelu", bos_token_id=58, eos_token_id=59, pad_token_id=59,
))
tensors, metadata = parts.keep({"unet": unet, "vae": vae, "text_encoder": text}, noise=0.1)


def hook(component, model, wanted):
    for path, module in model.named_modules():
        if path and wanted(path):
            hooks.append(module.register_forward_hook(
                lambda _m, _i, out, path=path: reference.__setitem__(
                    f"{component}.trace.{path}", out[0] if isinstance(out, tuple) else getattr(out, "sample", out))))


reference, hooks = {}, []
hook("unet", unet, lambda p: p in ("mid_block", "time_embedding", "conv_in") or (p.count(".") == 3 and p.split(".")[2] in ("resnets", "attentions")))
reference["tokens"] = torch.tensor([[58, 3, 17, 41, 59, 59, 59, 59, 59, 59, 59], [58, 1, 59] + [59] * 8])
states = text(reference["tokens"]).last_hidden_state
reference["text_encoder.y"] = states
reference["unet.sample"] = torch.randn(2, 5, 12, 8)
for timestep in (0, 501, 999):
    reference[f"unet.y.{timestep}"] = unet(reference["unet.sample"], timestep, states).sample
reference["vae.picture"] = torch.rand(2, 3, 24, 16) * 2 - 1
posterior = vae.encode(reference["vae.picture"]).latent_dist
reference["vae.mean"], reference["vae.logvar"] = posterior.mean, posterior.logvar
reference["vae.latents"] = torch.randn(2, 3, 6, 4)
reference["vae.y"] = vae.decode(reference["vae.latents"]).sample
# Sizes that do not halve through every level: odd rows, odd columns, both, a single pixel.
for handle in hooks:
    handle.remove()
for height, width in ((9, 5), (12, 7), (3, 8), (6, 10), (1, 1)):
    name = f"unet.{height}x{width}"
    reference[f"{name}.sample"] = torch.randn(2, 5, height, width)
    reference[f"{name}.y"] = unet(reference[f"{name}.sample"], 37, states).sample
tensors |= {f"reference.{k}": v.contiguous().clone() for k, v in reference.items()}
metadata |= {"torch": torch.__version__, "diffusers": diffusers.__version__, "transformers": transformers.__version__}
save_file(tensors, Path(__file__).parent / "tiny.safetensors", metadata)
print({k: tuple(v.shape) for k, v in reference.items() if "trace" in k})
