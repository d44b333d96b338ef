#!/usr/bin/env python3
"""Heed beside PyTorch: the workloads of `make bench`, by turns, each run a process of its own.

    make bench-torch                                       all workloads: a quarter of an hour, and 5 GiB of memory
    make bench-torch WORKLOAD=gpt-tiny,seq2seq-64 PAIRS=5 STEPS=20 THREADS=2 JSON=1

Both start from the same weights and batch, which heed_bench writes; the loss after ten steps must agree. PyTorch runs with its own
BLAS and, where Debian's libblis4-openmp is installed, with BLIS; the faster one counts. README.md says how to read the table.
"""
import argparse
import glob
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile

WORKLOADS = {  # steps of one run, as many as take a second or a few
    "gpt-tiny": 20, "gpt-baby": 3, "gpt2-124m": 3, "seq2seq-64": 20, "seq2seq-256": 10,
    "attention-512": 7, "attention-2048": 5, "attention-4096": 3,
}
QUICK = "gpt-tiny,seq2seq-64,attention-512"
CHECKED_STEPS = 8  # behind two that are not timed: the tenth step's loss is compared
TOLERANCE = 1e-3, 1e-6  # relative, absolute: f32 sums in another order, ten steps long
TORCH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "torch_workloads.py")


class Failed(Exception):
    pass


def run(command, environment=None):
    """The JSON object that a program prints."""
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        raise Failed(f"{' '.join(command)}: exit status {done.returncode}")
    return json.loads(done.stdout) if done.stdout else None


def heed(options, workload, steps):
    return run([options.bench, "--workload", workload, "--json", "--threads", str(options.threads), "--steps", str(steps)])


def torch(options, workload, start, steps, blas):
    environment = dict(os.environ, OMP_NUM_THREADS=str(options.threads), BLIS_NUM_THREADS=str(options.threads))
    if blas:
        environment["LD_LIBRARY_PATH"] = os.pathsep.join(filter(None, [blas, os.environ.get("LD_LIBRARY_PATH")]))
    return run([sys.executable, TORCH, workload, start, "--threads", str(options.threads), "--steps", str(steps)], environment)


def blas_settings():
    """Name -> the folder to look for libblas in first; None: the system's own."""
    blis = glob.glob("/usr/lib/*/blis-openmp/libblas.so.3")
    return {"default": None, **({"BLIS": os.path.dirname(blis[0])} if blis else {})}


def compare(options, workload, start):
    steps = options.steps or WORKLOADS[workload]
    settings = blas_settings()
    run([options.bench, "--workload", workload, "--save", start])
    ours, theirs = heed(options, workload, CHECKED_STEPS), torch(options, workload, start, CHECKED_STEPS, None)
    runs = {name: [] for name in ["heed", *settings]}
    for _ in range(options.pairs):
        runs["heed"].append(heed(options, workload, steps))
        for name, folder in settings.items():
            runs[name].append(torch(options, workload, start, steps, folder))
    median = {name: statistics.median(r["median_ms"] for r in done) for name, done in runs.items()}
    blas = min(settings, key=median.get)
    ratios = [b["median_ms"] / a["median_ms"] for a, b in zip(runs["heed"], runs[blas])]
    hops = [r["hop_ns"] for r in runs["heed"] if r["hop_ns"] is not None]  # none on one thread
    return {
        "workload": workload, "threads": options.threads, "pytorch": theirs["pytorch"], "blas": blas, "pairs": options.pairs,
        "steps": steps, "heed_ms": round(median["heed"], 3), "torch_ms": round(median[blas], 3),
        "heed_min_ms": min(r["min_ms"] for r in runs["heed"]), "torch_min_ms": min(r["min_ms"] for r in runs[blas]),
        "ratio": round(statistics.median(ratios), 3), "ratio_min": round(min(ratios), 3), "ratio_max": round(max(ratios), 3),
        "ratios": [round(ratio, 3) for ratio in ratios], "hops_ns": hops,
        "heed_max_rss_mb": max(r["max_rss_mb"] for r in runs["heed"]),
        "torch_max_rss_mb": max(r["max_rss_mb"] for r in runs[blas]),
        "heed_loss": ours["loss"], "torch_loss": theirs["loss"],
        "agrees": math.isclose(ours["loss"], theirs["loss"], rel_tol=TOLERANCE[0], abs_tol=TOLERANCE[1]),
    }


def print_head(first):
    print(f"PyTorch {first['pytorch']}, {first['threads']} threads, {first['pairs']} pairs; times are medians of a step\n")
    print(f"{'workload':15} {'heed ms':>9} {'torch ms':>9}  {'BLAS':8} {'ratio':>5}  {'range':11} {'hop ns':9} {'heed MiB':>8} {'torch':>6}"
          f"  {'loss after 10 steps':22}")


def print_row(r):
    loss = f"{r['heed_loss']:.6g}, {r['torch_loss']:.6g}: {'agree' if r['agrees'] else 'DIFFER'}"
    hops = f"{min(r['hops_ns'])}-{max(r['hops_ns'])}" if r["hops_ns"] else "-"
    spread = f"{r['ratio_min']:.2f}-{r['ratio_max']:.2f}"
    print(f"{r['workload']:15} {r['heed_ms']:9.2f} {r['torch_ms']:9.2f}  {r['blas']:8} {r['ratio']:5.2f}  {spread:11}"
          f" {hops:9} {r['heed_max_rss_mb']:8} {r['torch_max_rss_mb']:6}  {loss}", flush=True)


def read_options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bench", help="the program heed_bench")
    parser.add_argument("--workload", default="all", help="names with commas between, quick, or all")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--steps", type=int, default=0, help="timed steps a run; 0: as many as suit the workload")
    parser.add_argument("--threads", type=int, default=0, help="0: one a core")
    parser.add_argument("--json", action="store_true", help="one object a line")
    options = parser.parse_args()
    options.threads = options.threads or len(os.sched_getaffinity(0))
    chosen = {"all": ",".join(WORKLOADS), "quick": QUICK}.get(options.workload, options.workload).split(",")
    unknown = [name for name in chosen if name not in WORKLOADS]
    if unknown or options.pairs < 1 or options.steps < 0:
        parser.error(f"there is no workload {', '.join(unknown)}" if unknown else "at least one pair")
    return options, chosen


def main():
    options, chosen = read_options()
    if subprocess.run([sys.executable, "-c", "import torch, numpy"], stderr=subprocess.DEVNULL).returncode:
        sys.exit(f"bench-torch: {sys.executable} has no PyTorch; on Debian: apt-get install python3-torch python3-numpy")
    good = True
    with tempfile.TemporaryDirectory() as folder:
        for i, workload in enumerate(chosen):
            try:
                result = compare(options, workload, os.path.join(folder, "start.safetensors"))
            except Failed as error:
                print(f"bench-torch: {workload}: {error}", file=sys.stderr)
                good = False
                continue
            good = good and result["agrees"]
            if options.json:
                print(json.dumps(result), flush=True)
            else:
                if i == 0:
                    print_head(result)
                print_row(result)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
