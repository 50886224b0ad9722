"""Hostile files: each is refused, cheaply, with a clean message, and nothing else happens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.faults.hostile import CONTROLS, ITEMS
from tests.faults.judging import complaints, judged
from tests.faults.misbehaving import DOORS as MISBEHAVING


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
