"""Where trials are kept: an Optuna study in SQLite in the project's folder, in another database, or in a journal."""

from __future__ import annotations

import json
import os
import socket
import sys
from pathlib import Path
from typing import Any

from lamina.core.errors import LaminaError


class StoreError(LaminaError):
    """A store that cannot be reached, or that belongs to another search."""


def optuna() -> Any:
    """Optuna, which does not speak of its own accord.

    Raises:
        ImportError: it is not installed.
    """
    try:
        import optuna as package
    except ImportError as error:
        raise ImportError('lamina.tuner needs Optuna: pip install "lamina[tune]"') from error
    package.logging.set_verbosity(package.logging.WARNING)
    return package


def open_storage(storage: Any, folder: Path) -> Any:
    """Return an Optuna storage.

    Args:
        storage: None: SQLite in the folder. A URL of a database (`sqlite:///`, `postgresql://`, `mysql://`), or
            `journal:///path` of a file; or a storage of Optuna's.
        folder: Of the project.
    Raises:
        StoreError: the database cannot be reached.
    """
    package = optuna()
    if storage is not None and not isinstance(storage, str):
        return storage
    folder.mkdir(parents=True, exist_ok=True)
    url = storage or f"sqlite:///{folder.resolve() / 'study.db'}"
    try:
        if url.startswith("journal://"):
            backend = package.storages.journal.JournalFileBackend(url.removeprefix("journal://"))
            return package.storages.JournalStorage(backend)
        wait = {"connect_args": {"timeout": 60}} if url.startswith("sqlite") else {}  # s, for another worker's write
        opened = package.storages.RDBStorage(url, engine_kwargs=wait)
        if url.startswith("sqlite"):
            _write_ahead(opened.engine)
        return opened
    except Exception as error:
        text = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise StoreError(f"storage: {_without_password(url)} cannot be opened: {text[:300]}") from error


def _write_ahead(engine: Any) -> None:
    """Let SQLite append to a log, which needs no wait for the disk at each write; a killed process loses nothing."""
    from sqlalchemy import event

    @event.listens_for(engine, "connect")
    def set_mode(connection: Any, _: Any) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=NORMAL")
        cursor.close()

    engine.dispose()  # connections of before


def open_study(storage: Any, name: str, overwrite: bool, minimize: bool, space: dict[str, Any]) -> Any:
    """Return the study of a project, which is new or belongs to the same search.

    Args:
        storage: What `open_storage` returned.
        name: Of the study.
        overwrite: Whether an older one is deleted first.
        minimize: The direction.
        space: What the search is about, as plain data, by which another one is known.
    Raises:
        StoreError: the study there has another objective or another search space.
    """
    package = optuna()
    text = json.dumps(space, sort_keys=True)
    if name in package.study.get_all_study_names(storage):
        old = package.load_study(study_name=name, storage=storage)
        known = old.user_attrs.get("search", text)
        done = any(trial.state.is_finished() and trial.values for trial in old.get_trials(deepcopy=False))
        if overwrite or (known != text and not done):  # of a search that came to nothing
            package.delete_study(study_name=name, storage=storage)
    direction = "minimize" if minimize else "maximize"
    study = package.create_study(storage=storage, study_name=name, direction=direction, load_if_exists=True)
    known = study.user_attrs.get("search")
    if known is None:
        study.set_user_attr("search", text)
    elif known != text:
        raise StoreError(
            f"the project {name!r} holds trials of another search: {_difference(json.loads(known), space)}. Name "
            "another project, or pass overwrite=True to delete the old one."
        )
    return study


def this_worker() -> dict[str, Any]:
    """Tell this process from all others, also from a later one of the same number."""
    return {"host": socket.gethostname(), "process": os.getpid(), "began": _began(os.getpid())}


def is_gone(worker: dict[str, Any]) -> bool:
    """Whether the process of a worker of this machine has ended; of another machine's nothing is known."""
    if worker.get("host") != socket.gethostname():
        return False
    process = worker.get("process")
    return not isinstance(process, int) or not _alive(process) or _began(process) != worker.get("began")


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _began(process: int) -> str:
    """When a process began, where the system tells (Linux)."""
    if not sys.platform.startswith("linux"):
        return ""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return "ended"


def _difference(old: Any, new: Any, place: str = "") -> str:
    """The first place where two descriptions differ."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in dict.fromkeys([*old, *new]):
            if old.get(key) != new.get(key):
                return _difference(old.get(key), new.get(key), f"{place}.{key}" if place else key)
    return f"{place} was {old!r:.120} and is {new!r:.120}"


def _without_password(url: str) -> str:
    before, at, after = url.rpartition("@")
    return f"{before.partition('://')[0]}://...@{after}" if at else url
