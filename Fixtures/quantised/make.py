"""Models whose weights are float8 with scales beside them, as ComfyUI and others store them, and what they stand for.

    python make.py [FOLDER]

`scaled` and `scaled-rows` are a whole, tiny SDXL U-Net with both text encoders in the original names, `scaled-folder`
the same in diffusers' names, `unknown` is no model with a table of names: a few layers in every form that is
recognised. `expected.json` holds, by file and type, the number of weights and the SHA-256 of the bytes that torch makes
of all of them in the order of their names: `(weight.float() * scale.float()).to(type)`. `original` is what `scaled`
and `scaled-rows` were made of, in float16; `differences.json` holds, by file and component, how far what they stand for is
from it, as torch computes it in double precision.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import diffusers
import torch
import transformers
from safetensors.torch import save_file

HERE = Path(__file__).parent
sys.path += [str(HERE.parent / "embeddings"), str(HERE.parent / "families")]
import original_names  # noqa: E402
import variants  # noqa: E402

Tensors = dict[str, torch.Tensor]
UNET = variants.UNET_XL | {"cross_attention_dim": 8}
TEXT = variants.TEXT
TYPES = {"f16": torch.float16, "bf16": torch.bfloat16, "f32": torch.float32}
SCALES = {"scale_weight", "weight_scale", "scale_input", "input_scale"}


def networks() -> dict[str, Tensors]:
    text = transformers.CLIPTextModel(transformers.CLIPTextConfig(**TEXT)).half().state_dict()
    tower = transformers.CLIPTextModelWithProjection(transformers.CLIPTextConfig(**TEXT, projection_dim=4)).half().state_dict()
    return {
        "unet": {k: shaken(t) for k, t in diffusers.UNet2DConditionModel(**UNET).half().state_dict().items()},
        "text_encoder": {"text_model." + k.removeprefix("text_model."): shaken(t) for k, t in text.items()},
        "text_encoder_2": {k if k.startswith("text_projection") else "text_model." + k.removeprefix("text_model."): shaken(t) for k, t in tower.items()},
    }


def shaken(tensor: torch.Tensor) -> torch.Tensor:
    return tensor + 0.05 * torch.randn_like(tensor) if tensor.is_floating_point() else tensor


def beside(weight: str, suffix: str) -> str:
    return weight.removesuffix("weight") + suffix if weight.endswith("weight") else f"{weight}.{suffix}"


def quantised(tensors: Tensors, kind: torch.dtype, suffix: str, shape: str) -> Tensors:
    """Every matrix as float8 with a scale beside it."""
    made: Tensors = {}
    limit = torch.finfo(kind).max
    for place, (name, tensor) in enumerate(tensors.items()):
        if tensor.ndim != 2 or "embedding" in name or name.startswith("model.diffusion_model.out."):
            made[name] = tensor
            continue
        # A power of two would hide an error of the rounding.
        largest = tensor.float().abs().amax(dim=1, keepdim=True) if shape == "rows" else tensor.float().abs().max()
        scale = (largest / limit * 1.0173).float()
        made[name] = (tensor.float() / scale).clamp(-limit, limit).to(kind)
        if shape == "rows" and place % 2:
            scale = scale[:, 0]
        made[beside(name, suffix)] = scale.clone() if shape == "rows" or place % 2 else scale.reshape(1).clone()
        if place % 3 == 0:
            made[beside(name, {"scale_weight": "scale_input", "weight_scale": "input_scale"}[suffix])] = torch.tensor(0.5)
    return made


def product(tensors: Tensors, name: str) -> torch.Tensor:
    """A weight times the scale beside it, in float32, as ComfyUI computes it."""
    value = tensors[name].float()
    for suffix in ("scale_weight", "weight_scale"):
        if (scale := tensors.get(beside(name, suffix))) is not None:
            scale = scale.float()
            if scale.ndim == 1 and scale.numel() > 1:
                scale = scale.reshape(-1, *[1] * (value.ndim - 1))
            if scale.ndim == 2 and value.ndim == 2:
                scale = scale.repeat_interleave(value.shape[0] // scale.shape[0], 0).repeat_interleave(value.shape[1] // scale.shape[1], 1)
            value = value * scale
    return value


COMPONENTS = {
    "unet": "model.diffusion_model.", "text_encoder": "conditioner.embedders.0.", "text_encoder_2": "conditioner.embedders.1.",
}


def differences(plain: Tensors, scaled: Tensors) -> dict[str, dict[str, float]]:
    """The figures of all weights of each component together."""
    found = {}
    for component, prefix in COMPONENTS.items():
        names = [n for n, t in plain.items() if n.startswith(prefix) and t.is_floating_point() and not n.endswith("logit_scale")]
        a = torch.cat([plain[n].double().flatten() for n in names])
        b = torch.cat([product(scaled, n).double().flatten() for n in names])
        found[component] = {
            "max_abs": (b - a).abs().max().item(), "mean_abs": (b - a).abs().mean().item(), "norm": (b - a).norm().item(),
            "norm_a": a.norm().item(), "norm_b": b.norm().item(), "cosine": ((a * b).sum() / a.norm() / b.norm()).item(),
            "values": a.numel(), "changed": int((a != b).sum()),
        }
    return found


def expected(tensors: Tensors) -> dict[str, str | int]:
    """What is left when scales have been multiplied in."""
    digests = {name: hashlib.sha256() for name in TYPES}
    count = 0
    for name, tensor in sorted(tensors.items()):
        if name.endswith("scaled_fp8") or any(name.endswith(suffix) for suffix in SCALES) or not tensor.is_floating_point():
            continue
        value = product(tensors, name)
        for kind, dtype in TYPES.items():
            digests[kind].update(value.to(dtype).reshape(-1).view(torch.uint8).numpy().tobytes())
        count += 1
    return {"weights": count} | {kind: digest.hexdigest() for kind, digest in digests.items()}


def original(parts: dict[str, Tensors], random: torch.Generator) -> Tensors:
    return {
        **variants.below("model.diffusion_model.", original_names.unet(parts["unet"], UNET)),
        **variants.below("conditioner.embedders.0.transformer.", original_names.clip(parts["text_encoder"])),
        **variants.below("conditioner.embedders.1.model.", original_names.tower(parts["text_encoder_2"], random, False)),
    }


def unknown() -> Tensors:
    """Layers named like Flux's, in every form."""
    e4m3, e5m2, e8m0 = torch.float8_e4m3fn, torch.float8_e5m2, torch.float8_e8m0fnu
    random = {"plain": torch.randn(8, 64).half(), "old": torch.randn(8, 64).to(e4m3), "rows": torch.randn(8, 64).to(e5m2),
              "kernel": torch.randn(8, 4, 3, 3).to(e4m3), "blocks": torch.randn(8, 64).to(e4m3), "kept": torch.randn(8, 64).half()}
    tensors = {f"double_blocks.0.{name}.weight": tensor for name, tensor in random.items()}
    tensors |= {
        "scaled_fp8": torch.zeros(2).to(e4m3),
        "double_blocks.0.old.scale_weight": torch.tensor([0.0137]),
        "double_blocks.0.rows.weight_scale": torch.rand(8, 1),
        "double_blocks.0.kernel.weight_scale": torch.rand(8, 1, 1, 1),
        "double_blocks.0.blocks.weight_scale": torch.rand(2, 4),
        # Tools put a scale of one beside what they left in 16 bits.
        "double_blocks.0.kept.scale_weight": torch.ones(()),
    }
    return tensors


def packed() -> Tensors:
    """Forms whose scales are not multiplied in here: they go from container to container."""
    def octets(*shape: int) -> torch.Tensor:
        return torch.randint(0, 256, shape, dtype=torch.uint8)
    e4m3, e8m0 = torch.float8_e4m3fn, torch.float8_e8m0fnu
    powers = torch.randint(120, 130, (8, 2), dtype=torch.uint8).view(e8m0)
    note = torch.tensor(list(b'{"format": "nvfp4"}'), dtype=torch.uint8)
    return {
        "double_blocks.0.mxfp8.weight": torch.randn(8, 64).to(e4m3), "double_blocks.0.mxfp8.weight_scale": powers,
        "double_blocks.0.mxfp4.weight": octets(8, 32), "double_blocks.0.mxfp4.weight_scale": powers.clone(),
        "double_blocks.0.nvfp4.weight": octets(8, 32), "double_blocks.0.nvfp4.weight_scale": torch.rand(8, 4).to(e4m3),
        "double_blocks.0.nvfp4.weight_scale_2": torch.tensor(0.01), "double_blocks.0.nvfp4.comfy_quant": note,
        "double_blocks.0.int8.weight": torch.randint(-128, 128, (8, 64), dtype=torch.int8), "double_blocks.0.int8.weight_scale": torch.rand(8, 1),
        "double_blocks.0.nf4.weight": octets(256, 1), "double_blocks.0.nf4.weight.absmax": octets(8),
        "double_blocks.0.nf4.weight.quant_map": torch.randn(16), "double_blocks.0.nf4.weight.quant_state.bitsandbytes__nf4": octets(90),
        "double_blocks.0.plain.weight": torch.randn(8, 64).half(),
    }


def main(target: Path) -> None:
    torch.manual_seed(8)
    random = torch.Generator().manual_seed(8)
    parts = networks()
    e4m3, e5m2 = torch.float8_e4m3fn, torch.float8_e5m2
    single = original(parts, random)
    folder = {f"{part}.{name}": tensor for part, tensors in parts.items() for name, tensor in tensors.items()}
    files = {
        "scaled": quantised(single, e4m3, "scale_weight", "one") | {"model.diffusion_model.scaled_fp8": torch.zeros(0).to(e4m3)},
        "scaled-rows": quantised(single, e5m2, "weight_scale", "rows"),
        "scaled-folder": quantised(folder, e4m3, "weight_scale", "one"),
        "unknown": unknown(), "packed": packed(), "original": single,
    }
    for name, tensors in files.items():
        save_file({k: t.contiguous().clone() for k, t in tensors.items()}, target / f"{name}.safetensors")
    found = {name: expected(tensors) for name, tensors in files.items() if name not in ("packed", "original")}
    apart = {name: differences(single, files[name]) for name in ("scaled", "scaled-rows")}
    (target / "differences.json").write_text(json.dumps(apart, indent=1) + "\n")
    (target / "expected.json").write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)
