"""Converts every embedding here to every form with assay and reads the results as others do.

    python check.py ASSAY

diffusers reads the diffusers form and A1111's pickles with `load_textual_inversion`; A1111's and ComfyUI's
readers are restated below, as in `modules/textual_inversion/textual_inversion.py` of stable-diffusion-webui and
`comfy/sd1_clip.py` of ComfyUI (both read a state of plain dictionaries). Every reader must get the vectors that
were written.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from safetensors.torch import load_file

HERE = Path(__file__).parent
sys.path += [str(HERE)]
import make  # noqa: E402

SOURCES = [
    "a1111.pt", "a1111-old.pt", "a1111-parameter.pt", "learned_embeds.bin", "learned_embeds.safetensors",
    "one-row.bin", "emb_params.safetensors", "unnamed.safetensors", "bare-tensor.pt", "bundled.safetensors",
    "sdxl-first-only.safetensors", "sdxl.safetensors",
]


def webui(state: dict, name: str) -> dict[str, torch.Tensor]:
    """`create_embedding_from_data`: the vectors by encoder, `""` where there is one."""
    if "string_to_param" in state:
        params = state["string_to_param"]
        assert len(params) == 1
        return {"": next(iter(params.values()))}
    if "clip_g" in state and "clip_l" in state:
        return dict(state)
    assert len(state) == 1, name
    only = next(iter(state.values()))
    return {"": only.unsqueeze(0) if only.ndim == 1 else only}


def comfy(state: dict, key: str) -> torch.Tensor:
    """`load_embed` for the encoder `key`."""
    if "string_to_param" in state:
        return next(iter(state["string_to_param"].values()))
    if key in state:
        return state[key]
    values = list(state.values())
    assert len(values) == 1
    return values[0]


def main() -> None:
    assay = str(Path(sys.argv[1]).resolve())
    expected = load_file(HERE / "expected.safetensors")
    checked = 0
    with tempfile.TemporaryDirectory() as scratch:
        for source in SOURCES:
            small = expected["small"][:1] if source.startswith("one-row") else expected["small"]
            for form in ["a1111", "diffusers", "sdxl"]:
                for ending in ["pt", "bin", "safetensors"]:
                    result = Path(scratch) / f"{Path(source).stem}-{form}.{ending}"
                    # The vectors here have no published width: an encoder must be named for the SDXL form.
                    wide = source == "sdxl.safetensors"
                    chosen = ["--encoder", "clip_l"] if form == "sdxl" and not wide or wide and form != "sdxl" else []
                    subprocess.run(
                        [assay, "convert", "--quiet", str(HERE / source), "-o", str(result), "--embedding-form",
                         form, *chosen, "--token", "<other>"], check=True, stderr=subprocess.DEVNULL)
                    state = (
                        load_file(result) if ending == "safetensors" else torch.load(result, weights_only=True))
                    both = form == "sdxl" and wide
                    if both:
                        got = webui(state, result.name)
                        assert torch.equal(got["clip_l"], small) and torch.equal(got["clip_g"], expected["large"])
                        assert torch.equal(comfy(state, "clip_g"), expected["large"])
                    else:
                        got = webui(state, result.name)[""].float()
                        assert torch.allclose(got, small, atol=2e-3), result.name
                        if form == "diffusers":
                            assert list(state) == ["<other>"]
                        if ending != "safetensors" and form != "sdxl" or form == "diffusers":
                            read = make.read_by_diffusers(result, small, given=None)
                            assert read == f"<other> {len(small)} equal", (result.name, read)
                    assert torch.allclose(comfy(state, "clip_l").float(), small, atol=2e-3), result.name
                    checked += 1
    print(f"{checked} conversions read back by diffusers, the web interface's reader and ComfyUI's")


if __name__ == "__main__":
    main()
