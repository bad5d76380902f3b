"""diffusers pipelines of the tiny random models in `../families`, without tokenizers."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
FAMILIES = HERE.parent / "families"
sys.path.append(str(FAMILIES))
import check  # noqa: E402
import diffusers  # noqa: E402
import torch  # noqa: E402
import transformers.integrations.peft  # noqa: E402
from safetensors.torch import load_file  # noqa: E402

# transformers 5.24 asks for a peft that nobody has released; 0.21.2 does what it calls.
transformers.integrations.peft.MIN_PEFT_VERSION = "0.21.0"


def pipeline(name: str, dtype: torch.dtype = torch.float32) -> diffusers.DiffusionPipeline:
    """The pipeline of `NAME.safetensors`, in a type that its float16 weights are widened to or kept in."""
    state = load_file(FAMILIES / f"{name}.safetensors")
    files = json.loads((FAMILIES / f"{name}.json").read_text())
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for path, contents in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(json.dumps(contents))
        models = {}
        for component, kind in check.components(folder).items():
            tensors = check.converted(component, kind, dict(state), folder)
            if component.startswith("text_encoder"):
                model = kind(kind.config_class.from_pretrained(folder / component))
            else:
                model = kind.from_config(kind.load_config(folder / component))
            model.load_state_dict(tensors, strict=True)
            models[component] = model.to(dtype).eval()
    index = files["model_index.json"]
    kind = getattr(diffusers, index["_class_name"])
    scheduler = getattr(diffusers, index["scheduler"][1]).from_config(files["scheduler/scheduler_config.json"])
    rest = {"tokenizer": None, "scheduler": scheduler}
    if "XL" in index["_class_name"]:
        rest["tokenizer_2"] = None
        models.setdefault("text_encoder", None)
    else:
        rest |= {"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False}
    return kind(**models, **rest)


def networks(pipe: diffusers.DiffusionPipeline) -> dict[str, torch.nn.Module]:
    """The networks that take LoRAs, by component."""
    names = ("unet", "text_encoder", "text_encoder_2")
    return {name: getattr(pipe, name) for name in names if getattr(pipe, name, None) is not None}


def canonical(component: str, module: str) -> str:
    """A module's canonical name: transformers 5 has lost a level of text encoders, not their projection."""
    level = "text_model." if component.startswith("text_encoder") and module != "text_projection" else ""
    return f"{component}.{level}{module}"
