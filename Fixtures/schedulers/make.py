"""Writes reference.safetensors: trajectories of diffusers' schedulers on given predictions.

    python make.py      (torch, diffusers; the versions are in the file's metadata)

A case NAME holds `NAME.outputs` [evaluations, 6], the predictions; `NAME.samples`
[evaluations + 1, 6], the latents before the first and after each step; `NAME.timesteps`. Its class,
steps and configuration are in the metadata under NAME, as JSON.
"""

import json
from pathlib import Path

import diffusers
import torch
from safetensors.torch import save_file

torch.manual_seed(44)
tensors, metadata = {}, {"torch": torch.__version__, "diffusers": diffusers.__version__}
base = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "num_train_timesteps": 1000}


def case(name: str, kind: str, steps: int, **options) -> None:
    config = base | options
    scheduler = getattr(diffusers, kind)(**config)
    scheduler.set_timesteps(steps)
    sample = torch.randn(6) * scheduler.init_noise_sigma
    samples, outputs, inputs = [sample], [], []
    for t in scheduler.timesteps:
        inputs.append(scheduler.scale_model_input(sample, t))
        output = torch.randn(6)
        sample = scheduler.step(output, t, sample).prev_sample
        outputs.append(output)
        samples.append(sample)
    tensors[f"{name}.timesteps"] = scheduler.timesteps.float().clone()
    tensors[f"{name}.sigma"] = torch.tensor([float(scheduler.init_noise_sigma)])
    for key, rows in (("samples", samples), ("outputs", outputs), ("inputs", inputs)):
        tensors[f"{name}.{key}"] = torch.stack(rows).float().clone()
    metadata[name] = json.dumps({"class": kind, "steps": steps, "config": config})


for steps in (1, 2, 3, 4, 5, 7, 20, 50, 999, 1000):
    if steps > 1:
        case(f"pndm-{steps}", "PNDMScheduler", steps, skip_prk_steps=True, steps_offset=1 if steps < 999 else 0, set_alpha_to_one=False)
    case(f"ddim-{steps}", "DDIMScheduler", steps, steps_offset=1 if steps < 999 else 0, set_alpha_to_one=False, clip_sample=False)
    case(f"euler-{steps}", "EulerDiscreteScheduler", steps, steps_offset=1 if steps < 999 else 0, timestep_spacing="leading")
for kind, name in (("PNDMScheduler", "pndm"), ("DDIMScheduler", "ddim"), ("EulerDiscreteScheduler", "euler")):
    more = {"skip_prk_steps": True} if name == "pndm" else {}
    for spacing in ("leading", "linspace", "trailing"):
        case(f"{name}-{spacing}", kind, 13, timestep_spacing=spacing, **more)
    case(f"{name}-v", kind, 11, prediction_type="v_prediction", **more)
    case(f"{name}-linear", kind, 9, beta_schedule="linear", **more)
case("ddim-clip", "DDIMScheduler", 10, clip_sample=True, clip_sample_range=0.8)
case("ddim-alpha-one", "DDIMScheduler", 10, set_alpha_to_one=True, clip_sample=False)
case("pndm-alpha-one", "PNDMScheduler", 10, set_alpha_to_one=True, skip_prk_steps=True)
save_file(tensors, Path(__file__).parent / "reference.safetensors", metadata)
