"""Writes random.json: digests of torch's normal values, to be matched to the bit.

    python make_random.py      (torch; its version is in the file)

An entry is a seed, the sizes drawn from one generator in this order, and the SHA-256 of all values
as little-endian float32. Needs a processor with AVX2: without it torch takes another path
(ATEN_CPU_CAPABILITY=default shows it), whose values differ by units in the last place. AVX2 and
AVX-512 give the same.
"""

import hashlib
import json
from pathlib import Path

import torch

assert torch.backends.cpu.get_cpu_capability() in ("AVX2", "AVX512")


def digest(seed: int, sizes: list[int]) -> str:
    generator = torch.Generator("cpu").manual_seed(seed)
    hash = hashlib.sha256()
    for size in sizes:
        hash.update(torch.randn(size, generator=generator).numpy().tobytes())
    return hash.hexdigest()


seeds = [0, 1, 1024, 4294967295, 2**32 + 5, 2**63 + 11]
cases = [(seed, [size]) for seed in seeds for size in [*range(1, 65), 4096, 16384, 65537, 1_000_000]]
cases += [(seed, [3, 20, 1, 64, 5, 17, 1, 1, 16384, 2]) for seed in seeds]
(Path(__file__).parent / "random.json").write_text(json.dumps({
    "torch": torch.__version__,
    "cases": [{"seed": str(seed), "sizes": sizes, "sha256": digest(seed, sizes)} for seed, sizes in cases],
}, indent=None, separators=(",", ":")) + "\n")
