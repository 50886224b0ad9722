"""How long until the first result: the import, the first epoch with its compilation, a second process?"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator

from benchmarks._common import CASES, ROOT, load, table
from benchmarks._harness import PeerError, Record, Worker, failures, installed, note, once, pair_ratio
from benchmarks._watch import watch
from benchmarks.peers import build

IMPORTS = {  # statement: the peer whose package it needs
    "import lamina": "lamina",
    "from lamina import Sequential, layers, optimizers": "lamina",  # sub-packages load when first used
    "import jax": "bare JAX",
    "import keras": "Keras on JAX",
    "import torch": "PyTorch",
}
UNWANTED = ["tensorflow", "keras", "torch", "sklearn", "scipy", "matplotlib", "pandas", "rich", "optax"]
FITTERS = ["lamina", "Keras on JAX", "bare JAX"]
_TIMED_IMPORT = """
import sys, time
start = time.perf_counter()
{statement}
seconds = time.perf_counter() - start
import json
print(json.dumps([seconds, [name for name in {unwanted} if name in sys.modules]]))
"""


def worker(peer: str, case: str) -> Iterator[Record]:
    """One record: seconds to build the network and train its first epoch, imports not counted."""
    chosen = CASES[case]
    data = load(chosen)
    _import(peer)
    seen = watch()
    start = time.perf_counter()
    network = build(peer, chosen, data)
    network.fit(1)
    seconds = time.perf_counter() - start
    yield {"seconds": seconds, "programs": seen.number, "tracing": seen.tracing, "xla": seen.xla, "loss": network.loss}


def _import(peer: str) -> None:
    """Load the library with the rooms that a fit uses, so that the clock sees none of it."""
    import importlib

    library = importlib.import_module({"lamina": "lamina", "Keras on JAX": "keras"}.get(peer, "jax"))
    if peer == "lamina":
        for room in ("callbacks", "layers", "losses", "metrics", "models", "optimizers", "utils"):
            getattr(library, room)


def run(rounds: int, quick: bool) -> Iterator[str]:
    """Yield the table of imports and, for each case, that of first epochs."""
    rounds = 2 if quick else rounds
    yield from _imports(rounds)
    for case in CASES:
        yield from _first_epochs(case, rounds)


def _imports(rounds: int) -> Iterator[str]:
    there, absent = installed(list(dict.fromkeys(IMPORTS.values())))
    times: dict[str, list[float]] = {statement: [] for statement, peer in IMPORTS.items() if peer in there}
    loaded: dict[str, list[str]] = {}
    stderr: dict[str, int] = {}
    for number in range(rounds + 1):  # the first fills the file caches
        for statement in list(times):
            note(f"{statement}: process {number} of {rounds}")
            child = _timed_import(statement)
            if child.returncode:
                failures.append(f"{statement!r} failed: {child.stderr.strip().splitlines()[-1]}")
                del times[statement]
                continue
            seconds, loaded[statement] = json.loads(child.stdout)
            stderr[statement] = len(child.stderr.encode())
            if number:
                times[statement].append(seconds)
    rows = [
        [
            f"`{statement}`",
            *(f"{1e3 * value:.0f}" for value in (statistics.median(kept), min(kept), max(kept))),
            f"{pair_ratio(kept, times['import jax']):.2f}",
            ", ".join(name for name in loaded[statement] if f"import {name}" != statement) or "none",
            str(stderr[statement]),
        ]
        for statement, kept in times.items()
    ]
    header = ["", "ms, median", "min", "max", "times `import jax`", "heavy modules it loads", "bytes on stderr"]
    yield "### Import, fresh processes\n\n" + table(header, rows)
    yield "lamina must take at most 1.3 times `import jax`, load none of these modules and print nothing."
    yield from absent


def _timed_import(statement: str) -> subprocess.CompletedProcess[str]:
    code = _TIMED_IMPORT.format(statement=statement, unwanted=UNWANTED)
    environment = os.environ | {"KERAS_BACKEND": "jax"}
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True)


def _first_epochs(case: str, rounds: int) -> Iterator[str]:
    """Each round gives each peer an empty cache folder, a process that fills it and a second process that finds it."""
    there, absent = installed(FITTERS)
    records: dict[tuple[str, str], list[Record]] = {(peer, when): [] for peer in there for when in ("first", "second")}
    for number in range(rounds):
        for peer in list(there):
            note(f"{peer}, {case}: first and second process, {number + 1} of {rounds}")
            with tempfile.TemporaryDirectory() as cache:
                try:
                    for when in ("first", "second"):
                        records[peer, when].append(once(Worker(__name__, peer, cache, case=case)))
                except PeerError as error:
                    failures.append(f"{peer} failed: {error}")
                    there.remove(peer)
    rows = [_row(f"{peer}, {when} process", records[peer, when]) for peer, when in records if peer in there]
    header = ["", "s to the end of the first epoch, median", "min", "max", "tracing, s", "XLA, s", "programs", "loss"]
    yield f"### First epoch of `{case}`, building and compiling included, fresh processes\n\n" + table(header, rows)
    if {"lamina", "Keras on JAX"} <= set(there):
        first = [record["seconds"] for record in records["lamina", "first"]]
        keras = [record["seconds"] for record in records["Keras on JAX", "first"]]
        yield f"lamina's first epoch takes {pair_ratio(first, keras):.2f} times Keras' (must be at most 1)."
    if "lamina" in there:
        xla = {when: [record["xla"] for record in records["lamina", when]] for when in ("first", "second")}
        less = pair_ratio(xla["first"], xla["second"])
        yield f"lamina's second process compiles {less:.1f} times less (must be at least 3)."
    yield from absent


def _row(name: str, kept: list[Record]) -> list[str]:
    seconds = [record["seconds"] for record in kept]
    return [
        name,
        *(f"{value:.2f}" for value in (statistics.median(seconds), min(seconds), max(seconds))),
        *(f"{statistics.median(record[key] for record in kept):.2f}" for key in ("tracing", "xla")),
        f"{kept[-1]['programs']}",
        f"{kept[-1]['loss']:.4f}",
    ]


if __name__ == "__main__":
    from benchmarks.__main__ import main

    main(["startup"])
