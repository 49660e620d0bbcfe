"""Granula and eager PyTorch + PEFT in turn on one GPU, each step in a process of its own.

    python compare.py JAVA LIB [rounds]

JAVA is the java command, LIB the folder of the jars. Prints every line with the device memory that nvidia-smi
saw at most, and in the end a table of ratios of medians. Not yet run on a GPU.
"""

import json
import os
import statistics
import subprocess
import sys
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
PRECISION = {"f32": "highest", "tf32": "high", "bf16": "medium"}
ADAPTERS = ["method=gralora rank=32 k=2", "method=gralora rank=128 k=4", "method=lora rank=32"]
SHAPES = os.environ.get("SHAPES", "qwen0.5b qwen1.5b").split()
DEVICE = os.environ.get("DEVICE", "cuda")


def used_mib():
    """Memory in use on the first GPU; 0 where nvidia-smi is missing."""
    try:
        text = subprocess.run(["nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader,nounits"],
                              capture_output=True, text=True, check=True).stdout
        return int(text.split()[0])
    except (OSError, subprocess.CalledProcessError):
        return 0


def measure(command):
    before, peak, done = used_mib(), [0], threading.Event()

    def sample():
        while not done.wait(0.1):
            peak[0] = max(peak[0], used_mib())

    sampler = threading.Thread(target=sample)
    sampler.start()
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=False)
    finally:
        done.set()
        sampler.join()
    if result.returncode != 0:
        print(json.dumps({"failed": command, "error": result.stderr.strip()[-400:]}), flush=True)
        return None
    line = json.loads(result.stdout.strip().splitlines()[-1])
    line["device_mib"] = max(0, peak[0] - before)
    print(json.dumps(line), flush=True)
    return line


def main():
    java, lib, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 3
    table = []
    for shape in SHAPES:
        for base in PRECISION:
            for adapter in ADAPTERS:
                options = f"device={DEVICE} shape={shape} base={base} {adapter}".split()
                ours = [java, "--add-modules", "jdk.incubator.vector", "--enable-native-access=ALL-UNNAMED",
                        "-XX:MaxDirectMemorySize=1t", f"-Dgranula.cuda.precision={PRECISION[base]}",
                        "-cp", os.path.join(lib, "*"), "dev.granula.bench.gpu.GpuStep", *options]
                theirs = [sys.executable, os.path.join(HERE, "peer.py"), *options]
                lines = [(measure(ours), measure(theirs)) for _ in range(rounds)]
                lines = [(a, b) for a, b in lines if a and b]
                if lines:
                    table.append((f"{shape} {base} {adapter}", *(
                        statistics.median(a[key] for a, _ in lines) / max(1e-9, statistics.median(b[key] for _, b in lines))
                        for key in ("tokens_per_second", "device_mib"))))
    print("\n| case | tokens/s, ours over PyTorch's | device memory, ours over PyTorch's |\n| --- | --- | --- |")
    for case, speed, memory in table:
        print(f"| {case} | {speed:.2f} | {memory:.2f} |")


if __name__ == "__main__":
    main()
