"""Runs every peer in its own process, one round of each in turn, so that a drifting machine hits all of them alike.

A benchmark module has a generator `worker(peer, **arguments)` that yields one dictionary of JSON values a round. The
parent asks each process for its next round (a line on stdin) and reads the answer (a line on stdout).
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from benchmarks._common import ROOT
from benchmarks.peers import PACKAGES

Record = dict[str, Any]
PAUSE = 0.5  # seconds; the BLAS and OpenMP threads of the peer before go on spinning for a while
failures: list[str] = []  # what went wrong in any worker of this run


class PeerError(RuntimeError):
    """A worker ended before its round was done."""


class Worker:
    """A child process that runs `module.worker(peer, **arguments)` a round at a time."""

    def __init__(self, module: str, peer: str, cache: str | None = None, **arguments: Any) -> None:
        self.peer = peer
        self.errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 (closed in close)
        environment = os.environ | {"KERAS_BACKEND": "tensorflow" if peer == "Keras on TensorFlow" else "jax"}
        if cache is not None:
            name = "LAMINA_COMPILATION_CACHE" if peer.startswith("lamina") else "JAX_COMPILATION_CACHE_DIR"
            environment[name] = cache  # each with the settings that its users get
        self.process = subprocess.Popen(
            [_interpreter(peer), "-m", "benchmarks._harness", module, peer, json.dumps(arguments)],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
        )

    def round(self) -> Record:
        """Run the next round in the child and return what it measured."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with contextlib.suppress(BrokenPipeError):  # the child has ended: the empty answer below says so
            self.process.stdin.write("\n")
            self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            self.process.wait()
            self.errors.seek(0)
            raise PeerError((self.errors.read().strip().splitlines() or ["no message"])[-1])
        return json.loads(answer)

    def close(self) -> None:
        """End the child."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
        self.errors.close()


def alternate(start: Mapping[str, Callable[[], Worker]], rounds: int) -> dict[str, list[Record]]:
    """Start the workers one after the other, then run `rounds` rounds A B C A B C …; records by name.

    A worker that fails is dropped and noted in `failures`; the others go on.
    """
    workers = {name: begin() for name, begin in start.items()}
    records: dict[str, list[Record]] = {name: [] for name in workers}
    try:
        for number in range(rounds):
            for name in list(records):
                note(f"{name}: round {number + 1} of {rounds}")
                time.sleep(PAUSE)
                try:
                    records[name].append(workers[name].round())
                except PeerError as error:
                    failures.append(f"{name} failed: {error}")
                    del records[name]
    finally:
        for worker in workers.values():
            worker.close()
    return records


def once(worker: Worker) -> Record:
    """One round of a fresh process."""
    try:
        return worker.round()
    finally:
        worker.close()


def fresh(start: Mapping[str, Callable[[], Worker]], rounds: int) -> dict[str, list[Record]]:
    """As `alternate`, with a new process for each round."""
    records: dict[str, list[Record]] = {name: [] for name in start}
    for number in range(rounds):
        for name in list(records):
            note(f"{name}: process {number + 1} of {rounds}")
            try:
                records[name].append(once(start[name]()))
            except PeerError as error:
                failures.append(f"{name} failed: {error}")
                del records[name]
    return records


def installed(peers: Sequence[str]) -> tuple[list[str], list[str]]:
    """Split peers into those whose package is there and a sentence for each of the others."""
    there = [peer for peer in peers if _interpreter(peer) != sys.executable or importlib.util.find_spec(PACKAGES[peer])]
    return there, [f"{peer}: skipped, {PACKAGES[peer]} is not installed." for peer in peers if peer not in there]


def _interpreter(peer: str) -> str:
    """The Python that runs a peer: TensorFlow's may be that of another environment (LAMINA_BENCH_TENSORFLOW)."""
    return os.environ.get("LAMINA_BENCH_TENSORFLOW", sys.executable) if "TensorFlow" in peer else sys.executable


def pair_ratio(numerators: Sequence[float], denominators: Sequence[float]) -> float:
    """Median of the ratios round by round."""
    return statistics.median(a / b for a, b in zip(numerators, denominators, strict=True))


def note(text: str) -> None:
    """Say on stderr what runs now; stdout is for the tables."""
    print(f"  {text}", file=sys.stderr, flush=True)


def _serve(module: str, peer: str, arguments: str) -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints goes to stderr
    rounds = importlib.import_module(module).worker(peer, **json.loads(arguments))
    for _ in sys.stdin:
        answers.write(json.dumps(next(rounds)) + "\n")
        answers.flush()


if __name__ == "__main__":
    _serve(*sys.argv[1:])
