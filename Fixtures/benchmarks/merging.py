"""Times merges against diffusers and against `cp`, in turns.

    python merging.py FOLDER [--assay .build/release/assay] [--repeat 3] [--rank 16] [--type f16]

FOLDER gets, where they are missing, a U-Net of SD 1.5's size with random weights (`unet/`, as diffusers saves it), a
LoRA for every attention and feed-forward layer of it in kohya's naming, and two checkpoints of 2.1 GB (SD 1.5's names
and sizes, f16). Each round bakes the LoRA in with assay (one process) and with diffusers (`load_lora_adapter`,
`fuse_lora`, `save_pretrained`; the process, and the two last steps alone), copies a checkpoint with `cp`, and mixes
both with assay. What was written is removed and, where FOLDER is on a disk, flushed in between; `cp` is followed by
`sync`, as assay flushes what it writes. Medians, their ratios, and assay's peak of anonymous memory are printed.
Versions: torch 2.15, diffusers 0.42.1, peft 0.21.2.
"""

import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import time

from conversion import measure

PEER = """
import json, sys, time, torch
from diffusers import UNet2DConditionModel
model, lora, out, kind = sys.argv[1:]
unet = UNet2DConditionModel.from_pretrained(model, torch_dtype=getattr(torch, kind), local_files_only=True)
unet.load_lora_adapter(lora, prefix="unet")
start = time.perf_counter()
unet.fuse_lora(lora_scale=0.8)
unet.unload_lora()
unet.save_pretrained(out, max_shard_size="100GB")
import os
os.sync()
print(json.dumps({"seconds": time.perf_counter() - start}))
"""


def make_unet(folder, kind):
    import torch
    from diffusers import UNet2DConditionModel

    unet = UNet2DConditionModel(cross_attention_dim=768, attention_head_dim=8, sample_size=64)
    unet.to(kind).save_pretrained(folder, max_shard_size="100GB")
    return unet


def make_lora(unet, path, rank):
    import torch
    from safetensors.torch import save_file

    tensors = {}
    for name, module in unet.named_modules():
        if isinstance(module, torch.nn.Linear) and (".attn" in name or ".ff." in name):
            tensors[f"unet.{name}.lora_A.weight"] = torch.randn(rank, module.in_features).half() * 0.02
            tensors[f"unet.{name}.lora_B.weight"] = torch.randn(module.out_features, rank).half() * 0.02
    save_file(tensors, path)


def make_checkpoint(path, seed):
    import torch
    from safetensors.torch import save_file

    names = json.loads((pathlib.Path(__file__).parent.parent / "layouts" / "sd15.json").read_text())["ldm"]
    random = torch.Generator().manual_seed(seed)
    tensors = {}
    for name, shape in names.items():
        if name.endswith("position_ids"):
            tensors[name] = torch.arange(77).reshape(shape)
        else:
            tensors[name] = torch.randn(shape, generator=random).half()
    save_file(tensors, path)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--assay", default=".build/release/assay")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--rank", type=int, default=16)
    parser.add_argument("--type", choices=["f16", "f32"], default="f16")
    parser.add_argument("--only", choices=["lora", "models"])
    options = parser.parse_args()
    folder, assay = pathlib.Path(options.folder), os.path.abspath(options.assay)
    kind = {"f16": "float16", "f32": "float32"}[options.type]
    model, lora = folder / f"unet-{options.type}", folder / f"lora-{options.rank}.safetensors"
    a, b = folder / "a.safetensors", folder / "b.safetensors"
    if options.only != "models" and not (model.exists() and lora.exists()):
        import torch
        make_lora(make_unet(model, getattr(torch, kind)), lora, options.rank)
    for path, seed in ((a, 1), (b, 2)):
        if options.only != "lora" and not path.exists():
            make_checkpoint(path, seed)
    out = folder / "out"
    weights = model / "diffusion_pytorch_model.safetensors"
    target = f"{out}.safetensors"
    commands = {}
    if options.only != "models":
        commands["assay, LoRA"] = [assay, "merge", weights, "--lora", f"{lora}:0.8", "-q", "-o", target]
        commands["diffusers, LoRA"] = [sys.executable, "-c", PEER, model, lora, out, kind]
    if options.only != "lora":
        commands["cp, sync"] = ["sh", "-c", f"cp '{a}' '{target}' && sync '{target}'"]
        commands["assay, weighted sum"] = [assay, "merge", a, b, "--ratio", "0.3", "-q", "-o", target]
    times = {name: [] for name in commands}
    memory = dict.fromkeys(commands, 0)
    inner = []
    for path in (weights, lora) if options.only == "lora" else (a, b) if options.only else (weights, lora, a, b):
        subprocess.run(["cat", path], stdout=subprocess.DEVNULL, check=True)
    for _ in range(options.repeat):
        for name, command in commands.items():
            subprocess.run(["sync"], check=True)
            command = [str(part) for part in command]
            if name.startswith("diffusers"):
                start = time.perf_counter()
                done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
                times[name].append(time.perf_counter() - start)
                inner.append(json.loads(done.stdout.splitlines()[-1])["seconds"])
            else:
                seconds, peak = measure(command)
                times[name].append(seconds)
                memory[name] = max(memory[name], peak)
            shutil.rmtree(out, ignore_errors=True)
            pathlib.Path(target).unlink(missing_ok=True)
    if inner:
        times["fuse and save alone"] = inner
    print(f"{'':24}{'median':>10}{'fastest':>10}{'anonymous':>13}")
    for name, found in times.items():
        anonymous = f"{memory[name] / 1024:9.1f} MiB" if memory.get(name) else ""
        print(f"{name:24}{statistics.median(found):8.3f} s{min(found):8.3f} s{anonymous}")
    for one, other in [("diffusers, LoRA", "assay, LoRA"), ("fuse and save alone", "assay, LoRA"),
                       ("assay, weighted sum", "cp, sync")]:
        if one in times and other in times:
            print(f"{one} / {other}: {statistics.median(times[one]) / statistics.median(times[other]):.2f}"
                  f" (fastest {min(times[one]) / min(times[other]):.2f})")


if __name__ == "__main__":
    main()
