"""What the scripts beside this file share: CLIP's tokenizer cut short, and a model's tensors as they are kept."""

import json
from pathlib import Path

import torch
from transformers import CLIPTokenizer

MERGES = 1000
"""How many of CLIP's merges the small tokenizer has."""


def words() -> tuple[list[str], list[str]]:
    """The small tokenizer's merges and its vocabulary in order."""
    text = (Path(__file__).parents[2] / "Sources/CVocabulary/clip-merges.txt").read_text()
    merges = text.split("\n")[1 : MERGES + 1]
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters = [chr(b) for b in shown] + [chr(256 + n) for n in range(256 - len(shown))]
    joined = ["".join(m.split()) for m in merges]
    return merges, letters + [x + "</w>" for x in letters] + joined + ["<|startoftext|>", "<|endoftext|>"]


def tokenizer(folder: Path) -> CLIPTokenizer:
    """The small tokenizer, from files that are written into a folder."""
    merges, vocabulary = words()
    folder.mkdir(exist_ok=True)
    (folder / "vocab.json").write_text(json.dumps({w: n for n, w in enumerate(vocabulary)}))
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges]) + "\n")
    (folder / "tokenizer_config.json").write_text(json.dumps({"model_max_length": 77}))
    return CLIPTokenizer.from_pretrained(folder)


def keep(models: dict[str, torch.nn.Module], noise: float) -> tuple[dict[str, torch.Tensor], dict[str, str]]:
    """Shakes every parameter, biases and norms too (a zero would hide a mistake), rounds the models
    to float16 in place, and gives their tensors under canonical names and their configurations."""
    tensors, metadata = {}, {}
    for name, model in models.items():
        for parameter in model.parameters():
            parameter += noise * torch.randn_like(parameter)
        model.half().float().eval()
        for key, value in model.state_dict().items():
            if name == "text_encoder" and not key.startswith("text_model."):
                key = "text_model." + key
            tensors[f"{name}.{key}"] = value.half()
        config = json.loads(model.config.to_json_string()) if name == "text_encoder" else dict(model.config)
        metadata[name] = json.dumps({k: v for k, v in config.items() if not k.startswith("_")})
    return tensors, metadata
