"""`python -m benchmarks [names] [--rounds N] [--quick]`: run them and print Markdown, ready for RESULTS.md."""

from __future__ import annotations

import argparse
import importlib
import os
import sys

from benchmarks._common import machine
from benchmarks._harness import failures

NAMES = [
    "training",
    "graphs",
    "predict",
    "images",
    "files",
    "checkpoints",
    "tensorboard",
    "estimators",
    "startup",
    "memory",
]


def main(arguments: list[str] | None = None) -> None:
    """Print the machine, then each benchmark's tables as they are ready; exit with 1 if a peer failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=f"which of {', '.join(NAMES)}; all by default")
    parser.add_argument("--rounds", type=int, default=7, help="alternating rounds of each peer, default 7")
    parser.add_argument("--quick", action="store_true", help="two rounds, fewer calls: does it run at all?")
    chosen = parser.parse_args(arguments)
    unknown = sorted(set(chosen.names) - set(NAMES))
    if unknown or chosen.rounds < 1:
        parser.error(f"no benchmark named {', '.join(unknown)}" if unknown else "--rounds must be at least 1")
    print(machine(), flush=True)
    if hasattr(os, "getloadavg") and os.getloadavg()[0] > 0.5:
        print(f"\n**The machine was busy when this began (load {os.getloadavg()[0]:.1f}): repeat it on a quiet one.**")
    for name in chosen.names or NAMES:
        print(f"\n## {name}: {_question(name)}", flush=True)
        for part in importlib.import_module(f"benchmarks.{name}").run(chosen.rounds, chosen.quick):
            print(f"\n{part}", flush=True)
    for failure in failures:
        print(f"\n**{failure}**", flush=True)
    sys.exit(1 if failures else 0)


def _question(name: str) -> str:
    return (importlib.import_module(f"benchmarks.{name}").__doc__ or "").splitlines()[0]


if __name__ == "__main__":
    main()
