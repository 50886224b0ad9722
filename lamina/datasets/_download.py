"""One download: whole, checked and in place under its final name, or not there at all."""

from __future__ import annotations

import os
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

TIMEOUT = (10.0, 30.0)  # seconds until connected, seconds without a byte
CHUNK = 1 << 16  # bytes read at a time


class DownloadFailed(Exception):
    """One address did not deliver the right bytes; the text is the reason alone."""


def download(url: str, sha256: str, target: Path) -> Path:
    """Download `url` to `target`, which never holds a part of the file or the wrong one.

    Raises:
        DownloadFailed: No connection, an HTTP error, a connection that broke, or the wrong checksum.
        OSError: The folder of `target` cannot be written to.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    # Beside the target, so that the rename is atomic; a name of its own, so that two processes do not meet.
    part = target.with_name(f"{target.name}.{uuid.uuid4().hex[:8]}.part")
    try:
        with open(part, "xb") as stream:
            _receive(url, stream, target.name)
            stream.flush()
            os.fsync(stream.fileno())
        if not has_hash(part, sha256):
            size = part.stat().st_size
            raise DownloadFailed(f"wrong checksum, {size:,} bytes with a SHA-256 other than the expected {sha256}")
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)
    return target


def has_hash(path: Path, sha256: str) -> bool:
    """Whether the file has this SHA-256."""
    import pooch

    return pooch.file_hash(str(path), alg="sha256") == sha256


def _receive(url: str, stream: BinaryIO, name: str) -> None:
    import pooch
    import requests

    with _progress_bar(name) as bar:
        # "identity", because a decoded .gz would have another checksum.
        fetch = pooch.HTTPDownloader(
            progressbar=bar, chunk_size=CHUNK, timeout=TIMEOUT, headers={"Accept-Encoding": "identity"}
        )
        try:
            fetch(url, stream, None)
        except requests.RequestException as error:
            raise DownloadFailed(_reason(error, stream.tell())) from error


def _reason(error: Exception, received: int) -> str:
    import requests

    if received:
        return f"the connection broke off after {received:,} bytes"
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"HTTP {error.response.status_code} {error.response.reason}"
    if isinstance(error, requests.ConnectTimeout):
        return f"no connection within {TIMEOUT[0]:g} s"
    if isinstance(error, requests.Timeout):
        return f"no answer within {TIMEOUT[1]:g} s"
    if isinstance(error, requests.exceptions.SSLError | requests.exceptions.ProxyError):
        return f"no connection, {type(error).__name__}: {error}"
    if isinstance(error, requests.ConnectionError):
        return "no connection"
    return f"{type(error).__name__}: {error}"


@contextmanager
def _progress_bar(name: str) -> Iterator[Any]:
    """A bar on standard error if that is a terminal, else False; Pooch takes either."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield False
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=Console(stderr=True)) as display:
        yield _PoochBar(display, display.add_task(name, total=None))


class _PoochBar:
    """A Rich progress bar behind the four names that Pooch uses: total (set by Pooch), update, reset, close."""

    def __init__(self, display: Any, task: Any) -> None:
        self.total = 0  # bytes; 0 if the server did not say
        self._display, self._task = display, task

    def update(self, amount: int) -> None:
        self._display.update(self._task, total=self.total or None, advance=amount)

    def reset(self) -> None:
        self._display.reset(self._task)

    def close(self) -> None:
        self._display.refresh()
