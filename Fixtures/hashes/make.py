"""Writes `lora.safetensors` with the hashes that trainers put into metadata, and `expected.json`: the hashes by
which interfaces and model sites know that file and two others here, by hashlib.

    python make.py

- AutoV1: `model_hash` of stable-diffusion-webui before its version 1 and of sd-scripts: 64 KiB at one MiB, 8 digits.
- AutoV2: SHA-256 of the file, 10 digits. AutoV3: of what is behind a safetensors header, 12 digits.
- `sshs_model_hash`: `precalculate_safetensors_hashes` of sd-scripts' `library/train_util.py`: SHA-256 of what is
  behind the header of the tensors saved again. `modelspec.hash_sha256`: of the tensors' bytes, after `0x`
  (Stability-AI/ModelSpec).
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import safetensors.torch
import torch

HERE = Path(__file__).parent


def behind_header(data: bytes) -> bytes:
    return data[8 + int.from_bytes(data[:8], "little"):]


def main() -> None:
    torch.manual_seed(31)
    down, up = torch.randn(4, 12), torch.randn(12, 4)
    module = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q"
    tensors = {
        f"{module}.lora_down.weight": down.half(), f"{module}.lora_up.weight": up.half(),
        f"{module}.alpha": torch.tensor(2.0),
    }
    plain = hashlib.sha256(behind_header(safetensors.torch.save(tensors))).hexdigest()
    metadata = {
        "ss_network_dim": "4", "ss_network_alpha": "2.0", "ss_network_module": "networks.lora",
        "ss_sd_model_name": "digits.ckpt", "ss_base_model_version": "sd_v1", "ss_num_epochs": "3",
        "ss_steps": "120", "ss_learning_rate": "0.0001", "ss_resolution": "(64, 64)",
        "ss_tag_frequency": json.dumps({"img": {"red": 40, "three": 40, "black background": 12}}),
        "sshs_model_hash": plain, "sshs_legacy_hash": "deadbeef", "modelspec.hash_sha256": "0x" + "0" * 64,
        "modelspec.title": "red three",
    }
    safetensors.torch.save_file(tensors, HERE / "lora.safetensors", metadata)
    expected = {}
    for name in ["hashes/lora.safetensors", "families/sd15.safetensors", "digits/digits.ckpt"]:
        data = (HERE.parent / name).read_bytes()
        whole = hashlib.sha256(data).hexdigest()
        part = data[1 << 20:][: 1 << 16]
        entry = {
            "sha256": whole, "autov2": whole[:10],
            "autov1": hashlib.sha256(part).hexdigest()[:8] if part else None,
        }
        if name.endswith(".safetensors"):
            tensor_data = hashlib.sha256(behind_header(data)).hexdigest()
            entry |= {
                "autov3": tensor_data[:12], "sshs_model_hash": tensor_data, "modelspec_hash": "0x" + tensor_data}
        expected[name] = entry
    (HERE / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    main()
