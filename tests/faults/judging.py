"""Has files opened in a process that watches itself (`judge.py`), and says what is wrong with what they did."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.faults.hostile import SECRET, SECRET_TEXT, Writer

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
