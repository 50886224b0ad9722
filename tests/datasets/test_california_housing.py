"""California housing: three forms of one table, Keras' split of it and scikit-learn's features."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import sklearn.datasets
from sklearn.datasets import _california_housing as sklearn_housing

from lamina.datasets import DatasetCorrupt, DatasetUnavailable, california_housing, fetch_california_housing
from lamina.datasets._files import DataFile

from .web import Server, sha256, status, whole

ROWS = 20640


def made_up_table() -> np.ndarray:
    rng = np.random.default_rng(0)
    table = rng.integers(1, 5000, (ROWS, 9)).astype(float)
    table[:, 0:2] /= 100  # degrees with two decimals
    table[:, 7] /= 1000  # incomes with up to four
    return table


def as_text(table: np.ndarray) -> bytes:
    text = io.StringIO()
    np.savetxt(text, table, fmt="%.6f", delimiter=",")
    return text.getvalue().encode()


def as_archive(text: bytes) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as tar:
        member = tarfile.TarInfo("CaliforniaHousing/cal_housing.data")
        member.size = len(text)
        tar.addfile(member, io.BytesIO(text))
    return stream.getvalue()


def as_npz(table: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.savez(stream, x=table[:, :8].astype(np.float32), y=table[:, 8].astype(np.float32))
    return stream.getvalue()


@pytest.fixture
def folder(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LAMINA_DATA", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("cal_housing.data", as_text),
        ("cal_housing.data", lambda table: ",".join(california_housing.column_names).encode() + b"\n" + as_text(table)),
        ("cal_housing.tgz", lambda table: as_archive(as_text(table))),
        ("california_housing.npz", as_npz),
    ],
    ids=["text", "text with header", "archive", "npz"],
)
def test_every_form_gives_the_same_numbers(name, write, folder: Path):
    table = made_up_table()
    (folder / name).write_bytes(write(table))
    housing = fetch_california_housing()
    np.testing.assert_array_equal(housing.data[:, [7, 6, 1, 4, 0]], table[:, [0, 1, 2, 5, 7]])
    np.testing.assert_array_equal(housing.target, table[:, 8] / 100_000)


def test_downloads_once_from_the_first_source_that_works(server: Server, cache: Path, monkeypatch):
    content = as_npz(made_up_table())
    gone, good = server.serve("gone", status(404)), server.serve("good", whole(content))
    monkeypatch.setattr(california_housing, "_ARCHIVE", DataFile("housing", "a.tgz", (gone,), "0" * 64))
    monkeypatch.setattr(
        california_housing, "_NPZ", DataFile("housing", "california_housing.npz", (good,), sha256(content))
    )
    first = california_housing.load_data()
    second = california_housing.load_data()
    np.testing.assert_array_equal(first[0][0], second[0][0])
    assert server.requests == ["/gone", "/good"]
    assert (cache / "housing" / "california_housing.npz").read_bytes() == content


def test_path_names_the_file_in_the_cache(server: Server, cache: Path, monkeypatch):
    content = as_npz(made_up_table())
    url = server.serve("good", whole(content))
    monkeypatch.setattr(
        california_housing, "_NPZ", DataFile("housing", "california_housing.npz", (url,), sha256(content))
    )
    california_housing.load_data(path="mine/houses.npz")
    california_housing.load_data(path="mine/houses.npz")
    assert server.requests == ["/good"]
    assert (cache / "mine" / "houses.npz").read_bytes() == content


def test_split_keeps_every_row_once(folder: Path):
    table = made_up_table()
    (folder / "cal_housing.data").write_bytes(as_text(table))
    (x_train, y_train), (x_test, y_test) = california_housing.load_data(test_split=0.3, seed=5)
    assert len(x_train) == int(ROWS * 0.7)
    rows = np.column_stack([np.concatenate([x_train, x_test]), np.concatenate([y_train, y_test])])
    assert {row.tobytes() for row in rows} == {row.tobytes() for row in table.astype(np.float32)}
    assert len(rows) == ROWS
    np.testing.assert_array_equal(california_housing.load_data(test_split=0.3, seed=5)[1][1], y_test)
    assert len(california_housing.load_data(test_split=0)[1][0]) == 0


@pytest.mark.parametrize("test_split", [-0.1, 1, 1.5, float("nan")])
def test_impossible_test_split_is_refused(test_split: float):
    with pytest.raises(
        ValueError, match=rf"california_housing: test_split .* must lie in \[0, 1\), received {test_split}"
    ):
        california_housing.load_data(test_split=test_split)


def test_wrong_arguments_are_refused():
    with pytest.raises(TypeError, match=r"test_split must be a number in \[0, 1\), received '0.2'"):
        california_housing.load_data(test_split="0.2")
    with pytest.raises(ValueError, match="version must be 'large' or 'small', received 'big'"):
        california_housing.load_data(version="big")


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "it has no first line"),
        (b"1,2,3\n4,5,6\n", r"it has shape \(2, 3\)"),
        (b"1,2,3\n4,5\n", "it is no table of numbers between commas"),
        (b"<html>\n", "it is no table of numbers between commas"),
        (
            b"longitude,latitude\n1,2\n",
            "its columns are 'longitude,latitude', expected 'longitude,latitude,housing_median",
        ),
        (b"\x1f\x8b not an archive", r"no CaliforniaHousing/cal_housing\.data can be read from it"),
        (b"PK not a zip", "is not a NumPy archive with the arrays x, y"),
    ],
)
def test_wrong_file_is_refused(content: bytes, what: str, folder: Path):
    (folder / "cal_housing.data").write_bytes(content)
    with pytest.raises(DatasetCorrupt, match=what) as caught:
        fetch_california_housing()
    assert str(caught.value).startswith(f"california_housing: {folder / 'cal_housing.data'} is not ")


def test_missing_numbers_are_refused(folder: Path):
    table = made_up_table()
    table[7, 4] = np.nan
    (folder / "cal_housing.data").write_bytes(as_text(table))
    with pytest.raises(DatasetCorrupt, match="or numbers missing"):
        fetch_california_housing()


def test_absent_table_says_what_to_do(cache: Path, monkeypatch):
    for name in ("_ARCHIVE", "_NPZ"):
        monkeypatch.setattr(california_housing, name, DataFile("housing", name))
    with pytest.raises(DatasetUnavailable, match=r"holds california-housing/cal_housing\.data or "):
        california_housing.load_data()


@pytest.fixture
def real_file(real_data: Path) -> Path:
    found = list(real_data.rglob("cal_housing.data"))
    if not found:
        pytest.skip("LAMINA_DATA has no cal_housing.data")
    return found[0]


def test_real_features_agree_with_pandas(real_file: Path):
    raw = pd.read_csv(real_file)
    housing = fetch_california_housing()
    assert housing.feature_names == [
        "MedInc",
        "HouseAge",
        "AveRooms",
        "AveBedrms",
        "Population",
        "AveOccup",
        "Latitude",
        "Longitude",
    ]
    expected = pd.DataFrame(
        {
            "MedInc": raw.median_income,
            "HouseAge": raw.housing_median_age,
            "AveRooms": raw.total_rooms / raw.households,
            "AveBedrms": raw.total_bedrooms / raw.households,
            "Population": raw.population,
            "AveOccup": raw.population / raw.households,
            "Latitude": raw.latitude,
            "Longitude": raw.longitude,
        }
    )
    np.testing.assert_array_equal(housing.data, expected.to_numpy())
    np.testing.assert_array_equal(housing.target, raw.median_house_value / 100_000)
    # scikit-learn's documentation of the data set
    assert housing.data.shape == (20640, 8)
    assert (housing.target.min(), housing.target.max()) == (0.14999, 5.00001)


@pytest.mark.parametrize("as_frame", [False, True])
def test_real_bunch_equals_scikit_learns(as_frame: bool, real_file: Path, tmp_path: Path, monkeypatch):
    text = real_file.read_bytes()
    if text[:1].isalpha():
        text = text.partition(b"\n")[2]  # the published file has no header
    path = tmp_path / "cal_housing.tgz"
    path.write_bytes(as_archive(text))
    local = sklearn_housing.ARCHIVE._replace(url=path.as_uri(), checksum=sha256(path.read_bytes()))
    monkeypatch.setattr(sklearn_housing, "ARCHIVE", local)
    theirs = sklearn.datasets.fetch_california_housing(data_home=tmp_path / "home", as_frame=as_frame)
    ours = fetch_california_housing(as_frame=as_frame)
    assert ours.keys() == theirs.keys()
    np.testing.assert_array_equal(ours.data, theirs.data)
    np.testing.assert_array_equal(ours.target, theirs.target)
    assert ours.feature_names == theirs.feature_names
    assert ours.target_names == theirs.target_names
    if as_frame:
        pd.testing.assert_frame_equal(ours.frame, theirs.frame)
        pd.testing.assert_frame_equal(ours.data, theirs.data)
        pd.testing.assert_series_equal(ours.target, theirs.target)
    data, target = fetch_california_housing(return_X_y=True, as_frame=as_frame)
    np.testing.assert_array_equal(data, theirs.data)
    np.testing.assert_array_equal(target, theirs.target)


def test_real_split_is_keras(real_file: Path):
    (x_train, y_train), (x_test, y_test) = california_housing.load_data()
    assert (x_train.shape, y_train.shape) == ((16512, 8), (16512,))
    assert (x_test.shape, y_test.shape) == ((4128, 8), (4128,))
    assert {array.dtype for array in (x_train, y_train, x_test, y_test)} == {np.dtype("float32")}
    # Printed in Chollet and Watson, Deep Learning with Python, 3rd edition, section 4.3.
    assert y_train[:3].tolist() == [252300, 146900, 290900]


def test_real_small_split_is_keras(real_file: Path):
    (x_train, y_train), (x_test, _) = california_housing.load_data(version="small")
    assert (x_train.shape, x_test.shape) == ((480, 8), (120, 8))
    # Printed by Keras 3.13.2, and in the same section of the book.
    assert y_train[:5].tolist() == [228400, 132900, 60000, 95200, 107000]
    assert y_train[-2:].tolist() == [140500, 217100]
    assert x_train[:, 0].max() < -121
    assert x_train[:, 1].min() > 37
