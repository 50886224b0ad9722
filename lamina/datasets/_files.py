"""Where the bytes of a data set come from: the folder LAMINA_DATA, then the cache, then a download."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path

from lamina.datasets._download import DownloadFailed, download, has_hash
from lamina.datasets._errors import DatasetUnavailable


@dataclasses.dataclass(frozen=True)
class DataFile:
    """One file of a data set.

    Args:
        folder: Sub-folder of LAMINA_DATA and of the cache. In LAMINA_DATA the file may also lie outside it.
        name: Name of the file.
        urls: Addresses of identical copies, tried in this order. Empty: the file is never downloaded.
        hash: Checksum that a download must have, SHA-256 as 64 hexadecimal digits.
    """

    folder: str
    name: str
    urls: tuple[str, ...] = ()
    hash: str = ""


def cache_folder() -> Path:
    """Folder that downloads are kept in: `datasets` in LAMINA_CACHE, or in the user's cache folder for lamina."""
    root = _folder_from("LAMINA_CACHE")
    if root is None:
        import pooch

        root = Path(pooch.os_cache("lamina"))
    return root / "datasets"


def obtain(dataset: str, choices: Sequence[DataFile], holding: str) -> Path:
    """Path of a readable file for one part of a data set, downloaded when it has to be.

    Args:
        dataset: Name of the data set, for messages.
        choices: Files that would do, best first; one is enough.
        holding: What LAMINA_DATA should hold, for messages.
    Raises:
        DatasetUnavailable: No such file here, and no download came through or could be stored.
    """
    data, cache = _folder_from("LAMINA_DATA"), cache_folder()
    for file in choices:
        if found := _find(data, file):
            return found
    for file in choices:
        cached = cache / file.folder / file.name
        if file.hash and os.path.isfile(cached) and has_hash(cached, file.hash):
            return cached
    failures = []
    for file in choices:
        for url in file.urls:
            try:
                return download(url, file.hash, cache / file.folder / file.name)
            except DownloadFailed as failure:
                failures.append(f"{url}: {failure}")
            except OSError as error:
                raise DatasetUnavailable(
                    f"{dataset}: {url} could not be stored as {file.name} in the cache folder {cache / file.folder} "
                    f"({error.strerror or error}); set LAMINA_CACHE to a folder with free space that you may write "
                    f"to, or set LAMINA_DATA to a folder that holds {holding}."
                ) from None
    names = " or ".join(file.name for file in choices)
    raise DatasetUnavailable(
        f"{dataset}: found no {names} in {_state_of(data)} nor an intact one in the cache ({cache}), and no download "
        f"came through ({'; '.join(failures) or 'none is known'}); try again with a working internet connection, or "
        f"set LAMINA_DATA to a folder that holds {holding}."
    )


def renamed(file: DataFile, path: str | os.PathLike[str]) -> DataFile:
    """The same file, looked for and stored under `path`: relative to LAMINA_DATA and the cache, or absolute."""
    return dataclasses.replace(file, folder="", name=str(Path(path).expanduser()))


def _find(data: Path | None, file: DataFile) -> Path | None:
    """The user's own copy, which needs no checksum and is never replaced."""
    if Path(file.name).is_absolute():
        places = [Path(file.name)]
    else:
        places = [data / file.folder / file.name, data / file.name] if data else []
    # os.path.isfile, because Path.is_file raises where a folder may not be entered.
    return next((path for path in places if os.path.isfile(path)), None)


def _folder_from(variable: str) -> Path | None:
    value = os.environ.get(variable)
    return Path(value).expanduser() if value else None


def _state_of(data: Path | None) -> str:
    if data is None:
        return "LAMINA_DATA (not set)"
    return f"LAMINA_DATA ({data})" if data.is_dir() else f"LAMINA_DATA ({data}, which is no folder)"
