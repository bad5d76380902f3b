"""Writes Sources/CVocabulary/clip-merges.txt: the merges of OpenAI's CLIP tokenizer.

They come from `bpe_simple_vocab_16e6.txt.gz`, which the package `open_clip_torch`
ships (MIT licence) as OpenAI published it; the first 48,894 of its 262,144 merges
make CLIP's vocabulary of 49,408.

    python Fixtures/tokenizer/make_merges.py     # from the root of the repository
"""

import gzip
from pathlib import Path

import open_clip

MERGES = 49_408 - 2 * 256 - 2

packed = Path(open_clip.__file__).parent / "bpe_simple_vocab_16e6.txt.gz"
lines = gzip.decompress(packed.read_bytes()).decode("utf-8").split("\n")
text = "\n".join(["#version: 0.2", *lines[1 : MERGES + 1]]) + "\n"
target = Path(__file__).parents[2] / "Sources/CVocabulary/clip-merges.txt"
target.write_text(text, encoding="utf-8")
