"""GraLoRA and LoRA adapters written by PEFT, and what PEFT computes with them."""

import os

import torch
from peft import GraloraConfig, LoraConfig, get_peft_model
from peft.utils import get_peft_model_state_dict
from safetensors.torch import load_file

from golden_common import batch, load_model, read_json, write_json, write_tensors

PROJECTIONS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
STEPS = 10
ADAMW = dict(lr=1e-2, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01)


def gralora(k, alpha, hybrid_r=0):
    return lambda: GraloraConfig(
        r=8,
        gralora_k=k,
        alpha=alpha,
        hybrid_r=hybrid_r,
        target_modules=PROJECTIONS,
        init_weights=False,
        task_type="CAUSAL_LM",
    )


def lora():
    return LoraConfig(
        r=8,
        lora_alpha=16,
        target_modules=PROJECTIONS,
        init_lora_weights=False,
        task_type="CAUSAL_LM",
    )


HYBRID = gralora(2, 16, hybrid_r=4)

# (case, base model, seed, config)
CASES = [
    (f"{base}-{suffix}", base, seed + i, config)
    for base, seed in (("llama-tiny", 21), ("qwen2-tiny", 31))
    for i, (suffix, config) in enumerate(
        [
            ("k1", gralora(1, 16)),
            ("k2", gralora(2, 16)),
            ("k4", gralora(4, 12)),
            ("k2-hybrid", HYBRID),
        ]
    )
] + [
    ("llama-bf16-k2", "llama-bf16", 41, gralora(2, 16)),
    ("llama-tiny-lora", "llama-tiny", 42, lora),
]

WITH_TRAINED_ADAPTER = ("-k2", "-k2-hybrid", "-lora")
WITH_MERGE = ("-k2-hybrid", "-lora")


def fresh_adapter(base, seed, config):
    model = load_model(os.path.join("models", base))
    torch.manual_seed(seed)
    return get_peft_model(model, config()).eval()


def write_adapter(model, path):
    model.save_pretrained(path)
    os.remove(os.path.join(path, "README.md"))
    # PEFT keeps the targets in a set and writes them in the order of string hashes.
    config_path = os.path.join(path, "adapter_config.json")
    config = read_json(config_path)
    config["target_modules"] = sorted(config["target_modules"])
    write_json(config_path, config)


def trainable(model):
    """Trainable parameters under the names that PEFT writes, without the adapter name."""
    return {
        name.replace(".default", ""): p for name, p in model.named_parameters() if p.requires_grad
    }


def require_same_names(gradients, path):
    saved = load_file(os.path.join(path, "adapter_model.safetensors"))
    if {n: g.shape for n, g in gradients.items()} != {n: t.shape for n, t in saved.items()}:
        raise SystemExit(f"{path}: trainable parameters differ from the saved adapter")


def forward_and_gradients(model, inputs):
    model.zero_grad()
    embeddings = model.get_input_embeddings()(inputs["input_ids"]).detach().requires_grad_()
    out = model(inputs_embeds=embeddings, labels=inputs["labels"])
    out.loss.backward()
    expected = {
        **inputs,
        "logits": out.logits,
        "loss": out.loss,
        "inputs_embeds": embeddings,
        "inputs_embeds.grad": embeddings.grad,
    }
    return expected, {name: p.grad for name, p in trainable(model).items()}


def train(model, inputs):
    """`losses[i]` is the loss before step i; the last entry is the loss after all steps."""
    optimizer = torch.optim.AdamW(trainable(model).values(), foreach=False, **ADAMW)
    losses = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = model(**inputs).loss
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    with torch.no_grad():
        losses.append(model(**inputs).loss.item())
    return losses


def merge(model, inputs):
    merged = model.merge_and_unload()
    with torch.no_grad():
        logits = merged(**inputs).logits
    weights = {
        name: t
        for name, t in merged.state_dict().items()
        if name.split(".")[-2] in PROJECTIONS and name.endswith(".weight")
    }
    return logits, weights


def make_adapters(folder):
    for case, base, seed, config in CASES:
        path = os.path.join(folder, case)
        model = fresh_adapter(base, seed, config)
        inputs = batch(seed * 100)
        write_adapter(model, path)
        expected, gradients = forward_and_gradients(model, inputs)
        require_same_names(gradients, path)
        write_tensors(os.path.join(path, "gradients.safetensors"), gradients)

        losses = train(model, inputs)
        write_json(
            os.path.join(path, "curve.json"), {"adamw": ADAMW, "steps": STEPS, "losses": losses}
        )
        if case.endswith(WITH_TRAINED_ADAPTER):
            write_tensors(
                os.path.join(path, "trained.safetensors"),
                get_peft_model_state_dict(model, save_embedding_layers=False),
            )

        if case.endswith(WITH_MERGE):
            logits, weights = merge(fresh_adapter(base, seed, config), inputs)
            expected["merged.logits"] = logits
            write_tensors(os.path.join(path, "merged.safetensors"), weights)
        write_tensors(os.path.join(path, "expected.safetensors"), expected)
