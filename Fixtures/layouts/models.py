"""diffusers' and transformers' own models of a family, and what a diffusers folder says beside them."""

from __future__ import annotations

import json

import diffusers
import transformers
from torch import nn

from published import Family


def build(family: Family) -> dict[str, nn.Module]:
    """The family's networks, by component; under `torch.device("meta")` they take no memory."""
    made: dict[str, nn.Module] = {}
    if family.unet:
        made["unet"] = diffusers.UNet2DConditionModel(**family.unet)
    if family.vae:
        made["vae"] = diffusers.AutoencoderKL(**family.vae)
    if family.text_encoder:
        made["text_encoder"] = transformers.CLIPTextModel(transformers.CLIPTextConfig(**family.text_encoder))
    if family.text_encoder_2:
        config = transformers.CLIPTextConfig(**family.text_encoder_2)
        made["text_encoder_2"] = transformers.CLIPTextModelWithProjection(config)
    if family.controlnet:
        made["controlnet"] = diffusers.ControlNetModel(**family.controlnet)
    return made


def names(models: dict[str, nn.Module]) -> dict[str, list[int]]:
    """`component.name` -> shape, as the published folders have them.

    transformers 5.6 dropped `text_model.` from `CLIPTextModel`; all that was published before has it.
    """
    shapes = {}
    for component, model in models.items():
        for name, tensor in model.state_dict().items():
            if component.startswith("text_encoder") and not name.startswith(("text_model.", "text_projection.")):
                name = "text_model." + name
            shapes[f"{component}.{name}"] = list(tensor.shape)
    return shapes


def configurations(family: Family, models: dict[str, nn.Module]) -> dict[str, dict]:
    """Each component's `config.json` and the scheduler's, as the libraries save them."""
    made = {}
    for component, model in models.items():
        if component.startswith("text_encoder"):
            made[component] = json.loads(model.config.to_json_string())
            made[component]["architectures"] = [type(model).__name__]
            made[component] = {key: value for key, value in made[component].items() if value is not None}
        else:
            made[component] = json.loads(model.to_json_string())
    if family.scheduler:
        name, values = family.scheduler
        made["scheduler"] = json.loads(getattr(diffusers, name).from_config(values).to_json_string())
    return made


def model_index(family: Family, models: dict[str, nn.Module]) -> dict | None:
    """`model_index.json`: which library and class each component has."""
    if family.pipeline is None:
        return None
    index: dict = {"_class_name": family.pipeline, "_diffusers_version": diffusers.__version__}
    for component, model in models.items():
        library = "transformers" if component.startswith("text_encoder") else "diffusers"
        index[component] = [library, type(model).__name__]
    index["scheduler"] = ["diffusers", family.scheduler[0]]
    for component in ("text_encoder", "text_encoder_2"):
        if component in models:
            index[component.replace("text_encoder", "tokenizer")] = ["transformers", "CLIPTokenizer"]
    if family.pipeline.startswith("StableDiffusionXL"):
        index["force_zeros_for_empty_prompt"] = not family.refiner
        if family.refiner:
            index |= {"requires_aesthetics_score": True, "text_encoder": [None, None], "tokenizer": [None, None]}
    elif family.pipeline == "StableDiffusionDepth2ImgPipeline":
        index |= {"depth_estimator": ["transformers", "DPTForDepthEstimation"],
                  "feature_extractor": ["transformers", "DPTImageProcessor"]}
    else:
        index |= {"safety_checker": [None, None], "feature_extractor": [None, None],
                  "requires_safety_checker": False}
    return index
