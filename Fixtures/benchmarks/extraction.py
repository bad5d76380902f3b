"""Times `assay extract-lora` against the extraction of sd-scripts, and compares what both keep.

    python extraction.py BASE TUNED [--rank 64] [--assay .build/release/assay] [--repeat 3] [--all]

BASE and TUNED are safetensors files of one Stable Diffusion 1.x or 2.x model in the original names. sd-scripts is
no package; this does what its `networks/extract_lora_from_models.py` (commit 06e8980) does for the U-Net with
`--dim RANK --conv_dim RANK`: for each weight of a transformer or residual block the difference in float32,
`torch.linalg.svd` of it as a matrix, the first singular vectors, clamped at the quantile 0.99 of their values.
Its modules are built of whole models, which is left out here in its favour; so is writing the file.

By default the peer decomposes one weight of each shape, and its time for all is the sum by how many there are of
that shape; `--all` decomposes every one. assay runs as a whole process, from both files to the written LoRA, and
takes its turns between the peer's.
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import torch
from safetensors import safe_open

UNET = "model.diffusion_model."
OUTSIDE = ("time_embed.", "label_emb.", "input_blocks.0.", "out.")


def modules(file) -> list[str]:
    """The weights that sd-scripts looks at: those in blocks, without embeddings, first and last convolution."""
    names = []
    for name in file.keys():
        if name.startswith(UNET) and name.endswith(".weight") and not name[len(UNET):].startswith(OUTSIDE):
            if len(file.get_slice(name).get_shape()) in (2, 4):
                names.append(name)
    return names


def factors(difference: torch.Tensor, rank: int) -> tuple[torch.Tensor, torch.Tensor]:
    """What sd-scripts makes of a difference, before and after it clamps."""
    matrix = difference.flatten(start_dim=1)
    rank = min(rank, *difference.shape[:2])
    left, values, right = torch.linalg.svd(matrix)
    up, down = left[:, :rank] @ torch.diag(values[:rank]), right[:rank]
    # torch.quantile takes no more than 16 million values, which no pair of factors has.
    limit = torch.quantile(torch.cat([up.flatten(), down.flatten()]), 0.99)
    return up.clamp(-limit, limit), down.clamp(-limit, limit)


def peer(first, second, names: list[str], rank: int) -> dict[str, tuple[float, float, float]]:
    """By name, the seconds, and the shares of the change's energy that the best factors and the clamped hold."""
    found = {}
    for name in names:
        start = time.perf_counter()
        difference = second.get_tensor(name).float() - first.get_tensor(name).float()
        up, down = factors(difference, rank)
        seconds = time.perf_counter() - start
        matrix = difference.flatten(start_dim=1)
        energy = matrix.square().sum(dtype=torch.float64)
        left = (matrix - up @ down).square().sum(dtype=torch.float64)
        values = torch.linalg.eigvalsh((matrix @ matrix.T if matrix.shape[0] <= matrix.shape[1]
                                        else matrix.T @ matrix).double()).flip(0)
        best = values[: up.shape[1]].sum() / values.sum()
        found[name] = (seconds, float(best), float(1 - left / energy))
    return found


def extract(assay: str, first: Path, second: Path, rank: int) -> tuple[float, dict]:
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        output = subprocess.run(
            [assay, "extract-lora", first, second, "-o", f"{folder}/lora.safetensors", "--rank", str(rank),
             "--components", "unet", "--json"], stdout=subprocess.PIPE, check=True).stdout
        return time.perf_counter() - start, json.loads(output)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("first", type=Path)
    parser.add_argument("second", type=Path)
    parser.add_argument("--assay", default=".build/release/assay")
    parser.add_argument("--rank", type=int, default=64)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--all", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.set_grad_enabled(False)
    mine, theirs = [], []
    with safe_open(options.first, "pt") as first, safe_open(options.second, "pt") as second:
        names = modules(first)
        shapes = collections.defaultdict(list)
        for name in names:
            shapes[tuple(first.get_slice(name).get_shape())].append(name)
        chosen = names if options.all else [found[0] for found in shapes.values()]
        for turn in range(options.repeat):
            seconds, report = extract(options.assay, options.first, options.second, options.rank)
            mine.append(seconds)
            result = peer(first, second, chosen, options.rank)
            counts = {found[0]: len(found) for found in shapes.values()}
            theirs.append(sum(taken * (1 if options.all else counts[name]) for name, (taken, _, _) in result.items()))
            print(f"turn {turn + 1}: assay {mine[-1]:.1f} s, sd-scripts {theirs[-1]:.1f} s, "
                  f"load {os.getloadavg()[0]:.1f}", flush=True)
    shares = sorted(round(module["norm"], 4) for module in report["modules"])
    best = sum(value for _, value, _ in result.values()) / len(result)
    clamped = sum(value for _, _, value in result.values()) / len(result)
    print(f"{len(names)} weights there, {len(shares)} modules here")
    print(f"assay holds {report['captured_share']:.4%} of the energy of all changes of the U-Net, modules "
          f"{statistics.mean(m['share'] for m in report['modules']):.4%} on average")
    print(f"the {len(result)} decomposed: {best:.4%} at best, {clamped:.4%} after sd-scripts' clamping")
    ratio = statistics.median(theirs) / statistics.median(mine)
    print(f"medians: assay {statistics.median(mine):.1f} s, sd-scripts {statistics.median(theirs):.1f} s, {ratio:.1f} times")


if __name__ == "__main__":
    main()
