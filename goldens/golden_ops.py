"""Single operations: inputs, an upstream gradient, outputs and input gradients.

Inputs are F32. Every result is stored as `name`, computed in F32, and as `name.f64`, computed in
F64 from the same F32 inputs. Tensor names start with the case, settings are in parameters.json.
"""

import os

import torch
import torch.nn.functional as F
from transformers import LlamaConfig
from transformers.models.llama.modeling_llama import (
    LlamaRMSNorm,
    LlamaRotaryEmbedding,
    apply_rotary_pos_emb,
)

from golden_common import IGNORE_INDEX, generator, write_json, write_tensors
from golden_models import LLAMA3_ROPE, default_rope


class Case:
    """Collects the tensors of one case of one operation."""

    def __init__(self, tensors, name):
        self.tensors = tensors
        self.name = name

    def put(self, name, tensor):
        self.tensors[f"{self.name}.{name}"] = tensor.detach().clone()

    def record(self, function, inputs, constants=(), grad_scale=None, seed=0):
        """Runs `function(*inputs, *constants)`; it returns a dict of outputs."""
        for name, tensor in {**inputs, **dict(constants)}.items():
            self.put(name, tensor)
        upstream = {}
        for dtype, suffix in ((torch.float32, ""), (torch.float64, ".f64")):
            leaves = {n: t.to(dtype, copy=True).requires_grad_() for n, t in inputs.items()}
            fixed = [
                t.to(dtype) if t.is_floating_point() else t for t in dict(constants).values()
            ]
            outputs = function(*leaves.values(), *fixed)
            if not upstream:
                rng = generator(seed)
                upstream = {n: torch.randn(o.shape, generator=rng) for n, o in outputs.items()}
                if grad_scale is not None:
                    upstream = {n: torch.full(o.shape, grad_scale) for n, o in outputs.items()}
                for name, gradient in upstream.items():
                    self.put(f"grad_{name}", gradient)
            torch.autograd.backward(
                list(outputs.values()), [upstream[n].to(dtype) for n in outputs]
            )
            for name, output in outputs.items():
                self.put(name + suffix, output)
            for name, leaf in leaves.items():
                self.put(f"grad_{name}{suffix}", leaf.grad)


def normal(seed, *shape, scale=1.0):
    return torch.randn(shape, generator=generator(seed)) * scale


def norms():
    rms, layer, parameters = {}, {}, {}
    for name, shape, eps in (("a", (3, 7), 1e-5), ("b", (2, 5, 33), 1e-6), ("small", (2, 9), 1e-5)):
        scale = 1e-3 if name == "small" else 2.0
        x = normal(1, *shape, scale=scale)
        weight = 1 + normal(2, shape[-1], scale=0.3)
        bias = normal(3, shape[-1], scale=0.3)
        parameters[name] = {"eps": eps}

        def rms_norm(x, weight):
            if x.dtype == torch.float64:  # the module of transformers always computes in F32
                return {"y": F.rms_norm(x, weight.shape, weight, eps)}
            module = LlamaRMSNorm(weight.shape[0], eps)
            y = torch.func.functional_call(module, {"weight": weight}, (x,))
            return {"y": y}

        def layer_norm(x, weight, bias):
            return {"y": F.layer_norm(x, weight.shape, weight, bias, eps)}

        Case(rms, name).record(rms_norm, {"x": x, "weight": weight}, seed=4)
        Case(layer, name).record(layer_norm, {"x": x, "weight": weight, "bias": bias}, seed=4)
    return {"rms_norm": rms, "layer_norm": layer}, {
        "rms_norm": parameters,
        "layer_norm": parameters,
    }


def activations():
    functions = {
        "silu": F.silu,
        "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"),
        "gelu_erf": F.gelu,
    }
    edges = torch.tensor([-100.0, -20.0, -5.0, -1e-4, 0.0, 1e-4, 5.0, 20.0, 100.0])
    files = {}
    for op, function in functions.items():
        files[op] = {}
        for name, x in (("a", normal(5, 3, 17, scale=2.0)), ("edges", edges)):
            Case(files[op], name).record(lambda x: {"y": function(x)}, {"x": x}, seed=6)
    return files, {}


def softmaxes():
    files = {}
    for op, function in (("softmax", F.softmax), ("log_softmax", F.log_softmax)):
        files[op] = {}
        for name, x in (
            ("a", normal(7, 4, 9)),
            ("large", normal(8, 2, 3, 13, scale=3.0) + 200),
            ("shifted", normal(9, 2, 11) + 1e4),
        ):
            Case(files[op], name).record(lambda x: {"y": function(x, dim=-1)}, {"x": x}, seed=10)
    return files, {op: {"dim": -1} for op in files}


def cross_entropies():
    tensors, parameters = {}, {}
    targets = torch.randint(0, 11, (7,), generator=generator(11))
    targets[[0, 3]] = IGNORE_INDEX
    for name, reduction, scale, upstream in (
        ("mean", "mean", 1.0, 1.0),
        ("scaled", "mean", 1.0, 0.25),
        ("large", "mean", 200.0, 1.0),
        ("sum", "sum", 1.0, 1.0),
    ):
        parameters[name] = {"reduction": reduction, "ignore_index": IGNORE_INDEX}

        def cross_entropy(logits, targets):
            return {"loss": F.cross_entropy(logits, targets, reduction=reduction)}

        Case(tensors, name).record(
            cross_entropy,
            {"logits": normal(12, 7, 11, scale=scale)},
            {"targets": targets},
            grad_scale=upstream,
        )
    return {"cross_entropy": tensors}, {"cross_entropy": parameters}


def rotate(q, k, cos, sin):
    """q [batch, heads, positions, head_dim]; cos and sin [positions, head_dim]."""
    q, k = apply_rotary_pos_emb(q, k, cos.unsqueeze(0), sin.unsqueeze(0))
    return {"q_rotated": q, "k_rotated": k}


def rotary():
    tensors, parameters = {}, {}
    rotary_cases = (
        ("default", 8, 0, default_rope(10000.0)),
        ("llama3", 8, 0, LLAMA3_ROPE),
        ("llama3_offset", 8, 300, LLAMA3_ROPE),
        ("head_dim_6", 6, 0, default_rope(1000000.0)),
    )
    for name, head_dim, first, rope in rotary_cases:
        config = LlamaConfig(
            hidden_size=4 * head_dim,
            num_attention_heads=4,
            head_dim=head_dim,
            max_position_embeddings=2048,
            rope_parameters=dict(rope),
        )
        q, k = normal(13, 2, 4, 5, head_dim), normal(14, 2, 2, 5, head_dim)
        positions = torch.arange(first, first + 5).unsqueeze(0)
        module = LlamaRotaryEmbedding(config)
        cos, sin = module(q, positions)
        case = Case(tensors, name)
        case.put("inv_freq", module.inv_freq)
        case.put("position_ids", positions[0])
        case.record(
            rotate,
            {"q": q, "k": k},
            {"cos": cos[0], "sin": sin[0]},
            seed=15,
        )
        parameters[name] = dict(rope, head_dim=head_dim)
    return {"rotary": tensors}, {"rotary": parameters}


def attention():
    """`mask` is 1 where query i may read key j; it holds the causal rule where one applies."""
    tensors, parameters = {}, {}
    for name, (b, heads, kv_heads, queries, keys, dim) in {
        "causal": (2, 4, 4, 5, 5, 6),
        "causal_gqa": (2, 4, 2, 5, 5, 6),
        "causal_mqa_odd": (1, 3, 1, 7, 7, 5),
        "causal_gqa_padded": (2, 4, 2, 6, 6, 8),
        "decode": (2, 4, 2, 1, 6, 6),
    }.items():
        mask = torch.ones(b, 1, queries, keys, dtype=torch.bool)
        mask = mask.tril(keys - queries)
        key_lengths = [keys] * b
        if name.endswith("padded"):
            key_lengths[1] = 4
            mask[1, :, :, 4:] = False

        def sdpa(q, k, v, mask):
            return {
                "y": F.scaled_dot_product_attention(q, k, v, attn_mask=mask, enable_gqa=True)
            }

        case = Case(tensors, name)
        case.put("mask", mask[:, 0].to(torch.uint8))
        inputs = {
            "q": normal(16, b, heads, queries, dim),
            "k": normal(17, b, kv_heads, keys, dim),
            "v": normal(18, b, kv_heads, keys, dim),
        }
        case.record(lambda q, k, v: sdpa(q, k, v, mask), inputs, seed=19)
        parameters[name] = {"scale": dim**-0.5, "key_lengths": key_lengths}
    return {"attention": tensors}, {"attention": parameters}


def make_ops(folder):
    all_parameters = {}
    for group in (norms, activations, softmaxes, cross_entropies, rotary, attention):
        files, parameters = group()
        for op, tensors in files.items():
            write_tensors(os.path.join(folder, f"{op}.safetensors"), tensors)
        all_parameters.update(parameters)
    write_json(os.path.join(folder, "parameters.json"), all_parameters)
