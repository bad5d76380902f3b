#!/usr/bin/env python3
"""Runs transformers and diffusers on a model and records what each component computes.

    python capture_reference.py MODEL -o REF.safetensors [--trace] [--components LIST]

MODEL is a diffusers folder, or a Stable Diffusion 1.x checkpoint in the original (LDM) layout
(`.ckpt`, `.safetensors`). Everything runs on the CPU in float32. `assay validate` compares its own
results with the file. Needs torch, diffusers, transformers, safetensors and, for a single file
without `--tokenizer`, open_clip_torch (its list of merges). Nothing is downloaded, and a pickle's
classes are never imported.

# The file

One safetensors file. Metadata values are strings; those marked JSON hold a JSON text.

    assay.reference    "1", the version of this schema
    model              the name of the folder or file that was run
    versions           JSON {"torch": "…", "diffusers": "…", "transformers": "…", …}
    seed               the seed of every random input below
    components         JSON list of what was recorded, out of tokenizer clip unet vae scheduler generation
    configurations     JSON {component: its diffusers configuration}
    probes             JSON {canonical tensor name: shape}: the model's identity, see below
    traces             JSON {tensor name: {"shape": […], "stride": n}}: see below
    tokenizer.prompts  JSON list of the prompts behind `tokenizer/ids`
    scheduler.cases    JSON list of {"name", "config", "steps"}
    generation.cases   JSON list of {"prompt", "negative_prompt", "seed", "steps", "guidance_scale",
                       "width", "height", "scheduler": class name}

Tensors (f32 unless noted; P prompts, B batch, K cases, S steps, C text width, h w latent size):

    probe/NAME                     [<= 8]       first values of the weight NAME
    tokenizer/ids                  [P, 77] i32  padded and truncated token ids
    clip/ids                       [B, 77] i32  input
    clip/hidden                    [B, 77, C]   last hidden state, final layer norm applied
    unet/timesteps                 [K]          one timestep a case
    unet/K/sample                  [N, 4, h, w] input latents of case K
    unet/K/context                 [N, 77, C]   input hidden states
    unet/K/noise                   [N, 4, h, w] predicted noise
    vae/image                      [1, 3, H, W] input picture, -1 … 1
    vae/mean  vae/logvar           [1, 4, h, w] moments of its encoding (log-variance as clamped)
    vae/latent                     [1, 4, h, w] input of the decoder (already divided by the scale)
    vae/picture                    [1, 3, H, W] its decoding
    vae/roundtrip                  [1, 3, H, W] the decoding of vae/mean
    scheduler/NAME/timesteps       [S]          in order
    scheduler/NAME/initial         [1, 4, h, w] first latents (init_noise_sigma applied)
    scheduler/NAME/noise           [S, 4, h, w] the noise predictions that were given to it
    scheduler/NAME/scaled          [S, 4, h, w] what scale_model_input returned before each step
    scheduler/NAME/trajectory      [S, 4, h, w] the latents after each step
    generation/K/initial           [1, 4, h, w] standard normal noise of the seed
    generation/K/latents           [1, 4, h, w] final latents
    generation/K/picture           [H, W, 3] u8 the picture

With `--trace`, the output of every block: `clip/trace/BLOCK`, `unet/0/trace/BLOCK` (case 0),
`vae/encode/trace/BLOCK` and `vae/decode/trace/BLOCK`, BLOCK being the module's path in diffusers
(`down_blocks.0.resnets.1`). To keep full-size models small, a block's output is flattened and every
`stride`-th value kept (`traces` has the stride and the whole shape), at most `--trace-values` of them.

The identity of a model is a few values of several of its weights. They are compared with a
tolerance that a cast to bfloat16 passes, so that a cast is judged by its results, while another
model is refused.
"""

from __future__ import annotations

import argparse
import json
import math
import pickle
import platform
import sys
import tempfile
import types
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file

COMPONENTS = ["tokenizer", "clip", "unet", "vae", "scheduler", "generation"]
CONTEXT = 77

PROMPTS = [
    "",
    "a blue handwritten seven",
    "a red handwritten three on black",
    "A Photograph of an ASTRONAUT riding a horse",
    "   leading, trailing   and\tinner \n white   space  ",
    "it's the dogs' house; they'll say we've won, I'm sure you'd agree",
    "3.14159 is pi, 2,000 is a number, 1984 a year and 12345678901234567890 a long one",
    "punctuation!!! ... ??? -- __ (parentheses) [brackets] {braces} <angles> \"quotes\" `ticks`",
    "$100 + 50% = #1 & @home * 2 ^ 8 ~ | \\ /",
    "highly detailed, 8k, (masterpiece:1.2), trending on artstation, by greg rutkowski",
    "Crème brûlée à la façon de Gruyères, naïve coöperation",
    "Cre\u0300me bru\u0302le\u0301e spelt with combining marks",
    "Füße, Straße, ÄÖÜ, İstanbul, ǅ titlecase",
    "北京的秋天, 东京タワー, 서울 한강",
    "Привет мир, Καλημέρα κόσμε, שלום עולם, مرحبا بالعالم",
    "नमस्ते दुनिया, สวัสดีชาวโลก",
    "🙂 a smiling 👩‍👩‍👧‍👦 family under a 🏳️‍🌈 flag 🇨🇭",
    "①②③ ½ ¾ x² H₂O ™ © Ⅷ",
    "zero\u200bwidth, non\u00a0breaking, thin\u2009space, line\u2028separator, \ufeffmark",
    "control \x01 and \x7f characters",
    "supercalifragilisticexpialidocious antidisestablishmentarianism pneumonoultramicroscopic",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "https://example.com/path?query=value&other=1#fragment",
    "snake_case CamelCase kebab-case dotted.name v2.0-rc1",
    "a cat<|endoftext|>a dog",
    "<|startoftext|>a cat",
    "&amp; &lt;b&gt; &#39;html&#39;",
    "'s 't 're 've 'm 'll 'd 'S 'LL",
    "a,b.c;d:e!f?g",
    "w" + "o" * 40 + "w " + "very " * 90 + "long",
    ", ".join(f"word{n}" for n in range(60)),
]


# --- the model -----------------------------------------------------------------------------------


class Model:
    """The parts of a Stable Diffusion pipeline, in float32."""

    def __init__(self, tokenizer, text_encoder, unet, vae, scheduler):
        self.tokenizer, self.text_encoder = tokenizer, text_encoder
        self.unet, self.vae, self.scheduler = unet, vae, scheduler
        for module in (text_encoder, unet, vae):
            module.to(torch.float32).eval().requires_grad_(False)
        self.configurations = self.read_configurations()  # before a pipeline edits them

    def pipeline(self, scheduler_class=None):
        """A pipeline with the model's own scheduler, or another made from its configuration."""
        from diffusers import StableDiffusionPipeline

        # A pipeline corrects its scheduler's configuration when it is built, and only then.
        scheduler = self.scheduler
        if scheduler_class is not None:
            scheduler = scheduler_class.from_config(scheduler.config)
        pipeline = StableDiffusionPipeline(
            vae=self.vae, text_encoder=self.text_encoder, tokenizer=self.tokenizer, unet=self.unet,
            scheduler=scheduler, safety_checker=None, feature_extractor=None,
            requires_safety_checker=False,
        )
        pipeline.set_progress_bar_config(disable=True)
        return pipeline

    def weights(self) -> dict[str, torch.Tensor]:
        """Every weight under its canonical name."""
        parts = {"unet": self.unet, "vae": self.vae, "text_encoder": self.text_encoder}
        return {
            f"{part}.{name.removeprefix('text_model.')}": tensor
            for part, module in parts.items()
            for name, tensor in module.state_dict().items()
            if tensor.is_floating_point()
        }

    def read_configurations(self) -> dict[str, dict]:
        """diffusers' configuration of each component, as plain JSON."""
        parts = {"unet": self.unet.config, "vae": self.vae.config, "scheduler": self.scheduler.config}
        configurations = {name: plain(dict(config)) for name, config in parts.items()}
        configurations["text_encoder"] = plain(self.text_encoder.config.to_dict())
        return configurations


def plain(value):
    """A value that JSON can hold, without what only this library version knows."""
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items() if not str(k).startswith("_name_or")}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    return str(value)


def open_model(path: Path, tokenizer: Path | None) -> Model:
    """Opens a diffusers folder or a single checkpoint."""
    if not path.exists():
        sys.exit(f"{path}: no such file or folder")
    return open_folder(path, tokenizer) if path.is_dir() else open_single_file(path, tokenizer)


def open_folder(path: Path, tokenizer: Path | None) -> Model:
    import diffusers
    from transformers import CLIPTextModel, CLIPTokenizer

    index = json.loads((path / "model_index.json").read_text())
    scheduler_class = getattr(diffusers, index["scheduler"][1])
    options = {"torch_dtype": torch.float32, "local_files_only": True}
    return Model(
        CLIPTokenizer.from_pretrained(tokenizer or path / "tokenizer", local_files_only=True),
        CLIPTextModel.from_pretrained(path / "text_encoder", dtype=torch.float32, local_files_only=True),
        diffusers.UNet2DConditionModel.from_pretrained(path / "unet", **options),
        diffusers.AutoencoderKL.from_pretrained(path / "vae", **options),
        scheduler_class.from_pretrained(path / "scheduler", local_files_only=True),
    )


class RestrictedUnpickler(pickle.Unpickler):
    """Rebuilds tensors and containers; any other class becomes an empty stand-in, never imported."""

    allowed = {
        ("collections", "OrderedDict"),
        ("torch._utils", "_rebuild_tensor_v2"),
        ("torch._utils", "_rebuild_parameter"),
        ("torch", "Size"),
    }

    def find_class(self, module: str, name: str):
        storage = module == "torch" and name.endswith("Storage")
        if storage or (module, name) in self.allowed:
            return super().find_class(module, name)

        def initialise(self, *_, **__):
            pass

        return type(name, (), {"__module__": module, "__init__": initialise})


def read_state(path: Path) -> tuple[dict[str, torch.Tensor], int]:
    """The tensors of a single file, and the latent size of the trainer's notes (or the family's)."""
    with path.open("rb") as file:
        start = file.read(9)
    if start[8:9] == b"{":
        return load_file(path), 64
    reader = types.SimpleNamespace(Unpickler=RestrictedUnpickler, load=None, __name__="restricted")
    value = torch.load(path, map_location="cpu", pickle_module=reader, weights_only=False)
    notes = value.get("hyper_parameters") or {}
    while isinstance(value, dict) and isinstance(value.get("state_dict"), dict):
        value = value["state_dict"]
    state = {name: tensor for name, tensor in value.items() if isinstance(tensor, torch.Tensor)}
    return state, notes.get("image_size", 64) if isinstance(notes, dict) else 64


def open_single_file(path: Path, tokenizer: Path | None) -> Model:
    """Opens an original checkpoint with diffusers' own converters."""
    from diffusers import AutoencoderKL, PNDMScheduler, UNet2DConditionModel
    from diffusers.loaders import single_file_utils as converters
    from transformers import CLIPTextConfig, CLIPTextModel

    state, image_size = read_state(path)
    unet_config, vae_config, text_config = (derive(state) for derive in (derive_unet, derive_vae, derive_text))
    unet_config["sample_size"] = image_size
    vae_config["sample_size"] = image_size * 2 ** (len(vae_config["block_out_channels"]) - 1)
    unet = UNet2DConditionModel.from_config(unet_config)
    # diffusers' converters take what they use out of the dictionary: each gets its own.
    unet.load_state_dict(converters.convert_ldm_unet_checkpoint(dict(state), unet_config))
    vae = AutoencoderKL.from_config(vae_config)
    vae.load_state_dict(converters.convert_ldm_vae_checkpoint(dict(state), vae_config))
    text_encoder = CLIPTextModel(CLIPTextConfig(**text_config))
    prefix = "text_model." if any(k.startswith("text_model.") for k in text_encoder.state_dict()) else ""
    text = {
        prefix + name.removeprefix("text_model."): tensor
        for name, tensor in converters.convert_ldm_clip_checkpoint(dict(state)).items()
        if not name.endswith("position_ids")
    }
    text_encoder.load_state_dict(text, strict=True)
    scheduler = PNDMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", num_train_timesteps=1000,
        set_alpha_to_one=False, skip_prk_steps=True, steps_offset=1,
    )
    return Model(open_tokenizer(tokenizer), text_encoder, unet, vae, scheduler)


def derive_unet(state) -> dict:
    """The U-Net's configuration: the SD 1.x family's, with the dimensions that the shapes tell."""
    prefix = "model.diffusion_model."
    if prefix + "input_blocks.0.0.weight" not in state:
        sys.exit("not a Stable Diffusion 1.x checkpoint: no tensor 'model.diffusion_model.input_blocks.0.0.weight'")
    widths, layers, attends, context, block = [], [0], [False], None, 1
    while True:
        here = f"{prefix}input_blocks.{block}.0."
        if here + "op.weight" in state:
            layers.append(0)
            attends.append(False)
        elif here + "out_layers.3.weight" in state:
            width = state[here + "out_layers.3.weight"].shape[0]
            widths = widths[: len(layers) - 1] + [width]
            layers[-1] += 1
            key = f"{prefix}input_blocks.{block}.1.transformer_blocks.0.attn2.to_k.weight"
            if key in state:
                attends[-1], context = True, state[key].shape[1]
        else:
            break
        block += 1
    return {
        "act_fn": "silu", "attention_head_dim": 8, "block_out_channels": widths,
        "cross_attention_dim": context, "center_input_sample": False, "downsample_padding": 1,
        "down_block_types": ["CrossAttnDownBlock2D" if a else "DownBlock2D" for a in attends],
        "up_block_types": ["CrossAttnUpBlock2D" if a else "UpBlock2D" for a in reversed(attends)],
        "flip_sin_to_cos": True, "freq_shift": 0, "layers_per_block": layers[0],
        "in_channels": state[prefix + "input_blocks.0.0.weight"].shape[1],
        "out_channels": state[prefix + "out.2.weight"].shape[0],
        "mid_block_scale_factor": 1, "norm_eps": 1e-5, "norm_num_groups": 32,
    }


def derive_vae(state) -> dict:
    prefix = "first_stage_model.encoder.down."
    widths, layers = [], 0
    while f"{prefix}{len(widths)}.block.0.conv2.weight" in state:
        widths.append(state[f"{prefix}{len(widths)}.block.0.conv2.weight"].shape[0])
    while f"{prefix}0.block.{layers}.conv2.weight" in state:
        layers += 1
    return {
        "act_fn": "silu", "block_out_channels": widths, "layers_per_block": layers,
        "down_block_types": ["DownEncoderBlock2D"] * len(widths),
        "up_block_types": ["UpDecoderBlock2D"] * len(widths), "in_channels": 3, "out_channels": 3,
        "latent_channels": state["first_stage_model.post_quant_conv.weight"].shape[0],
        "norm_num_groups": 32, "scaling_factor": 0.18215,
    }


def derive_text(state) -> dict:
    prefix = "cond_stage_model.transformer."
    if not any(name.startswith(prefix + "text_model.") for name in state):
        sys.exit("not a Stable Diffusion 1.x checkpoint: no text encoder under 'cond_stage_model.transformer.text_model.'")
    prefix += "text_model."
    vocabulary, width = state[prefix + "embeddings.token_embedding.weight"].shape
    layers = 0
    while f"{prefix}encoder.layers.{layers}.mlp.fc1.weight" in state:
        layers += 1
    return {
        "hidden_size": width, "vocab_size": vocabulary, "num_hidden_layers": layers,
        "intermediate_size": state[f"{prefix}encoder.layers.0.mlp.fc1.weight"].shape[0],
        "num_attention_heads": width // 64, "hidden_act": "quick_gelu", "layer_norm_eps": 1e-5,
        "max_position_embeddings": state[prefix + "embeddings.position_embedding.weight"].shape[0],
        "projection_dim": width, "bos_token_id": 49406, "eos_token_id": 49407, "pad_token_id": 1,
    }


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


# --- recording -----------------------------------------------------------------------------------


class Recorder:
    """The tensors and metadata of the reference file in the making."""

    def __init__(self, model: Model, options: argparse.Namespace):
        self.model, self.options = model, options
        self.tensors: dict[str, torch.Tensor] = {}
        self.metadata: dict[str, object] = {}
        self.traces: dict[str, dict] = {}

    def put(self, name: str, tensor: torch.Tensor) -> None:
        self.tensors[name] = tensor.detach().clone().contiguous()

    def noise(self, *shape: int, stream: int) -> torch.Tensor:
        """Standard normal values; every input has a stream of its own."""
        generator = torch.Generator("cpu").manual_seed(self.options.seed * 1000 + stream)
        return torch.randn(shape, generator=generator)

    def traced(self, prefix: str, module: torch.nn.Module, run):
        """Runs with the output of every block of `module` recorded, if traces are wanted."""
        if not self.options.trace:
            return run()
        hooks = [
            part.register_forward_hook(self.hook(f"{prefix}/trace/{name.removeprefix('text_model.')}"))
            for name, part in module.named_modules()
            if is_block(name.removeprefix("text_model."))
        ]
        try:
            return run()
        finally:
            for hook in hooks:
                hook.remove()

    def hook(self, name: str):
        def record(_module, _inputs, output):
            if isinstance(output, tuple):
                output = output[0]
            tensor = getattr(output, "sample", output)
            if not isinstance(tensor, torch.Tensor):
                return
            stride = max(1, math.ceil(tensor.numel() / self.options.trace_values))
            if stride > 1:
                stride |= 1  # odd, so that it does not run along one channel or column
            self.traces[name] = {"shape": list(tensor.shape), "stride": stride}
            self.put(name, tensor.reshape(-1)[::stride])

        return record


def is_block(path: str) -> bool:
    """Whether a module is one of the blocks that papers draw, no bare layer inside one."""
    parts = path.split(".")
    numbered = ("resnets", "attentions", "downsamplers", "upsamplers", "layers", "down_blocks", "up_blocks")
    if len(parts) >= 2 and parts[-2] in numbered and parts[-1].isdigit():
        return True
    names = {"embeddings", "final_layer_norm", "time_embedding", "conv_in", "conv_norm_out", "conv_out", "mid_block"}
    return parts[-1] in names or path in ("quant_conv", "post_quant_conv")


def token_ids(model: Model, prompts: list[str]) -> torch.Tensor:
    ids = model.tokenizer(
        prompts, padding="max_length", max_length=CONTEXT, truncation=True, return_tensors="pt"
    ).input_ids
    return ids.to(torch.int32)


def record_probes(to: Recorder) -> None:
    wanted = [
        "unet.conv_in.weight", "unet.mid_block.resnets.0.conv1.weight",
        "unet.time_embedding.linear_1.weight", "unet.conv_out.weight",
        "vae.encoder.conv_in.weight", "vae.decoder.conv_in.weight", "vae.decoder.conv_out.weight",
        "text_encoder.embeddings.position_embedding.weight",
        "text_encoder.encoder.layers.0.self_attn.q_proj.weight",
        "text_encoder.encoder.layers.0.mlp.fc1.weight",
    ]
    weights = to.model.weights()
    probes = {}
    for name in wanted:
        probes[name] = list(weights[name].shape)
        to.put(f"probe/{name}", weights[name].reshape(-1)[:8])
    to.metadata["probes"] = probes


def record_tokenizer(to: Recorder) -> None:
    to.metadata["tokenizer.prompts"] = PROMPTS
    to.put("tokenizer/ids", token_ids(to.model, PROMPTS))


def record_clip(to: Recorder) -> None:
    ids = token_ids(to.model, [to.options.prompt[0], "", PROMPTS[10]])
    encoder = to.model.text_encoder
    hidden = to.traced("clip", encoder, lambda: encoder(ids.long())[0])
    to.put("clip/ids", ids)
    to.put("clip/hidden", hidden)


def record_unet(to: Recorder) -> None:
    unet, (height, width) = to.model.unet, latent_size(to)
    ids = token_ids(to.model, [to.options.prompt[0], ""])
    context = to.model.text_encoder(ids.long())[0]
    # Case 1 is a batch of two, as guidance runs it.
    timesteps, batches = [981, 500, 1], [1, 2, 1]
    for case, (timestep, batch) in enumerate(zip(timesteps, batches)):
        sample = to.noise(batch, unet.config.in_channels, height, width, stream=10 + case)
        hidden = context[:batch]
        run = lambda: unet(sample, torch.tensor(timestep), encoder_hidden_states=hidden).sample
        noise = to.traced("unet/0", unet, run) if case == 0 else run()
        to.put(f"unet/{case}/sample", sample)
        to.put(f"unet/{case}/context", hidden)
        to.put(f"unet/{case}/noise", noise)
    to.put("unet/timesteps", torch.tensor(timesteps, dtype=torch.float32))


def picture(height: int, width: int) -> torch.Tensor:
    """A picture with slopes, edges and colour: shaded ground, a disc, a bar, fine stripes."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    y, x = y / height, x / width
    red, green, blue = x, y, 0.5 + 0.5 * np.sin(9 * (x + y))
    disc = (x - 0.35) ** 2 + (y - 0.4) ** 2 < 0.05
    bar = np.abs(x - 0.75) < 0.05
    stripes = (y > 0.8) & (np.floor(x * width / 2) % 2 == 0)
    image = np.stack([red, green, blue])
    image[:, disc] = np.array([0.9, 0.2, 0.1])[:, None]
    image[:, bar] = 0.05
    image[:, stripes] = 1.0
    return torch.from_numpy(image * 2 - 1).float()[None]


def record_vae(to: Recorder) -> None:
    vae, (height, width) = to.model.vae, to.options.size
    image = picture(height, width)
    moments = to.traced("vae/encode", vae, lambda: vae.encode(image).latent_dist)
    latent = to.noise(1, vae.config.latent_channels, *latent_size(to), stream=20)
    latent = latent / vae.config.scaling_factor
    to.put("vae/image", image)
    to.put("vae/mean", moments.mean)
    to.put("vae/logvar", moments.logvar)
    to.put("vae/latent", latent)
    to.put("vae/picture", to.traced("vae/decode", vae, lambda: vae.decode(latent).sample))
    to.put("vae/roundtrip", vae.decode(moments.mean).sample)


def record_scheduler(to: Recorder) -> None:
    from diffusers import DDIMScheduler, EulerDiscreteScheduler, PNDMScheduler

    cases = []
    sizes = [("pndm", PNDMScheduler, 50), ("pndm-7", PNDMScheduler, 7), ("ddim", DDIMScheduler, 50),
             ("ddim-13", DDIMScheduler, 13), ("euler", EulerDiscreteScheduler, 30)]
    for stream, (name, kind, steps) in enumerate(sizes):
        scheduler = to.model.pipeline(kind).scheduler
        config = plain(dict(scheduler.config)) | {"_class_name": kind.__name__}
        scheduler.set_timesteps(steps)
        latents = to.noise(1, 4, 8, 8, stream=30 + stream) * scheduler.init_noise_sigma
        noise = to.noise(len(scheduler.timesteps), 4, 8, 8, stream=40 + stream)
        to.put(f"scheduler/{name}/initial", latents)
        scaled, trajectory = [], []
        for index, timestep in enumerate(scheduler.timesteps):
            scaled.append(scheduler.scale_model_input(latents, timestep))
            latents = scheduler.step(noise[index : index + 1], timestep, latents).prev_sample
            trajectory.append(latents)
        to.put(f"scheduler/{name}/timesteps", scheduler.timesteps.float())
        to.put(f"scheduler/{name}/noise", noise)
        to.put(f"scheduler/{name}/scaled", torch.cat(scaled))
        to.put(f"scheduler/{name}/trajectory", torch.cat(trajectory))
        cases.append({"name": name, "config": config, "steps": steps})
    to.metadata["scheduler.cases"] = cases


def record_generation(to: Recorder) -> None:
    import diffusers

    options, (height, width) = to.options, to.options.size
    cases = [
        {"prompt": prompt, "negative_prompt": options.negative_prompt, "seed": options.seed,
         "steps": options.steps, "guidance_scale": options.guidance_scale,
         "scheduler": type(to.model.scheduler).__name__}
        for prompt in options.prompt
    ]
    if options.variants:
        cases += [
            cases[0] | {"negative_prompt": "a white background", "seed": options.seed + 1, "steps": 20,
                        "scheduler": "DDIMScheduler"},
            cases[0] | {"guidance_scale": 1.0, "seed": options.seed + 2, "steps": 15,
                        "scheduler": "EulerDiscreteScheduler"},
        ]
    for number, case in enumerate(cases):
        case |= {"width": width, "height": height}
        pipeline = to.model.pipeline(getattr(diffusers, case["scheduler"]))
        generator = torch.Generator("cpu").manual_seed(case["seed"])
        initial = torch.randn((1, to.model.unet.config.in_channels, *latent_size(to)), generator=generator)
        arguments = dict(
            prompt=case["prompt"], negative_prompt=case["negative_prompt"] or None, height=height,
            width=width, num_inference_steps=case["steps"], guidance_scale=case["guidance_scale"],
        )
        # The generator goes in, not the latents: what is recorded is what a user of diffusers gets.
        latents = []
        image = pipeline(
            **arguments, generator=torch.Generator("cpu").manual_seed(case["seed"]),
            callback_on_step_end=lambda _p, _i, _t, values: latents.append(values["latents"]) or values,
        ).images[0]
        to.put(f"generation/{number}/initial", initial)
        to.put(f"generation/{number}/latents", latents[-1])
        to.put(f"generation/{number}/picture", torch.from_numpy(np.array(image.convert("RGB"))))
    to.metadata["generation.cases"] = cases


def latent_size(to: Recorder) -> tuple[int, int]:
    factor = 2 ** (len(to.model.vae.config.block_out_channels) - 1)
    return to.options.size[0] // factor, to.options.size[1] // factor


def save(to: Recorder, components: list[str]) -> None:
    import diffusers
    import transformers

    options = to.options
    to.metadata |= {
        "assay.reference": "1",
        "model": options.model.resolve().name,
        "versions": {
            "torch": torch.__version__, "diffusers": diffusers.__version__,
            "transformers": transformers.__version__, "numpy": np.__version__,
            "python": platform.python_version(),
        },
        "seed": str(options.seed), "components": components,
        "configurations": to.model.configurations, "traces": to.traces,
    }
    strings = {
        key: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        for key, value in to.metadata.items()
    }
    temporary = options.output.with_name(options.output.name + ".part")
    save_file(to.tensors, temporary, metadata=strings)
    temporary.chmod(0o644)  # the library leaves it to its owner alone
    temporary.replace(options.output)


def size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    return int(height or width), int(width)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Records what transformers and diffusers compute for a model.",
        epilog="The top of this file documents the schema of the reference.",
    )
    parser.add_argument("model", type=Path, help="diffusers folder, or an LDM .ckpt or .safetensors")
    parser.add_argument("-o", "--output", type=Path, required=True, help="the reference, a .safetensors file")
    parser.add_argument("--tokenizer", type=Path, help="folder of CLIP's tokenizer (for a single file)")
    parser.add_argument("--prompt", action="append", help="prompt to generate; may be repeated")
    parser.add_argument("--negative-prompt", default="")
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1024)
    parser.add_argument("--guidance-scale", type=float, default=7.5)
    parser.add_argument("--size", type=size, help="WIDTHxHEIGHT in pixels (default: the model's own)")
    parser.add_argument("--components", default=",".join(COMPONENTS), help=f"out of {','.join(COMPONENTS)}")
    parser.add_argument("--no-variants", dest="variants", action="store_false",
                        help="generate the prompts only, not DDIM and Euler variants of the first")
    parser.add_argument("--trace", action="store_true", help="record the output of every block")
    parser.add_argument("--trace-values", type=int, default=2048, help="values kept of a block's output")
    options = parser.parse_args()
    options.prompt = options.prompt or ["a blue handwritten seven"]
    return options


def main() -> None:
    options = arguments()
    components = [name for name in COMPONENTS if name in options.components.split(",")]
    unknown = set(options.components.split(",")) - set(COMPONENTS)
    if unknown:
        sys.exit(f"unknown component '{sorted(unknown)[0]}': expected some of {', '.join(COMPONENTS)}")
    model = open_model(options.model, options.tokenizer)
    if options.size is None:
        options.size = (model.vae.config.sample_size,) * 2
    to = Recorder(model, options)
    with torch.inference_mode():
        record_probes(to)
        for name in components:
            print(f"recording {name}", file=sys.stderr)
            globals()[f"record_{name}"](to)
    save(to, components)
    print(f"{options.output}: {len(to.tensors)} tensors, {options.output.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
