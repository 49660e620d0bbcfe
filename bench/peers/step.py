"""Tokens per second of a training step of PyTorch, transformers and PEFT; the peer of
dev.granula.bench.work.StepWork. Weights are random, the optimizer is torch.optim.AdamW as it comes (on a CPU
that is the loop over the tensors). Sequences of different lengths are padded to the longest of a step, as
DataCollatorForSeq2Seq does, or with packed=true put into one row, as DataCollatorWithFlattening does."""

import os
import shutil
import sys
import time

import torch
from peft import GraloraConfig, LoraConfig, get_peft_model
from transformers import Qwen2Config, Qwen2ForCausalLM

import protocol

LENGTH = 256
ALL_PROJECTIONS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
SHAPES = {
    "hidden512": (dict(vocab_size=8192, hidden_size=512, intermediate_size=1376,
                       num_hidden_layers=8, num_attention_heads=8, num_key_value_heads=2), 4),
    "qwen0.5b": (dict(vocab_size=151936, hidden_size=896, intermediate_size=4864,
                      num_hidden_layers=24, num_attention_heads=14, num_key_value_heads=2), 1),
}


def adapt(model, options):
    rank = int(options.get("rank", 32))
    common = dict(r=rank, target_modules=ALL_PROJECTIONS, task_type="CAUSAL_LM")
    method = options.get("method", "gralora")
    if method == "full":
        return model
    if method == "lora":
        return get_peft_model(model, LoraConfig(lora_alpha=2 * rank, **common))
    return get_peft_model(
        model, GraloraConfig(alpha=2 * rank, gralora_k=int(options.get("k", 2)), **common))


def create(options, shape):
    config = Qwen2Config(
        max_position_embeddings=1024, tie_word_embeddings=True, use_cache=False, **shape)
    model = Qwen2ForCausalLM(config)
    if options.get("checkpointing") == "true":
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    model = adapt(model, options)
    model.train()
    return model


def rectangle(vocabulary, lengths):
    ids = torch.randint(0, vocabulary, (len(lengths), max(lengths)))
    if min(lengths) == max(lengths):
        return dict(input_ids=ids, labels=ids)
    mask = (torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]).long()
    return dict(input_ids=ids, attention_mask=mask, labels=ids.masked_fill(mask == 0, -100))


def row(vocabulary, lengths):
    ids = torch.randint(0, vocabulary, (1, sum(lengths)))
    positions = torch.cat([torch.arange(n) for n in lengths])[None]
    return dict(input_ids=ids, position_ids=positions, labels=ids.masked_fill(positions == 0, -100))


def main():
    options = protocol.parse(sys.argv[1:])
    protocol.set_threads(options)
    compiled = options.get("compile") == "true"
    if compiled and not shutil.which(os.environ.get("CXX", "g++")):
        protocol.say("missing", "torch.compile needs a C++ compiler")
        return
    torch.manual_seed(1)
    shape, batch = SHAPES[options.get("shape", "hidden512")]
    model = create(options, shape)
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=1e-4, weight_decay=0.0)
    call = torch.compile(model) if compiled else model
    lengths = [int(n) for n in options["lengths"].split(",")] if "lengths" in options else [LENGTH] * batch

    arrange = row if options.get("packed") == "true" else rectangle

    def one_step(batch):
        start = time.perf_counter()
        loss = call(**batch).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        loss.item()
        return time.perf_counter() - start

    def step():
        groups = [lengths[i:i + batch] for i in range(0, len(lengths), batch)]
        seconds = [one_step(arrange(shape["vocab_size"], group)) for group in groups]
        return {"tokens/s": sum(lengths) / sum(seconds), "s/step": sum(seconds) / len(seconds)}

    protocol.serve({"step": step}, options)


if __name__ == "__main__":
    main()
