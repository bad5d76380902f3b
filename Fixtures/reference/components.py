"""What is recorded of each component."""

from __future__ import annotations

import numpy as np
import torch

from .model import Model
from .prompts import PROMPTS
from .recorder import Recorder, latent_size
from .tokenizer import CONTEXT


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
