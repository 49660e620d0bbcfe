"""Passes per second of PyTorch's causal attention, forward and backward, 8 heads of 64; the peer of
dev.granula.bench.work.AttentionWork."""

import sys
import time

import torch

import protocol

HEADS, HEAD_DIM = 8, 64
SECONDS_PER_PART = 0.2


def attention_pass(length):
    query, key, value = (
        torch.rand(1, HEADS, length, HEAD_DIM, requires_grad=True) for _ in range(3))
    gradient = torch.rand(1, HEADS, length, HEAD_DIM)

    def run():
        out = torch.nn.functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        out.backward(gradient)
        for leaf in (query, key, value):
            leaf.grad = None

    return run


def measurement(name, run):
    def measure():
        run()
        runs, start, elapsed = 0, time.perf_counter(), 0.0
        while elapsed < SECONDS_PER_PART:
            run()
            runs += 1
            elapsed = time.perf_counter() - start
        return {name: runs / elapsed}

    return measure


def main():
    options = protocol.parse(sys.argv[1:])
    protocol.set_threads(options)
    torch.manual_seed(1)
    names = {f"length {length}": length for length in (256, 1024)}
    protocol.serve({n: measurement(n, attention_pass(length)) for n, length in names.items()}, options)


if __name__ == "__main__":
    main()
