"""Writes the names, shapes and saved configurations of two models, in both layouts.

    python from_files.py NAME CHECKPOINT DIFFUSERS_FOLDER [IMAGE_SIZE]

Made with torch 2 and safetensors; the Swift tests read NAME.json beside this script.
"""

import json
import sys
from pathlib import Path

from safetensors import safe_open

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "digits"))
import layout  # noqa: E402


def main(name: str, checkpoint: str, folder: str, image_size: str = "64") -> None:
    state = layout.read_checkpoint(Path(checkpoint))
    diffusers, configurations = {}, {}
    for part in ("unet", "vae", "text_encoder"):
        configurations[part] = json.loads((Path(folder) / part / "config.json").read_text())
        for file in sorted((Path(folder) / part).glob("*.safetensors")):
            with safe_open(file, "np") as tensors:
                for key in tensors.keys():
                    diffusers[f"{part}.{key}"] = tensors.get_slice(key).get_shape()
    scheduler = Path(folder) / "scheduler" / "scheduler_config.json"
    configurations["scheduler"] = json.loads(scheduler.read_text())
    value = {
        "image_size": int(image_size),
        "ldm": {key: list(tensor.shape) for key, tensor in state.items()},
        "diffusers": diffusers,
        "configurations": configurations,
    }
    (HERE / f"{name}.json").write_text(json.dumps(value, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
