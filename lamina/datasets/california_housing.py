"""California housing: median house values of 20,640 districts in the census of 1990."""

from __future__ import annotations

import io
import os
import tarfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from lamina.datasets._errors import DatasetCorrupt
from lamina.datasets._files import DataFile, obtain, renamed
from lamina.datasets._npz import read_npz
from lamina.datasets._split import Split, check_test_split

# The columns of the published table, the last of which is the target.
column_names = (
    "longitude",
    "latitude",
    "housing_median_age",
    "total_rooms",
    "total_bedrooms",
    "population",
    "households",
    "median_income",
    "median_house_value",
)
# What `fetch_california_housing` makes of them, as scikit-learn does.
feature_names = (
    "MedInc",
    "HouseAge",
    "AveRooms",
    "AveBedrms",
    "Population",
    "AveOccup",
    "Latitude",
    "Longitude",
)

_ROWS = 20640
_SMALL = 600  # rows of Keras' small version: the first of the table
_MEMBER = "CaliforniaHousing/cal_housing.data"

# Three forms of one table: text (never downloaded), StatLib's archive as scikit-learn fetches it, Keras' float32 copy.
_TEXT = DataFile("california-housing", "cal_housing.data")
_ARCHIVE = DataFile(
    "california-housing",
    "cal_housing.tgz",
    (
        "https://ndownloader.figshare.com/files/5976036",
        "https://www.dcc.fc.up.pt/~ltorgo/Regression/cal_housing.tgz",
    ),
    "aaa5c9a6afe2225cc2aed2723682ae403280c4a3695a2ddda4ffb5d8215ea681",
)
_NPZ = DataFile(
    "california-housing",
    "california_housing.npz",
    ("https://storage.googleapis.com/tensorflow/tf-keras-datasets/california_housing.npz",),
    "1a2e3a52e0398de6463aebe6f4a8da34fb21fbb6b934cf88c3425e766f2a1a6f",
)


def load_data(
    version: str = "large",
    path: str | os.PathLike[str] = "california_housing.npz",
    test_split: float = 0.2,
    seed: int | None = 113,
) -> Split:
    """California housing as `(x_train, y_train), (x_test, y_test)`, the columns and units of the published table.

    The columns of x are the first eight of `column_names`: longitude and latitude (degrees), median age of the houses
    (years), rooms, bedrooms, people and households (counts in the district), median income (10,000 dollars a year). y
    is the median house value (dollars, cut off at 500,001).

    Differs from Keras: a file of your own at an absolute `path` is read, never replaced. (Keras' documentation lists
    the features of `fetch_california_housing`, but its arrays are these.)

    Args:
        version: "large" (20,640 districts) or "small" (600 around San Francisco Bay). Default "large".
        path: Name of the file, relative to LAMINA_DATA and to the cache, or absolute. Default "california_housing.npz",
            for which the table's other forms, cal_housing.data and cal_housing.tgz, will do.
        test_split: Fraction of the districts kept for testing, in [0, 1). Default 0.2.
        seed: Seed of the shuffle before the split, int in [0, 2**32), or None for another order each time. Default 113.
    Returns:
        x_train: (16512, 8), float32; y_train: (16512,), float32; x_test: (4128, 8); y_test: (4128,).
    Raises:
        ValueError: An unknown version, or a test_split outside [0, 1).
        DatasetUnavailable: The table is not on this machine and cannot be downloaded.
        DatasetCorrupt: The file under LAMINA_DATA does not hold this table.
    Source: Pace and Barry 1997, Sparse spatial autoregressions, Statistics and Probability Letters 33, 291-297;
        StatLib, http://lib.stat.cmu.edu/datasets/, no licence stated.
    Example:
        >>> from lamina.datasets import california_housing
        >>> (x_train, y_train), (x_test, y_test) = california_housing.load_data()  # doctest: +SKIP
        >>> california_housing.column_names[7]
        'median_income'
    """
    check_test_split("california_housing", test_split)
    if version not in ("large", "small"):
        raise ValueError(f"california_housing: version must be 'large' or 'small', received {version!r}.")
    table = _table() if os.fspath(path) == _NPZ.name else _table(renamed(_NPZ, path))
    table = table[: _SMALL if version == "small" else _ROWS].astype(np.float32)
    order = np.arange(len(table))
    np.random.RandomState(seed).shuffle(order)  # the generator that gives Keras' order
    table = table[order]
    train = int(len(table) * (1 - test_split))
    x, y = table[:, :-1].copy(), table[:, -1].copy()
    return (x[:train], y[:train]), (x[train:], y[train:])


def fetch_california_housing(*, return_X_y: bool = False, as_frame: bool = False) -> Any:
    """California housing as scikit-learn's function of this name gives it, from wherever lamina finds the table.

    The features, in the order of `feature_names`: median income (10,000 dollars a year), median age of the houses
    (years), rooms per household, bedrooms per household, people, people per household, latitude and longitude
    (degrees). The target is the median house value (100,000 dollars, cut off at 5.00001).

    Args:
        return_X_y: Return `(data, target)` alone. Default False.
        as_frame: Give pandas objects instead of arrays; needs pandas. Default False.
    Returns:
        A `sklearn.utils.Bunch` with `data` (20640, 8) float64, `target` (20640,) float64, `feature_names`,
        `target_names`, `frame` (a DataFrame of both with `as_frame`, else None) and `DESCR`.
    Raises:
        DatasetUnavailable: The table is not on this machine and cannot be downloaded.
        DatasetCorrupt: The file under LAMINA_DATA does not hold this table.
    Source: Pace and Barry 1997, Sparse spatial autoregressions, Statistics and Probability Letters 33, 291-297.
    Example:
        >>> from lamina.datasets import california_housing, fetch_california_housing
        >>> housing = fetch_california_housing()  # doctest: +SKIP
        >>> california_housing.feature_names[0]
        'MedInc'
    """
    from sklearn.utils import Bunch

    longitude, latitude, age, rooms, bedrooms, people, households, income, value = _table().T
    data: Any = np.column_stack(
        [income, age, rooms / households, bedrooms / households, people, people / households, latitude, longitude]
    )
    target: Any = value / 100_000
    frame = None
    if as_frame:
        import pandas as pd

        frame = pd.DataFrame(data, columns=list(feature_names))
        data, target = frame.copy(), pd.Series(target, name="MedHouseVal")
        frame["MedHouseVal"] = target
    if return_X_y:
        return data, target
    return Bunch(
        data=data,
        target=target,
        frame=frame,
        target_names=["MedHouseVal"],
        feature_names=list(feature_names),
        DESCR=fetch_california_housing.__doc__,
    )


def _table(file: DataFile | None = None) -> np.ndarray:
    """The published table, (20640, 9), float64, columns as in `column_names`."""
    choices = [file] if file else [_TEXT, _ARCHIVE, _NPZ]
    path = obtain("california_housing", choices, f"{_TEXT.folder}/{_TEXT.name} or {_NPZ.name}")
    with open(path, "rb") as stream:
        mark = stream.read(2)
    if mark == b"PK":  # a zip archive, which is what .npz is
        arrays = read_npz("california_housing", path, {"x": (_ROWS, 8), "y": (_ROWS,)}, "float32")
        # No column has more than four decimals: rounding gives back the numbers of the text.
        table = np.round(np.column_stack([arrays["x"], arrays["y"]]).astype(np.float64), 4)
    else:
        table = _parse(path, _member(path) if mark == b"\x1f\x8b" else path.read_bytes())  # gzip or plain text
    if table.shape != (_ROWS, len(column_names)) or not np.isfinite(table).all():
        raise _corrupt(path, f"it has shape {table.shape} or numbers missing")
    return table


def _member(path: Path) -> bytes:
    try:
        with tarfile.open(path, "r:gz") as archive:
            stream = archive.extractfile(_MEMBER)
            return stream.read() if stream else b""
    except (tarfile.TarError, zlib.error, EOFError, OSError, KeyError) as error:
        raise _corrupt(path, f"no {_MEMBER} can be read from it ({error})") from None


def _parse(path: Path, text: bytes) -> np.ndarray:
    first = text.partition(b"\n")[0].decode("ascii", "replace").strip()
    has_header = first[:1].isalpha()
    if has_header and tuple(first.split(",")) != column_names:
        raise _corrupt(path, f"its columns are {first!r}, expected {','.join(column_names)!r}")
    if not first:
        raise _corrupt(path, "it has no first line")
    try:
        return np.loadtxt(io.BytesIO(text), delimiter=",", skiprows=int(has_header), ndmin=2)
    except ValueError as error:
        raise _corrupt(path, f"it is no table of numbers between commas ({error})") from None


def _corrupt(path: Path, what: str) -> DatasetCorrupt:
    return DatasetCorrupt(
        f"california_housing: {path} is not the published table of {_ROWS:,} rows and {len(column_names)} columns: "
        f"{what}. Replace or remove it."
    )
