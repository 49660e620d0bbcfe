"""Makes every golden file. Usage: python make_goldens.py [--out FOLDER]; see README.md."""

import argparse
import os
import shutil

from golden_adapters import make_adapters
from golden_common import make_deterministic
from golden_models import make_models
from golden_ops import make_ops
from golden_optim import make_optim

# Adapters are made on the models: the order matters.
MAKERS = (
    ("models", make_models),
    ("gralora", make_adapters),
    ("ops", make_ops),
    ("ops", make_optim),
)


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", default=os.path.join(here, "data"))
    out = parser.parse_args().out
    make_deterministic()
    os.makedirs(out, exist_ok=True)
    # PEFT records the path of the base model as given: it must not name this machine's folders.
    os.chdir(out)
    for folder in dict(MAKERS):
        shutil.rmtree(folder, ignore_errors=True)
        os.mkdir(folder)
    for folder, make in MAKERS:
        make(folder)


if __name__ == "__main__":
    main()
