"""Granula and eager PyTorch + PEFT in turn on one GPU, each step in a process of its own.

    python compare.py JAVA LIB [rounds]

JAVA is the java command, LIB the folder of the jars. Every process prints a line and every case its row; the whole
table so far is in the file TABLE after each case. Exits with 1 where a process failed or no case has both sides. Not
yet run on a GPU.

Environment: BENCH_SECONDS, after which nothing runs any more (480); a case that may not fit is not started.
PROCESS_SECONDS for one process (180). WARM and STEPS of a process (15 seconds, 10). SHAPES (qwen0.5b qwen1.5b),
DEVICE (cuda). TABLE (gpu-bench.md).

Memory is what nvidia-smi says is in use, at most, less what was in use at the start: the whole process with context,
kernels and libraries, the same for both. Once a second is enough, since neither pool gives memory back, and seldom
enough to leave the timing alone. Where nvidia-smi does not say it, memory is what each process itself saw the
driver's free memory shrink by, which leaves the context out; the table says which it is.
"""

import itertools
import json
import math
import os
import statistics
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PRECISION = {"f32": "highest", "tf32": "high", "bf16": "medium"}
GRALORA, LARGE, LORA = "method=gralora rank=32 k=2", "method=gralora rank=128 k=4", "method=lora rank=32"
# What would be missed most comes first.
FIRST = [("qwen0.5b", "bf16", GRALORA), ("qwen0.5b", "f32", GRALORA), ("qwen1.5b", "bf16", GRALORA),
         ("qwen0.5b", "bf16", LORA), ("qwen1.5b", "f32", GRALORA), ("qwen0.5b", "tf32", GRALORA),
         ("qwen0.5b", "bf16", LARGE), ("qwen1.5b", "bf16", LARGE), ("qwen0.5b", "f32", LARGE), ("qwen1.5b", "f32", LARGE)]
FASTER, LEANER, OVER_LORA = 1.3, 0.9, 1.03

SETTING = os.environ.get
SHAPES = SETTING("SHAPES", "qwen0.5b qwen1.5b").split()
DEVICE = SETTING("DEVICE", "cuda")
TABLE = SETTING("TABLE", "gpu-bench.md")
PROCESS_SECONDS = float(SETTING("PROCESS_SECONDS", "180"))
DEADLINE = time.monotonic() + float(SETTING("BENCH_SECONDS", "480"))


def used_mib():
    """Memory in use on the first GPU; None where nvidia-smi is missing or does not say."""
    try:
        text = subprocess.run(["nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader,nounits"],
                              capture_output=True, text=True, check=True, timeout=10).stdout
        return int(text.split()[0])
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        return None


IDLE_MIB = used_mib()


class Sampler(threading.Thread):
    """The most memory that is in use until it is stopped, beyond what an idle device has in use."""

    def __init__(self):
        super().__init__(daemon=True)
        self.peak, self.done = None, threading.Event()

    def run(self):
        while IDLE_MIB is not None and not self.done.wait(1):
            self.peak = max(self.peak or 0, used_mib() or 0)

    def stop(self):
        self.done.set()
        self.join()
        return self.peak and max(0, self.peak - IDLE_MIB)


def shortened(text):
    """What went wrong stands at the start of a trace of Java and at the end of one of Python."""
    text = text.strip()
    return text if len(text) <= 1200 else text[:800] + " [...] " + text[-400:]


def measure(command):
    """The line of one process, or None, and whether it failed; one that the deadline ends did not."""
    left = max(1.0, DEADLINE - time.monotonic())
    sampler, in_time = Sampler(), True
    sampler.start()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace") as process:
        try:
            out, err = process.communicate(timeout=min(PROCESS_SECONDS, left))
        except subprocess.TimeoutExpired:
            process.kill()
            (out, err), in_time = process.communicate(), False
    device_mib = sampler.stop()
    try:
        line = json.loads(out.strip().splitlines()[-1])
        line["device_mib"] = device_mib
        if in_time and process.returncode == 0 and math.isfinite(line["loss"]):
            print(json.dumps(line), flush=True)
            return line, False
    except (ValueError, IndexError, KeyError, TypeError):
        pass  # no such line at its end, as where it failed
    what = f"exit code {process.returncode}" if in_time else f"not done after {min(PROCESS_SECONDS, left):.0f} s"
    print(json.dumps({"failed": " ".join(command), "error": shortened(f"{what}\n{err}\n{out}")}), flush=True)
    return None, in_time or left > PROCESS_SECONDS


def commands(java, lib, shape, base, adapter):
    options = f"device={DEVICE} shape={shape} base={base} {adapter}" \
              f" steps={SETTING('STEPS', '10')} warm={SETTING('WARM', '15')}".split()
    ours = [java, "--add-modules", "jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED",
            "-XX:MaxDirectMemorySize=1t", "-XX:ErrorFile=" + os.path.join(os.path.dirname(TABLE), "hs_err.log"),
            f"-Dgranula.cuda.precision={PRECISION[base]}", "-cp", os.path.join(lib, "*"),
            "dev.granula.bench.gpu.GpuStep", *options]
    return ours, [sys.executable, os.path.join(HERE, "peer.py"), *options]


def median(lines, key):
    """None where a line does not know it."""
    values = [line.get(key) for line in lines]
    return statistics.median(values) if values and all(values) else None


def cell(value, form="{:,.0f}"):
    return "-" if value is None else form.format(value)


def ratio(a, b):
    return None if a is None or b is None else a / b


def row(case, ours, theirs, memory):
    speed = [median(lines, "tokens_per_second") for lines in (ours, theirs)]
    held = [median(lines, memory) for lines in (ours, theirs)]
    return "| " + " | ".join([
        " ".join(case), f"{len(ours)}, {len(theirs)}", *map(cell, speed), cell(ratio(*speed), "{:.2f}"),
        *map(cell, held), cell(ratio(*held), "{:.2f}")]) + " |"


def memory_kind(rows):
    """The kind of memory that all lines have."""
    lines = [line for sides in rows.values() for side in sides for line in side]
    return "device_mib" if all(line["device_mib"] for line in lines) else "held_mib"


def table(rows):
    memory = memory_kind(rows)
    named = "by nvidia-smi" if memory == "device_mib" else "held, by the process itself, without the context"
    text = [f"Medians of the rounds. Wanted: {FASTER} times PyTorch's tokens/s, at most {LEANER} of its memory, "
            f"a step of GraLoRA at most {OVER_LORA} times one of LoRA. Memory: {named}.", "",
            "| case | rounds: ours, PyTorch's | tokens/s | PyTorch's | ratio | MiB | PyTorch's | ratio |",
            "| --- | --- | --- | --- | --- | --- | --- | --- |"]
    text += [row(case, *sides, memory) for case, sides in rows.items()]
    overs = [""]
    for (shape, base, adapter), (ours, _) in rows.items():
        lora = rows.get((shape, base, LORA), ((), ()))[0]
        over = ratio(median(lora, "tokens_per_second"), median(ours, "tokens_per_second"))
        if adapter == GRALORA and over is not None:
            overs.append(f"- GraLoRA's step over LoRA's, both ours, {shape} {base}, rank 32: {over:.3f}")
    return "\n".join(text + overs) + "\n"


def save(rows):
    with open(TABLE, "w", encoding="utf-8") as file:
        file.write(table(rows))


def main():
    java, lib, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 1
    cases = [case for case in dict.fromkeys([*FIRST, *itertools.product(SHAPES, PRECISION, [GRALORA, LORA, LARGE])])
             if case[0] in SHAPES]
    rows, longest, failed, left_out = {}, 0.0, 0, 0
    save(rows)
    for _ in range(rounds):
        for case in cases:
            start = time.monotonic()
            if DEADLINE - start < max(longest, 1):
                left_out += 1
                continue
            sides = rows.setdefault(case, ([], []))
            for command, lines in zip(commands(java, lib, *case), sides):
                line, is_failure = measure(command)
                failed += is_failure
                lines += [line] if line else []
            longest = max(longest, time.monotonic() - start)
            print(row(case, *sides, memory_kind(rows)), flush=True)
            save(rows)
        print("\n" + table(rows), flush=True)
    print(f"{failed} processes failed; {left_out} of {rounds * len(cases)} cases were not started for want of time")
    return 0 if not failed and any(ours and theirs for ours, theirs in rows.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
