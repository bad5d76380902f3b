"""Writes reference.safetensors: trajectories of diffusers' schedulers on given predictions.

    python make.py      (torch, diffusers; the versions are in the file's metadata)

Also timesteps.json: for every number of steps the timesteps' digest, and where diffusers fails.

A case NAME holds `NAME.outputs` [evaluations, 6], the predictions; `NAME.samples`
[evaluations + 1, 6], the latents before the first and after each step; `NAME.timesteps`. Its class,
steps and configuration are in the metadata under NAME, as JSON. Where the case was run through a
pipeline, `own` is the class of the scheduler it was built with, and the configuration is the file's.
"""

import hashlib
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
    record(name, kind, steps, getattr(diffusers, kind)(**config), {"config": config})


def record(name: str, kind: str, steps: int, scheduler, more: dict) -> None:
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
    metadata[name] = json.dumps({"class": kind, "steps": steps} | more)


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

# Betas by other rules, Runge-Kutta steps, roundings that add a timestep, timesteps beyond the last.
for kind, name in (("PNDMScheduler", "pndm"), ("DDIMScheduler", "ddim"), ("EulerDiscreteScheduler", "euler")):
    more = {"skip_prk_steps": True} if name == "pndm" else {}
    betas = [0.001 + 0.0005 * n + 0.0001 * (n % 3) for n in range(60)]
    case(f"{name}-trained", kind, 7, trained_betas=betas, num_train_timesteps=60, **more)
    case(f"{name}-cosine", kind, 13, beta_schedule="squaredcos_cap_v2", **more)
    case(f"{name}-cosine-v", kind, 20, beta_schedule="squaredcos_cap_v2", prediction_type="v_prediction", **more)
    case(f"{name}-trailing-61", kind, 61, timestep_spacing="trailing", **more)
    case(f"{name}-short", kind, 9, num_train_timesteps=37, **more)
    for steps in (1, 2, 3, 7, 13, 20, 25, 100):
        case(f"{name}-v-{steps}", kind, steps, prediction_type="v_prediction", steps_offset=1, **more)
for steps in (4, 5, 13, 50):
    case(f"pndm-prk-{steps}", "PNDMScheduler", steps, steps_offset=1)
case("pndm-prk-v", "PNDMScheduler", 9, prediction_type="v_prediction", timestep_spacing="linspace")
case("pndm-prk-trailing", "PNDMScheduler", 12, timestep_spacing="trailing", set_alpha_to_one=True)
case("euler-beyond", "EulerDiscreteScheduler", 1000, timestep_spacing="leading", steps_offset=1)

# What a pipeline makes of a model's configuration, for its own scheduler and for others assigned.
KINDS = ("PNDMScheduler", "DDIMScheduler", "EulerDiscreteScheduler")
published = base | {"set_alpha_to_one": False, "skip_prk_steps": True, "trained_betas": None}
for stated, fields in (("full", {"steps_offset": 1, "clip_sample": False}), ("bare", {}), ("old", {"steps_offset": 0, "clip_sample": True}),
                       ("spaced", {"timestep_spacing": "trailing", "steps_offset": 1, "clip_sample": False})):
    for own in KINDS:
        config = published | fields | {"_class_name": own}
        for kind in KINDS:
            for steps in (1, 2, 3, 7, 13, 20, 25, 100) if stated == "full" and own == "PNDMScheduler" else (13,):
                scheduler = getattr(diffusers, own).from_config(config)
                pipeline = diffusers.StableDiffusionPipeline(
                    vae=None, text_encoder=None, tokenizer=None, unet=None, scheduler=scheduler, safety_checker=None,
                    feature_extractor=None, requires_safety_checker=False)
                if kind != own:
                    pipeline.scheduler = getattr(diffusers, kind).from_config(pipeline.scheduler.config)
                record(f"{stated}-{own}-{kind}-{steps}", kind, steps, pipeline.scheduler, {"own": own, "config": config})
save_file(tensors, Path(__file__).parent / "reference.safetensors", metadata)


def fails(kind: str, steps: int, config: dict) -> bool:
    scheduler = getattr(diffusers, kind)(**config)
    sample = torch.ones(1)
    try:
        scheduler.set_timesteps(steps)
        for t in scheduler.timesteps:
            sample = scheduler.step(scheduler.scale_model_input(sample, t), t, sample).prev_sample
    except (IndexError, ValueError):
        return True
    return False


tried = [*range(1, 41), 48, 50, 61, 64, 99, 100, 101, 103, 128, 250, 251, 333, 334, 499, 500, 501, 666, 667, 998, 999, 1000]
grid = []
for kind in KINDS:
    for spacing in ("leading", "linspace", "trailing"):
        for offset in (0, 1) if spacing == "leading" else (0,):
            for skips in (True, False) if kind == "PNDMScheduler" else (None,):
                config = base | {"timestep_spacing": spacing, "steps_offset": offset} | ({} if skips is None else {"skip_prk_steps": skips})
                scheduler = getattr(diffusers, kind)(**config)
                digests = ""
                for steps in range(1, 1001):
                    try:
                        scheduler.set_timesteps(steps)
                        digests += hashlib.sha256(scheduler.timesteps.float().numpy().tobytes()).hexdigest()[:4]
                    except ValueError:
                        digests += "...."
                failing = [steps for steps in tried if fails(kind, steps, config)]
                grid.append({"class": kind, "config": config, "digests": digests, "failing": failing})
                print(kind, spacing, offset, skips, failing)
(Path(__file__).parent / "timesteps.json").write_text(
    json.dumps({"diffusers": diffusers.__version__, "tried": tried, "grid": grid}, separators=(",", ":")) + "\n")
