"""CLIP's tokenizer for a checkpoint that carries none."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

CONTEXT = 77


def open_tokenizer(folder: Path | None):
    """CLIP's tokenizer, from a folder or out of the merges that open_clip ships."""
    from transformers import CLIPTokenizer

    if folder is not None:
        return CLIPTokenizer.from_pretrained(folder, local_files_only=True)
    import gzip

    import open_clip

    packed = Path(open_clip.__file__).parent / "bpe_simple_vocab_16e6.txt.gz"
    merges = gzip.decompress(packed.read_bytes()).decode().split("\n")[1 : 49152 - 256 - 2 + 1]
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [byte for byte in range(256) if byte not in shown]
    letters = [chr(byte) for byte in shown] + [chr(256 + n) for n in range(len(hidden))]
    words = letters + [letter + "</w>" for letter in letters] + ["".join(m.split()) for m in merges]
    words += ["<|startoftext|>", "<|endoftext|>"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "vocab.json").write_text(json.dumps({word: n for n, word in enumerate(words)}))
        (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges]) + "\n")
        config = {"model_max_length": CONTEXT, "pad_token": "<|endoftext|>", "tokenizer_class": "CLIPTokenizer"}
        (folder / "tokenizer_config.json").write_text(json.dumps(config))
        return CLIPTokenizer.from_pretrained(folder, local_files_only=True)
