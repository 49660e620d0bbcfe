"""One side of a comparison, as dev.granula.bench.work.Program is in Java: measures for warmup seconds,
everything at least once, says ready, then measures one part per line on standard input."""

import sys
import time

import torch

PEAK = "VmHWM:"


def parse(arguments):
    return dict(argument.split("=", 1) for argument in arguments)


def serve(parts, options):
    """parts: functions by name; each measures once and returns values by name."""
    end = time.monotonic() + int(options.get("warmup", 0))
    while True:
        for measure in parts.values():
            measure()
        if time.monotonic() >= end:
            break
    for part in parts:
        say("part", part)
    say("ready")
    for line in sys.stdin:
        request, _, part = line.rstrip("\n").partition("\t")
        if request != "measure":
            break
        for name, value in parts[part]().items():
            say("value", name, repr(value))
        say("done")
    say("peak", peak_kib())


def say(*fields):
    print("\t".join(str(field) for field in fields), flush=True)


def peak_kib():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(PEAK))


def set_threads(options):
    torch.set_num_threads(int(options.get("threads", 2)))
