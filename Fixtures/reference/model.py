"""The parts of a Stable Diffusion pipeline."""

from __future__ import annotations

import math

import torch


class Model:
    """The parts of a Stable Diffusion pipeline, in float32."""

    def __init__(self, tokenizer, text_encoder, unet, vae, scheduler):
        self.tokenizer, self.text_encoder = tokenizer, text_encoder
        self.unet, self.vae, self.scheduler = unet, vae, scheduler
        for module in (text_encoder, unet, vae):
            module.to(torch.float32).eval().requires_grad_(False)
        self.configurations = self.read_configurations()  # before a pipeline edits them

    def pipeline(self, scheduler_class=None):
        """A pipeline with the model's own scheduler, or with another assigned as users do it."""
        from diffusers import StableDiffusionPipeline

        # A pipeline corrects its scheduler's configuration when it is built, and only then: the
        # model's own is corrected, and what another takes over of it is what the file states.
        own = type(self.scheduler)
        pipeline = StableDiffusionPipeline(
            vae=self.vae, text_encoder=self.text_encoder, tokenizer=self.tokenizer, unet=self.unet,
            scheduler=own.from_config(self.scheduler.config), safety_checker=None,
            feature_extractor=None, requires_safety_checker=False,
        )
        if scheduler_class not in (None, own):
            pipeline.scheduler = scheduler_class.from_config(pipeline.scheduler.config)
        pipeline.set_progress_bar_config(disable=True)
        return pipeline

    def weights(self) -> dict[str, torch.Tensor]:
        """Every weight under its canonical name."""
        parts = {"unet": self.unet, "vae": self.vae, "text_encoder": self.text_encoder}
        return {
            f"{part}.{name.removeprefix('text_model.')}": tensor
            for part, module in parts.items()
            for name, tensor in module.state_dict().items()
            if tensor.is_floating_point()
        }

    def read_configurations(self) -> dict[str, dict]:
        """diffusers' configuration of each component, as plain JSON."""
        parts = {"unet": self.unet.config, "vae": self.vae.config, "scheduler": self.scheduler.config}
        configurations = {name: plain(dict(config)) for name, config in parts.items()}
        configurations["text_encoder"] = plain(self.text_encoder.config.to_dict())
        return configurations


def plain(value):
    """A value that JSON can hold, without what only this library version knows."""
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items() if not str(k).startswith(("_name_or", "_use_default"))}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    return str(value)
