"""Seeds, file writing and the batch that the model and adapter goldens share."""

import json
import os

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM

IGNORE_INDEX = -100
VOCAB = 96
PAD_ID = 0
FIRST_ORDINARY_ID = 3


def make_deterministic():
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)


def generator(seed):
    return torch.Generator().manual_seed(seed)


def write_tensors(path, tensors):
    """One metadata key only: the writer does not fix the order of several."""
    contiguous = {name: t.detach().clone().contiguous() for name, t in tensors.items()}
    save_file(contiguous, path, metadata={"format": "pt"})


def write_json(path, value):
    with open(path, "w", encoding="utf-8", newline="\n") as out:
        json.dump(value, out, indent=2, sort_keys=True)
        out.write("\n")


def read_json(path):
    with open(path, encoding="utf-8") as source:
        return json.load(source)


def load_model(path):
    """Loads a checkpoint in F32, whatever type it is stored in, with the plain attention."""
    model = AutoModelForCausalLM.from_pretrained(
        path, dtype=torch.float32, attn_implementation="eager"
    )
    return model.eval()


def batch(seed):
    """Two sequences of 11 tokens without padding; the first 4 and 6 are a masked prompt."""
    ids = torch.randint(FIRST_ORDINARY_ID, VOCAB, (2, 11), generator=generator(seed))
    labels = ids.clone()
    labels[0, :4] = IGNORE_INDEX
    labels[1, :6] = IGNORE_INDEX
    return {"input_ids": ids, "labels": labels}


def padded_batch(seed):
    """As `batch`, with the second sequence cut to 8 tokens and padded on the right."""
    padded = batch(seed)
    mask = torch.ones_like(padded["input_ids"])
    mask[1, 8:] = 0
    padded["input_ids"][mask == 0] = PAD_ID
    padded["labels"][mask == 0] = IGNORE_INDEX
    padded["attention_mask"] = mask
    return padded
