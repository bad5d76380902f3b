"""Writes reference.safetensors: inputs and outputs of torch's float32 operations.

    python make.py            (torch 2.x, safetensors; the versions are in the file's metadata)

A case is a run of tensors `CASE.x`, `CASE.weight`, ..., `CASE.y`; its parameters are in the
metadata under CASE, as JSON. The tests run every case they find.
"""

import json
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

torch.manual_seed(20)
tensors: dict[str, torch.Tensor] = {}
metadata = {"torch": torch.__version__}


def case(name: str, output: torch.Tensor, parameters: dict, **inputs: torch.Tensor) -> None:
    for key, value in {**inputs, "y": output}.items():
        tensors[f"{name}.{key}"] = value.contiguous().clone()
    metadata[name] = json.dumps(parameters)


def convolution(name, batch, inputs, outputs, height, width, kernel=3, stride=1, pad=(1, 1, 1, 1)):
    """pad: top, bottom, left, right."""
    x, w, b = torch.randn(batch, inputs, height, width), torch.randn(outputs, inputs, kernel, kernel), torch.randn(outputs)
    padded = F.pad(x, (pad[2], pad[3], pad[0], pad[1]))
    y = F.conv2d(padded.double(), w.double(), b.double(), stride).float()
    case(f"convolution.{name}", y, {"stride": stride, "padding": pad}, x=x, weight=w, bias=b)


convolution("3x3", 2, 5, 7, 9, 11)
convolution("3x3-wide", 1, 32, 32, 16, 16)
convolution("3x3-one-pixel", 1, 8, 16, 1, 1)
convolution("3x3-stride-2", 1, 4, 6, 8, 8, stride=2)
convolution("3x3-stride-2-odd", 2, 4, 6, 7, 9, stride=2)
convolution("vae-downsample", 1, 4, 6, 8, 8, stride=2, pad=(0, 1, 0, 1))
convolution("1x1", 2, 6, 10, 5, 7, kernel=1, pad=(0, 0, 0, 0))
convolution("5x5", 1, 3, 4, 8, 6, kernel=5, pad=(2, 2, 2, 2))

for name, shape, out in [("row", (1, 17), 9), ("tokens", (2, 77, 24), 40), ("wide", (3, 64), 130)]:
    x, w, b = torch.randn(*shape), torch.randn(out, shape[-1]), torch.randn(out)
    case(f"linear.{name}", F.linear(x.double(), w.double(), b.double()).float(), {}, x=x, weight=w, bias=b)

for name, shape, groups in [("32", (2, 64, 5, 7), 32), ("one-a-group", (1, 32, 3, 3), 32), ("offset", (1, 64, 8, 8), 32)]:
    x = torch.randn(*shape) * 3 + (100 if name == "offset" else 0)
    w, b = torch.randn(shape[1]), torch.randn(shape[1])
    y = F.group_norm(x.double(), groups, w.double(), b.double(), 1e-5)
    case(f"groupNorm.{name}", y.float(), {"groups": groups, "epsilon": 1e-5}, x=x, weight=w, bias=b)
    case(f"groupNormSiLU.{name}", F.silu(y).float(), {"groups": groups, "epsilon": 1e-5}, x=x, weight=w, bias=b)
for width in (1, 7, 64, 320):
    x, w, b = torch.randn(3, 5, width) * 2 + 1, torch.randn(width), torch.randn(width)
    y = F.layer_norm(x.double(), (width,), w.double(), b.double(), 1e-5).float()
    case(f"layerNorm.{width}", y, {"epsilon": 1e-5}, x=x, weight=w, bias=b)

for name, batch, queries, keys, heads, width, causal in [
    ("causal", 2, 77, 77, 2, 8, True), ("cross", 2, 64, 77, 8, 4, False), ("one-key", 1, 3, 1, 2, 5, False),
    ("40", 1, 50, 50, 2, 40, False), ("80", 1, 20, 33, 2, 80, False), ("160", 1, 9, 9, 1, 160, False)]:
    q, k, v = (torch.randn(batch, n, heads * width) for n in (queries, keys, keys))
    split = lambda t: t.double().unflatten(-1, (heads, width)).transpose(1, 2)
    y = F.scaled_dot_product_attention(split(q), split(k), split(v), is_causal=causal)
    case(f"attention.{name}", y.transpose(1, 2).flatten(2).float(), {"heads": heads, "causal": causal}, query=q, key=k, value=v)

x = torch.cat([torch.randn(300) * 4, torch.tensor([0.0, -0.0, 30, -30, 88, -88, 120, -120, 1e-20, -1e-8])])
case("activation.silu", F.silu(x.double()).float(), {}, x=x)
case("activation.quickGELU", (x.double() * torch.sigmoid(1.702 * x.double())).float(), {}, x=x)
case("activation.gelu", F.gelu(x.double()).float(), {}, x=x)
x = torch.randn(3, 5, 26)
value, gate = x.double().chunk(2, -1)
case("activation.geglu", (value * F.gelu(gate)).float(), {}, x=x)

for seed in (0, 1, 1024, 2**32 + 5, 2**63 + 11):
    for count in [*range(1, 65), 16384] if seed == 1024 else [1, 15, 16, 17, 256]:
        generator = torch.Generator("cpu").manual_seed(seed)
        y = torch.randn(count, generator=generator)
        tensors[f"randn.{seed}.{count}"] = torch.cat([y[:8], y[-24:]]) if count > 300 else y
generator = torch.Generator("cpu").manual_seed(1024)
tensors["randn.sequence"] = torch.cat([torch.randn(n, generator=generator) for n in (3, 20, 1, 64)])

save_file(tensors, Path(__file__).parent / "reference.safetensors", metadata)
