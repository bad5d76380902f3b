"""Makes relatives of a checkpoint for `assay lineage`: two fine-tunes and a block-weighted merge.

    python lineage_models.py MODEL.safetensors FOLDER

Writes base, portraits, landscapes and mix as float16 safetensors. The fine-tunes add five per cent of
noise to every weight of the U-Net, the mix is 0.5 of each in the middle and on the way up and 0.8 and
0.2 elsewhere. Made with torch 2.15 and safetensors 0.8.
"""

import pathlib
import sys

import torch
from safetensors.torch import load_file, save_file

source, folder = sys.argv[1], pathlib.Path(sys.argv[2])
folder.mkdir(parents=True, exist_ok=True)
torch.manual_seed(0)
base = {name: value.float() for name, value in load_file(source).items()}


def tuned():
    return {name: value + 0.05 * value.std() * torch.randn_like(value)
            if name.startswith("unet.") and value.numel() > 1 else value
            for name, value in base.items()}


def save(name, tensors):
    save_file({key: value.half().contiguous() for key, value in tensors.items()}, folder / f"{name}.safetensors")


first, second = tuned(), tuned()
mix = {}
for name in base:
    ratio = 0.5 if name.startswith(("unet.mid_block.", "unet.up_blocks.")) else 0.8
    mix[name] = ratio * first[name] + (1 - ratio) * second[name]
for name, tensors in {"base": base, "portraits": first, "landscapes": second, "mix": mix}.items():
    save(name, tensors)
