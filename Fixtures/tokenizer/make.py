"""Writes prompts.json: many strings and the ids that transformers' CLIPTokenizer gives them.

    python make.py FOLDER      FOLDER holds CLIP's vocab.json and merges.txt

merges.txt is kept as Sources/CVocabulary/clip-merges.txt (see make_merges.py); vocab.json follows from it
(the 256 bytes, the 256 bytes at the end of a word, every merge in order, the two special tokens), so it is
not kept.
Ids stand without padding; `bare` and `exclamation` are for a tokenizer without a configuration and for one like SD 2.x's, which
pads with `!` and therefore knows it as a special token.
"""

import json
import random
import shutil
import sys
import tempfile
from pathlib import Path

import tokenizers
import transformers
from transformers import CLIPTokenizer

here, folder = Path(__file__).parent, Path(sys.argv[1])
random.seed(7)

STRINGS = [
    "", " ", "\n", "a", "A", "7", "!", "'", "''", "'s", "''s", "it's", "IT'S", "don't", "we've", "you'll", "I'd",
    "I'm", "they're", "'tis", "o'clock", "rock 'n' roll", "s's's", "'r", "'re", "'rex", "'v", "'l", "'ll'll", "!'s",
    "a blue handwritten seven", "a red handwritten three on black", "A PHOTO of An Astronaut",
    "multiple    spaces   and\ttabs\nnew\r\nlines", "  leading", "trailing  ", "\u00a0nbsp\u00a0", "\u3000ideographic",
    "\u2003em\u2002en\u2009thin\u200azero\u200bwidth", "a\u0085b", "a\u1680b", "a\u180eb", "a\u2028b\u2029c", "\ufeffbom",
    "\x00", "a\x00b", "\x01\x02\x03", "a\x07b\x1b[0m", "\x7f", "\x1c\x1d\x1e\x1f", "a\x0bb\x0cc",
    "&amp;", "&lt;b&gt;", "&#39;", "&eacute;", "&nbsp;x", "<b>bold</b>",
    "café", "cafe\u0301", "CAFE\u0301", "Crème brûlée", "n\u0303", "\u0344", "A\u030a", "\u212b", "\u1e9b\u0323", "ﬁ", "Å",
    "q\u0307\u0323", "q\u0323\u0307", "\u0958", "\u2126", "\u1100\u1161\u11a8", "각", "\uf900", "\u0f73", "\u0340",
    "Straße", "ẞ", "İstanbul", "ıI", "ΣΑΣ", "ὈΔΥΣΣΕΎΣ", "ΑΣ", "ǅ", "Ǆ", "Ⅷ", "ⅷ", "Ⓐ", "ᏸ", "Ꭰ", "Ა", "𐐀", "𞤀",
    "123", "1984", "3.14", "1,000,000", "12345678901234567890", "٣٤٥", "४२", "①②③", "½", "x²", "H₂O", "𝟘𝟙", "一二三", "Ⅳ",
    "北京", "東京タワー", "カタカナ ﾊﾝｶｸ", "ひらがな", "한국어 텍스트", "中文, 标点。", "北京2024年", "𠀀𠀁",
    "Привет мир", "Ελληνικά", "עברית", "العربية", "हिन्दी", "ไทย", "தமிழ்", "ქართული", "հայերեն", "አማርኛ", "བོད", "မြန်မာ",
    "🙂", "🙂🙂", "👩‍👩‍👧‍👦", "🏳️‍🌈", "🇨🇭🇫🇷", "👍🏽", "❤️", "☃", "1️⃣", "a🙂b", "🙂s", "'🙂", "🫠", "🧌",
    "a<|endoftext|>b", "<|startoftext|>", "<|endoftext|>", "<|endoftext|>!!", "!!<|endoftext|>", "<|ENDOFTEXT|>",
    "<|StartOfText|>x", "<|endoftext|> <|endoftext|>", "<|endoftext", "endoftext|>", "<|pad|>", "<|endoftext|>'s",
    "...", "!!!???", "--", "__init__", "snake_case", "kebab-case", "a.b.c", "e-mail@example.com", "#tag", "$5.00", "50%",
    "https://example.com/a?b=c&d=e#f", "C:\\path\\file.txt", "~/home", "(masterpiece:1.2)", "[[x]]", "{y}", "<lora:z:0.8>",
    "a,b;c:d", "\"quoted\"", "“curly” ‘quotes’", "it’s", "—em—dash", "…", "©®™", "€£¥", "±×÷", "∑∫√", "→←↑", "♫♪",
    "supercalifragilisticexpialidocious", "antidisestablishmentarianism", "pneumonoultramicroscopicsilicovolcanoconiosis",
    "a" * 50, "ab" * 60, "!" * 40, "1" * 30, "x " * 74, "x " * 75, "x " * 76, "x " * 77, "very " * 100, "🙂" * 40, "z" * 300,
    "'s" * 80, ", ".join(f"word{n}" for n in range(60)), "e\u0301" * 90, "highly detailed, 8k, trending on artstation",
    "mixed 漢字 and English と日本語 123 🙂!", "a\u0300\u0301\u0302\u0303b", "\u0301a", " \u0301", "\U0001d400\U0001d401", "ª º ʰ",
    "\u200d", "\u200e\u200f", "\u00ad", "soft\u00adhyphen", "\u2060", "\ue000", "\U000f0000", "\ufffd", "\uffff", "\u0378", "\U0010ffff",
]
pool = "abcdeXYZ  '''stml019.,!-é\u0301ßİΣ漢字🙂\u200d٣½\t\n\x00<|>"
STRINGS += ["".join(random.choice(pool) for _ in range(random.randrange(1, 60))) for _ in range(150)]
for _ in range(60):
    code = [random.choice([random.randrange(0x20, 0x3000), random.randrange(0xA000, 0xD7FF), random.randrange(0x1F000, 0x1FA00)]) for _ in range(12)]
    STRINGS.append("".join(map(chr, code)))


def record(tokenizer, strings):
    cases = []
    for text in strings:
        ids = tokenizer(text, truncation=True, max_length=77).input_ids
        entry = {"text": text, "ids": ids}
        whole = tokenizer(text, padding="longest").input_ids
        if len(whole) > 77:
            entry["dropped"] = tokenizer.batch_decode([whole[76:-1]])[0]
        cases.append(entry)
    return cases


with tempfile.TemporaryDirectory() as name:
    for file in ("vocab.json", "merges.txt"):
        shutil.copy(folder / file, name)
    bare = CLIPTokenizer.from_pretrained(name)
    described = CLIPTokenizer.from_pretrained(folder)
    token = {"__type": "AddedToken", "lstrip": False, "normalized": True, "rstrip": False, "single_word": False}
    start, end = ({**token, "content": text} for text in ("<|startoftext|>", "<|endoftext|>"))
    config = {"bos_token": start, "eos_token": end, "unk_token": end, "pad_token": "!", "model_max_length": 77}
    (Path(name) / "tokenizer_config.json").write_text(json.dumps(config))
    exclamation = CLIPTokenizer.from_pretrained(name)
    result = {
        "transformers": transformers.__version__, "tokenizers": tokenizers.__version__,
        "cases": record(described, STRINGS), "bare": record(bare, [s for s in STRINGS if "<|" in s]),
        "exclamation": record(exclamation, [s for s in STRINGS if "<|" in s or "!" in s]),
    }
(here / "prompts.json").write_text(json.dumps(result, ensure_ascii=True, indent=None, separators=(",", ":")).replace('{"text"', '\n{"text"') + "\n")
print(len(result["cases"]), len(result["bare"]), len(result["exclamation"]))
