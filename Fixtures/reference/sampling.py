"""What is recorded of the schedulers and of whole generations."""

from __future__ import annotations

import numpy as np
import torch

from .model import plain
from .recorder import Recorder, latent_size


def record_scheduler(to: Recorder) -> None:
    from diffusers import DDIMScheduler, EulerDiscreteScheduler, PNDMScheduler

    cases = []
    sizes = [("pndm", PNDMScheduler, 50), ("pndm-7", PNDMScheduler, 7), ("ddim", DDIMScheduler, 50),
             ("ddim-13", DDIMScheduler, 13), ("euler", EulerDiscreteScheduler, 30)]
    for stream, (name, kind, steps) in enumerate(sizes):
        scheduler = to.model.pipeline(kind).scheduler
        config = plain(dict(scheduler.config)) | {"_class_name": kind.__name__}
        scheduler.set_timesteps(steps)
        latents = to.noise(1, 4, 8, 8, stream=30 + stream) * scheduler.init_noise_sigma
        noise = to.noise(len(scheduler.timesteps), 4, 8, 8, stream=40 + stream)
        to.put(f"scheduler/{name}/initial", latents)
        scaled, trajectory = [], []
        for index, timestep in enumerate(scheduler.timesteps):
            scaled.append(scheduler.scale_model_input(latents, timestep))
            latents = scheduler.step(noise[index : index + 1], timestep, latents).prev_sample
            trajectory.append(latents)
        to.put(f"scheduler/{name}/timesteps", scheduler.timesteps.float())
        to.put(f"scheduler/{name}/noise", noise)
        to.put(f"scheduler/{name}/scaled", torch.cat(scaled))
        to.put(f"scheduler/{name}/trajectory", torch.cat(trajectory))
        cases.append({"name": name, "config": config, "steps": steps})
    to.metadata["scheduler.cases"] = cases


def record_generation(to: Recorder) -> None:
    import diffusers

    options, (height, width) = to.options, to.options.size
    cases = [
        {"prompt": prompt, "negative_prompt": options.negative_prompt, "seed": options.seed,
         "steps": options.steps, "guidance_scale": options.guidance_scale,
         "scheduler": type(to.model.scheduler).__name__}
        for prompt in options.prompt
    ]
    if options.variants:
        cases += [
            cases[0] | {"negative_prompt": "a white background", "seed": options.seed + 1, "steps": 20,
                        "scheduler": "DDIMScheduler"},
            cases[0] | {"guidance_scale": 1.0, "seed": options.seed + 2, "steps": 15,
                        "scheduler": "EulerDiscreteScheduler"},
        ]
    for number, case in enumerate(cases):
        case |= {"width": width, "height": height}
        pipeline = to.model.pipeline(getattr(diffusers, case["scheduler"]))
        generator = torch.Generator("cpu").manual_seed(case["seed"])
        initial = torch.randn((1, to.model.unet.config.in_channels, *latent_size(to)), generator=generator)
        arguments = dict(
            prompt=case["prompt"], negative_prompt=case["negative_prompt"] or None, height=height,
            width=width, num_inference_steps=case["steps"], guidance_scale=case["guidance_scale"],
        )
        # The generator goes in, not the latents: what is recorded is what a user of diffusers gets.
        latents = []
        image = pipeline(
            **arguments, generator=torch.Generator("cpu").manual_seed(case["seed"]),
            callback_on_step_end=lambda _p, _i, _t, values: latents.append(values["latents"]) or values,
        ).images[0]
        to.put(f"generation/{number}/initial", initial)
        to.put(f"generation/{number}/latents", latents[-1])
        to.put(f"generation/{number}/picture", torch.from_numpy(np.array(image.convert("RGB"))))
    to.metadata["generation.cases"] = cases
