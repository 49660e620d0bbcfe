"""Loads an adapter folder with PEFT on a base model and prints or compares its logits.

Usage: check_adapter_in_peft.py MODEL_DIR ADAPTER_DIR IDS_JSON [--expected FILE] [--name NAME]
[--tolerance T]

IDS_JSON is a file, or the text itself, holding token ids [[...], ...] of equal lengths. Without
--expected the logits [batch, length, vocabulary] are printed as JSON. With it they are compared
with a tensor of a safetensors file. Exit status: 0 good, 1 bad. Any key that PEFT misses or does
not expect is bad, and so is every warning of PEFT.
"""

import argparse
import json
import os
import sys
import warnings

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")

import torch
from peft import PeftModel
from peft.utils import get_peft_model_state_dict
from safetensors.torch import load_file

from golden_common import load_model


def fail(problems):
    for problem in problems:
        print(f"error: {problem}", file=sys.stderr)
    sys.exit(1)


def load_adapter(model_dir, adapter_dir):
    base = load_model(model_dir)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = PeftModel.from_pretrained(base, adapter_dir).eval()
    return model, [f"warning: {w.message}" for w in caught]


def key_problems(model, adapter_dir):
    """PEFT ignores unexpected keys without a word, so the names are compared here."""
    wanted = get_peft_model_state_dict(model, save_embedding_layers=False)
    given = load_file(os.path.join(adapter_dir, "adapter_model.safetensors"))
    problems = [f"missing key {name}" for name in sorted(wanted.keys() - given.keys())]
    problems += [f"unexpected key {name}" for name in sorted(given.keys() - wanted.keys())]
    for name in sorted(wanted.keys() & given.keys()):
        if not torch.equal(wanted[name], given[name].to(wanted[name].dtype)):
            problems.append(f"{name} was not loaded as written")
    return problems


def read_ids(argument):
    if os.path.exists(argument):
        with open(argument, encoding="utf-8") as source:
            return torch.tensor(json.load(source))
    return torch.tensor(json.loads(argument))


def difference_problems(logits, expected, tolerance):
    if logits.shape != expected.shape:
        return [f"logits {list(logits.shape)}, expected {list(expected.shape)}"]
    difference = ((logits - expected).abs().max() / expected.abs().max()).item()
    print(f"max|a-b|/max|b| = {difference:.3e} (tolerance {tolerance:g})")
    # Written so that NaN fails.
    return [] if difference <= tolerance else ["the logits differ"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model_dir")
    parser.add_argument("adapter_dir")
    parser.add_argument("ids_json")
    parser.add_argument("--expected", help="safetensors file with logits")
    parser.add_argument("--name", default="logits", help="tensor in that file")
    parser.add_argument("--tolerance", type=float, default=1e-5)
    args = parser.parse_args()

    model, problems = load_adapter(args.model_dir, args.adapter_dir)
    problems += key_problems(model, args.adapter_dir)
    if problems:
        fail(problems)
    with torch.no_grad():
        logits = model(input_ids=read_ids(args.ids_json)).logits
    if args.expected is None:
        json.dump(logits.tolist(), sys.stdout)
        print()
        return
    expected = load_file(args.expected)[args.name]
    problems = difference_problems(logits, expected, args.tolerance)
    if problems:
        fail(problems)


if __name__ == "__main__":
    main()
