"""LoRA's relatives: DoRA, LoHa and LoKr as PEFT merges them, the rest as LyCORIS does."""

from __future__ import annotations

from pathlib import Path

import peft
import torch
from lycoris.functional import locon
from lycoris.functional.general import weight_decompose
from lycoris.modules.glora import _glora_weight
from pipelines import pipeline
from safetensors.torch import save_file

LAYERS = [
    "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q", "down_blocks.0.attentions.0.transformer_blocks.0.ff.net.0.proj",
    "down_blocks.0.attentions.0.proj_in", "mid_block.resnets.0.conv1", "up_blocks.1.upsamplers.0.conv",
]
STRENGTH = 0.8


def flat(module: str) -> str:
    return "lora_unet_" + module.replace(".", "_")


def random_values(model: torch.nn.Module, seed: int, part: str) -> None:
    random = torch.Generator().manual_seed(seed)
    for name, parameter in model.named_parameters():
        if part in name:
            noise = 0.2 * torch.randn(parameter.shape, generator=random)
            # Magnitudes stay near the norms that they stand for.
            parameter.data = parameter.data * (1 + noise) if "magnitude" in name else noise


def of_peft(seed: int, config: peft.PeftConfig, part: str):
    """The adapter's tensors as PEFT has them, and the layers after PEFT's merge at STRENGTH."""
    unet = pipeline("sd15").unet
    model = peft.get_peft_model(unet, config)
    random_values(model, seed, part)
    tensors = {n.removeprefix("base_model.model."): v.contiguous() for n, v in peft.get_peft_model_state_dict(model).items()}
    model.base_model.set_adapter("default")
    for module in model.modules():
        if isinstance(module, peft.tuners.tuners_utils.BaseTunerLayer):
            module.scale_layer(STRENGTH)
            module.merge()
    result = {
        f"unet.{name}.weight": dict(model.base_model.model.named_modules())[name].get_base_layer().weight.data.clone().contiguous()
        for name in config.target_modules}
    return tensors, result


def peft_cases(folder: Path):
    rank = {"r": 3, "alpha": 2, "target_modules": LAYERS, "init_weights": False}
    for name, seed, config in [
        ("loha", 31, peft.LoHaConfig(**rank)), ("loha-tucker", 32, peft.LoHaConfig(use_effective_conv2d=True, **rank)),
        ("lokr", 33, peft.LoKrConfig(decompose_both=True, decompose_factor=4, **rank)),
        ("lokr-tucker", 34, peft.LoKrConfig(use_effective_conv2d=True, decompose_factor=2, **rank | {"r": 2})),
    ]:
        tensors, result = of_peft(seed, config, "hada_" if "loha" in name else "lokr_")
        found = {}
        for key, value in tensors.items():
            module, part = key.rsplit(".", 1)
            found[f"{flat(module)}.{part}"] = value
            found[f"{flat(module)}.alpha"] = torch.tensor(2.0, dtype=torch.float16)
        # A factor kept whole on both sides has no rank in the file; PEFT divides by its configuration's.
        for module in map(flat, config.target_modules):
            if f"{module}.lokr_w1" in found and f"{module}.lokr_w2" in found:
                del found[f"{module}.alpha"]
                found[f"{module}.lokr_w2"] = found[f"{module}.lokr_w2"] * (2 / config.r)
        save_file(found, folder / f"{name}.safetensors")
        yield name, {f"{name}.safetensors": STRENGTH}, result
    config = peft.LoraConfig(r=4, lora_alpha=6, target_modules=LAYERS, use_dora=True)
    tensors, result = of_peft(35, config, "lora_")
    save_file({f"unet.{n}": v for n, v in tensors.items()} | {f"unet.{n}.alpha": torch.tensor(6) for n in LAYERS}, folder / "dora-peft.safetensors")
    yield "dora-peft", {"dora-peft.safetensors": STRENGTH}, result
    kohya = {}
    for key, value in tensors.items():
        module, part = key.split(".lora_")
        end = {"A": "lora_down.weight", "B": "lora_up.weight", "m": "dora_scale"}[part[0]]
        if end == "dora_scale":
            value = value.reshape(-1, *[1] * (result[f"unet.{module}.weight"].dim() - 1))
        kohya[f"{flat(module)}.{end}"] = value
        kohya[f"{flat(module)}.alpha"] = torch.tensor(6.0)
    save_file(kohya, folder / "dora-kohya.safetensors")
    yield "dora-kohya", {"dora-kohya.safetensors": STRENGTH}, result


def lycoris_cases(folder: Path):
    weights = {n: v for n, v in pipeline("sd15").unet.state_dict().items()}
    random = torch.Generator().manual_seed(41)

    def noise(*shape: int) -> torch.Tensor:
        return 0.2 * torch.randn(*shape, generator=random)

    # LoCon in Tucker's form.
    found, result = {}, {}
    for module in LAYERS[3:]:
        weight = weights[f"{module}.weight"]
        down, mid, up = noise(3, weight.shape[1], 1, 1), noise(3, 3, 3, 3), noise(weight.shape[0], 3, 1, 1)
        found |= {f"{flat(module)}.lora_down.weight": down, f"{flat(module)}.lora_mid.weight": mid,
                  f"{flat(module)}.lora_up.weight": up, f"{flat(module)}.alpha": torch.tensor(1.5, dtype=torch.bfloat16)}
        result[f"unet.{module}.weight"] = weight + locon.diff_weight(down, up, mid, gamma=1.5 / 3 * STRENGTH, backend="torch")
    save_file(found, folder / "locon-tucker.safetensors")
    yield "locon-tucker", {"locon-tucker.safetensors": STRENGTH}, result

    # DoRA whose norm runs over the outputs, as LyCORIS had it first.
    found, result = {}, {}
    for module in LAYERS[1:4]:
        weight = weights[f"{module}.weight"]
        down, up = noise(4, *weight.shape[1:]), noise(weight.shape[0], 4, *[1] * (weight.dim() - 2))
        scale = weight.transpose(0, 1).flatten(1).norm(dim=1).reshape(1, -1, *[1] * (weight.dim() - 2)) * 1.1
        found |= {f"{flat(module)}.lora_down.weight": down, f"{flat(module)}.lora_up.weight": up,
                  f"{flat(module)}.alpha": torch.tensor(4.0), f"{flat(module)}.dora_scale": scale}
        changed = weight + locon.diff_weight(down, up, None, gamma=1.0, backend="torch")
        result[f"unet.{module}.weight"] = weight_decompose(changed, scale, 1, False, backend="torch")
    save_file(found, folder / "dora-inputs.safetensors")
    yield "dora-inputs", {"dora-inputs.safetensors": 1.0}, result

    # GLoRA, in today's form and with the numbers exchanged.
    for name in ("glora", "glora-old"):
        found, result = {}, {}
        for module in (LAYERS[0], LAYERS[1], LAYERS[4]):
            weight = weights[f"{module}.weight"]
            inputs, ones = weight.shape[1], [1] * (weight.dim() - 2)
            a1, a2, b1 = noise(inputs, 2, *ones), noise(2, inputs, *ones), noise(weight.shape[0], 2, *ones)
            b2 = noise(2, *weight.shape[1:])
            delta = _glora_weight(weight, a1, a2, b1, b2, None, 1 / 2)
            if name == "glora-old":
                a1, a2, b1, b2 = a2, a1, b2, b1
            found |= {f"{flat(module)}.{part}.weight": value.contiguous() for part, value in [("a1", a1), ("a2", a2), ("b1", b1), ("b2", b2)]}
            found[f"{flat(module)}.alpha"] = torch.tensor(1, dtype=torch.int64)
            result[f"unet.{module}.weight"] = weight + delta * STRENGTH
        save_file(found, folder / f"{name}.safetensors")
        yield name, {f"{name}.safetensors": STRENGTH}, result

    # Whole differences, of biases and norms too; an embedding and a module of nobody's travel along.
    found, result = {}, {}
    for module, parts in [("mid_block.resnets.0.conv1", ("diff", "diff_b")), ("mid_block.resnets.0.norm1", ("w_norm", "b_norm")),
                          ("conv_norm_out", ("w_norm",)), ("conv_out", ("diff_b",))]:
        for part in parts:
            target = f"{module}.{'bias' if '_b' in part or part.startswith('b_') else 'weight'}"
            value = noise(*weights[target].shape)
            found[f"{flat(module)}.{part}"] = value
            result[f"unet.{target}"] = weights[target] + value * STRENGTH
    found["bundle_emb.<cat>.string_to_param.*"] = noise(2, 12)
    found["lora_unet_down_blocks_7_attentions_0_proj_in.diff"] = noise(8, 8)
    found["lora_unet_mid_block_attentions_0_proj_in.lora_up.weight"] = noise(16, 2)
    found["lora_unet_conv_out.oft_blocks"] = noise(2, 2, 2)
    save_file(found, folder / "differences.safetensors")
    yield "differences", {"differences.safetensors": STRENGTH}, result
