"""The two layouts of one model: the original checkpoint (LDM) and the diffusers folder.

The renaming is spelled out, module by module, in `unet_names` and `vae_names`;
it is one to one, so the same table is used in both directions.
"""

from __future__ import annotations

import gzip
import json
import pickle
import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

import models

Tensors = dict[str, torch.Tensor]
Names = list[tuple[str, str]]
"""Pairs (LDM, diffusers) of module names; everything below a module keeps its name."""

UNET = "model.diffusion_model."
VAE = "first_stage_model."
TEXT = "cond_stage_model.transformer."

UNET_RESNET: Names = [
    ("in_layers.0", "norm1"),
    ("in_layers.2", "conv1"),
    ("emb_layers.1", "time_emb_proj"),
    ("out_layers.0", "norm2"),
    ("out_layers.3", "conv2"),
    ("skip_connection", "conv_shortcut"),
]
VAE_RESNET: Names = [
    ("norm1", "norm1"),
    ("conv1", "conv1"),
    ("norm2", "norm2"),
    ("conv2", "conv2"),
    ("nin_shortcut", "conv_shortcut"),
]
VAE_ATTENTION: Names = [
    ("norm", "group_norm"),
    ("q", "to_q"),
    ("k", "to_k"),
    ("v", "to_v"),
    ("proj_out", "to_out.0"),
]


@dataclass(frozen=True)
class Weights:
    """The three networks' tensors under diffusers' names."""

    unet: Tensors
    vae: Tensors
    text: Tensors

    def rounded(self) -> Weights:
        """The same, rounded to float16: what the checkpoint holds and so what the model *is*."""
        return Weights(
            *({name: t.half() for name, t in part.items()} for part in (self.unet, self.vae, self.text))
        )


# --- names ---------------------------------------------------------------------------------------


def _inside(ldm: str, diffusers: str, parts: Names) -> Iterator[tuple[str, str]]:
    for a, b in parts:
        yield f"{ldm}.{a}", f"{diffusers}.{b}"


def unet_names(levels: int, layers: int) -> Names:
    """The U-Net's modules. LDM numbers its blocks through all levels, diffusers within each."""
    names: Names = [
        ("time_embed.0", "time_embedding.linear_1"),
        ("time_embed.2", "time_embedding.linear_2"),
        ("input_blocks.0.0", "conv_in"),
        ("middle_block.1", "mid_block.attentions.0"),
        *_inside("middle_block.0", "mid_block.resnets.0", UNET_RESNET),
        *_inside("middle_block.2", "mid_block.resnets.1", UNET_RESNET),
        ("out.0", "conv_norm_out"),
        ("out.2", "conv_out"),
    ]
    for level in range(levels):
        innermost_down, innermost_up = level == levels - 1, level == 0

        for layer in range(layers):
            block = f"input_blocks.{1 + level * (layers + 1) + layer}"
            names += _inside(f"{block}.0", f"down_blocks.{level}.resnets.{layer}", UNET_RESNET)
            if not innermost_down:
                names.append((f"{block}.1", f"down_blocks.{level}.attentions.{layer}"))
        if not innermost_down:
            block = f"input_blocks.{(level + 1) * (layers + 1)}"
            names.append((f"{block}.0.op", f"down_blocks.{level}.downsamplers.0.conv"))

        for layer in range(layers + 1):
            block = f"output_blocks.{level * (layers + 1) + layer}"
            names += _inside(f"{block}.0", f"up_blocks.{level}.resnets.{layer}", UNET_RESNET)
            if not innermost_up:
                names.append((f"{block}.1", f"up_blocks.{level}.attentions.{layer}"))
        if level < levels - 1:
            block = f"output_blocks.{level * (layers + 1) + layers}"
            names.append((f"{block}.{1 if innermost_up else 2}.conv", f"up_blocks.{level}.upsamplers.0.conv"))
    return names


def vae_names(levels: int, layers: int) -> Names:
    """The autoencoder's modules. LDM counts the decoder's levels from the outside in."""
    names: Names = [("quant_conv", "quant_conv"), ("post_quant_conv", "post_quant_conv")]
    for half in ("encoder", "decoder"):
        names += [
            (f"{half}.conv_in", f"{half}.conv_in"),
            (f"{half}.norm_out", f"{half}.conv_norm_out"),
            (f"{half}.conv_out", f"{half}.conv_out"),
            *_inside(f"{half}.mid.block_1", f"{half}.mid_block.resnets.0", VAE_RESNET),
            *_inside(f"{half}.mid.attn_1", f"{half}.mid_block.attentions.0", VAE_ATTENTION),
            *_inside(f"{half}.mid.block_2", f"{half}.mid_block.resnets.1", VAE_RESNET),
        ]
    for level in range(levels):
        down = (f"encoder.down.{level}", f"encoder.down_blocks.{level}")
        up = (f"decoder.up.{levels - 1 - level}", f"decoder.up_blocks.{level}")
        for layer in range(layers):
            names += _inside(f"{down[0]}.block.{layer}", f"{down[1]}.resnets.{layer}", VAE_RESNET)
        for layer in range(layers + 1):
            names += _inside(f"{up[0]}.block.{layer}", f"{up[1]}.resnets.{layer}", VAE_RESNET)
        if level < levels - 1:
            names.append((f"{down[0]}.downsample.conv", f"{down[1]}.downsamplers.0.conv"))
            names.append((f"{up[0]}.upsample.conv", f"{up[1]}.upsamplers.0.conv"))
    return names


def _rename(tensors: Tensors, names: Names) -> Tensors:
    """Renames every tensor by the one module name that it lies under."""
    table = dict(names)
    renamed: Tensors = {}
    for name, tensor in tensors.items():
        module = name
        while module not in table:
            module, dot, _ = module.rpartition(".")
            if not dot:
                raise KeyError(f"no rule for the tensor {name}")
        renamed[table[module] + name[len(module) :]] = tensor
    return renamed


def _swapped(names: Names) -> Names:
    return [(b, a) for a, b in names]


_UNET_NAMES = unet_names(len(models.UNET_CONFIG["block_out_channels"]), models.UNET_CONFIG["layers_per_block"])
_VAE_NAMES = vae_names(len(models.VAE_CONFIG["block_out_channels"]), models.VAE_CONFIG["layers_per_block"])


def _is_vae_attention_matrix(name: str) -> bool:
    """Whether an LDM tensor is one of those that diffusers keeps as a matrix, LDM as a 1x1 convolution."""
    return ".mid.attn_1." in name and name.endswith(".weight") and ".norm." not in name


# --- the original layout -------------------------------------------------------------------------


def schedule_buffers() -> Tensors:
    """The buffers that LDM's `DDPM.register_schedule` leaves in every checkpoint, float32."""
    config = models.SCHEDULER_CONFIG
    steps = config["num_train_timesteps"]
    betas = np.linspace(config["beta_start"] ** 0.5, config["beta_end"] ** 0.5, steps, dtype=np.float64) ** 2
    alphas = 1 - betas
    kept = np.cumprod(alphas)
    before = np.append(1.0, kept[:-1])
    variance = betas * (1 - before) / (1 - kept)
    buffers = {
        "betas": betas,
        "alphas_cumprod": kept,
        "alphas_cumprod_prev": before,
        "sqrt_alphas_cumprod": np.sqrt(kept),
        "sqrt_one_minus_alphas_cumprod": np.sqrt(1 - kept),
        "log_one_minus_alphas_cumprod": np.log(1 - kept),
        "sqrt_recip_alphas_cumprod": np.sqrt(1 / kept),
        "sqrt_recipm1_alphas_cumprod": np.sqrt(1 / kept - 1),
        "posterior_variance": variance,
        "posterior_log_variance_clipped": np.log(np.maximum(variance, 1e-20)),
        "posterior_mean_coef1": betas * np.sqrt(before) / (1 - kept),
        "posterior_mean_coef2": (1 - before) * np.sqrt(alphas) / (1 - kept),
    }
    return {name: torch.tensor(values, dtype=torch.float32) for name, values in buffers.items()}


def to_ldm(weights: Weights) -> Tensors:
    """The `state_dict` of an original checkpoint, weights in float16."""
    weights = weights.rounded()
    state = schedule_buffers()
    for name, tensor in _rename(weights.unet, _swapped(_UNET_NAMES)).items():
        state[UNET + name] = tensor
    for name, tensor in _rename(weights.vae, _swapped(_VAE_NAMES)).items():
        state[VAE + name] = tensor[:, :, None, None] if _is_vae_attention_matrix(name) else tensor
    state[TEXT + "text_model.embeddings.position_ids"] = torch.arange(models.POSITIONS)[None]
    for name, tensor in weights.text.items():
        state[TEXT + name] = tensor
    return {name: tensor.contiguous() for name, tensor in state.items()}


def from_ldm(state: Tensors) -> Weights:
    """The networks' tensors out of an original checkpoint's `state_dict`."""

    def below(prefix: str) -> Tensors:
        return {name[len(prefix) :]: t for name, t in state.items() if name.startswith(prefix)}

    vae = {
        name: tensor[:, :, 0, 0] if _is_vae_attention_matrix(name) else tensor
        for name, tensor in below(VAE).items()
    }
    text = below(TEXT)
    del text["text_model.embeddings.position_ids"]
    return Weights(_rename(below(UNET), _UNET_NAMES), _rename(vae, _VAE_NAMES), text)


def write_checkpoint(path: Path, weights: Weights, steps: int, epochs: int) -> None:
    """Writes the pickled checkpoint as LDM's trainer does, its own luggage included.

    Real checkpoints name classes of the training framework, which whoever reads
    them seldom has installed.  This one does too: `callbacks` is keyed by
    PyTorch Lightning's `ModelCheckpoint`, a class made up here for the moment of
    writing.
    """
    schedule = models.SCHEDULER_CONFIG
    with _stand_in("pytorch_lightning.callbacks.model_checkpoint", "ModelCheckpoint") as model_checkpoint:
        torch.save(
            {
                "epoch": epochs,
                "global_step": steps,
                "pytorch-lightning_version": "1.4.2",
                "state_dict": to_ldm(weights),
                "callbacks": {
                    model_checkpoint: {
                        "monitor": "val/loss_simple_ema",
                        "best_model_score": None,
                        "best_model_path": "",
                        "current_score": None,
                        "dirpath": "checkpoints",
                    }
                },
                "hyper_parameters": {
                    "image_size": models.UNET_CONFIG["sample_size"],
                    "channels": models.UNET_CONFIG["in_channels"],
                    "timesteps": schedule["num_train_timesteps"],
                    "linear_start": schedule["beta_start"],
                    "linear_end": schedule["beta_end"],
                    "scale_factor": models.LATENT_SCALE,
                    "first_stage_key": "jpg",
                    "cond_stage_key": "txt",
                },
            },
            path,
        )


@contextmanager
def _stand_in(module: str, name: str) -> Iterator[type]:
    """Makes an empty class importable under a module name for the length of a `with` block."""
    parts = module.split(".")
    modules = [".".join(parts[: n + 1]) for n in range(len(parts))]
    before = {key: sys.modules[key] for key in modules if key in sys.modules}
    made = type(name, (), {"__module__": module})
    sys.modules.update({key: types.ModuleType(key) for key in modules})
    setattr(sys.modules[module], name, made)
    try:
        yield made
    finally:
        for key in modules:
            del sys.modules[key]
        sys.modules.update(before)


class _Unpickler(pickle.Unpickler):
    """Reads tensors and plain values; any other class becomes an empty one of its name."""

    def find_class(self, module: str, name: str) -> object:
        if (module, name) == ("collections", "OrderedDict") or module == "torch" or module == "torch._utils":
            return super().find_class(module, name)
        return type(name, (), {"__module__": module})


def read_checkpoint(path: Path) -> Tensors:
    """The `state_dict` of a pickled checkpoint, whatever else it carries."""
    reader = types.SimpleNamespace(Unpickler=_Unpickler, load=pickle.load, __name__="reader")
    return torch.load(path, map_location="cpu", pickle_module=reader, weights_only=False)["state_dict"]


# --- the diffusers folder ------------------------------------------------------------------------


def write_diffusers(folder: Path, weights: Weights) -> None:
    """Writes the folder that `StableDiffusionPipeline.from_pretrained` reads, weights in float16."""
    weights = weights.rounded()
    parts = {
        "text_encoder": ("config.json", models.TEXT_CONFIG, "model.safetensors", weights.text),
        "unet": ("config.json", models.UNET_CONFIG, "diffusion_pytorch_model.safetensors", weights.unet),
        "vae": ("config.json", models.VAE_CONFIG, "diffusion_pytorch_model.safetensors", weights.vae),
        "scheduler": ("scheduler_config.json", models.SCHEDULER_CONFIG, None, None),
    }
    for part, (config_name, config, file_name, tensors) in parts.items():
        (folder / part).mkdir(parents=True, exist_ok=True)
        _write_json(folder / part / config_name, config)
        if file_name is not None:
            contiguous = {name: tensor.contiguous() for name, tensor in tensors.items()}
            save_file(contiguous, folder / part / file_name, metadata={"format": "pt"})
    write_tokenizer(folder / "tokenizer")
    _write_json(
        folder / "model_index.json",
        {
            "_class_name": "StableDiffusionPipeline",
            "_diffusers_version": "0.6.0",
            "feature_extractor": [None, None],
            "requires_safety_checker": False,
            "safety_checker": [None, None],
            "scheduler": ["diffusers", "PNDMScheduler"],
            "text_encoder": ["transformers", "CLIPTextModel"],
            "tokenizer": ["transformers", "CLIPTokenizer"],
            "unet": ["diffusers", "UNet2DConditionModel"],
            "vae": ["diffusers", "AutoencoderKL"],
        },
    )


def write_tokenizer(folder: Path) -> None:
    """CLIP's own vocabulary, as `vocab.json` and `merges.txt`.

    Built as OpenAI's `SimpleTokenizer` builds it, out of the list of merges that
    `open_clip` ships: 256 bytes, the same 256 ending a word, 48,894 merges, and
    the two marks of beginning and end.
    """
    import open_clip

    packed = Path(open_clip.__file__).parent / "bpe_simple_vocab_16e6.txt.gz"
    lines = gzip.decompress(packed.read_bytes()).decode("utf-8").split("\n")
    merges = lines[1 : models.VOCABULARY - 512 - 2 + 1]
    letters = _byte_letters()
    words = [*letters, *(letter + "</w>" for letter in letters)]
    words += ["".join(merge.split()) for merge in merges]
    words += ["<|startoftext|>", "<|endoftext|>"]

    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = {word: index for index, word in enumerate(words)}
    (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False), encoding="utf-8")
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges]) + "\n", encoding="utf-8")

    marks = {"bos_token": "<|startoftext|>", "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>"}
    added = {
        name: {"content": text, "lstrip": False, "normalized": True, "rstrip": False, "single_word": False}
        for name, text in marks.items()
    }
    _write_json(folder / "special_tokens_map.json", {**added, "pad_token": "<|endoftext|>"})
    _write_json(
        folder / "tokenizer_config.json",
        {
            "add_prefix_space": False,
            **{name: {"__type": "AddedToken", **mark} for name, mark in added.items()},
            "do_lower_case": True,
            "errors": "replace",
            "model_max_length": models.POSITIONS,
            "pad_token": "<|endoftext|>",
            "tokenizer_class": "CLIPTokenizer",
        },
    )


def _byte_letters() -> list[str]:
    """GPT-2's visible letter for each byte, in the order of CLIP's vocabulary."""
    visible = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    hidden = [byte for byte in range(256) if byte not in visible]
    return [chr(byte) for byte in visible] + [chr(256 + n) for n in range(len(hidden))]


def _write_json(path: Path, value: dict) -> None:
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
