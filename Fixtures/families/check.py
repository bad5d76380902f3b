"""Holds what assay writes against diffusers, offline.

    check.py folder A B          two diffusers folders: do they load, and give the same outputs?
    check.py single FILE FOLDER  a single file through diffusers' converters: the folder's tensors?

Prints a line for each difference; exit status 1 when there is one.
"""

from __future__ import annotations

import json
import os
import sys
import warnings
from pathlib import Path

os.environ |= {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "TRANSFORMERS_VERBOSITY": "error"}
warnings.filterwarnings("ignore")

import diffusers  # noqa: E402
import torch  # noqa: E402
import transformers  # noqa: E402
from diffusers.loaders import single_file_utils as converters  # noqa: E402
from safetensors.torch import load_file  # noqa: E402

diffusers.logging.set_verbosity_error()
diffusers.utils.logging.disable_progress_bar()
transformers.logging.disable_progress_bar()
torch.set_grad_enabled(False)


def components(folder: Path) -> dict[str, type]:
    """The networks of a folder and their classes, as its `model_index.json` says."""
    if not (folder / "model_index.json").exists():
        return {"": diffusers.ControlNetModel}
    index = json.loads((folder / "model_index.json").read_text())
    found = {}
    for name in ("unet", "vae", "text_encoder", "text_encoder_2", "controlnet"):
        library, kind = index.get(name) or (None, None)
        if kind is not None:
            found[name] = getattr(diffusers if library == "diffusers" else transformers, kind)
    return found


def open_folder(folder: Path) -> dict[str, torch.nn.Module]:
    opened = {}
    for name, kind in components(folder).items():
        made, info = kind.from_pretrained(
            folder / name, local_files_only=True, output_loading_info=True, torch_dtype=torch.float32)
        wrong = {k: sorted(v) for k, v in info.items() if k in ("missing_keys", "unexpected_keys") and v}
        if wrong:
            raise ValueError(f"{folder}/{name}: {wrong}")
        opened[name] = made.eval()
    return opened


def outputs(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """What the network makes of fixed random inputs."""
    random = torch.Generator().manual_seed(7)

    def noise(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=random)

    config = model.config
    if isinstance(model, diffusers.AutoencoderKL):
        return {"encoded": model.encode(noise(1, 3, 64, 64)).latent_dist.parameters,
                "decoded": model.decode(noise(1, config.latent_channels, 8, 8)).sample}
    if isinstance(model, transformers.PreTrainedModel):
        # An end mark stands where a pooled output would be read.
        tokens = torch.randint(0, config.vocab_size - 2, (2, 20), generator=random)
        tokens[:, -1] = config.eos_token_id
        found = model(tokens, output_hidden_states=True)
        kept = {f"hidden {n}": state for n, state in enumerate(found.hidden_states)}
        for name in ("last_hidden_state", "text_embeds", "pooler_output"):
            if getattr(found, name, None) is not None:
                kept[name] = getattr(found, name)
        return kept
    size = 16
    arguments = {"sample": noise(2, config.in_channels, size, size), "timestep": torch.tensor([3, 700]),
                 "encoder_hidden_states": noise(2, 9, config.cross_attention_dim)}
    if config.addition_embed_type == "text_time":
        inputs, time = config.projection_class_embeddings_input_dim, config.addition_time_embed_dim
        # The refiner's context is the width of its one text encoder; it takes five numbers, the others six.
        count = 5 if inputs - 5 * time == config.cross_attention_dim else 6
        arguments["added_cond_kwargs"] = {
            "text_embeds": noise(2, inputs - count * time), "time_ids": 100 * noise(2, count).abs()}
    if isinstance(model, diffusers.ControlNetModel):
        arguments |= {"controlnet_cond": noise(2, 3, 8 * size, 8 * size), "return_dict": False}
        down, middle = model(**arguments)
        return {**{f"down {n}": value for n, value in enumerate(down)}, "middle": middle}
    return {"sample": model(**arguments).sample}


def folder(a: Path, b: Path) -> list[str]:
    """Differences between two folders: components, outputs, configurations, tokenizers, the pipeline itself."""
    complaints = []
    first, second = open_folder(a), open_folder(b)
    if first.keys() != second.keys():
        complaints.append(f"components: {list(first)} and {list(second)}")
    for name in first.keys() & second.keys():
        x, y = outputs(first[name]), outputs(second[name])
        for key in x.keys() | y.keys():
            if key not in x or key not in y:
                complaints.append(f"{name}: output '{key}' only in one")
            elif x[key].shape != y[key].shape or not torch.equal(x[key], y[key]):
                far = (x[key] - y[key]).abs().max() if x[key].shape == y[key].shape else "shapes differ"
                complaints.append(f"{name}: output '{key}' differs: {far}")
        complaints += differences(name, *(
            config.to_dict() if name.startswith("text") else dict(config)
            for config in (first[name].config, second[name].config)))
    if (a / "model_index.json").exists():
        complaints += differences("model_index", *(json.loads((f / "model_index.json").read_text()) for f in (a, b)))
        complaints += differences("scheduler", *map(scheduler, (a, b)))
        for name in sorted({f.name for f in (*a.glob("tokenizer*"), *b.glob("tokenizer*"))}):
            try:
                texts = ["a red three, on black!", "Ünïcode  \n 42 <|endoftext|>"]
                found = [transformers.CLIPTokenizer.from_pretrained(f / name)(texts, padding="max_length", truncation=True)["input_ids"] for f in (a, b)]
                if found[0] != found[1]:
                    complaints.append(f"{name}: other tokens: {found[0][0][:12]} and {found[1][0][:12]}")
            except Exception as error:
                complaints.append(f"{name}: {str(error)[:160]}")
        try:
            # SD 2's depth estimator is a model of its own, which nobody's single file holds in full.
            absent = {"depth_estimator": None, "feature_extractor": None} if is_depth(a) else {}
            diffusers.DiffusionPipeline.from_pretrained(a, local_files_only=True, **absent)
        except Exception as error:
            complaints.append(f"pipeline: {str(error)[:200]}")
    return complaints


def scheduler(folder: Path) -> dict:
    """The scheduler's configuration, with its class's defaults for what the folder does not state."""
    kind = json.loads((folder / "model_index.json").read_text())["scheduler"][1]
    known = dict(getattr(diffusers, kind).from_pretrained(folder / "scheduler", local_files_only=True).config)
    # Old PNDM configurations state this; the class has no such parameter.
    known.pop("clip_sample", None) if kind == "PNDMScheduler" else None
    return known | {"_class_name": kind}


def is_depth(folder: Path) -> bool:
    return "Depth2Img" in (folder / "model_index.json").read_text()


def differences(name: str, a: dict, b: dict) -> list[str]:
    skipped = ("_name_or_path", "_diffusers_version", "transformers_version", "dtype", "torch_dtype", "_use_default_values",
               "dropout")
    keys = [key for key in sorted(a.keys() | b.keys()) if key not in skipped]

    def plain(value: object) -> object:
        return list(value) if isinstance(value, tuple) else value

    return [f"{name}: {key} is {a.get(key, 'absent')!r} and {b.get(key, 'absent')!r}"
            for key in keys if plain(a.get(key, "absent")) != plain(b.get(key, "absent"))]


def single(file: Path, folder: Path) -> list[str]:
    """Differences between a single file, as diffusers reads it, and the folder's own tensors."""
    complaints = []
    state = load_file(file)
    for name, kind in components(folder).items():
        expected = kind.from_pretrained(folder / name, local_files_only=True, torch_dtype=torch.float16).state_dict()
        found = converted(name, kind, dict(state), folder)
        for key in sorted(expected.keys() | found.keys()):
            if key not in expected or key not in found:
                complaints.append(f"{name}: '{key}' is only in the {'folder' if key in expected else 'file'}")
            elif expected[key].shape != found[key].shape or not torch.equal(expected[key], found[key].to(expected[key].dtype)):
                complaints.append(f"{name}: '{key}' differs: {list(expected[key].shape)} and {list(found[key].shape)}")
    index = folder / "model_index.json"
    if index.exists() and not is_depth(folder):
        try:
            kind = getattr(diffusers, json.loads(index.read_text())["_class_name"])
            kind.from_single_file(str(file), config=str(folder), local_files_only=True)
        except Exception as error:
            complaints.append(f"pipeline: {type(error).__name__} {str(error)[:300]}")
    return complaints


def converted(name: str, kind: type, state: dict, folder: Path) -> dict[str, torch.Tensor]:
    if name.startswith("text_encoder"):
        model = converters.create_diffusers_clip_model_from_ldm(
            kind, state, subfolder=name, config=str(folder), local_files_only=True, torch_dtype=torch.float16)
        return model.state_dict()
    config = kind.load_config(folder / name, local_files_only=True)
    if name == "unet":
        return converters.convert_ldm_unet_checkpoint(state, config)
    if name == "vae":
        return converters.convert_ldm_vae_checkpoint(state, config)
    found = converters.convert_controlnet_checkpoint(state, config)
    # That converter has no line for SDXL's conditions; the U-Net's has this one.
    for new, old in (("linear_1", "0"), ("linear_2", "2")):
        for leaf in ("weight", "bias"):
            if f"control_model.label_emb.0.{old}.{leaf}" in state:
                found[f"add_embedding.{new}.{leaf}"] = state[f"control_model.label_emb.0.{old}.{leaf}"]
    return found


if __name__ == "__main__":
    what, first, second = sys.argv[1:]
    lines = {"folder": folder, "single": single}[what](Path(first), Path(second))
    print(*lines or ["the same"], sep="\n")
    sys.exit(bool(lines))
