"""Seconds of a training step of eager PyTorch + PEFT on a GPU, the peer of dev.granula.bench.gpu.GpuStep.

    python peer.py shape=qwen0.5b base=bf16 method=gralora rank=32 k=2 steps=10 warm=15

Warm-up and memory follow the rules that GpuStep states. Products of F32 run in TF32 for base=tf32 and, because
PEFT keeps adapters in F32 beside a BF16 base, for base=bf16, as ours do. With base=bf16 PyTorch's activations are
BF16, ours F32: there they move half the bytes.
"""

import json
import statistics
import sys
import time

import torch
from peft import GraloraConfig, LoraConfig, get_peft_model
from transformers import Qwen2Config, Qwen2ForCausalLM

WARM_STEPS = 5
TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
# vocabulary, hidden, MLP, layers, heads, key-value heads; batch, length
SHAPES = {
    "tiny": ((512, 64, 96, 2, 4, 2), 2, 32),
    "qwen0.5b": ((151936, 896, 4864, 24, 14, 2), 4, 1024),
    "qwen1.5b": ((151936, 1536, 8960, 28, 12, 2), 4, 1024),
}


def adapter(options):
    rank = int(options.get("rank", 32))
    common = dict(r=rank, target_modules=TARGETS, task_type="CAUSAL_LM")
    if options.get("method", "gralora") == "lora":
        return LoraConfig(lora_alpha=2 * rank, **common)
    return GraloraConfig(alpha=2 * rank, gralora_k=int(options.get("k", 2)), **common)


def make_model(config, base, device):
    """On the device and in its type from the start: drawn on the processor, 1.5 billion numbers take half a minute."""
    torch.set_default_dtype(torch.bfloat16 if base == "bf16" else torch.float32)
    try:
        with torch.device(device):
            return Qwen2ForCausalLM(config)
    finally:
        torch.set_default_dtype(torch.float32)


def free_bytes(device):
    return torch.cuda.mem_get_info()[0] if device == "cuda" else 0


def main():
    options = dict(argument.split("=", 1) for argument in sys.argv[1:])
    device = options.get("device", "cuda")
    base = options.get("base", "f32")
    steps, warm = int(options.get("steps", 10)), float(options.get("warm", 15))
    torch.manual_seed(1)
    torch.set_float32_matmul_precision("highest" if base == "f32" else "high")
    (vocabulary, hidden, mlp, layers, heads, kv_heads), batch, length = SHAPES[options.get("shape", "qwen0.5b")]
    config = Qwen2Config(
        vocab_size=vocabulary, hidden_size=hidden, intermediate_size=mlp, num_hidden_layers=layers,
        num_attention_heads=heads, num_key_value_heads=kv_heads, max_position_embeddings=length,
        tie_word_embeddings=True, use_cache=False)
    free_before = free_bytes(device)
    model = get_peft_model(make_model(config, base, device), adapter(options)).to(device)
    model.train()
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=1e-4, weight_decay=0.0)

    def step():
        """Seconds until the loss is known, and the loss."""
        ids = torch.randint(0, vocabulary, (batch, length))
        start = time.perf_counter()
        ids = ids.to(device)
        loss = model(input_ids=ids, labels=ids).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        value = loss.item()
        return time.perf_counter() - start, value

    step()
    warm_up, start = 1, time.perf_counter()
    while warm_up < WARM_STEPS or time.perf_counter() - start < warm:
        step()
        warm_up += 1
    timed = [step() for _ in range(steps)]
    print(json.dumps({
        "system": f"torch {torch.__version__}",
        "device": torch.cuda.get_device_name() if device == "cuda" else device,
        "options": " ".join(sys.argv[1:]),
        "warm_up": warm_up,
        "loss": round(timed[-1][1], 3),
        "held_mib": (free_before - free_bytes(device)) >> 20,
        "tokens_per_second": round(batch * length / statistics.median(seconds for seconds, _ in timed), 1),
    }))


if __name__ == "__main__":
    main()
