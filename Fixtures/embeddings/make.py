"""Writes textual-inversion embeddings in each form they are found in, and `expected.json`.

    python make.py

For the text encoders of `Fixtures/families` (widths 12 and 16). diffusers' `load_textual_inversion` reads
each form that it knows; what it then holds must be what was written.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import diffusers
import torch
import transformers
from safetensors.torch import save_file

HERE = Path(__file__).parent
sys.path += [str(HERE.parent / "models"), str(HERE.parent / "families")]
import parts  # noqa: E402
import variants  # noqa: E402
from configurations import TINY, families  # noqa: E402

VECTORS, CLIP, TOWER = 3, TINY.clip, TINY.tower
WIDTHS = {
    "sdxl": {"clip_l": CLIP, "clip_g": TOWER}, "sdxl-first-only": {"clip_l": CLIP},
    "sdxl-second-only": {"clip_g": TOWER}, "sd2": {"": TOWER},
}
"""By text encoder; an unnamed one fits any encoder of its width."""


def main() -> None:
    torch.manual_seed(11)
    small = torch.randn(VECTORS, CLIP)
    large = torch.randn(VECTORS, TOWER)
    token = "<red-three>"

    def a1111(tensor: torch.Tensor) -> dict:
        """As stable-diffusion-webui's `Embedding.save`."""
        return {
            "string_to_token": {"*": 265}, "string_to_param": {"*": tensor}, "name": "red-three", "step": 500,
            "sd_checkpoint": "0123abcd", "sd_checkpoint_name": "digits",
        }

    torch.save(a1111(small), HERE / "a1111.pt")
    # The same as its own trainer leaves it: a parameter that asks for gradients.
    torch.save(a1111(torch.nn.Parameter(small)), HERE / "a1111-parameter.pt")
    # Older than the zip form, and in float16.
    torch.save(a1111(small.half()), HERE / "a1111-old.pt", _use_new_zipfile_serialization=False)
    # diffusers' training script: one row for each added token, or one tensor of several.
    torch.save({token: small}, HERE / "learned_embeds.bin")
    save_file({token: small}, HERE / "learned_embeds.safetensors", {"format": "pt"})
    torch.save({token: small[0].clone()}, HERE / "one-row.bin")
    save_file({"emb_params": small}, HERE / "emb_params.safetensors")
    save_file({"*": small}, HERE / "unnamed.safetensors")
    torch.save(small, HERE / "bare-tensor.pt")
    save_file({"clip_l": small, "clip_g": large}, HERE / "sdxl.safetensors")
    save_file({"clip_l": small}, HERE / "sdxl-first-only.safetensors")
    save_file({"clip_g": large}, HERE / "sdxl-second-only.safetensors")
    save_file({"emb_params": large}, HERE / "sd2.safetensors")
    # Bundled with a LoRA.
    save_file(
        {"bundle_emb.red-three.string_to_param.*": small, "lora_unet_conv_in.alpha": torch.tensor(4.0)},
        HERE / "bundled.safetensors")

    expected = {}
    for file in sorted(HERE.glob("*.*")):
        if file.suffix not in (".pt", ".bin", ".safetensors") or file.stem == "expected":
            continue
        expected[file.name] = {
            "vectors": 1 if file.stem == "one-row" else VECTORS,
            "widths": WIDTHS.get(file.stem, {"": CLIP}),
            "diffusers": read_by_diffusers(file, small, given=given_token(file)),
        }
    save_file({"small": small, "large": large}, HERE / "expected.safetensors")
    (HERE / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")
    variants.write(HERE / "variants")


def given_token(file: Path) -> str | None:
    """The token that diffusers must be told, because the file does not say it."""
    return None if "a1111" in file.stem or "learned" in file.stem or file.stem == "one-row" else "<given>"


def read_by_diffusers(file: Path, small: torch.Tensor, given: str | None) -> str:
    """The token under which diffusers keeps the embedding, or why it does not read it."""
    parts.MERGES = TINY.merges
    with tempfile.TemporaryDirectory() as scratch:
        tokenizer = parts.tokenizer(Path(scratch))
    config = transformers.CLIPTextConfig(
        **families(TINY)["sd15"].text_encoder, vocab_size=len(tokenizer), eos_token_id=len(tokenizer) - 1)
    encoder = transformers.CLIPTextModel(config)
    pipeline = diffusers.StableDiffusionPipeline(
        vae=None, text_encoder=encoder, tokenizer=tokenizer, unet=None, scheduler=None, safety_checker=None,
        feature_extractor=None, requires_safety_checker=False)
    before = set(tokenizer.get_vocab())
    try:
        pipeline.load_textual_inversion(
            str(file.parent), weight_name=file.name, token=given, local_files_only=True,
            use_safetensors=file.suffix == ".safetensors")
    except Exception as error:
        return f"refused: {type(error).__name__}"
    added = sorted(set(pipeline.tokenizer.get_vocab()) - before)
    rows = encoder.get_input_embeddings().weight[pipeline.tokenizer.convert_tokens_to_ids(added)]
    close = torch.allclose(rows, small[: len(rows)], atol=2e-3)
    return f"{added[0]} {len(added)} {'equal' if close else 'other values'}"


if __name__ == "__main__":
    main()
