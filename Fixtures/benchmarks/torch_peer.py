"""Times assay against PyTorch: single evaluations of a model's networks in float32 on the CPU.

    python torch_peer.py MODEL [--assay .build/release/assay] [--part unet …] [--repeat 5]

MODEL is a diffusers folder, which both sides read. The two take turns within one run, so what else
the machine does slows both; a ratio below 1 means that assay is faster. Each side uses all cores.
Versions that it was written with: torch 2.15, diffusers 0.42.1, transformers 5.23.
"""

import argparse
import json
import os
import statistics
import subprocess
import time

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from transformers import CLIPTextModel

PARTS = ("unet", "decode", "encode", "text")


def noise(*shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


def load(part, folder, latents):
    """A closure that evaluates the part once, on inputs of the sizes that `assay bench` takes."""
    if part == "unet":
        unet = UNet2DConditionModel.from_pretrained(folder, subfolder="unet", torch_dtype=torch.float32)
        sample = noise(1, unet.config.in_channels, latents, latents)
        text = noise(1, 77, unet.config.cross_attention_dim)
        return lambda: unet(sample, 500, text).sample
    if part == "text":
        encoder = CLIPTextModel.from_pretrained(folder, subfolder="text_encoder", torch_dtype=torch.float32)
        length, words = encoder.config.max_position_embeddings, encoder.config.vocab_size
        tokens = (torch.arange(length) * 37 % words)[None]
        return lambda: encoder(tokens)[0]
    vae = AutoencoderKL.from_pretrained(folder, subfolder="vae", torch_dtype=torch.float32)
    if part == "decode":
        z = noise(1, vae.config.latent_channels, latents, latents)
        return lambda: vae.decode(z).sample
    pixels = latents * 2 ** (len(vae.config.block_out_channels) - 1)
    picture = noise(1, vae.config.in_channels, pixels, pixels)
    return lambda: vae.encode(picture).latent_dist.mean


class Assay:
    """One `assay bench` process that evaluates on request."""

    def __init__(self, program, folder, latents):
        command = [program, "bench", folder, "--latent-size", str(latents), "--on-request"]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)

    def __call__(self, part):
        self.process.stdin.write(part + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit("assay ended early")
        return json.loads(line)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("model")
    arguments.add_argument("--assay", default=".build/release/assay")
    arguments.add_argument("--part", nargs="+", choices=PARTS, default=PARTS)
    arguments.add_argument("--latent-size", type=int, default=64)
    arguments.add_argument("--repeat", type=int, default=5)
    options = arguments.parse_args()

    torch.set_grad_enabled(False)
    torch.set_num_threads(int(os.environ.get("ASSAY_THREADS", os.cpu_count())))
    assay = Assay(options.assay, options.model, options.latent_size)
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {torch.backends.cpu.get_cpu_capability()}")
    for part in options.part:
        evaluate = load(part, options.model, options.latent_size)
        evaluate(), assay(part)
        theirs, ours = [], []
        for _ in range(options.repeat):
            start = time.perf_counter()
            evaluate()
            theirs.append(time.perf_counter() - start)
            answer = assay(part)
            ours += answer["seconds"]
        beyond = (answer["peak_bytes"] - answer["mapped_bytes"]) / 2**20
        median = statistics.median(ours), statistics.median(theirs)
        print(f"{part:7s} assay {median[0]:7.3f} s  torch {median[1]:7.3f} s  ratio {median[0] / median[1]:.2f}"
              f"  fastest {min(ours):7.3f} s {min(theirs):7.3f} s  ratio {min(ours) / min(theirs):.2f}"
              f"  assay's peak beyond mapped files {beyond:.0f} MiB", flush=True)


if __name__ == "__main__":
    main()
