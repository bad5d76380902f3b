"""Scores pictures against the prompts they were made from.

    python judge.py PROMPTS.json PICTURES

`PROMPTS.json` is a list of objects with at least

    {"file": "000.png", "prompt": "a red handwritten three on black"}

and `PICTURES` a folder with those files, made by any generator.  A picture is
right when the digit, the colour and - if the prompt names one - the background
are.  The last line printed is ``RIGHT/ALL right``; each wrong picture is named
above it.  ``--json`` prints the whole verdict as JSON instead.  The exit status
is 0 whatever the score, unless ``--at-least N`` asks for N right pictures.

The digit is read by a small convolutional network trained on real digits only
(`judge.safetensors`); colour and background are decided from the pixels.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional as F

import captions
import data
from loop import Recipe, fit

WEIGHTS = Path(__file__).with_name("judge.safetensors")

# --- colour and background -----------------------------------------------------------------------

EDGE = 3
"""Width in pixels of the frame that the background is read from; no digit reaches it."""

NEAR = 60.0
"""How far a colour may lie from the one it is taken for (Euclidean, 0 to 255 a channel)."""


@dataclass(frozen=True)
class Pixels:
    """What the pixel values alone say; None where they match nothing known."""

    colour: str | None
    background: str | None
    mask: np.ndarray


def nearest(value: np.ndarray, table: dict[str, tuple[int, int, int]]) -> str | None:
    """The name of the nearest colour of a table, if it is near at all."""
    distances = {name: float(np.linalg.norm(value - np.array(rgb))) for name, rgb in table.items()}
    name = min(distances, key=distances.__getitem__)
    return name if distances[name] <= NEAR else None


def read_pixels(picture: np.ndarray) -> Pixels:
    """Finds the background, the colour and the digit's mask in an RGB picture ``[h, w, 3]``.

    The background is the median of the frame.  The ink is every pixel more than
    half as far from it as the farthest ones, and its colour their median.
    """
    values = picture.astype(np.float64)
    frame = np.ones(values.shape[:2], dtype=bool)
    frame[EDGE:-EDGE, EDGE:-EDGE] = False
    paper = np.median(values[frame], axis=0)
    distance = np.linalg.norm(values - paper, axis=2)
    farthest = float(np.quantile(distance, 0.99))
    if farthest < 1:
        return Pixels(None, nearest(paper, data.BACKGROUNDS), np.zeros_like(distance))
    ink = np.median(values[distance > farthest / 2], axis=0)
    return Pixels(
        nearest(ink, data.COLOURS),
        nearest(paper, data.BACKGROUNDS),
        np.clip(distance / farthest, 0, 1),
    )


# --- the digit -----------------------------------------------------------------------------------

RECIPE = Recipe(
    name="judge", steps=2400, rate=2e-3, seed=7, weight_decay=1e-2, averaging=0.995, log_every=200, save_every=400
)
BATCH = 64


class Classifier(nn.Sequential):
    """A mask ``[n, 1, 64, 64]`` to ten scores; 113,610 weights."""

    def __init__(self) -> None:
        super().__init__(
            nn.AvgPool2d(2),
            *self._block(1, 32),
            *self._block(32, 64),
            *self._block(64, 128),
            nn.Flatten(),
            nn.Dropout(0.3),
            nn.Linear(128 * 4 * 4, 10),
        )

    @staticmethod
    def _block(inputs: int, outputs: int) -> tuple[nn.Module, ...]:
        return (
            nn.Conv2d(inputs, outputs, 3, padding=1),
            nn.GroupNorm(8, outputs),
            nn.ReLU(),
            nn.MaxPool2d(2),
        )


def distort(masks: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Turns, slants, resizes, moves and blurs each mask a little, as hands (and generators) do."""
    count = len(masks)

    def uniform(low: float, high: float) -> torch.Tensor:
        return low + (high - low) * torch.rand(count, generator=generator)

    angle, slant = uniform(-0.22, 0.22), uniform(-0.2, 0.2)
    wide, high = uniform(0.88, 1.18), uniform(0.88, 1.18)
    cos, sin = angle.cos(), angle.sin()
    theta = torch.stack(
        [
            torch.stack([wide * cos, wide * (slant * cos - sin), uniform(-0.12, 0.12)], dim=1),
            torch.stack([high * sin, high * (slant * sin + cos), uniform(-0.12, 0.12)], dim=1),
        ],
        dim=1,
    )
    grid = F.affine_grid(theta, list(masks.shape), align_corners=False)
    bent = F.grid_sample(masks, grid, align_corners=False)
    blurred = F.avg_pool2d(bent, 3, stride=1, padding=1)
    blend = uniform(0, 1)[:, None, None, None]
    noise = 0.04 * torch.randn(masks.shape, generator=generator)
    return (torch.lerp(bent, blurred, blend) + noise).clamp(0, 1)


@torch.no_grad()
def classify(classifier: Classifier, masks: torch.Tensor) -> torch.Tensor:
    """The digit each mask shows."""
    classifier.eval()
    return torch.cat([classifier(part).argmax(dim=1) for part in masks.split(250)])


def train(digits: data.Digits, held_back: data.Digits, folder: Path, weights: Path = WEIGHTS) -> float:
    """Trains the classifier, writes its weights, gives its accuracy on the digits held back."""
    torch.manual_seed(RECIPE.seed)
    classifier = Classifier()

    def loss_function(generator: torch.Generator) -> tuple[torch.Tensor, dict[str, float]]:
        chosen = torch.randint(len(digits), (BATCH,), generator=generator)
        classifier.train()
        scores = classifier(distort(digits.masks[chosen], generator))
        right = (scores.argmax(dim=1) == digits.labels[chosen]).float().mean().item()
        return F.cross_entropy(scores, digits.labels[chosen], label_smoothing=0.05), {"right": right}

    def look(module: nn.Module, step: int) -> None:
        right = (classify(classifier, held_back.masks) == held_back.labels).sum().item()
        print(f"judge {step}: {right}/{len(held_back)} of the digits held back", flush=True)

    fit(classifier, loss_function, RECIPE, folder, look)
    save_file(classifier.state_dict(), weights)
    return (classify(classifier, held_back.masks) == held_back.labels).float().mean().item()


def load_classifier(weights: Path = WEIGHTS) -> Classifier:
    """The classifier with its trained weights."""
    classifier = Classifier()
    classifier.load_state_dict(load_file(weights))
    return classifier


# --- the verdict ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Verdict:
    """What one picture was asked to show, what it shows, and whether that is right."""

    file: str
    prompt: str
    digit: int
    colour: str | None
    background: str | None
    right: bool


def judge(prompts: list[dict], pictures: Path, classifier: Classifier | None = None) -> list[Verdict]:
    """Judges every picture named in a list of prompts."""
    read = []
    for entry in prompts:
        with Image.open(pictures / entry["file"]) as image:
            rgb = image.convert("RGB")
            if rgb.size != (data.SIZE, data.SIZE):
                rgb = rgb.resize((data.SIZE, data.SIZE), Image.Resampling.LANCZOS)
            read.append(read_pixels(np.asarray(rgb)))
    masks = torch.from_numpy(np.stack([pixels.mask for pixels in read])).float()[:, None]
    digits = classify(classifier or load_classifier(), masks).tolist()

    verdicts = []
    for entry, pixels, digit in zip(prompts, read, digits, strict=True):
        asked = captions.read(entry["prompt"])
        right = (
            asked.digit in (None, digit)
            and pixels.colour is not None
            and asked.colour in (None, pixels.colour)
            and pixels.background is not None
            and asked.background in (None, pixels.background)
        )
        verdicts.append(Verdict(entry["file"], entry["prompt"], digit, pixels.colour, pixels.background, right))
    return verdicts


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("prompts", type=Path)
    parser.add_argument("pictures", type=Path)
    parser.add_argument("--json", action="store_true", help="print the verdicts as JSON")
    parser.add_argument("--at-least", type=int, default=0, metavar="N", help="fail below N right pictures")
    options = parser.parse_args(arguments)

    verdicts = judge(json.loads(options.prompts.read_text()), options.pictures)
    right = sum(verdict.right for verdict in verdicts)
    if options.json:
        print(json.dumps({"right": right, "all": len(verdicts), "pictures": [asdict(v) for v in verdicts]}, indent=1))
    else:
        for verdict in verdicts:
            if not verdict.right:
                seen = f"{verdict.colour} {captions.DIGITS[verdict.digit]} on {verdict.background}"
                print(f"{verdict.file}: asked for {verdict.prompt!r}, shows {seen}")
        print(f"{right}/{len(verdicts)} right")
    return 0 if right >= options.at_least else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
