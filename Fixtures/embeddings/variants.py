"""Models as they are found: markers of the prediction type, damaged buffers, odd prefixes, old names.

Each is a part of the smallest model there is (a U-Net, text encoder or VAE of a few channels), enough for
a reader to see what is wrong. `expected.json` says for each file what it stands for and, where tensors
were renamed, to what a repair should bring them: `sound`, the file without the damage.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path

import diffusers
import torch
import transformers
from safetensors.torch import load_file, save_file

sys.path.append(str(Path(__file__).parents[1] / "families"))
import original_names  # noqa: E402

Tensors = dict[str, torch.Tensor]
UNET = {
    "block_out_channels": (4, 4), "layers_per_block": 1, "norm_num_groups": 2, "attention_head_dim": 2,
    "cross_attention_dim": 4, "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
    "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D"),
}
UNET_XL = UNET | {
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D"), "up_block_types": ("CrossAttnUpBlock2D", "UpBlock2D"),
    "use_linear_projection": True, "addition_embed_type": "text_time", "addition_time_embed_dim": 2,
    "projection_class_embeddings_input_dim": 16, "transformer_layers_per_block": (1, 2),
}
VAE = {
    "block_out_channels": (4, 4), "layers_per_block": 1, "norm_num_groups": 2,
    "down_block_types": ("DownEncoderBlock2D",) * 2, "up_block_types": ("UpDecoderBlock2D",) * 2,
}
TEXT = {
    "vocab_size": 16, "hidden_size": 4, "intermediate_size": 16, "num_hidden_layers": 2, "num_attention_heads": 1,
    "bos_token_id": 14, "eos_token_id": 15, "pad_token_id": 15,
}
DIFFUSION, STAGE, COND = "model.diffusion_model.", "first_stage_model.", "cond_stage_model.transformer."
OLD_ATTENTION = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}


def write(folder: Path) -> None:
    torch.manual_seed(12)
    half = {"dtype": torch.float16}
    unet = diffusers.UNet2DConditionModel(**UNET).to(**half).state_dict()
    unet_xl = diffusers.UNet2DConditionModel(**UNET_XL).to(**half).state_dict()
    vae = diffusers.AutoencoderKL(**VAE).to(**half).state_dict()
    text = original_names.clip(transformers.CLIPTextModel(transformers.CLIPTextConfig(**TEXT)).to(**half).state_dict())
    network = below(DIFFUSION, original_names.unet(unet, UNET))
    network_xl = below(DIFFUSION, original_names.unet(unet_xl, UNET_XL))
    stage, cond = below(STAGE, original_names.vae(vae, VAE)), below(COND, text)
    positions = COND + "text_model.embeddings.position_ids"
    expected: dict[str, dict] = {}

    def keep(name: str, tensors: Tensors, says: str, sound: str | None = None, **metadata: str) -> None:
        save_file({k: t.contiguous().clone() for k, t in tensors.items()}, folder / f"{name}.safetensors", metadata or None)
        expected[name] = {"says": says} | ({"sound": sound} if sound else {})

    keep("unet", network, "the U-Net, sound")
    keep("unet-xl", network_xl, "SDXL's U-Net, sound")
    keep("text", cond, "the text encoder, sound")
    keep("vae", stage, "the VAE, sound")

    empty = torch.zeros(0)
    keep("v-pred", network_xl | {"v_pred": empty}, "v-prediction, by an empty tensor", "unet-xl")
    keep("v-pred-ztsnr", network_xl | {"v_pred": empty, "ztsnr": empty}, "v-prediction and zero terminal SNR", "unet-xl")
    scalars = {"edm_vpred.sigma_max": torch.tensor(120.0), "edm_vpred.sigma_min": torch.tensor(0.002)}
    keep("edm-vpred", network_xl | scalars, "EDM's schedule with v-prediction (CosXL)", "unet-xl")
    statistics = {"edm_mean": torch.zeros(1, 4, 1, 1), "edm_std": torch.ones(1, 4, 1, 1)}
    keep("edm", network_xl | statistics, "EDM's schedule, latents' statistics (Playground 2.5)", "unet-xl")
    keep("v-pred-metadata", network_xl, "v-prediction, by metadata alone", "unet-xl",
         **{"modelspec.prediction_type": "v", "modelspec.sai_model_spec": "1.0.0"})

    count = cond[positions].shape[1]
    merged = torch.arange(count)[None] * 0.999
    keep("positions-fractions", cond | {positions: merged}, "position_ids of a merge: truncated they repeat", "text")
    keep("positions-float", cond | {positions: torch.arange(count)[None].float()}, "position_ids as whole floats", "text")
    gone = {k: t for k, t in cond.items() if k != positions}
    keep("positions-missing", gone, "no position_ids, as transformers 4.31 and later save", "text")
    odd = COND + "text_model.encoder.text_model.embeddings.position_ids"
    keep("positions-misplaced", gone | {odd: cond[positions]}, "position_ids under encoder.text_model", "text")
    keep("text-without-text-model", {k.replace("text_model.", "", 1): t for k, t in cond.items()},
         "no `text_model.`, the leaked anime model's style", "text")

    keep("doubled-prefix", below(DIFFUSION, network), "the U-Net's prefix twice", "unet")
    keep("module-in-front", below("module.", network), "DataParallel's prefix", "unet")
    middle = {k.replace(DIFFUSION, "model._orig_mod.diffusion_model."): t for k, t in network.items()}
    keep("compiled-in-the-middle", middle, "torch.compile's prefix within a path", "unet")
    both = {k.replace(DIFFUSION, "module.model.diffusion_model._orig_mod."): t for k, t in network.items()}
    keep("both-wrappers", both, "DataParallel's in front and torch.compile's in the middle", "unet")
    keep("bare-unet", {k.removeprefix(DIFFUSION): t for k, t in network.items()}, "the U-Net without a prefix", "unet")

    attention = {}
    for name, tensor in vae.items():
        for new, old in OLD_ATTENTION.items():
            if ".attentions.0." in name:
                name = name.replace(f".{new}.", f".{old}.")
        attention[name] = tensor
    keep("vae-old-attention", attention, "diffusers' VAE before 0.17: query, key, value, proj_attn", "vae")
    keep("vae-bare", {k.removeprefix(STAGE): t for k, t in stage.items()}, "the VAE without a prefix", "vae")
    flat = {k: t[:, :, 0, 0] if ".attn_1." in k and t.ndim == 4 else t for k, t in stage.items()}
    keep("vae-linear-attention", flat, "the original VAE's names with matrices where convolutions were", "vae")
    check(folder)
    (folder / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


def check(folder: Path) -> None:
    """The old attention's names must be those that diffusers still reads from a folder."""
    with tempfile.TemporaryDirectory() as scratch:
        diffusers.AutoencoderKL(**VAE).save_config(scratch)
        shutil.copy(folder / "vae-old-attention.safetensors", Path(scratch) / "diffusion_pytorch_model.safetensors")
        model, info = diffusers.AutoencoderKL.from_pretrained(scratch, local_files_only=True, output_loading_info=True)
    if info["missing_keys"] or info["unexpected_keys"]:
        sys.exit(f"diffusers does not read the old attention's names: {info}")
    written = load_file(folder / "vae.safetensors")["first_stage_model.encoder.mid.attn_1.q.weight"]
    if not torch.equal(model.encoder.mid_block.attentions[0].to_q.weight, written[:, :, 0, 0].float()):
        sys.exit("diffusers reads other values under the old attention's names")


def below(prefix: str, tensors: Tensors) -> Tensors:
    return {prefix + name: tensor for name, tensor in tensors.items()}
