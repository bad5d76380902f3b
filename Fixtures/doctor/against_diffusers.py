"""Damages whole models, lets `assay doctor --fix` repair them and asks diffusers whether they are what they were.

    python against_diffusers.py ASSAY MODELS        MODELS as `Fixtures/families/make.py lab MODELS` writes them

Every repaired file goes through diffusers' converters and `from_single_file`, and must equal the model's folder.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

sys.path.append(str(Path(__file__).parents[1] / "families"))
import check  # noqa: E402

Tensors = dict[str, torch.Tensor]
POSITIONS = "position_ids"


def damages(state: Tensors) -> dict[str, Tensors]:
    """The model in every poor state that its names allow."""
    def renamed(function) -> Tensors:
        return {function(name): tensor for name, tensor in state.items()}
    found = {
        "module": renamed(lambda name: "module." + name),
        "compiled": renamed(lambda name: name.replace(".diffusion_model.", "._orig_mod.diffusion_model.").replace("first_stage_model.", "first_stage_model._orig_mod.")),
        "doubled": renamed(lambda name: name.split(".diffusion_model.")[0] + ".diffusion_model." + name if ".diffusion_model." in name else name),
        "linear": {name: tensor[:, :, 0, 0] if ".attn_1." in name and tensor.ndim == 4 else tensor for name, tensor in state.items()},
    }
    positions = [name for name in state if name.endswith(POSITIONS)]
    if positions:
        found["fractions"] = state | {name: state[name] * 0.999 for name in positions}
        found["no-level"] = renamed(lambda name: name.replace(".text_model.", ".") if name.startswith(("cond_", "conditioner.")) else name)
        found["misplaced"] = renamed(lambda name: name.replace("text_model.embeddings." + POSITIONS, "text_model.encoder.text_model.embeddings." + POSITIONS))
    return found


def main(assay: str, models: Path) -> bool:
    good = True
    for name in ("sd15", "sdxl-base", "sd21-base", "sdxl-refiner"):
        state = load_file(models / name / "single.safetensors")
        with tempfile.TemporaryDirectory() as scratch:
            for damage, tensors in damages(state).items():
                file, repaired = Path(scratch) / "damaged.safetensors", Path(scratch) / "repaired.safetensors"
                save_file({k: t.contiguous().clone() for k, t in tensors.items()}, file, {"format": "pt"})
                found = subprocess.run([assay, "doctor", file, "--fix", "-o", repaired, "--quiet"])
                lines = check.single(repaired, models / name / "diffusers")
                lines += [f"'{k}' is not what it was" for k in state if k.endswith(POSITIONS) and not torch.equal(load_file(repaired)[k], state[k])]
                print(f"{name} {damage}: exit {found.returncode}, {lines[0] if lines else 'the same to diffusers'}", flush=True)
                good &= not lines
    return good


if __name__ == "__main__":
    sys.exit(not main(sys.argv[1], Path(sys.argv[2])))
