"""Hostile files: each is refused, cheaply, with a clean message, and nothing else happens."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.faults.hostile import CONTROLS, ITEMS, SECRET, SECRET_TEXT, Writer
from tests.faults.misbehaving import DOORS as MISBEHAVING

SECONDS = 2.0  # of CPU for a refusal
MEMORY = 200 << 20  # bytes above what was used before


def judged(
    items: Sequence[tuple[str, Writer]], folder: Path, doors: str = "tests.faults.hostile", patience: int = 20
) -> dict[str, dict[str, Any]]:
    """The outcome of each file. The process that opens them is started again behind a file that ended it."""
    jobs = []
    for number, (name, write) in enumerate(items):
        place = folder / str(number)
        place.mkdir()
        (place / SECRET).write_text(SECRET_TEXT)
        jobs.append({"name": name, "door": name.split("/")[0], "path": str(write(place))})
    outcomes: dict[str, dict[str, Any]] = {}
    while waiting := [job for job in jobs if job["name"] not in outcomes]:
        run = subprocess.run(
            [sys.executable, "-X", "faulthandler", "-m", "tests.faults.judge", doors, str(patience)],
            input="".join(json.dumps(job) + "\n" for job in waiting),
            capture_output=True,
            text=True,
            cwd=Path(__file__).parents[2],
            check=False,
        )
        lines = [json.loads(line) for line in run.stdout.splitlines()]
        outcomes |= {line["name"]: line for line in lines if "name" in line}
        if run.returncode != 0 or run.stderr:
            last = [line["begin"] for line in lines if "begin" in line][-1:] or [waiting[0]["name"]]
            outcomes[last[0]] = {"kind": f"the process ended with {run.returncode}: {run.stderr[-2000:]}"}
    return outcomes


def complaints(outcome: dict[str, Any]) -> list[str]:
    """What is wrong with a refusal."""
    if outcome["kind"] not in ("FileError", "OSError"):
        return [f"{outcome['kind']}: {outcome.get('message', '')[:200]}"]
    message, path, wrong = outcome["message"], outcome["path"], []
    if len(message) >= 2000 or not message.isprintable():
        wrong.append(f"its message has {len(message)} characters, or some that cannot be printed: {message!r:.300}")
    if not message.startswith(f"{path}: ") or "hostile." not in path:
        wrong.append(f"its message does not name the file: {message:.300}")
    if SECRET_TEXT in message:
        wrong.append("its message tells the secret")
    if outcome["seconds"] >= SECONDS:
        wrong.append(f"{outcome['seconds']:.1f} s")
    if outcome["memory"] >= MEMORY:
        wrong.append(f"{outcome['memory'] >> 20} MB")
    if outcome["changes"] or outcome["seen"]:
        wrong.append(f"it changes {outcome['changes']}, does {outcome['seen']}")
    return wrong


def test_hostile_files_are_refused(tmp_path):
    outcomes = judged(ITEMS, tmp_path)
    assert {name: found for name, outcome in outcomes.items() if (found := complaints(outcome))} == {}
    assert len(outcomes) == len(ITEMS) > 590


def test_controls_are_accepted(tmp_path):
    found = judged(CONTROLS, tmp_path)
    assert {name: outcome for name, outcome in found.items() if outcome["kind"] != "accepted"} == {}
    assert {name: outcome["seen"] + outcome["changes"] for name, outcome in found.items()} == {
        name: [] for name in found
    }


def test_names_are_used_once():
    assert len({name for name, _ in [*ITEMS]}) == len(ITEMS)
    assert len({name for name, _ in [*CONTROLS]}) == len(CONTROLS)


def test_the_judge_notices_what_must_not_happen(tmp_path):
    """Doors that crash, hang, write, read elsewhere and so on: each is told apart, and none stops the others."""

    def write(folder: Path) -> Path:
        (folder / "hostile.bin").write_bytes(b"x")
        return folder / "hostile.bin"

    found: dict[str, dict[str, Any]] = {}
    for place, patience in (("hangs", 1), ("others", 60)):
        doors = [(f"{door}/file", write) for door in MISBEHAVING if (door == "hangs") == (place == "hangs")]
        (tmp_path / place).mkdir()
        found |= judged(doors, tmp_path / place, "tests.faults.misbehaving", patience)
    seen = {name.split("/")[0]: " ".join(complaints(outcome)) for name, outcome in found.items()}
    for door, expected in {
        "good": "",
        "accepts": "accepted",
        "crashes": "the process ended with -11",
        "exits": "the process ended with 3",
        "hangs": "the process ended with -14",
        "raises": "KeyError",
        "writes": "it changes ['files'], does [\"opens",
        "reads the secret": "secret.txt",
        "tells the secret": "its message tells the secret",
        "makes a folder": "does ['os.mkdir']",
        "runs": "subprocess.Popen",
        "changes the environment": "it changes ['state']",
        "takes memory": "MB",
        "takes too much memory": "MemoryError",
        "takes time": " s",
        "long message": "its message has",
        "control characters": "some that cannot be printed",
        "names no file": "its message does not name the file",
    }.items():
        assert expected in seen.pop(door), door
    assert seen == {}


@pytest.mark.parametrize("kind", ["zip", "hdf5", "json", "safetensors"])
def test_there_are_many_of_each_kind(kind):
    assert sum(name.startswith(f"{kind}/") for name, _ in ITEMS) >= 50
