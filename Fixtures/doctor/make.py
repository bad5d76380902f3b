"""Models in poor health, beside those of `Fixtures/embeddings/variants` and `Fixtures/quantised`.

    python make.py [FOLDER]

`expected.json` says for each what is wrong (the checks that must find something, with the severity), and, where a repair
gives a model that is known, which one: a file of this folder or of `embeddings/variants`.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

HERE = Path(__file__).parent
VARIANTS = HERE.parent / "embeddings" / "variants"
DIFFUSION = "model.diffusion_model."
Tensors = dict[str, torch.Tensor]


def lora(alpha: float | None) -> Tensors:
    """Two linear layers and a convolution, in kohya's names; rank 4."""
    made: Tensors = {}
    for name, down, up in (
        ("lora_unet_mid_block_attentions_0_transformer_blocks_0_attn1_to_q", (4, 8), (8, 4)),
        ("lora_te_text_model_encoder_layers_0_mlp_fc1", (4, 4), (16, 4)),
        ("lora_unet_down_blocks_0_resnets_0_conv1", (4, 4, 3, 3), (4, 4, 1, 1)),
    ):
        made[f"{name}.lora_down.weight"] = torch.randn(down).half()
        made[f"{name}.lora_up.weight"] = torch.randn(up).half()
        if alpha is not None:
            made[f"{name}.alpha"] = torch.tensor(alpha).half()
    return made


def main(target: Path) -> None:
    torch.manual_seed(20)
    unet, unet_xl = load_file(VARIANTS / "unet.safetensors"), load_file(VARIANTS / "unet-xl.safetensors")
    expected: dict[str, dict] = {}

    def keep(name: str, tensors: Tensors, *checks: str, repaired: str | None = None, suffix: str = "safetensors",
             metadata: dict[str, str] | None = None) -> None:
        if suffix == "safetensors":
            save_file({k: t.contiguous().clone() for k, t in tensors.items()}, target / f"{name}.{suffix}", metadata)
        else:
            torch.save({"state_dict": tensors}, target / f"{name}.{suffix}")
        expected[f"{name}.{suffix}"] = {"checks": list(checks)} | ({"repaired": repaired} if repaired else {})

    torch.manual_seed(21)
    bare = lora(None)
    torch.manual_seed(21)
    keep("lora", lora(4.0))
    keep("lora-without-alpha", bare, "warning lora-alpha", repaired="doctor/lora")
    torch.manual_seed(21)
    keep("lora-alpha-1", lora(1.0))
    keep("lora-alpha-in-metadata", bare, "warning lora-alpha", repaired="doctor/lora-alpha-1",
         metadata={"ss_network_alpha": "1.0", "ss_network_dim": "4"})
    kernel = {k: torch.tensor(0.5).half() if "resnets" in k and k.endswith("alpha") else t for k, t in lora(1.0).items()}
    torch.manual_seed(21)
    keep("lora-alpha-of-kernels", kernel | lora(None))
    keep("lora-alpha-in-arguments", bare, "warning lora-alpha", repaired="doctor/lora-alpha-of-kernels",
         metadata={"ss_network_alpha": "1.0", "ss_network_dim": "4",
                   "ss_network_args": '{"conv_dim": "4", "conv_alpha": "0.5", "algo": "lora"}'})

    first, second = DIFFUSION + "time_embed.0.weight", DIFFUSION + "time_embed.2.weight"
    strided = dict(unet)
    strided[first] = unet[first].T.contiguous().T
    keep("strided", strided, "warning storage", repaired="embeddings/variants/unet", suffix="ckpt")
    tied = dict(unet) | {DIFFUSION + "input_blocks.1.0.in_layers.2.weight": unet[DIFFUSION + "input_blocks.1.0.out_layers.3.weight"]}
    keep("tied", tied, "warning storage", suffix="ckpt")

    broken = {k: t.clone() for k, t in unet.items()}
    broken[second][0, :3] = torch.tensor([float("nan"), float("inf"), -float("inf")])
    keep("not-finite", broken, "error values")

    averages = {"model_ema." + k.removeprefix("model.").replace(".", ""): t for k, t in unet.items()}
    keep("averages", unet | averages | {"model_ema.decay": torch.tensor(0.9999), "model_ema.num_updates": torch.tensor(7)}, "note ema")

    keep("half", {k: t for k, t in unet.items() if "output_blocks" not in k or k.endswith(".bias")}, "error missing")
    one = DIFFUSION + "middle_block.0.in_layers.2.weight"
    renamed = {k.replace("middle_block.0.in_layers.2", "middle_block.0.in_layer.2"): t for k, t in unet.items()}
    keep("misnamed", renamed, "error missing", "note unexplained")
    keep("misshapen", unet | {one: torch.cat([unet[one]] * 2)}, "error missing")
    keep("without-vae", unet | load_file(VARIANTS / "text.safetensors"), "warning missing")

    marked = unet_xl | {"v_pred": torch.zeros(0)}
    keep("contradiction", marked, "error prediction-type", metadata={"modelspec.prediction_type": "epsilon"})
    keep("zero-signal", unet_xl | {"ztsnr": torch.zeros(0)}, "warning prediction-type", metadata={"modelspec.prediction_type": "epsilon"})

    keep("zero-signal-unsaid", unet_xl | {"ztsnr": torch.zeros(0)}, "warning prediction-type", "note prediction-type")

    e4m3 = torch.float8_e4m3fn
    matrices = [k for k, t in unet.items() if t.ndim == 2]
    scale = torch.tensor(0.0371)
    stored = {k: (unet[k].float() / scale).clamp(-448, 448).to(e4m3) for k in matrices}
    multiplied = {k: (stored[k].float() * scale).half() for k in matrices}
    scales = {k.removesuffix("weight") + "scale_weight": scale.clone() for k in matrices}
    ones = {k: torch.ones(()) for k in scales}
    keep("float8", unet | stored | scales | {DIFFUSION + "scaled_fp8": torch.zeros(0).to(e4m3)}, "warning float8-scales", repaired="doctor/multiplied")
    keep("multiplied", unet | multiplied)
    keep("float8-unapplied", unet | {k: t.half() for k, t in stored.items()} | scales, "error float8-scales", repaired="doctor/multiplied")
    keep("float8-left-over", unet | multiplied | scales, "warning float8-scales", repaired="doctor/multiplied")
    keep("float8-ones", unet | ones, "note float8-scales", repaired="embeddings/variants/unet")

    # No family: what applies still applies.
    flux = {"double_blocks.0.img_attn.qkv.weight": torch.randn(12, 4).half(), "double_blocks.0.img_attn.qkv.bias": torch.randn(12).half()}
    keep("unknown", flux)
    keep("unknown-compiled", {"_orig_mod." + k: t for k, t in flux.items()}, "warning prefixes", repaired="doctor/unknown")
    module = {"vision.module.0.weight": torch.randn(2, 2), "vision.head.weight": torch.randn(2, 2)}
    keep("unknown-own-module", module)
    (target / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)
