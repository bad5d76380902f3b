"""The reference file in the making: its tensors, metadata and traces."""

from __future__ import annotations

import argparse
import json
import math
import platform

import numpy as np
import torch
from safetensors.torch import save_file

from .model import Model


class Recorder:
    """The tensors and metadata of the reference file in the making."""

    def __init__(self, model: Model, options: argparse.Namespace):
        self.model, self.options = model, options
        self.tensors: dict[str, torch.Tensor] = {}
        self.metadata: dict[str, object] = {}
        self.traces: dict[str, dict] = {}

    def put(self, name: str, tensor: torch.Tensor) -> None:
        self.tensors[name] = tensor.detach().clone().contiguous()

    def noise(self, *shape: int, stream: int) -> torch.Tensor:
        """Standard normal values; every input has a stream of its own."""
        generator = torch.Generator("cpu").manual_seed(self.options.seed * 1000 + stream)
        return torch.randn(shape, generator=generator)

    def traced(self, prefix: str, module: torch.nn.Module, run):
        """Runs with the output of every block of `module` recorded, if traces are wanted."""
        if not self.options.trace:
            return run()
        hooks = [
            part.register_forward_hook(self.hook(f"{prefix}/trace/{name.removeprefix('text_model.')}"))
            for name, part in module.named_modules()
            if is_block(name.removeprefix("text_model."))
        ]
        try:
            return run()
        finally:
            for hook in hooks:
                hook.remove()

    def hook(self, name: str):
        def record(_module, _inputs, output):
            if isinstance(output, tuple):
                output = output[0]
            tensor = getattr(output, "sample", output)
            if not isinstance(tensor, torch.Tensor):
                return
            stride = max(1, math.ceil(tensor.numel() / self.options.trace_values))
            if stride > 1:
                stride |= 1  # odd, so that it does not run along one channel or column
            self.traces[name] = {"shape": list(tensor.shape), "stride": stride}
            self.put(name, tensor.reshape(-1)[::stride])

        return record


def is_block(path: str) -> bool:
    """Whether a module is one of the blocks that papers draw, no bare layer inside one."""
    parts = path.split(".")
    numbered = ("resnets", "attentions", "downsamplers", "upsamplers", "layers", "down_blocks", "up_blocks")
    if len(parts) >= 2 and parts[-2] in numbered and parts[-1].isdigit():
        return True
    names = {"embeddings", "final_layer_norm", "time_embedding", "conv_in", "conv_norm_out", "conv_out", "mid_block"}
    return parts[-1] in names or path in ("quant_conv", "post_quant_conv")


def latent_size(to: Recorder) -> tuple[int, int]:
    factor = 2 ** (len(to.model.vae.config.block_out_channels) - 1)
    return to.options.size[0] // factor, to.options.size[1] // factor


def save(to: Recorder, components: list[str]) -> None:
    import diffusers
    import transformers

    options = to.options
    to.metadata |= {
        "assay.reference": "1",
        "model": options.model.resolve().name,
        "versions": {
            "torch": torch.__version__, "diffusers": diffusers.__version__,
            "transformers": transformers.__version__, "numpy": np.__version__,
            "python": platform.python_version(),
        },
        "seed": str(options.seed), "components": components,
        "configurations": to.model.configurations, "traces": to.traces,
    }
    strings = {
        key: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for key, value in to.metadata.items()
    }
    temporary = options.output.with_name(options.output.name + ".part")
    save_file(to.tensors, temporary, metadata=strings)
    temporary.chmod(0o644)  # the library leaves it to its owner alone
    temporary.replace(options.output)
