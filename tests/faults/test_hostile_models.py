"""What hostile models do when they are opened: nothing. `hostile_models.py` makes them, and opens them in one child."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, object]]:
    """What the child saw, a dict an item; a crash or a hang leaves the later ones out."""
    folder = tmp_path_factory.mktemp("hostile")
    command = [sys.executable, "-W", "ignore", "-m", "tests.faults.hostile_models", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=1800, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_there_are_hundreds_and_the_control_loads(reports):
    assert len(reports) > 300
    assert reports[0]["name"] == "control"
    assert reports[0]["outcomes"] == ["loaded"] * 3


def test_each_is_refused_with_the_one_documented_error_or_loads_harmlessly(reports):
    others = [r for r in reports if not set(r["outcomes"]) <= {"FileError", "loaded"}]
    assert others == []


def test_what_does_not_fit_itself_is_refused(reports):
    accepted = [r for r in reports if r["must"] == "refuse" and r["outcomes"][0] != "FileError"]
    assert accepted == []
    assert sum(r["must"] == "refuse" for r in reports) > 50


def test_nothing_is_called_written_or_changed(reports):
    assert [r for r in reports if r["called"] or not r["state"] or not r["weights"]] == []


def test_a_refusal_is_cheap(reports):
    assert [r for r in reports if r["seconds"] > 2] == []  # seconds of CPU
    assert max(r["megabytes"] for r in reports) < 200


def test_what_loads_saves_and_loads_equal(reports):
    assert [r for r in reports if not r["again"]] == []
