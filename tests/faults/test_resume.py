"""kill -9 at any moment of `fit(resume=)`, in real processes: run again, it ends as if it had never been killed.

`LAMINA_KILLS` is the number of kills (10 in `make test`, 100 in `make faults`).
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults.runs import SETUPS, Result, load, same

KILLS = int(os.environ.get("LAMINA_KILLS", "10"))
SAVE = 60  # about as many writes, syncs, renames and removals as one save does


class Server:
    """Runs trainings in processes of their own, see `tests.faults.runs`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.runs"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        self.undisturbed: dict[str, tuple[Result, float]] = {}

    def start(self, setup: str, folder: Path | None, out: Path, **more: Any) -> int:
        """Begin a run; returns the number of its process when it has come to `fit`."""
        assert self.process.stdin is not None
        order = {"setup": setup, "folder": folder and str(folder), "out": str(out), **more}
        print(json.dumps(order), file=self.process.stdin, flush=True)
        said = [self.line(), self.line()]  # in either order
        assert "fitting" in said, said
        return int(next(text for text in said if text.startswith("started")).split()[1])

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def status(self) -> int:
        """Wait for the end of the run; returns its exit status."""
        words = self.line().split()
        assert words[0] == "ended", words
        return int(words[1])

    def reference(self, setup: str) -> tuple[Result, float]:
        """What a run ends with that keeps no checkpoints, and the seconds of one that does, when all is compiled."""
        if setup not in self.undisturbed:
            out = self.folder / f"{setup}.npz"
            self.start(setup, None, out)
            assert self.status() == 0
            expected = load(out)
            self.start(setup, self.folder / setup, out)
            began = time.perf_counter()
            assert self.status() == 0
            self.undisturbed[setup] = expected, time.perf_counter() - began
            assert same(load(out), expected) == []
        return self.undisturbed[setup]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("runs"))
    yield server
    server.process.communicate(timeout=60)
    assert server.process.returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize("setup", SETUPS)
def test_a_run_that_is_killed_and_run_again_ends_with_the_same_bits(server, setup, tmp_path):
    expected, seconds = server.reference(setup)
    rng = random.Random(f"{setup} {KILLS}")
    place = list(SETUPS).index(setup)
    kills = KILLS // len(SETUPS) + (place < KILLS % len(SETUPS))
    folder, out = tmp_path / "run 0", tmp_path / "out.npz"
    killed = ended = 0
    while killed < kills or not ended:
        inside = rng.random() < 0.5 and killed < kills  # of a save
        pid = server.start(setup, folder, out, kill_at=rng.randrange(1, 4 * SAVE) if inside else None)
        if not inside and killed < kills:
            time.sleep(rng.uniform(0, seconds))
            with contextlib.suppress(ProcessLookupError):  # it has ended by itself
                os.kill(pid, signal.SIGKILL)
        status = server.status()
        assert status in (0, -signal.SIGKILL)
        killed += status != 0
        if status == 0:
            assert same(load(out), expected) == []
            ended, folder = ended + (killed >= kills), tmp_path / f"run {killed}"
            out.unlink()
    print(f"{setup}: {killed} kills, the last run and those that ended before it have the same bits")
