"""Tokens per second of a training step of PyTorch + PEFT, the peer of dev.granula.bench.StepSpeed.

    python step.py shape=hidden512 method=gralora rank=32 k=2 steps=8
"""

import json
import resource
import statistics
import sys
import time

import torch
from peft import GraloraConfig, LoraConfig, get_peft_model
from transformers import Qwen2Config, Qwen2ForCausalLM

WARM_UP = 3
ALL_PROJECTIONS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
SHAPES = {
    "hidden512": (dict(vocab_size=8192, hidden_size=512, intermediate_size=1376,
                       num_hidden_layers=8, num_attention_heads=8, num_key_value_heads=2), 4, 256),
    "qwen0.5b": (dict(vocab_size=151936, hidden_size=896, intermediate_size=4864,
                      num_hidden_layers=24, num_attention_heads=14, num_key_value_heads=2), 1, 256),
}


def adapter(options):
    rank = int(options.get("rank", 32))
    common = dict(r=rank, target_modules=ALL_PROJECTIONS, task_type="CAUSAL_LM")
    if options.get("method", "gralora") == "lora":
        return LoraConfig(lora_alpha=2 * rank, **common)
    return GraloraConfig(alpha=2 * rank, gralora_k=int(options.get("k", 2)), **common)


def main():
    options = dict(argument.split("=", 1) for argument in sys.argv[1:])
    torch.set_num_threads(int(options.get("threads", 2)))
    torch.manual_seed(1)
    shape, batch, length = SHAPES[options.get("shape", "hidden512")]
    config = Qwen2Config(max_position_embeddings=1024, tie_word_embeddings=True, use_cache=False, **shape)
    model = get_peft_model(Qwen2ForCausalLM(config), adapter(options))
    model.train()
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=1e-4, weight_decay=0.0)
    seconds = []
    for _ in range(WARM_UP + int(options.get("steps", 8))):
        ids = torch.randint(0, shape["vocab_size"], (batch, length))
        start = time.perf_counter()
        loss = model(input_ids=ids, labels=ids).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        loss.item()
        seconds.append(time.perf_counter() - start)
    timed = seconds[WARM_UP:]
    print(json.dumps({
        "system": f"torch {torch.__version__}",
        "options": " ".join(sys.argv[1:]),
        "tokens_per_second": round(batch * length / statistics.median(timed), 1),
        "fastest": round(batch * length / min(timed), 1),
        "peak_resident_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }))


if __name__ == "__main__":
    main()
