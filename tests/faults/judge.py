"""Opens files that may be hostile, in a process of its own, and reports what each did.

`python -m tests.faults.judge MODULE SECONDS`: the module has `DOORS`, the seconds are until a file counts as a hang.
Each line of standard input is one file: {"name", "door", "path"}. For each there is a line when it begins, and one with
the outcome when it ends: so a crash or a hang is known by the file that has no end.
"""

from __future__ import annotations

import importlib
import json
import os
import random
import resource
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

MEMORY = 1500 << 20  # bytes above what is used at the beginning; more is refused by the system
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
# What no reader of a file has to do. Modules of Python itself may still be loaded, which executes their own code.
FORBIDDEN = (
    "os.",
    "shutil.",
    "subprocess.",
    "socket.",
    "pty.",
    "ctypes.",
    "marshal.",
    "pickle.",
    "tempfile.",
    "urllib.",
)
ALLOWED = ("os.listdir", "os.scandir")
IMPORT = "<frozen importlib._bootstrap_external>"


class Watch:
    """Notes what the process does outside of the file that it was given."""

    def __init__(self) -> None:
        self.path = ""
        self.seen: list[str] | None = None
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.seen is None:
            return
        if event == "open":
            path, _, flags = arguments
            if isinstance(path, str | bytes) and not _is_module(os.fsdecode(path)):
                if flags & WRITING:
                    self.seen.append(f"opens {path!r} for writing")
                elif os.fsdecode(path) != self.path:
                    self.seen.append(f"opens {path!r}")
        elif event.startswith(FORBIDDEN) and event not in ALLOWED and sys._getframe(1).f_code.co_filename != IMPORT:
            self.seen.append(event)


def _is_module(path: str) -> bool:
    return path.endswith((".py", ".pyc", ".so")) or path.startswith("/proc/")


def state() -> tuple[Any, ...]:
    """What opening a file must not change."""
    import numpy

    return (
        os.getcwd(),
        dict(os.environ),
        random.getstate(),
        [part.tolist() if hasattr(part, "tolist") else part for part in numpy.random.get_state()],
        sys.getrecursionlimit(),
        sys.get_int_max_str_digits(),
        list(sys.path),
    )


def peak() -> int:
    """The most memory that the process has used, in bytes."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) << 10 for line in status if line.startswith("VmHWM"))


def forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


def listing(folder: Path) -> list[tuple[str, int, int]]:
    found = [(path, path.lstat()) for path in sorted(folder.rglob("*"))]
    return [(str(path), info.st_size, info.st_mtime_ns) for path, info in found]


def judge(name: str, door: Callable[[Path], Any], path: Path, watch: Watch) -> dict[str, Any]:
    """Open one file; what came of it."""
    from lamina.core.errors import FileError

    files, before = listing(path.parent), state()
    watch.path, watch.seen = str(path), []
    forget_peak()
    memory, start = peak(), time.process_time()
    outcome: dict[str, Any] = {"name": name, "kind": "accepted", "message": ""}
    try:
        door(path)
    except FileError as error:
        outcome |= {"kind": "FileError", "message": str(error), "path": error.path, "code": error.code}
    except Exception as error:  # noqa: BLE001  # reported, and judged by the test
        outcome |= {"kind": type(error).__name__, "message": str(error)}
    outcome |= {"seconds": time.process_time() - start, "memory": max(peak() - memory, 0), "seen": watch.seen}
    watch.seen = None
    changes = [
        what for what, same in (("files", files == listing(path.parent)), ("state", before == state())) if not same
    ]
    return outcome | {"changes": changes}


def main(module: str, seconds: int) -> None:
    import lamina.files  # noqa: F401  # so that no file pays for it

    doors = importlib.import_module(module).DOORS
    jobs = [json.loads(line) for line in sys.stdin]
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    watch = Watch()
    for job in jobs:
        print(json.dumps({"begin": job["name"]}), flush=True)
        signal.alarm(seconds)
        outcome = judge(job["name"], doors[job["door"]], Path(job["path"]), watch)
        signal.alarm(0)
        print(json.dumps(outcome), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
