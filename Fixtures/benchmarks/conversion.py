"""Times conversions against `cp` and against torch + safetensors, as whole processes in turns.

    python conversion.py CHECKPOINT [--assay .build/release/assay] [--repeat 5] [--folder FOLDER]

CHECKPOINT is a zip-form PyTorch checkpoint of float32 tensors. Each round copies it (`cp`, then
`sync` of the copy), converts it with assay to safetensors, to an ingot and to float16, does the
first and the last with torch.load(mmap=True) and save_file, and inspects, scans and reads it; what
was written is removed and the disk flushed before the next. Medians, their ratios, and the peak of
anonymous memory (RssAnon, sampled) are printed. Versions: torch 2.15, safetensors 0.8.
"""

import argparse
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

PEER = """
import sys, torch
from safetensors.torch import save_file
state = torch.load(sys.argv[1], map_location="cpu", mmap=True, weights_only=True)
state = state.get("state_dict", state)
half = len(sys.argv) > 3
save_file({name: (value.half() if half and value.is_floating_point() else value).contiguous()
           for name, value in state.items()}, sys.argv[2])
with open(sys.argv[2]) as file:
    import os
    os.fsync(file.fileno())
"""


def anonymous(process):
    """The anonymous memory of a process in kilobytes."""
    try:
        status = pathlib.Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in status.splitlines()
                 if line.startswith("RssAnon")), 0)


def measure(command):
    """Seconds and peak anonymous kilobytes of a command."""
    start, peak = time.perf_counter(), 0
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    while process.poll() is None:
        peak = max(peak, anonymous(process.pid))
        time.sleep(0.002)
    if process.returncode:
        sys.exit(f"{command} failed with {process.returncode}")
    return time.perf_counter() - start, peak


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("checkpoint")
    parser.add_argument("--assay", default=".build/release/assay")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--folder", help="on the disk to measure; beside the checkpoint by default")
    options = parser.parse_args()
    source, assay = os.path.abspath(options.checkpoint), os.path.abspath(options.assay)
    parent = options.folder or os.path.dirname(source)

    with tempfile.TemporaryDirectory(dir=parent) as folder:
        def out(name):
            return os.path.join(folder, name)

        python = [sys.executable, "-c", PEER, source]
        commands = {
            "cp, sync": ["sh", "-c", f"cp '{source}' '{out('copy')}' && sync '{out('copy')}'"],
            "assay to safetensors": [assay, "convert", source, "-q", "-o", out("a.safetensors")],
            "torch to safetensors": python + [out("t.safetensors")],
            "assay to ingot": [assay, "convert", source, "-q", "-o", out("a.ingot")],
            "assay to f16": [
                assay, "convert", source, "-q", "--dtype", "f16", "-o", out("h.safetensors")],
            "torch to f16": python + [out("u.safetensors"), "half"],
            "read (cat)": ["sh", "-c", f"cat '{source}' | cat > /dev/null"],
            "assay scan": [assay, "scan", "-q", source],
            "assay inspect": [assay, "inspect", "-q", source],
        }
        times = {name: [] for name in commands}
        memory = dict.fromkeys(commands, 0)
        subprocess.run(["cat", source], stdout=subprocess.DEVNULL, check=True)
        for _ in range(options.repeat):
            for name, command in commands.items():
                subprocess.run(["sync"], check=True)
                seconds, peak = measure(command)
                times[name].append(seconds)
                memory[name] = max(memory[name], peak)
                for path in os.listdir(folder):
                    os.unlink(out(path))
    middle = {name: statistics.median(found) for name, found in times.items()}
    print(f"{'':24}{'median':>10}{'fastest':>10}{'anonymous':>13}")
    for name in commands:
        print(f"{name:24}{middle[name]:8.3f} s{min(times[name]):8.3f} s{memory[name] / 1024:9.1f} MiB")
    for one, other in [("assay to safetensors", "cp, sync"), ("assay to ingot", "cp, sync"),
                       ("assay to safetensors", "torch to safetensors"),
                       ("assay to f16", "torch to f16"), ("assay scan", "read (cat)")]:
        print(f"{one} / {other}: {middle[one] / middle[other]:.2f}"
              f" (fastest {min(times[one]) / min(times[other]):.2f})")


if __name__ == "__main__":
    main()
