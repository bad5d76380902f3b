"""Writes a random model of every family, as diffusers' folder and as a single file in the original names.

    python make.py tiny [FOLDER]       into this folder: NAME.safetensors and NAME.json (the configurations)
    python make.py lab FOLDER          FOLDER/NAME/{diffusers/, single.safetensors}

Made with diffusers and transformers; each file goes through diffusers' converters before it is kept.
"""

from __future__ import annotations

import copy
import json
import shutil
import sys
import tempfile
from pathlib import Path

import diffusers
import torch
import transformers
from safetensors.torch import save_file

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent / "models"))
import check  # noqa: E402
import original_names  # noqa: E402
import parts  # noqa: E402
from configurations import LAB, TINY, TOWER_BLOCKS, Family, families  # noqa: E402

torch.set_grad_enabled(False)


def build(family: Family, vocabulary: int) -> dict[str, torch.nn.Module]:
    """The networks, every parameter shaken (a zero or a one would hide a mistake), rounded to float16."""
    marks = {
        "vocab_size": vocabulary, "bos_token_id": vocabulary - 2, "eos_token_id": vocabulary - 1,
        "pad_token_id": 1,
    }
    made: dict[str, torch.nn.Module] = {}
    if family.unet:
        made["unet"] = diffusers.UNet2DConditionModel(**family.unet)
    if family.vae:
        made["vae"] = diffusers.AutoencoderKL(**family.vae)
    if family.text_encoder:
        made["text_encoder"] = transformers.CLIPTextModel(transformers.CLIPTextConfig(**family.text_encoder, **marks))
    if family.text_encoder_2:
        config = transformers.CLIPTextConfig(**family.text_encoder_2, **marks)
        made["text_encoder_2"] = transformers.CLIPTextModelWithProjection(config)
    if family.controlnet:
        made["controlnet"] = diffusers.ControlNetModel(**family.controlnet)
    for model in made.values():
        for parameter in model.parameters():
            parameter += 0.05 * torch.randn_like(parameter)
        model.half().eval()
    return made


def write_folder(folder: Path, family: Family, models: dict, tokenizer: transformers.CLIPTokenizer) -> None:
    """The folder that diffusers itself writes, `model_index.json` included."""
    shutil.rmtree(folder, ignore_errors=True)
    if family.controlnet:
        models["controlnet"].save_pretrained(folder)
        return
    name, values = family.scheduler
    saved = {**models, "scheduler": getattr(diffusers, name).from_config(values)}
    for component in ("text_encoder", "text_encoder_2"):
        if component in models:
            tokenizer.pad_token = pad(family, component)
            saved[component.replace("text_encoder", "tokenizer")] = copy.deepcopy(tokenizer)
    index: dict = {"_class_name": family.pipeline, "_diffusers_version": diffusers.__version__}
    for component, model in saved.items():
        model.save_pretrained(folder / component)
        library = type(model).__module__.split(".")[0]
        index[component] = [library, type(model).__name__]
    if "XL" in family.pipeline:
        index["force_zeros_for_empty_prompt"] = "text_encoder" in models
        for component in ("text_encoder", "tokenizer"):
            index.setdefault(component, [None, None])
        if "text_encoder" not in models:
            index["requires_aesthetics_score"] = True
    elif "Depth" not in family.pipeline:
        index |= {"safety_checker": [None, None], "feature_extractor": [None, None], "requires_safety_checker": False}
    (folder / "model_index.json").write_text(json.dumps(index, indent=2) + "\n")


def pad(family: Family, component: str) -> str:
    """What fills a prompt up: OpenCLIP's towers were trained with token 0, OpenAI's with the end mark."""
    return "!" if getattr(family, component)["hidden_act"] == "gelu" else "<|endoftext|>"


def single_file(family: Family, models: dict, random: torch.Generator) -> dict[str, torch.Tensor]:
    """The tensors of the single file under the original names."""
    tensors: dict[str, torch.Tensor] = {}

    def add(prefix: str, found: dict[str, torch.Tensor]) -> None:
        tensors.update({prefix + name: tensor for name, tensor in found.items()})

    if family.controlnet:
        add("control_model.", original_names.unet(models["controlnet"].state_dict(), family.controlnet))
    else:
        add("model.diffusion_model.", original_names.unet(models["unet"].state_dict(), family.unet))
        add("first_stage_model.", original_names.vae(models["vae"].state_dict(), family.vae))
    if "text_encoder_2" in models:
        place = "conditioner.embedders.1.model." if "text_encoder" in models else "conditioner.embedders.0.model."
        add(place, original_names.tower(models["text_encoder_2"].state_dict(), random, False))
        if "text_encoder" in models:
            add("conditioner.embedders.0.transformer.", original_names.clip(models["text_encoder"].state_dict()))
    elif "text_encoder" in models:
        if family.text_encoder["hidden_act"] == "gelu":
            unused = family.text_encoder["num_hidden_layers"] == TOWER_BLOCKS
            add("cond_stage_model.model.", original_names.tower(models["text_encoder"].state_dict(), random, unused))
        else:
            add("cond_stage_model.transformer.", original_names.clip(models["text_encoder"].state_dict()))
        add("", original_names.schedule())
    return {name: tensor.contiguous().clone() for name, tensor in tensors.items()}


def main(size: str, target: str = str(HERE)) -> None:
    values = {"tiny": TINY, "lab": LAB}[size]
    parts.MERGES = values.merges
    with tempfile.TemporaryDirectory() as scratch:
        tokenizer = parts.tokenizer(Path(scratch) / "tokenizer")
        for number, (name, family) in enumerate(families(values).items()):
            torch.manual_seed(100 + number)
            models = build(family, len(parts.words()[1]))
            folder = Path(target) / name / "diffusers" if size == "lab" else Path(scratch) / name
            write_folder(folder, family, models, tokenizer)
            tensors = single_file(family, models, torch.Generator().manual_seed(number))
            file = Path(target) / (f"{name}/single.safetensors" if size == "lab" else f"{name}.safetensors")
            save_file(tensors, file, family.metadata)
            complaints = check.single(file, folder)
            print(name, file.stat().st_size, *complaints, sep="\n  ")
            if size == "tiny":
                found = {str(f.relative_to(folder)): json.loads(f.read_text()) for f in sorted(folder.rglob("*.json"))}
                kept = {k: v for k, v in found.items() if "tokenizer" not in k}
                (Path(target) / f"{name}.json").write_text(json.dumps(kept, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
