"""The data sets that scikit-learn ships."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import sklearn.datasets

from lamina.datasets import breast_cancer, diabetes, digits, iris, sample_images, wine

CLASSED = {"digits": digits, "iris": iris, "wine": wine, "breast_cancer": breast_cancer}
TABLES = {"iris": iris, "wine": wine, "breast_cancer": breast_cancer, "diabetes": diabetes}


def rows(x: np.ndarray, y: np.ndarray) -> list[tuple[float, ...]]:
    return sorted(map(tuple, np.column_stack([x.reshape(len(x), -1), y]).tolist()))


@pytest.mark.parametrize("name", [*CLASSED, "diabetes"])
@pytest.mark.parametrize("test_split", [0.2, 0.35, 0])
def test_split_keeps_every_sample_once(name: str, test_split: float):
    theirs = getattr(sklearn.datasets, f"load_{name}")()
    module = CLASSED.get(name, diabetes)
    (x_train, y_train), (x_test, y_test) = module.load_data(test_split=test_split)
    assert len(x_test) == len(y_test) == int(np.ceil(len(theirs.data) * test_split))
    ours = rows(np.concatenate([x_train, x_test]), np.concatenate([y_train, y_test]))
    assert ours == rows(theirs.data.astype(np.float32), theirs.target.astype(y_train.dtype))


@pytest.mark.parametrize("name", CLASSED)
def test_classes_keep_their_shares(name: str):
    (_, y_train), (_, y_test) = CLASSED[name].load_data(test_split=0.25)
    assert y_train.dtype == np.int64
    train, test = np.bincount(y_train), np.bincount(y_test)
    assert len(train) == len(test) == len(CLASSED[name].class_names)
    np.testing.assert_allclose(test, (train + test) * 0.25, atol=1)


@pytest.mark.parametrize("name", TABLES)
def test_names_are_scikit_learns(name: str):
    theirs = getattr(sklearn.datasets, f"load_{name}")()
    assert list(TABLES[name].feature_names) == list(theirs.feature_names)
    if name in CLASSED:
        assert list(CLASSED[name].class_names) == list(theirs.target_names)


def test_types_suit_a_network():
    (x, _), _ = digits.load_data()
    assert (x.shape[1:], x.dtype, x.min(), x.max()) == ((8, 8), np.uint8, 0, 16)
    assert iris.load_data()[0][0].dtype == np.float32
    assert diabetes.load_data()[0][1].dtype == np.float32


def test_seed_decides_the_split():
    first, again, other = (iris.load_data(seed=seed)[1][0] for seed in (113, 113, 114))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert not np.array_equal(iris.load_data(test_split=0, seed=1)[0][0], iris.load_data(test_split=0, seed=2)[0][0])


@pytest.mark.parametrize(
    ("test_split", "left"),
    [(0.001, "149 samples for training and 1 for testing"), (0.99, "1 samples for training and 149 for testing")],
)
def test_split_without_room_for_every_class_is_refused(test_split: float, left: str):
    with pytest.raises(ValueError, match=f"iris: test_split={test_split} leaves {left}; both need at least 3"):
        iris.load_data(test_split=test_split)


@pytest.mark.parametrize("test_split", [-0.2, 1.0, float("nan")])
def test_impossible_test_split_is_refused(test_split: float):
    with pytest.raises(ValueError, match=r"wine: test_split .* must lie in \[0, 1\), received"):
        wine.load_data(test_split=test_split)


def test_sample_images_are_the_temple_and_the_flower():
    images = sample_images.load_data()
    theirs = sklearn.datasets.load_sample_images()
    assert images.dtype == np.uint8
    np.testing.assert_array_equal(images[0], theirs.images[0])
    np.testing.assert_array_equal(images[1], theirs.images[1])
    assert [f"{name}.jpg" for name in sample_images.image_names] == [path.split("/")[-1] for path in theirs.filenames]


def test_sample_images_without_pillow_say_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ImportError, match=r"sample_images: .* needs Pillow .* `pip install pillow`"):
        sample_images.load_data()
