"""Stage `unet`: the text encoder and the U-Net, trained together on the latents."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from diffusers import AutoencoderKL, StableDiffusionPipeline
from diffusers.models.attention_processor import AttnProcessor
from PIL import Image
from torch import nn
from torch.nn import functional as F
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

import captions
import data
import judge
import models
from autoencoder import Latents
from layout import Weights
from loop import Recipe, fit


@dataclass(frozen=True)
class Part:
    """One part of the training on pictures: its recipe, and how noise levels count."""

    recipe: Recipe
    weighted: bool


PARTS = (
    # Strokes first: every noise level counts the same, as in the family.
    Part(
        Recipe("unet-strokes", steps=3000, rate=1e-3, final_rate=3e-4, seed=23, log_every=100, save_every=500),
        weighted=False,
    ),
    # Then the noisy levels count more, where digit, colour and background are chosen.
    Part(
        Recipe("unet-choices", steps=1500, rate=1e-3, final_rate=1.5e-4, seed=29, averaging=0.998),
        weighted=True,
    ),
)
GUIDED = Recipe("unet-guidance", steps=1000, rate=5e-4, seed=31, averaging=0.995, save_every=100)
"""The last part: see `Guided`."""
WORKERS = 2
BATCH = 24
"""Pictures a step for each worker."""
GUIDED_BATCH = 12
"""The same for the last part, where each picture takes four passes."""

STEPS = 50
GUIDANCE = 7.5
BEST_GUIDANCE = 3.0
"""The guidance at which the model is best before its last part."""


class Vocabulary:
    """The few dozen of CLIP's 49,408 tokens that the captions use.

    In training the token embedding has a row for each of these only.  In the
    finished model they are put where CLIP's numbering has them and every other
    row is zero.
    """

    def __init__(self, tokenizer: CLIPTokenizer) -> None:
        texts = captions.every_caption()
        ids = tokenizer(texts, padding="max_length", max_length=models.POSITIONS, return_tensors="pt").input_ids
        self.used, rows = ids.unique(return_inverse=True)
        self.row_of = {text: index for index, text in enumerate(texts)}
        self.rows = rows

    def encode(self, texts: list[str]) -> torch.Tensor:
        """Training captions as rows of the small embedding ``[n, 77]``."""
        return self.rows[torch.tensor([self.row_of[text] for text in texts])]


class Denoiser(nn.Module):
    """Text encoder and U-Net as one module, the embedding cut down to a `Vocabulary`."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        super().__init__()
        small = {"vocab_size": len(vocabulary.used), "bos_token_id": 0, "eos_token_id": 1}
        self.text = CLIPTextModel(CLIPTextConfig(**{**models.TEXT_CONFIG, **small}))
        self.unet = models.unet()
        self.unet.set_attn_processor(AttnProcessor())  # with heads this narrow, faster than the fused one

    def forward(self, noisy: torch.Tensor, times: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
        """The noise in the latents, as the captions let it be guessed."""
        return self.unet(noisy, times, self.text(rows).last_hidden_state).sample


def weight(kept: torch.Tensor) -> torch.Tensor:
    """How much a noise level counts, by the share of the signal's variance that it keeps.

    The error is measured in the noise, where a mistake about the picture weighs
    as little as there is picture left.  This takes the square root of that back.
    """
    return ((1 - kept) / kept).sqrt().clamp(min=1)


class Guided:
    """Teaches a model to be at `GUIDANCE` what a copy of it is at `BEST_GUIDANCE`.

    Stable Diffusion's usual guidance, 7.5, is as strong as that because the
    captions it learned from describe their pictures so loosely.  To a model whose
    captions are always true it is far too much: the guided guess lands several
    times beyond the wanted colour, on another one.  So the step from the guess
    without a prompt to the guess with one has to become shorter, by 2 / 7.5; the
    two guided guesses are compared, since they are what draws the picture.

    A third of the prompts are another picture's: in the middle of drawing, too,
    a prompt may ask for something else than what the latents hold.
    """

    def __init__(self, model: Denoiser) -> None:
        self.teacher = copy.deepcopy(model).eval().requires_grad_(False)

    @staticmethod
    def guesses(
        model: Denoiser, noisy: torch.Tensor, times: torch.Tensor, rows: torch.Tensor, empty: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The guesses without and with the prompt."""
        both = model(torch.cat([noisy, noisy]), torch.cat([times, times]), torch.cat([empty.expand_as(rows), rows]))
        return tuple(both.chunk(2))

    def loss(
        self, model: Denoiser, noisy: torch.Tensor, times: torch.Tensor, rows: torch.Tensor, empty: torch.Tensor
    ) -> torch.Tensor:
        """The squared errors of each picture ``[n]``: of the guided guess, and of the one without a prompt."""
        away, towards = self.guesses(model, noisy, times, rows, empty)
        with torch.no_grad():
            wanted_away, wanted_towards = self.guesses(self.teacher, noisy, times, rows, empty)
        guided = away + GUIDANCE * (towards - away)
        wanted = wanted_away + BEST_GUIDANCE * (wanted_towards - wanted_away)
        errors = (guided - wanted).square() + (away - wanted_away).square()
        return errors.mean(dim=(1, 2, 3))


def train(vae: AutoencoderKL, latents: Latents, tokenizer: CLIPTokenizer, folder: Path) -> Weights:
    """Trains the denoiser; gives the finished model's weights."""
    torch.manual_seed(PARTS[0].recipe.seed)
    vocabulary = Vocabulary(tokenizer)
    denoiser = Denoiser(vocabulary)
    scheduler = models.scheduler()

    def draw(generator: torch.Generator, count: int) -> tuple[torch.Tensor, ...]:
        """Captions as rows, noise, noisy latents and timesteps of pictures drawn at random."""
        chosen = torch.randint(len(latents), (count,), generator=generator)
        shown = zip(*(kind[chosen].tolist() for kind in (latents.digits, latents.colours, latents.backgrounds)))
        rows = vocabulary.encode([captions.caption(*which, generator) for which in shown])
        clean = latents.values[chosen]
        noise = torch.randn(clean.shape, generator=generator)
        times = torch.randint(scheduler.config.num_train_timesteps, (count,), generator=generator)
        return rows, noise, scheduler.add_noise(clean, noise, times), times

    def loss_function(part: Part, generator: torch.Generator) -> tuple[torch.Tensor, dict[str, float]]:
        rows, noise, noisy, times = draw(generator, BATCH)
        errors = F.mse_loss(denoiser(noisy, times, rows), noise, reduction="none").mean(dim=(1, 2, 3))
        weights = weight(scheduler.alphas_cumprod[times]) if part.weighted else torch.ones(BATCH)
        return (weights * errors).mean(), {"error": errors.mean().item()}

    def guided_loss(guided: Guided, generator: torch.Generator) -> tuple[torch.Tensor, dict[str, float]]:
        rows, _, noisy, times = draw(generator, GUIDED_BATCH)
        others = GUIDED_BATCH // 3
        rows[:others] = rows[:others].roll(1, dims=0)
        errors = guided.loss(denoiser, noisy, times, rows, vocabulary.encode([""]))
        return (weight(scheduler.alphas_cumprod[times]) * errors).mean(), {"error": errors.mean().item()}

    def look(name: str, module: Denoiser, step: int) -> None:
        every = captions.evaluation_prompts()
        entries = [every[7 * n % len(every)] for n in range(36)]
        pictures = generate(pipeline(weights_of(vae, module, vocabulary), tokenizer), entries)
        sheet = folder / f"{name}-{step:05}"
        sheet.mkdir(exist_ok=True)
        for entry, picture in zip(entries, pictures):
            picture.save(sheet / entry["file"])
        data.contact_sheet(pictures, 10).save(sheet.with_suffix(".png"))
        right = sum(verdict.right for verdict in judge.judge(entries, sheet))
        print(f"{name} {step}: {right}/{len(entries)} pictures right", flush=True)

    for part in PARTS:
        fit(denoiser, partial(loss_function, part), part.recipe, folder, partial(look, part.recipe.name))
    fit(denoiser, partial(guided_loss, Guided(denoiser)), GUIDED, folder, partial(look, GUIDED.name))
    return weights_of(vae, denoiser, vocabulary)


def weights_of(vae: AutoencoderKL, denoiser: Denoiser, vocabulary: Vocabulary) -> Weights:
    """The finished model: the embedding at full size, everything rounded to float16."""
    text = {"text_model." + name.removeprefix("text_model."): t for name, t in denoiser.text.state_dict().items()}
    name = "text_model.embeddings.token_embedding.weight"
    embedding = torch.zeros(models.VOCABULARY, models.TEXT_WIDTH)
    embedding[vocabulary.used] = text[name]
    text[name] = embedding
    return Weights(denoiser.unet.state_dict(), vae.state_dict(), text).rounded()


def pipeline(weights: Weights, tokenizer: CLIPTokenizer) -> StableDiffusionPipeline:
    """diffusers' own pipeline with these weights, in float32."""
    text, unet, vae = models.text_encoder(), models.unet(), models.vae()
    names = text.state_dict().keys()
    text.load_state_dict({n: weights.text.get(n, weights.text.get("text_model." + n)) for n in names})
    unet.load_state_dict(weights.unet)
    vae.load_state_dict(weights.vae)
    made = StableDiffusionPipeline(
        vae=vae,
        text_encoder=text,
        tokenizer=tokenizer,
        unet=unet,
        scheduler=models.scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    made.set_progress_bar_config(disable=True)
    return made


def generate(
    made: StableDiffusionPipeline,
    entries: list[dict],
    steps: int = STEPS,
    guidance: float = GUIDANCE,
    batch: int = 25,
) -> list[Image.Image]:
    """A picture for each prompt of a list, its noise drawn from the prompt's own seed."""
    pictures: list[Image.Image] = []
    for start in range(0, len(entries), batch):
        part = entries[start : start + batch]
        pictures += made(
            [entry["prompt"] for entry in part],
            height=data.SIZE,
            width=data.SIZE,
            num_inference_steps=steps,
            guidance_scale=guidance,
            generator=[torch.Generator().manual_seed(entry["seed"]) for entry in part],
        ).images
    return pictures
