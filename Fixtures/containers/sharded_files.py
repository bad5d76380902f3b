"""Models in several files, by huggingface_hub's writer; `make.py` calls it."""
import shutil

import huggingface_hub
import torch


def make(folder, expected, names, raw):
    shutil.rmtree(folder, ignore_errors=True)
    state = {f"{letter}.weight": torch.arange(i * 10, i * 10 + 8, dtype=torch.float32).reshape(2, 4)
             for i, letter in enumerate("abcde")}
    tied = {**state, "head.weight": state["e.weight"]}
    for name, tensors, arguments in [
            ("safetensors", state, {"filename_pattern": "model{suffix}.safetensors"}),
            ("diffusers", state, {"filename_pattern": "diffusion_pytorch_model{suffix}.safetensors"}),
            ("bin", tied, {"filename_pattern": "pytorch_model{suffix}.bin",
                           "safe_serialization": False})]:
        target = folder / name
        target.mkdir(parents=True)
        huggingface_hub.save_torch_state_dict(tensors, target, max_shard_size=64, **arguments)
        index = next(target.glob("*.index.json"))
        entry = {"tensors": [{"name": n, "type": names[t.dtype], "shape": list(t.shape),
                              "bytes": raw(t).hex()} for n, t in tensors.items()],
                 "values": {}, "opaque": []}
        if name != "bin":
            entry["values"] = {"format": "pt"}
        expected[f"{folder.name}/{name}"] = entry
        expected[f"{folder.name}/{name}/{index.name}"] = entry
