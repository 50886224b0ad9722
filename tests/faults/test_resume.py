"""kill -9 at any moment of `fit(resume=)`, in real processes: run again, it ends as if it had never been killed.

`LAMINA_KILLS` is the number of kills (10 in `make test`, 100 in `make faults`).
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lamina.training.checkpoint import file
from lamina.training.checkpoint.folder import Folder
from tests.faults.runs import SETUPS, Result, load, same

KILLS = int(os.environ.get("LAMINA_KILLS", "10"))
SAVE = 60  # about as many writes, syncs, renames and removals as one save does


class Server:
    """Runs trainings in processes of their own, see `tests.faults.runs`."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.said = folder, list[str]()
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
        """Wait for the end of the run; returns its exit status. What it said before is in `said`."""
        self.said = []
        while not (line := self.line()).startswith("ended"):
            assert self.process.poll() is None
            self.said.append(line)
        return int(line.split()[1])

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
    killed = ended = saving = begun = 0
    while killed < kills or not ended:
        inside = rng.random() < 0.5 and killed < kills  # of a save
        pid = server.start(setup, folder, out, kill_at=rng.randrange(1, 4 * SAVE) if inside else None)
        if not inside and killed < kills:
            time.sleep(rng.uniform(0, seconds))
            with contextlib.suppress(ProcessLookupError):  # it has ended by itself
                os.kill(pid, signal.SIGKILL)
        status = server.status()
        assert status in (0, -signal.SIGKILL)
        killed, saving = killed + (status != 0), saving + (status != 0 and inside)
        begun += status != 0 and any(folder.glob("*.lamina"))
        if status == 0:
            assert same(load(out), expected) == []
            ended, folder = ended + (killed >= kills), tmp_path / f"run {killed}"
            out.unlink()
    print(
        f"{setup}: {killed} kills, {saving} inside of a save, {begun} with a checkpoint on the disk; all the same bits"
    )


def positions(folder: Path) -> list[tuple[int, int]]:
    """Epoch and step of each checkpoint, the newest last."""
    places = [file.read(folder / name)[0]["position"] for name in sorted(os.listdir(folder)) if name != "lock"]
    return [(place["epoch"], place["step"]) for place in places]


@pytest.mark.slow
def test_sigterm_saves_at_the_next_step_and_ends_the_process_as_ever(server, tmp_path):
    expected, seconds = server.reference("regularized")
    pid = server.start("regularized", tmp_path / "run", tmp_path / "out.npz")
    time.sleep(seconds / 2)
    os.kill(pid, signal.SIGTERM)
    assert server.status() == -signal.SIGTERM
    assert positions(tmp_path / "run")
    server.start("regularized", tmp_path / "run", tmp_path / "out.npz")
    assert server.status() == 0
    assert same(load(tmp_path / "out.npz"), expected) == []


@pytest.mark.slow
def test_a_full_disk_keeps_the_last_good_one_and_is_told(server, tmp_path):
    expected, _ = server.reference("plain")
    folder, out = tmp_path / "run", tmp_path / "out.npz"
    pid = server.start("plain", folder, out)
    while not folder.is_dir() or len(os.listdir(folder)) < 3:  # two checkpoints and the lock
        time.sleep(0.01)
    os.kill(pid, signal.SIGKILL)
    server.status()
    before = positions(folder)
    server.start("plain", folder, out, limit=2000)
    assert server.status() == 3
    kinds = {line.split()[0] for line in server.said}
    assert kinds == {"warned", "raised"}
    for line in server.said:
        assert re.search(r"File too large: '.*/run/checkpoint-\d+\.lamina'", line)
        assert line.startswith("raised") or line.endswith(".lamina is kept.")
    assert positions(folder) == before[-len(positions(folder)) :]
    server.start("plain", folder, out)
    assert server.status() == 0
    assert same(load(out), expected) == []


@pytest.mark.slow
def test_a_second_process_in_the_folder_is_refused(server, tmp_path):
    server.start("regularized", tmp_path / "run", tmp_path / "out.npz")
    lock = tmp_path / "run" / "lock"
    while not lock.is_file() or not lock.read_text():
        time.sleep(0.01)
    with pytest.raises(
        RuntimeError, match=r"the folder '.*/run' is in use by process \d+\. Wait for it to end, or give"
    ):
        Folder(tmp_path / "run")
    assert server.status() == 0
    Folder(tmp_path / "run").close()


def test_a_folder_that_cannot_be_written_is_told_before_training():
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o555)
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)  # root may write everywhere
    try:
        with pytest.raises(PermissionError, match=rf"Permission denied: '{folder}/lock'"):
            Folder(folder)
    finally:
        if root:
            os.seteuid(0)
        folder.rmdir()
