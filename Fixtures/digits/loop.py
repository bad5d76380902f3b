"""One training loop for every stage: cosine rate, weight averaging, checkpoints, resuming.

The randomness of step *n* comes from a generator seeded with the stage's seed,
*n* and the worker's rank alone, so a run that was stopped and resumed draws what
an uninterrupted one would have drawn.

`fit` may run in one process or, after `torch.distributed` was set up, in
several: each draws its own batch and the gradients are averaged.  On a machine
that others use too, two workers of one thread are faster than two threads, which
have to meet at the end of every operator.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.distributed as dist
from torch import nn

LossFunction = Callable[[torch.Generator], tuple[torch.Tensor, dict[str, float]]]
"""Draws a batch with the generator; gives the loss and figures for the log."""


@dataclass(frozen=True)
class Recipe:
    """How long and how fast a stage trains."""

    name: str
    steps: int
    rate: float
    seed: int
    warmup: int = 100
    final_rate: float = 1e-5
    weight_decay: float = 1e-3
    averaging: float = 0.999
    clip: float = 1.0
    log_every: int = 50
    save_every: int = 250

    def rate_at(self, step: int) -> float:
        """Linear warm-up, then half a cosine down to `final_rate`."""
        if step < self.warmup:
            return self.rate * (step + 1) / self.warmup
        progress = (step - self.warmup) / max(1, self.steps - self.warmup)
        return self.final_rate + (self.rate - self.final_rate) * 0.5 * (1 + math.cos(math.pi * progress))


def fit(
    module: nn.Module,
    loss_function: LossFunction,
    recipe: Recipe,
    folder: Path,
    look: Callable[[nn.Module, int], None] | None = None,
) -> None:
    """Trains `module` and leaves it with the average of its weights.

    A checkpoint is written every `save_every` steps under `folder`; where one is
    found, training goes on from it.  `look` is called after each, with the
    averaged weights in place.
    """
    path = folder / f"{recipe.name}.pt"
    rank, workers = (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)
    parameters = [p for p in module.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(
        parameters, lr=recipe.rate, betas=(0.9, 0.99), weight_decay=recipe.weight_decay
    )
    average = [p.detach().clone() for p in parameters]
    start, spent = 0, 0.0
    if path.exists():
        saved = torch.load(path, weights_only=True)
        module.load_state_dict(saved["module"])
        optimiser.load_state_dict(saved["optimiser"])
        average, start, spent = saved["average"], saved["step"], saved["seconds"]
        print(f"{recipe.name}: going on from step {start}", flush=True)

    began = time.monotonic() - spent
    generator = torch.Generator()
    for step in range(start, recipe.steps):
        seed = (recipe.seed + 1_000 * rank) * 1_000_003 + step
        generator.manual_seed(seed)
        torch.manual_seed(seed)
        for group in optimiser.param_groups:
            group["lr"] = recipe.rate_at(step)
        loss, figures = loss_function(generator)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        if workers > 1:
            average_gradients(parameters, workers)
        nn.utils.clip_grad_norm_(parameters, recipe.clip)
        optimiser.step()
        decay = min(recipe.averaging, (1 + step) / (10 + step))
        torch._foreach_lerp_(average, [p.detach() for p in parameters], 1 - decay)

        done = step + 1
        if rank > 0:
            continue
        if done % recipe.log_every == 0 or done == recipe.steps:
            text = " ".join(f"{name}={value:.4f}" for name, value in figures.items())
            seconds = time.monotonic() - began
            print(f"{recipe.name} {done}/{recipe.steps} loss={loss.item():.4f} {text} {seconds:.0f}s", flush=True)
        if done % recipe.save_every == 0 or done == recipe.steps:
            state = {
                "module": module.state_dict(),
                "optimiser": optimiser.state_dict(),
                "average": average,
                "step": done,
                "seconds": time.monotonic() - began,
            }
            partial = path.with_suffix(".partial")
            torch.save(state, partial)
            os.replace(partial, path)
            if look is not None:
                with averaged(parameters, average):
                    look(module, done)
    with torch.no_grad():
        torch._foreach_copy_(parameters, average)


def average_gradients(parameters: list[nn.Parameter], workers: int) -> None:
    """Gives every worker the mean of all workers' gradients."""
    flat = torch.cat([p.grad.flatten() for p in parameters])
    dist.all_reduce(flat)
    flat /= workers
    for parameter, part in zip(parameters, flat.split([p.numel() for p in parameters])):
        parameter.grad.copy_(part.view_as(parameter))


@contextmanager
def averaged(parameters: list[nn.Parameter], average: list[torch.Tensor]) -> Iterator[None]:
    """Puts the averaged weights in place for the length of a `with` block."""
    with torch.no_grad():
        kept = [p.detach().clone() for p in parameters]
        torch._foreach_copy_(parameters, average)
    try:
        yield
    finally:
        with torch.no_grad():
            torch._foreach_copy_(parameters, kept)
