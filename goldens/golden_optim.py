"""Optimizer steps of torch on given gradients, and learning-rate schedules of transformers."""

import os

import torch
from transformers import (
    get_constant_schedule,
    get_constant_schedule_with_warmup,
    get_cosine_schedule_with_warmup,
    get_linear_schedule_with_warmup,
)

from golden_common import generator, write_json, write_tensors

STEPS = 5
SHAPES = {"w": (3, 5), "b": (7,)}

ADAMW = dict(lr=0.01, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.1)
SGD = dict(lr=0.05, momentum=0.9, weight_decay=0.01)

# file: (optimizer class, settings, largest global norm)
OPTIMIZERS = {
    "adamw": (torch.optim.AdamW, ADAMW, None),
    "adamw_no_decay": (torch.optim.AdamW, dict(ADAMW, weight_decay=0.0), None),
    "adamw_clip": (torch.optim.AdamW, ADAMW, 3.0),
    "sgd_momentum": (torch.optim.SGD, SGD, None),
    "sgd_nesterov": (torch.optim.SGD, dict(SGD, nesterov=True), None),
}


def steps(optimizer_class, settings, max_norm, dtype, suffix):
    """Gradients do not depend on the parameters, so every step can be checked alone."""
    rng = generator(51)
    tensors = {}
    parameters = {}
    for name, shape in SHAPES.items():
        start = torch.randn(shape, generator=rng)
        tensors[f"{name}.0"] = start
        parameters[name] = start.to(dtype, copy=True).requires_grad_()
    optimizer = optimizer_class(parameters.values(), foreach=False, **settings)
    for step in range(1, STEPS + 1):
        for name, parameter in parameters.items():
            # Some steps lie above the clipping norm and some below.
            gradient = torch.randn(parameter.shape, generator=rng) * (0.3 * step)
            tensors[f"grad_{name}.{step}"] = gradient
            parameter.grad = gradient.to(dtype, copy=True)
        if max_norm is not None:
            norm = torch.nn.utils.clip_grad_norm_(parameters.values(), max_norm, foreach=False)
            tensors[f"norm.{step}{suffix}"] = norm
            for name, parameter in parameters.items():
                tensors[f"clipped_{name}.{step}{suffix}"] = parameter.grad.clone()
        optimizer.step()
        for name, parameter in parameters.items():
            tensors[f"{name}.{step}{suffix}"] = parameter.clone()
    for name, parameter in parameters.items():
        for key in ("exp_avg", "exp_avg_sq", "momentum_buffer"):
            if key in optimizer.state[parameter]:
                tensors[f"{key}_{name}{suffix}"] = optimizer.state[parameter][key]
    return tensors


def schedules():
    """`lr[i]` is the rate that optimizer step i uses, from 0."""
    peak, total = 1e-3, 20
    makers = {
        "linear": lambda o, warmup: get_linear_schedule_with_warmup(o, warmup, total),
        "cosine": lambda o, warmup: get_cosine_schedule_with_warmup(o, warmup, total),
        "constant": lambda o, warmup: (
            get_constant_schedule_with_warmup(o, warmup) if warmup else get_constant_schedule(o)
        ),
    }
    rows = []
    for name, make in makers.items():
        for warmup in (0, 5):
            optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=peak)
            schedule = make(optimizer, warmup)
            lr = []
            for _ in range(total):
                lr.append(optimizer.param_groups[0]["lr"])
                optimizer.step()
                schedule.step()
            rows.append(
                {"name": name, "peak": peak, "warmup_steps": warmup, "total_steps": total, "lr": lr}
            )
    return rows


def make_optim(folder):
    parameters = {}
    for name, (optimizer_class, settings, max_norm) in OPTIMIZERS.items():
        tensors = {}
        for dtype, suffix in ((torch.float32, ""), (torch.float64, ".f64")):
            tensors.update(steps(optimizer_class, settings, max_norm, dtype, suffix))
        write_tensors(os.path.join(folder, f"{name}.safetensors"), tensors)
        parameters[name] = dict(settings, steps=STEPS, max_norm=max_norm)
    write_json(os.path.join(folder, "optimizers.json"), parameters)
    write_json(os.path.join(folder, "lr_schedules.json"), schedules())
