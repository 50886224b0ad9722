"""A web server, an empty cache, and the real data where it is at hand."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from .web import Server, running_server


@pytest.fixture
def server() -> Iterator[Server]:
    with running_server() as site:
        yield site


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, no LAMINA_DATA, no proxy: all that a test gets, it gets from the server."""
    monkeypatch.setenv("LAMINA_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("LAMINA_DATA", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return tmp_path / "cache" / "datasets"


@pytest.fixture
def real_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder with the real data sets, as LAMINA_DATA; what is not in it cannot be had."""
    given = os.environ.get("LAMINA_DATA")
    folder = Path(given).expanduser() if given else Path(__file__).parents[3] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("no real data: set LAMINA_DATA to the folder that holds it")
    monkeypatch.setenv("LAMINA_DATA", str(folder))
    monkeypatch.setenv("LAMINA_CACHE", str(tmp_path / "cache"))
    return folder
