"""Writes spectra.json: matrices by rule, their singular values by NumPy, for the tests of low ranks.

Each matrix is sum over i of decay**i * u_i v_i^T with u and v from a linear congruence, so that a test
can make the same one. NumPy 2, float64.
"""

import json
import pathlib

import numpy as np


def noise(seed, count):
    """Numbers in -0.5 to 0.5 that a test can make too."""
    state, values = seed, []
    for _ in range(count):
        state = (state * 1664525 + 1013904223) % 2**32
        values.append((state >> 8) / 2**24 - 0.5)
    return np.array(values)


cases = []
for rows, columns, terms, decay in [(40, 60, 40, 0.8), (90, 30, 30, 0.7), (200, 260, 8, 0.9), (300, 280, 280, 0.97)]:
    left, right = noise(rows, rows * terms).reshape(rows, terms), noise(columns + 7, terms * columns).reshape(terms, columns)
    matrix = (left * decay ** np.arange(terms)) @ right
    values = np.linalg.svd(matrix, compute_uv=False)
    cases.append({"rows": rows, "columns": columns, "terms": terms, "decay": decay,
                  "energy": float((matrix**2).sum()), "values": [float(f"{v:.7g}") for v in values[:64]]})
pathlib.Path(__file__).with_name("spectra.json").write_text(json.dumps(cases, indent=0) + "\n")
