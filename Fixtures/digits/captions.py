"""The words: how a picture is described in training, and how a prompt is read back.

The plain form is ``a red handwritten three on black``.  Training varies it a
little and sometimes leaves the background (or, rarely, the colour) unsaid, so
that a model learns each word rather than one sentence.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import torch

from data import BACKGROUNDS, COLOURS

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")

EMPTY_SHARE = 0.11
"""Share of captions dropped in training, so that guidance has something to lean on."""

# (share, form).  {a} is the article of the word after it.
_FORMS: tuple[tuple[float, str], ...] = (
    (0.50, "{a} {colour} handwritten {digit} on {background}"),
    (0.20, "{a} {colour} handwritten {digit}"),
    (0.08, "{a} {colour} {digit} on {background}"),
    (0.06, "a handwritten {colour} {digit} on {background}"),
    (0.05, "a handwritten {digit} in {colour} on {background}"),
    (0.04, "the digit {digit} in {colour} on a {background} background"),
    (0.04, "{a} {colour} {digit}"),
    (0.03, "a handwritten {digit} on {background}"),
)


def _article(word: str) -> str:
    return "an" if word[0] in "aeiou" else "a"


def fill(form: str, digit: str, colour: str, background: str) -> str:
    """One form with its words put in."""
    return form.format(a=_article(colour), digit=digit, colour=colour, background=background)


def caption(digit: int, colour: int, background: int, generator: torch.Generator) -> str:
    """A training caption for a picture, drawn at random; sometimes empty."""
    # Five are drawn, as ever: what a step draws must not depend on how much of it is used.
    draw_empty, draw_form, *_ = torch.rand(5, generator=generator).tolist()
    if draw_empty < EMPTY_SHARE:
        return ""
    chosen = _FORMS[-1][1]
    for share, form in _FORMS:
        if draw_form < share:
            chosen = form
            break
        draw_form -= share
    return fill(chosen, DIGITS[digit], list(COLOURS)[colour], list(BACKGROUNDS)[background])


def every_caption() -> list[str]:
    """Every caption that training can draw, the empty one included."""
    return sorted(
        {""}
        | {
            fill(form, digit, colour, background)
            for _, form in _FORMS
            for digit in DIGITS
            for colour in COLOURS
            for background in BACKGROUNDS
        }
    )


@dataclass(frozen=True)
class Request:
    """What a prompt asks for; None where it does not say."""

    digit: int | None
    colour: str | None
    background: str | None


def read(prompt: str) -> Request:
    """What a prompt asks for."""
    words = re.findall(r"[a-z]+", prompt.lower())
    digits = [DIGITS.index(word) for word in words if word in DIGITS]
    colours = [word for word in words if word in COLOURS]
    backgrounds = [word for word in words if word in BACKGROUNDS]
    return Request(
        digits[0] if digits else None,
        colours[0] if colours else None,
        backgrounds[0] if backgrounds else None,
    )


def evaluation_prompts() -> list[dict[str, str | int]]:
    """The list in `prompts.json`: every digit ten times, three in ten without a background."""
    entries = []
    for index in range(100):
        digit, turn = divmod(index, 10)
        colour = list(COLOURS)[(digit + turn) % len(COLOURS)]
        background = (list(BACKGROUNDS) * 5)[turn] if turn % 10 not in (2, 5, 8) else None
        form = _FORMS[0][1] if background else _FORMS[1][1]
        prompt = fill(form, DIGITS[digit], colour, background or "")
        entries.append({"file": f"{index:03}.png", "prompt": prompt, "seed": index})
    return entries
