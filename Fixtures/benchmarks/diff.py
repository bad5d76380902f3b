"""Times `assay diff` against the same figures by safetensors + torch, and against reading both files.

    python diff.py A B [--assay .build/release/assay] [--repeat 5]

A and B are safetensors files with the same names. In turns: assay with all figures, torch with the same
(each tensor once, in double precision sums, non-finite values counted), and two threads that add up the
bytes of the mapped files eight at a time, one file each: reading both through memory once. Medians, ratios,
and the peak of anonymous memory (RssAnon, sampled) are printed. Before that, the figures are compared.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import threading
import time
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open



def figures(first: Path, second: Path) -> dict[str, dict]:
    """What `assay diff --json` says about each tensor, by torch."""
    found = {}
    with safe_open(first, "pt") as left, safe_open(second, "pt") as right:
        for name in left.keys():
            a, b = left.get_tensor(name).flatten(), right.get_tensor(name).flatten()
            if not a.is_floating_point():
                continue
            good = a.isfinite() & b.isfinite()
            finite = int(good.sum())
            if finite < a.numel():
                a, b = a[good], b[good]
            x, y = a.float(), b.float()
            apart = (y - x).abs()
            squares = apart.square().sum(dtype=torch.float64).sqrt()
            norm_a = x.square().sum(dtype=torch.float64).sqrt()
            norm_b = y.square().sum(dtype=torch.float64).sqrt()
            product = (x * y).sum(dtype=torch.float64)
            found[name] = {
                "finite": finite, "changed_values": int((a != b).sum()), "max_abs": float(apart.max()),
                "mean_abs": float(apart.sum(dtype=torch.float64) / finite),
                "rms": float(squares / finite**0.5), "relative_norm": float(squares / norm_a),
                "cosine": float(product / norm_a / norm_b),
            }
    return found


def read(path: Path, sums: list[int]) -> None:
    words = np.memmap(path, mode="r", dtype=np.uint8)
    sums.append(int(np.add.reduce(words[: words.size // 8 * 8].view(np.uint64))))


def timed(body) -> float:
    start = time.perf_counter()
    body()
    return time.perf_counter() - start


def read_both(first: Path, second: Path) -> None:
    sums: list[int] = []
    threads = [threading.Thread(target=read, args=(path, sums)) for path in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def compare(assay: str, first: Path, second: Path) -> None:
    output = subprocess.run([assay, "diff", "--json", first, second], stdout=subprocess.PIPE).stdout
    report = json.loads(output)
    # Names there are canonical; torch's are the file's. The figures must be the same ones.
    mine = sorted((t["max_abs"], t["cosine"] or 0, t["changed_values"]) for t in report["tensors"] if "f" in t["a"]["dtype"])
    theirs = sorted((t["max_abs"], t["cosine"], t["changed_values"]) for t in figures(first, second).values())
    assert len(mine) == len(theirs), (len(mine), len(theirs))
    for left, right in zip(mine, theirs):
        # torch's differences and squares are rounded to single precision.
        assert np.allclose(left, right, rtol=1e-5, atol=1e-7, equal_nan=True), (left, right)
    print(f"{len(mine)} tensors: the figures are torch's; {report['summary']}")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("first", type=Path)
    parser.add_argument("second", type=Path)
    parser.add_argument("--assay", default=".build/release/assay")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    pair = options.first, options.second
    compare(options.assay, *pair)
    times: dict[str, list[float]] = {"assay": [], "torch": [], "reading": []}
    peak = 0
    for _ in range(options.repeat):
        start = time.perf_counter()
        process = subprocess.Popen(
            [options.assay, "diff", "--quiet", *map(str, pair)], stdout=subprocess.DEVNULL)
        while process.poll() is None:
            status = Path(f"/proc/{process.pid}/status").read_text()
            peak = max([peak] + [int(line.split()[1]) for line in status.splitlines() if line.startswith("RssAnon")])
            time.sleep(0.002)
        times["assay"].append(time.perf_counter() - start)
        times["reading"].append(timed(lambda: read_both(*pair)))
        times["torch"].append(timed(lambda: figures(*pair)))
    for name, values in times.items():
        values.sort()
        print(f"{name:8} median {statistics.median(values):.2f} s, fastest {values[0]:.2f} s")
    mine = times["assay"]
    for name in ("torch", "reading"):
        median = statistics.median(times[name]) / statistics.median(mine)
        print(f"{name} / assay: {median:.2f} by medians, {times[name][0] / mine[0]:.2f} by the fastest")
    print(f"anonymous memory of assay at most {peak / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
