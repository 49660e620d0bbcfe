"""Tiny random checkpoints written by transformers, and what transformers computes from them."""

import math
import os

import torch
from transformers import AutoModelForCausalLM, LlamaConfig, Qwen2Config

from golden_common import (
    FIRST_ORDINARY_ID,
    PAD_ID,
    VOCAB,
    batch,
    generator,
    load_model,
    padded_batch,
    read_json,
    write_json,
    write_tensors,
)

NEW_TOKENS = 12
# Two implementations may swap the first two candidates when they are closer than this.
SMALLEST_GREEDY_MARGIN = 1e-2

SIZES = dict(
    vocab_size=VOCAB,
    hidden_size=32,
    intermediate_size=48,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    pad_token_id=PAD_ID,
    bos_token_id=1,
)

# With head_dim 8 and theta 5e5 the four wavelengths are 6.3, 167, 4443 and 118k positions:
# an original length of 256 puts one in the unchanged band, one in the smooth band between
# 64 and 256, and two in the scaled band.
LLAMA3_ROPE = dict(
    rope_type="llama3",
    rope_theta=500000.0,
    factor=8.0,
    low_freq_factor=1.0,
    high_freq_factor=4.0,
    original_max_position_embeddings=256,
)


def llama3(**changes):
    settings = dict(
        SIZES,
        rms_norm_eps=1e-5,
        max_position_embeddings=2048,
        rope_parameters=dict(LLAMA3_ROPE),
        tie_word_embeddings=False,
        eos_token_id=2,
    )
    return LlamaConfig(**{**settings, **changes})


def default_rope(theta):
    return dict(rope_type="default", rope_theta=theta)


# name: (seed, config, storage type, largest shard)
MODELS = {
    "llama-tiny": (11, lambda: llama3(), torch.float32, "5GB"),
    "llama-tied": (
        12,
        lambda: llama3(
            head_dim=12, tie_word_embeddings=True, rope_parameters=default_rope(10000.0)
        ),
        torch.float32,
        "5GB",
    ),
    "qwen2-tiny": (
        13,
        lambda: Qwen2Config(
            **SIZES,
            rms_norm_eps=1e-6,
            max_position_embeddings=2048,
            rope_parameters=default_rope(1000000.0),
            tie_word_embeddings=True,
            eos_token_id=2,
        ),
        torch.float32,
        "5GB",
    ),
    "llama-bf16": (17, lambda: llama3(), torch.bfloat16, "5GB"),
    "llama-sharded": (15, lambda: llama3(eos_token_id=[1, 2]), torch.float32, "24KB"),
}

WITH_PARAMETER_GRADIENTS = ("llama-tiny", "llama-tied", "qwen2-tiny")


@torch.no_grad()
def randomise(model, seed):
    """The usual std of 0.02 would leave every logit near zero and hide errors."""
    rng = generator(seed)
    for name, parameter in model.named_parameters():
        noise = torch.randn(parameter.shape, generator=rng)
        if name.endswith("norm.weight"):
            parameter.copy_(1 + 0.3 * noise)
        elif name.endswith(".bias"):
            parameter.copy_(0.3 * noise)
        elif name.endswith("embed_tokens.weight"):
            parameter.copy_(0.2 * noise)
        else:
            parameter.copy_(noise / math.sqrt(parameter.shape[1]))


def write_as_transformers_4(path):
    """Most published checkpoints keep RoPE in `rope_theta` and `rope_scaling`."""
    config = read_json(path)
    rope = config.pop("rope_parameters")
    config["rope_theta"] = rope.pop("rope_theta")
    config["rope_scaling"] = None if rope["rope_type"] == "default" else rope
    config["torch_dtype"] = config.pop("dtype")
    write_json(path, config)


def greedy(model, seed):
    prompt = torch.randint(FIRST_ORDINARY_ID, VOCAB, (1, 5), generator=generator(seed))
    out = model.generate(
        prompt,
        attention_mask=torch.ones_like(prompt),
        max_new_tokens=NEW_TOKENS,
        do_sample=False,
        return_dict_in_generate=True,
        output_logits=True,
    )
    logits = torch.cat(out.logits)
    best = logits.topk(2).values
    margin = (best[:, 0] - best[:, 1]).min().item()
    if margin < SMALLEST_GREEDY_MARGIN:
        raise SystemExit(f"greedy margin {margin} is too small: change the seed")
    return {
        "generate.prompt_ids": prompt,
        "generate.sequence_ids": out.sequences,
        "generate.logits": logits,
    }


def expectations(model, seed):
    plain = batch(seed)
    with torch.no_grad():
        out = model(**plain, output_hidden_states=True)
    tensors = {**plain, "logits": out.logits, "loss": out.loss}
    for i, hidden in enumerate(out.hidden_states):
        tensors[f"hidden_states.{i}"] = hidden

    padded = padded_batch(seed + 1)
    with torch.no_grad():
        out = model(**padded)
    tensors.update({f"padded.{name}": t for name, t in padded.items()})
    tensors["padded.logits"] = out.logits * padded["attention_mask"].unsqueeze(-1)
    tensors["padded.loss"] = out.loss

    tensors.update(greedy(model, seed + 2))
    return tensors


def parameter_gradients(model, seed):
    model.zero_grad()
    model(**batch(seed)).loss.backward()
    return {name: p.grad for name, p in model.named_parameters()}


def make_models(folder):
    for name, (seed, config, dtype, largest_shard) in MODELS.items():
        path = os.path.join(folder, name)
        fresh = AutoModelForCausalLM.from_config(config())
        randomise(fresh, seed)
        fresh.to(dtype).save_pretrained(path, max_shard_size=largest_shard)
        if name == "llama-sharded":
            write_as_transformers_4(os.path.join(path, "config.json"))

        model = load_model(path)
        seed *= 100
        write_tensors(os.path.join(path, "expected.safetensors"), expectations(model, seed))
        if name in WITH_PARAMETER_GRADIENTS:
            write_tensors(
                os.path.join(path, "gradients.safetensors"), parameter_gradients(model, seed)
            )
