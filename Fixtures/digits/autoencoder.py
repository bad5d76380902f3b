"""Stage `vae`: the autoencoder, and the fitting of its latents to the family's scale."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from diffusers import AutoencoderKL

import data
import models
from loop import Recipe, fit

RECIPE = Recipe(name="vae", steps=3600, rate=1e-3, seed=11, averaging=0.998)
BATCH = 8
KL_WEIGHT = 3e-4
INK_WEIGHT = 3.0
"""How much more a pixel full of ink counts than one of bare background."""

DRAWINGS = 4
"""In how many of the twelve pairs of colour and background each digit is encoded for the U-Net."""


def draw_batch(digits: data.Digits, size: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Random digits in random colours: pictures and their masks."""
    chosen = torch.randint(len(digits), (size,), generator=generator)
    colours = torch.randint(len(data.COLOURS), (size,), generator=generator)
    backgrounds = torch.randint(len(data.BACKGROUNDS), (size,), generator=generator)
    masks = digits.masks[chosen]
    return data.draw(masks, colours, backgrounds), masks


def train(digits: data.Digits, folder: Path) -> AutoencoderKL:
    """A trained autoencoder whose scaled latents have mean 0 and deviation 1."""
    torch.manual_seed(RECIPE.seed)
    vae = models.vae()

    def loss_function(generator: torch.Generator) -> tuple[torch.Tensor, dict[str, float]]:
        pictures, masks = draw_batch(digits, BATCH, generator)
        with torch.autocast("cpu", torch.bfloat16):
            posterior = vae.encode(pictures).latent_dist
            noise = torch.randn(posterior.mean.shape, generator=generator)
            decoded = vae.decode(posterior.mean + posterior.std * noise).sample
        error = decoded.float() - pictures
        weight = 1 + INK_WEIGHT * masks
        rebuilt = (weight * (error.abs() + error.square())).mean()
        mean, logvar = posterior.mean.float(), posterior.logvar.float()
        kl = 0.5 * (mean.square() + logvar.exp() - 1 - logvar).mean()
        figures = {"l1": error.abs().mean().item(), "kl": kl.item()}
        return rebuilt + KL_WEIGHT * kl, figures

    @torch.no_grad()
    def look(module: AutoencoderKL, step: int) -> None:
        pictures, _ = draw_batch(digits, 24, torch.Generator().manual_seed(0))
        rebuilt = module(pictures).sample
        rows = [torch.cat([a, b], dim=1) for a, b in zip(pictures, rebuilt)]
        data.contact_sheet([data.to_image(row) for row in rows], 12).save(folder / f"vae-{step:05}.png")

    fit(vae, loss_function, RECIPE, folder, look)
    return vae


@dataclass(frozen=True)
class Latents:
    """Pictures as the U-Net sees them ``[n, 4, 8, 8]``, and what each one shows ``[n]``."""

    values: torch.Tensor
    digits: torch.Tensor
    colours: torch.Tensor
    backgrounds: torch.Tensor

    def __len__(self) -> int:
        return len(self.values)


@torch.no_grad()
def encode(vae: AutoencoderKL, digits: data.Digits) -> Latents:
    """Mean latents of every digit in `DRAWINGS` different pairs of colour and background."""
    generator = torch.Generator().manual_seed(RECIPE.seed)
    pairs = len(data.COLOURS) * len(data.BACKGROUNDS)
    drawn = torch.stack([torch.randperm(pairs, generator=generator)[:DRAWINGS] for _ in range(len(digits))])
    colours, backgrounds = drawn.flatten() % len(data.COLOURS), drawn.flatten() // len(data.COLOURS)
    which = torch.arange(len(digits)).repeat_interleave(DRAWINGS)
    values = []
    for part in torch.arange(len(which)).split(40):
        pictures = data.draw(digits.masks[which[part]], colours[part], backgrounds[part])
        with torch.autocast("cpu", torch.bfloat16):
            values.append(vae.encode(pictures).latent_dist.mean.float())
    return Latents(torch.cat(values), digits.labels[which], colours, backgrounds)


@torch.no_grad()
def fit_scale(vae: AutoencoderKL, latents: Latents) -> Latents:
    """Changes the autoencoder so that 0.18215 of a latent has mean 0 and deviation 1 a channel.

    The encoder's last 1x1 convolution (`quant_conv`: four rows of means, four of
    log-variances) takes the shift and the scale and the decoder's first
    (`post_quant_conv`) their inverse, so encoding and decoding together stay
    what they were.  The latents come back as the U-Net is to see them.
    """
    mean = latents.values.mean(dim=(0, 2, 3))
    deviation = latents.values.std(dim=(0, 2, 3))
    unit = deviation * models.LATENT_SCALE

    quant, post = vae.quant_conv, vae.post_quant_conv
    quant.weight[:4] /= unit[:, None, None, None]
    quant.bias[:4] = (quant.bias[:4] - mean) / unit
    quant.bias[4:] -= 2 * unit.log()
    post.bias += post.weight[:, :, 0, 0] @ mean
    post.weight *= unit[None, :, None, None]

    values = (latents.values - mean[:, None, None]) / deviation[:, None, None]
    return replace(latents, values=values)
