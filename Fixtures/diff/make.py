"""Writes two sets of tensors, `a.safetensors` and `b.safetensors`, and how they differ, by NumPy.

    python make.py

`expected.json` has every figure of `assay diff --json` for each tensor, and for all of them together, in
extended precision over the places where both values are finite. The tensors are pairs of types, with
zeros of both signs, NaNs, infinities, subnormals and values beyond what single precision holds.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

HERE = Path(__file__).parent
F16, BF16, F32, F64 = torch.float16, torch.bfloat16, torch.float32, torch.float64
E4M3, E5M2, I64, I32, U8 = torch.float8_e4m3fn, torch.float8_e5m2, torch.int64, torch.int32, torch.uint8


def pairs() -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    torch.manual_seed(21)

    def noise(*shape: int) -> torch.Tensor:
        return torch.randn(shape, dtype=F64)

    base = noise(61, 83)
    tuned = base + 0.01 * noise(61, 83)
    odd = base.to(F32).clone()
    odd[3, :5] = torch.tensor([float("nan"), float("inf"), -float("inf"), 0.0, 1e-42])
    odder = odd.clone()
    odder[3, :5] = torch.tensor([float("nan"), -float("inf"), -float("inf"), -0.0, 2e-42])
    odder[7] += 0.25
    odder[9, 9] = float("nan")
    large = base * 1e300
    low = noise(40, 3) @ noise(3, 50)
    return {
        "same": (base.to(F16), base.to(F16)),
        "half": (base.to(F16), tuned.to(F16)),
        "brain": (base.to(BF16), tuned.to(BF16)),
        "single": (base.to(F32), tuned.to(F32)),
        "double": (base, tuned),
        "half-single": (base.to(F16), tuned.to(F32)),
        "single-brain": (base.to(F32), base.to(F32).to(BF16)),
        "half-brain": (base.to(F32).to(F16), base.to(F32).to(BF16)),
        "through-brain": (base.to(F16), base.to(F16).to(BF16).to(F16)),
        "double-half": (base, base.to(F32).to(F16)),
        "eight-bits": (base.to(F32), base.to(F32).to(E4M3)),
        "eight-bits-wide": (base.to(F16), base.to(F16).to(E5M2)),
        "odd": (odd, odder),
        "large": (large / 1e150, tuned * 1e150),
        "whole": (torch.arange(300), torch.arange(300) + (torch.arange(300) % 7 == 0)),
        "whole-wide": (torch.tensor([2**60, 5]), torch.tensor([2**60 + 1, 5])),
        "bytes": (torch.arange(256).to(U8), torch.arange(255, -1, -1).to(U8)),
        "negated": (base.to(F32), -base.to(F32)),
        "zero": (torch.zeros(40), torch.zeros(40)),
        "from-zero": (torch.zeros(40), torch.ones(40)),
        "none": (torch.zeros(0, 4), torch.zeros(0, 4)),
        "one": (torch.tensor(2.0), torch.tensor(3.0)),
        "low-rank": (noise(40, 50).to(F32), None, low),
    }


def numbers(tensor: torch.Tensor) -> np.ndarray:
    """As extended precision, which holds every value of every type here."""
    if tensor.dtype in (I64, I32, U8):
        return tensor.numpy().astype(np.longdouble).ravel()
    return tensor.to(F64).numpy().astype(np.longdouble).ravel()


def figures(a: np.ndarray, b: np.ndarray, absolute: float, relative: float) -> dict:
    good = np.isfinite(a) & np.isfinite(b)
    x, y = a[good], b[good]
    apart = np.abs(y - x)
    differs = ~((a == b) | (np.isnan(a) & np.isnan(b)))
    norm_a, norm_b = np.sqrt((x * x).sum()), np.sqrt((y * y).sum())
    norm = np.sqrt((apart * apart).sum())
    count = int(good.sum())
    return {
        "values": a.size, "finite": count, "changed_values": int(differs.sum()),
        "beyond_tolerance": int((apart > absolute + relative * np.abs(x)).sum() + (differs & ~good).sum()),
        "max_abs": float(apart.max()) if count else 0.0,
        "mean_abs": float(apart.mean()) if count else None,
        "rms": float(np.sqrt((apart * apart).mean())) if count else None,
        "norm_a": float(norm_a), "norm_b": float(norm_b), "norm": float(norm),
        "relative_norm": 0.0 if norm == 0 else float(norm / norm_a) if norm_a else None,
        "cosine": float((x * y).sum() / norm_a / norm_b) if norm_a and norm_b else None,
        "non_finite_a": int((~np.isfinite(a)).sum()), "non_finite_b": int((~np.isfinite(b)).sum()),
        "non_finite_changed": int((differs & ~good).sum()),
    }


def main() -> None:
    absolute, relative = 0.005, 0.002
    a, b = {}, {}
    for name, (first, second, *change) in pairs().items():
        a[name] = first.clone()
        b[name] = (second if second is not None else first + 0.05 * change[0].to(first.dtype)).clone()
    save_file(a, HERE / "a.safetensors")
    save_file(b, HERE / "b.safetensors")
    expected = {
        "tolerance": [absolute, relative],
        "tensors": {name: figures(numbers(a[name]), numbers(b[name]), absolute, relative) for name in a},
    }
    (HERE / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    main()
