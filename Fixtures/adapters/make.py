"""Writes LoRAs of every form and naming for the tiny models, and what diffusers, PEFT and LyCORIS make of them.

    python make.py [FOLDER]

`NAME.safetensors` (or `.bin`, or a folder) is an adapter, `expected/CASE.safetensors` the weights that it changes,
under canonical names, after the merge; `cases.json` says which adapters with which strengths give which case.
Versions: diffusers 0.42.1, peft 0.21.2, torch 2.15, lycoris-lora 4.1.3 (its formulas alone are run).
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import peft
import pipelines
import torch
from diffusers.training_utils import _collate_lora_metadata
from diffusers.utils import convert_state_dict_to_diffusers, convert_state_dict_to_kohya
from forms import lycoris_cases, peft_cases
from peft.tuners.tuners_utils import BaseTunerLayer
from pipelines import HERE, canonical, networks, pipeline
from safetensors.torch import load_file, save_file

UNET = [
    "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q", "down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_out.0",
    "down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k", "down_blocks.0.attentions.0.transformer_blocks.0.ff.net.0.proj",
    "down_blocks.0.attentions.0.proj_in", "down_blocks.0.downsamplers.0.conv", "down_blocks.0.resnets.0.conv1",
    "down_blocks.1.resnets.0.conv_shortcut", "mid_block.attentions.0.transformer_blocks.0.attn1.to_v",
    "mid_block.resnets.1.time_emb_proj", "up_blocks.1.attentions.1.proj_out", "up_blocks.1.upsamplers.0.conv", "conv_in",
]
TEXT = ["encoder.layers.0.self_attn.q_proj", "encoder.layers.1.mlp.fc1", "encoder.layers.2.self_attn.out_proj"]
ATTENTION = [name for name in UNET if "attn" in name]
ORIGINAL = {
    # The U-Net's modules in LDM's names: one layer a level, so three input blocks for two of them.
    "down_blocks.0.attentions.0": "input_blocks.1.1", "down_blocks.0.downsamplers.0.conv": "input_blocks.2.0.op",
    "down_blocks.0.resnets.0.conv1": "input_blocks.1.0.in_layers.2",
    "down_blocks.1.resnets.0.conv_shortcut": "input_blocks.3.0.skip_connection",
    "mid_block.attentions.0": "middle_block.1", "mid_block.resnets.1.time_emb_proj": "middle_block.2.emb_layers.1",
    "up_blocks.1.attentions.1": "output_blocks.3.1", "up_blocks.1.upsamplers.0.conv": "output_blocks.3.2.conv",
    "conv_in": "input_blocks.0.0",
}


def shake(model: torch.nn.Module, random: torch.Generator) -> None:
    """Gives every adapter weight a value that matters."""
    for name, parameter in model.named_parameters():
        if "lora_" in name:
            parameter.data = 0.2 * torch.randn(parameter.shape, generator=random)


def fused(pipe: object) -> dict[str, torch.Tensor]:
    """The weights of every module that an adapter was merged into."""
    found = {}
    for component, network in networks(pipe).items():
        for name, module in network.named_modules():
            if isinstance(module, BaseTunerLayer):
                level = name.removeprefix("text_model.")
                found[canonical(component, level) + ".weight"] = module.get_base_layer().weight.data.clone().contiguous()
    return found


def merged(model: str, adapters: dict[Path, float], dtype: torch.dtype = torch.float32) -> dict[str, torch.Tensor]:
    """What `fuse_lora` makes of a model."""
    pipe = pipeline(model, dtype)
    if len(adapters) == 1:
        (path, strength), = adapters.items()
        pipe.load_lora_weights(str(path), **extra(pipe, path))
        pipe.fuse_lora(components=list(networks(pipe)), lora_scale=strength)
    else:
        for number, path in enumerate(adapters):
            pipe.load_lora_weights(str(path), adapter_name=f"a{number}", **extra(pipe, path))
        pipe.set_adapters([f"a{n}" for n in range(len(adapters))], list(adapters.values()))
        pipe.fuse_lora(components=list(networks(pipe)))
    return fused(pipe)


def extra(pipe: object, path: Path) -> dict:
    return {"weight_name": path.name} if path.suffix == ".bin" else {}


def trained(model: str, modules: dict[str, list[str]], seed: int, ranks: dict, alphas: dict) -> object:
    """A pipeline with an adapter of rank 4 and alpha 2 in it, but for the modules named."""
    pipe = pipeline(model)
    random = torch.Generator().manual_seed(seed)
    for component, network in networks(pipe).items():
        if component in modules:
            config = peft.LoraConfig(
                r=4, lora_alpha=2, target_modules=modules[component], rank_pattern=ranks, alpha_pattern=alphas)
            network.add_adapter(config)
            shake(network, random)
    return pipe


def state(pipe: object) -> dict[str, torch.Tensor]:
    """The adapter as PEFT names it, below the components."""
    found = {}
    for component, network in networks(pipe).items():
        if hasattr(network, "peft_config"):
            for name, value in peft.get_peft_model_state_dict(network).items():
                found[f"{component}.{name}"] = value.contiguous()
    return found


def write_namings(pipe: object, folder: Path) -> None:
    """One LoRA for SD 1.x in every naming that keeps alpha, and without alpha where a naming has no place for it."""
    type(pipe).save_lora_weights(
        folder, unet_lora_layers=peft.get_peft_model_state_dict(pipe.unet),
        text_encoder_lora_layers=peft.get_peft_model_state_dict(pipe.text_encoder), weight_name="peft.safetensors",
        **_collate_lora_metadata({"unet": pipe.unet, "text_encoder": pipe.text_encoder}))
    tensors = load_file(folder / "peft.safetensors")
    alphas = {name.removesuffix(".lora_A.weight"): alpha_of(name) for name in tensors if ".lora_A." in name}

    kohya = {}
    for name, value in tensors.items():
        module, part = name.split(".lora_")
        short = kohya_name(module)
        kohya[f"{short}.lora_{'down' if part[0] == 'A' else 'up'}.weight"] = value
        kohya[f"{short}.alpha"] = torch.tensor(alphas[module])
    save_file(kohya, folder / "kohya.safetensors", {"ss_network_dim": "4", "ss_network_alpha": "2"})
    renamed = {}
    for number, (name, value) in enumerate(sorted(kohya.items())):
        # Every second module of the U-Net in LDM's names.
        module, part = name.split(".", 1)
        original = ldm_name(module)
        renamed[f"{original}.{part}"] = value
        if len(module) % 2 == 0:
            renamed[f"{module}.{part}"] = renamed.pop(f"{original}.{part}")
    save_file(renamed, folder / "mixed.safetensors")
    save_file({f"{ldm_name(n.split('.')[0])}.{n.split('.', 1)[1]}": v for n, v in kohya.items()}, folder / "kohya-ldm.safetensors")

    # Without alpha the scale is 1. diffusers' own names for attention beside PEFT's for the rest are read by its
    # loader according to the first tensor alone, so what it makes of that file is no reference.
    save_file(tensors, folder / "plain.safetensors")
    save_file(convert_state_dict_to_diffusers(tensors), folder / "diffusers.safetensors")
    old = {}
    for name, value in tensors.items():
        module, part = name.split(".lora_")
        end = "down" if part[0] == "A" else "up"
        if ".attn" in module:
            for place in ("to_q", "to_k", "to_v", "to_out"):
                module = module.replace(f".{place}.0", f".{place}").replace(f".{place}", f".processor.{place}_lora") if module.removesuffix(".0").endswith(place) else module
            old[f"{module}.{end}.weight"] = value
        elif ".self_attn." in module:
            for new, place in {"q_proj": "to_q", "out_proj": "to_out"}.items():
                module = module.replace(new, f"{place}_lora")
            old[f"{module.replace('text_encoder.', 'text_encoder.text_model.')}.{end}.weight"] = value
        elif module.startswith("text_encoder"):
            old[f"{module.replace('text_encoder.', 'text_encoder.text_model.')}.lora_linear_layer.{end}.weight"] = value
        else:
            old[f"{module}.lora.{end}.weight"] = value
    torch.save(old, folder / "diffusers-old.bin")
    save_file({n.replace(".weight", ".default.weight"): v for n, v in tensors.items()}, folder / "default.safetensors")
    shutil.rmtree(folder / "peft-folder", ignore_errors=True)
    model = peft.get_peft_model(pipeline("sd15").unet, peft.LoraConfig(
        r=4, lora_alpha=2, target_modules=UNET, rank_pattern={UNET[0]: 2}, alpha_pattern={UNET[3]: 3.0}))
    peft.set_peft_model_state_dict(
        model, {"base_model.model." + n.removeprefix("unet."): v for n, v in tensors.items() if n.startswith("unet.")})
    model.save_pretrained(folder / "peft-folder")
    (folder / "peft-folder" / "README.md").unlink()
    util = convert_state_dict_to_kohya({n: v for n, v in tensors.items()})
    save_file({n: v.contiguous() for n, v in util.items()}, folder / "kohya-of-diffusers.safetensors")


def alpha_of(name: str) -> float:
    return 3.0 if UNET[3] in name else 2.0


def kohya_name(module: str) -> str:
    if module.startswith("unet."):
        return "lora_" + module.replace(".", "_")
    level = module.removeprefix("text_encoder_2.").removeprefix("text_encoder.").removeprefix("text_model.")
    prefix = "lora_te2_" if module.startswith("text_encoder_2.") else "lora_te1_" if XL else "lora_te_"
    return prefix + ("" if level == "text_projection" else "text_model_") + level.replace(".", "_")


XL = False


def ldm_name(short: str) -> str:
    if not short.startswith("lora_unet_"):
        return short
    path = short.removeprefix("lora_unet_")
    for new, old in sorted(ORIGINAL.items(), key=lambda pair: -len(pair[0])):
        flat = new.replace(".", "_")
        if path.startswith(flat):
            return "lora_unet_" + old.replace(".", "_") + path.removeprefix(flat)
    raise ValueError(short)


def xl(folder: Path) -> None:
    """A LoRA for SDXL with both text encoders, as kohya's trainer writes it: LDM's names in the U-Net."""
    global XL
    XL = True
    unet = ["down_blocks.1.attentions.0.transformer_blocks.1.attn2.to_v", "mid_block.attentions.0.transformer_blocks.0.ff.net.2",
            "up_blocks.0.attentions.1.proj_in", "down_blocks.1.resnets.0.conv2"]
    text = {"text_encoder": ["encoder.layers.1.mlp.fc2", "encoder.layers.0.self_attn.out_proj"],
            "text_encoder_2": ["text_model.encoder.layers.0.self_attn.q_proj", "text_model.encoder.layers.0.self_attn.v_proj",
                               "text_model.encoder.layers.0.self_attn.out_proj", "text_projection"]}
    pipe = trained("sdxl-base", {"unet": unet} | text, 21, {}, {})
    names = {
        unet[0]: "input_blocks_3_1_transformer_blocks_1_attn2_to_v", unet[1]: "middle_block_1_transformer_blocks_0_ff_net_2",
        unet[2]: "output_blocks_1_1_proj_in", unet[3]: "input_blocks_3_0_out_layers_3",
    }
    found = {}
    for name, value in state(pipe).items():
        module, part = name.split(".lora_")
        short = "lora_unet_" + names[module.removeprefix("unet.")] if module.startswith("unet.") else kohya_name(module)
        found[f"{short}.lora_{'down' if part[0] == 'A' else 'up'}.weight"] = value
        found[f"{short}.alpha"] = torch.tensor(2.0)
    save_file(found, folder / "kohya-xl.safetensors")
    type(pipe).save_lora_weights(
        folder, unet_lora_layers=peft.get_peft_model_state_dict(pipe.unet),
        text_encoder_lora_layers=peft.get_peft_model_state_dict(pipe.text_encoder),
        text_encoder_2_lora_layers=peft.get_peft_model_state_dict(pipe.text_encoder_2), weight_name="peft-xl.safetensors",
        **_collate_lora_metadata({"unet": pipe.unet, "text_encoder": pipe.text_encoder, "text_encoder_2": pipe.text_encoder_2}))


def main(target: str = str(HERE)) -> None:
    folder = Path(target)
    (folder / "expected").mkdir(parents=True, exist_ok=True)
    pipe = trained("sd15", {"unet": UNET, "text_encoder": TEXT}, 11, {UNET[0]: 2}, {UNET[3]: 3.0})
    write_namings(pipe, folder)
    second = trained("sd15", {"unet": UNET[2:6], "text_encoder": TEXT[:1]}, 12, {}, {})
    type(second).save_lora_weights(
        folder, unet_lora_layers=peft.get_peft_model_state_dict(second.unet),
        text_encoder_lora_layers=peft.get_peft_model_state_dict(second.text_encoder), weight_name="second.safetensors")
    xl(folder)

    cases: dict[str, dict] = {}

    def case(name: str, model: str, adapters: dict[str, float], result: dict[str, torch.Tensor], same: list[str] = ()) -> None:
        save_file(result, folder / "expected" / f"{name}.safetensors")
        cases[name] = {"model": model, "adapters": adapters, "same": list(same)}

    def by_diffusers(name: str, model: str, adapters: dict[str, float], same: list[str] = (), dtype: torch.dtype = torch.float32) -> None:
        case(name, model, adapters, merged(model, {folder / n: s for n, s in adapters.items()}, dtype), same)

    by_diffusers("alpha", "sd15", {"peft.safetensors": 0.8}, ["kohya.safetensors", "kohya-ldm.safetensors", "mixed.safetensors"])
    by_diffusers("no-alpha", "sd15", {"plain.safetensors": 0.8}, ["diffusers.safetensors", "diffusers-old.bin", "default.safetensors", "kohya-of-diffusers.safetensors"])
    by_diffusers("two", "sd15", {"peft.safetensors": 0.8, "second.safetensors": -0.5})
    by_diffusers("half", "sd15", {"peft.safetensors": 0.8}, dtype=torch.float16)
    by_diffusers("bfloat", "sd15", {"peft.safetensors": 0.8}, dtype=torch.bfloat16)
    by_diffusers("xl", "sdxl-base", {"peft-xl.safetensors": 0.7}, ["kohya-xl.safetensors"])
    alpha = load_file(folder / "expected" / "alpha.safetensors")
    case("folder", "sd15", {"peft-folder": 0.8}, {n: v for n, v in alpha.items() if n.startswith("unet.")})
    for name, adapters, result in [*peft_cases(folder), *lycoris_cases(folder)]:
        case(name, "sd15", adapters, result)
    (folder / "cases.json").write_text(json.dumps(cases, indent=1) + "\n")


if __name__ == "__main__":
    torch.set_grad_enabled(False)
    main(*sys.argv[1:])
