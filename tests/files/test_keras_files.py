"""Files of the real Keras are read whole, and Keras reads those that are written here."""

from __future__ import annotations

import warnings
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest

from lamina.files import (
    Archive,
    ArchiveWriter,
    Hdf5Reader,
    Hdf5Writer,
    open_file,
    parse_json,
    replacing,
    verify_checksum,
)
from tests.files.hdf5.helpers import assert_same_as_h5py

LIMIT = 1 << 20


@pytest.fixture(scope="module")
def model() -> keras.Model:
    """Two inputs, a model in the model, state that is not trained, slots of the optimizer, several dtypes."""
    image = keras.Input((8, 8, 3), name="image")
    table = keras.Input((5,), name="table")
    inner = keras.Sequential(
        [keras.Input((6,)), keras.layers.Dense(4, "relu"), keras.layers.Dropout(0.5)], name="inner"
    )
    x = keras.layers.Conv2D(6, 3)(image)
    x = keras.layers.BatchNormalization()(x)
    x = inner(keras.layers.GlobalAveragePooling2D()(x))
    y = keras.layers.Dense(4, dtype="mixed_bfloat16")(keras.layers.Normalization(mean=0.0, variance=1.0)(table))
    outputs = keras.layers.Dense(2, dtype=keras.DTypePolicy("bfloat16"))(keras.layers.Concatenate()([x, y]))
    model = keras.Model([image, table], outputs)
    model.compile("adam", "mse")
    rng = np.random.default_rng(0)
    model.fit([rng.normal(size=(4, 8, 8, 3)), rng.normal(size=(4, 5))], rng.normal(size=(4, 2)), verbose=0)
    return model


@pytest.fixture(scope="module")
def saved(model: keras.Model, tmp_path_factory) -> Path:
    """A folder with the model in each of Keras' forms."""
    folder = tmp_path_factory.mktemp("keras")
    model.save(folder / "m.keras")
    model.save_weights(folder / "m.weights.h5")
    return folder


@pytest.fixture(scope="module")
def legacy(tmp_path_factory) -> tuple[keras.Model, Path]:
    """A model and its file in Keras' older form."""
    hidden = [keras.layers.Dense(4, "relu"), keras.layers.BatchNormalization()]
    model = keras.Sequential([keras.Input((6,)), *hidden, keras.layers.Dense(2)])
    model.compile("adam", "mse")
    path = tmp_path_factory.mktemp("legacy") / "m.h5"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.save(path)
    return model, path


def values(model: keras.Model) -> list[np.ndarray]:
    """What Keras keeps of the model and its optimizer: all but the state of random numbers."""
    return [np.asarray(v.value) for v in [*model.weights, *model.optimizer.variables]]


def assert_holds(found: dict[str, np.ndarray], expected: list[np.ndarray]) -> None:
    """The arrays are the expected ones in another order; bfloat16 is compared bit for bit."""

    def key(value: np.ndarray) -> tuple[str, tuple[int, ...], bytes]:
        return (str(value.dtype), value.shape, value.tobytes())

    assert sorted(map(key, found.values())) == sorted(map(key, expected))


def test_a_keras_archive(model, saved):
    with open_file(saved / "m.keras") as file:
        archive = Archive(file)
        assert archive.names == ["metadata.json", "config.json", "model.weights.h5"]
        config = parse_json(archive.read("config.json", LIMIT), file.path, "config.json")
        assert config["class_name"] == "Functional"
        with Hdf5Reader(archive.view("model.weights.h5"), file.path, "model.weights.h5") as weights:
            assert_holds({name: weights.read(name) for name in weights.arrays}, values(model))
            assert {"layers", "optimizer"} <= weights.groups.keys()
    assert "bfloat16" in {str(value.dtype) for value in values(model)}


def test_the_same_archive_packed_again(model, saved, tmp_path):
    with zipfile.ZipFile(saved / "m.keras") as old, zipfile.ZipFile(tmp_path / "m", "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
    with open_file(tmp_path / "m") as file:
        weights = Hdf5Reader(Archive(file).view("model.weights.h5"), file.path)
        assert_holds({name: weights.read(name) for name in weights.arrays}, values(model))


def test_weights_alone(model, saved):
    with open_file(saved / "m.weights.h5") as file, Hdf5Reader(file.window(), file.path) as weights:
        assert_holds({name: weights.read(name) for name in weights.arrays}, values(model))
        assert not verify_checksum(file)


def test_the_legacy_form(legacy):
    model, path = legacy
    with open_file(path) as file, Hdf5Reader(file.window(), file.path) as weights:
        root = weights.groups[""]
        assert (root["keras_version"], root["backend"]) == (keras.__version__, "jax")
        assert parse_json(root["model_config"].encode(), file.path, "model_config")["class_name"] == "Sequential"
        assert parse_json(root["training_config"].encode(), file.path, "training_config")["loss"] == "mse"
        assert weights.groups["model_weights"]["layer_names"] == [layer.name for layer in model.layers]
        for layer in model.layers:
            group = f"model_weights/{layer.name}"
            names = weights.groups[group]["weight_names"]
            for name, value in zip(names, layer.get_weights(), strict=True):
                np.testing.assert_array_equal(weights.read(f"{group}/{name}"), value)


def test_the_legacy_form_with_lists_of_names_in_pieces(tmp_path):
    """An attribute holds at most 64 KB; Keras cuts longer lists into layer_names0, layer_names1 and so on."""
    names = [f"layer_{number:02}_" + "x" * 900 for number in range(80)]
    model = keras.Sequential([keras.Input((1,)), *(keras.layers.Identity(name=name) for name in names)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.save(tmp_path / "m.h5")
    with open_file(tmp_path / "m.h5") as file, Hdf5Reader(file.window(), file.path) as weights:
        attributes = weights.groups["model_weights"]
        assert "layer_names" not in attributes
        assert [*attributes["layer_names0"], *attributes["layer_names1"]] == names


def test_the_same_as_h5py(legacy):
    assert_same_as_h5py(legacy[1].read_bytes())


def test_keras_reads_an_archive_that_was_written_here(model, saved, tmp_path):
    with zipfile.ZipFile(saved / "m.keras") as old, open_file(saved / "m.weights.h5") as file:
        weights = Hdf5Reader(file.window(), file.path)
        with replacing(tmp_path / "m.keras") as stream:
            archive = ArchiveWriter(stream)
            for name in ("metadata.json", "config.json"):
                archive.add(name, old.read(name))
            with archive.stream("model.weights.h5") as member:
                copy(weights, Hdf5Writer(member))
            archive.close()
    assert_same_model(keras.saving.load_model(tmp_path / "m.keras"), model)


def test_keras_reads_weights_with_a_checksum(model, saved, tmp_path):
    with open_file(saved / "m.weights.h5") as file, replacing(tmp_path / "m.weights.h5") as stream:
        copy(Hdf5Reader(file.window(), file.path), Hdf5Writer(stream, checksum=True))
    with open_file(tmp_path / "m.weights.h5") as file:
        assert verify_checksum(file)
    fresh = keras.saving.load_model(saved / "m.keras")
    fresh.set_weights([np.zeros_like(w) for w in fresh.get_weights()])
    fresh.load_weights(tmp_path / "m.weights.h5")
    assert_same_model(fresh, model)


def copy(old: Hdf5Reader, new: Hdf5Writer) -> None:
    for name in old.arrays:
        new.array(name, old.read(name))
    for name, attributes in old.groups.items():
        new.group(name, attributes)
    new.close()


def assert_same_model(found: keras.Model, expected: keras.Model) -> None:
    for one, other in zip(values(found), values(expected), strict=True):
        assert (one.dtype, one.tobytes()) == (other.dtype, other.tobytes())
