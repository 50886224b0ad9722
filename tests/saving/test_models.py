"""save and load_model: names, custom objects, what stays untouched, and what a refusal says."""

from __future__ import annotations

import io
import json
import os
import random
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import optax
import pytest

import lamina
from lamina import layers
from lamina.core.errors import FileError, NotBuiltError
from lamina.core.naming import unique_name
from lamina.core.random import next_seed
from lamina.saving import load_model, register_serializable, save_model


def small(*more: Any, name: str = "small") -> Any:
    return lamina.Sequential([layers.Input((3,)), *more, layers.Dense(2, name="out")], name=name)


def assert_same_weights(first: Any, second: Any) -> None:
    for a, b in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


class Scale(layers.Layer):
    def __init__(self, factor, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, inputs):
        return inputs * self.factor


# Names ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "written"),
    [("best", "best.keras"), ("best.keras", "best.keras"), ("best.pt", "best.pt"), ("a.h5", "a.h5"), ("x.y/", None)],
)
def test_any_name_will_do_and_the_file_that_was_written_loads(tmp_path, given, written):
    if given.endswith("/"):
        (tmp_path / given).mkdir()
        written = f"{given}model.keras"
    model = small()
    path = model.save(f"{tmp_path}/{given}")
    assert path == tmp_path / written
    assert_same_weights(load_model(path), model)
    assert not [file for file in path.parent.iterdir() if file != path]


def test_paths_addresses_open_files_and_folders_are_read(tmp_path):
    model = small()
    path = save_model(model, (tmp_path / "m").as_uri())
    for source in (path, str(path), path.as_uri(), io.BytesIO(path.read_bytes()), tmp_path):
        if source is tmp_path:
            path.rename(tmp_path / "model.keras")
        assert_same_weights(load_model(source), model)
    with zipfile.ZipFile(tmp_path / "model.keras") as archive:  # Keras' layout without a zip around it
        archive.extractall(tmp_path / "unzipped")
    assert_same_weights(load_model(tmp_path / "unzipped"), model)
    assert lamina.models.load_model is load_model


def test_a_name_for_weights_and_one_that_is_taken_are_refused(tmp_path):
    model = small()
    with pytest.raises(ValueError, match=r"'w\.weights\.h5' is the name of a file of weights alone.*\.keras"):
        model.save("w.weights.h5")
    path = model.save(tmp_path / "m")
    before = path.read_bytes()
    with pytest.raises(FileExistsError, match="is there already, and overwrite=False"):
        small(layers.Dense(3)).save(path, overwrite=False)
    assert path.read_bytes() == before
    with pytest.raises(FileNotFoundError, match="no folder"):
        model.save(tmp_path / "nowhere" / "m.keras")
    with pytest.raises(FileNotFoundError):
        load_model(tmp_path / "missing.keras")


def test_a_model_without_weights_and_what_is_no_model_are_refused(tmp_path):
    with pytest.raises(NotBuiltError, match="save: model 'raw' has no weights yet"):
        lamina.Sequential([layers.Dense(2)], name="raw").save(tmp_path / "m")
    with pytest.raises(TypeError, match="save: expected a model, received <Dense"):
        save_model(layers.Dense(2), tmp_path / "m")


# What comes back ------------------------------------------------------------------------------------------------------


def test_the_same_state_gives_the_same_bytes_without_dates_and_paths(tmp_path):
    model = small(layers.Dropout(0.5))
    first, second = model.save(tmp_path / "a.keras").read_bytes(), model.save(tmp_path / "b.keras").read_bytes()
    assert first == second
    assert str(tmp_path).encode() not in first


def test_loading_changes_neither_names_nor_random_state_nor_the_environment(tmp_path):
    model = small(layers.Dropout(0.5), layers.Dense(3, activation="relu"))
    model.compile("adam", "mse", metrics=["mae"])
    path = model.save(tmp_path / "m")
    lamina.utils.set_random_seed(3)
    expected = [next_seed(), random.random(), np.random.random(), unique_name("dense")]
    lamina.utils.clear_session()
    small(layers.Dropout(0.5), layers.Dense(3, activation="relu"))
    lamina.utils.clear_session()
    unique_name("dense") if expected[-1] == "dense_1" else None
    lamina.utils.set_random_seed(3)
    before = dict(os.environ), Path.cwd(), lamina.config.floatx(), lamina.config.dtype_policy().name
    load_model(path)
    assert (dict(os.environ), Path.cwd(), lamina.config.floatx(), lamina.config.dtype_policy().name) == before
    assert [next_seed(), random.random(), np.random.random()] == expected[:3]
    assert layers.Dense(1).name in ("dense", "dense_1")


def test_frozen_layers_policies_and_options_come_back(tmp_path):
    model = small(layers.Dense(4, dtype="mixed_bfloat16", name="mixed"), layers.Dense(3, name="frozen"))
    model.get_layer("frozen").trainable = False
    model.compile(lamina.optimizers.Adam(3e-4, clipnorm=1.0), "mse", loss_weights=0.5, preflight=False)
    again = load_model(model.save(tmp_path / "m"))
    assert again.get_layer("mixed").dtype_policy.name == "mixed_bfloat16"
    assert not again.get_layer("frozen").trainable
    assert [v.path for v in again.trainable_variables] == [v.path for v in model.trainable_variables]
    assert again.optimizer.clipnorm == 1.0
    assert float(again.optimizer.learning_rate) == pytest.approx(3e-4)
    assert again._compile_config["loss_weights"] == 0.5
    assert again.preflight is False


def test_compile_false_leaves_the_settings_out_and_so_does_include_optimizer(tmp_path):
    model = small()
    model.compile("adam", "mse")
    model.fit(np.ones((4, 3)), np.ones((4, 2)), verbose=0)
    assert not load_model(model.save(tmp_path / "a"), compile=False).compiled
    assert not load_model(model.save(tmp_path / "b", include_optimizer=False)).compiled
    assert (tmp_path / "b.keras").stat().st_size < (tmp_path / "a.keras").stat().st_size


def test_an_optax_transformation_stays_out_with_a_warning(tmp_path):
    model = small()
    model.compile(optax.adam(0.1), "mse")
    with pytest.warns(UserWarning, match="optimizer of model 'small' is an Optax transformation.*call compile again"):
        path = model.save(tmp_path / "m")
    again = load_model(path)
    assert not again.compiled
    assert_same_weights(again, model)


def test_bfloat16_and_whole_number_weights_come_back_bit_for_bit(tmp_path):
    class Odd(layers.Layer):
        def build(self, input_shape):
            self.half = self.add_weight((3,), "ones", dtype="bfloat16", name="half")
            self.count = self.add_weight((), "zeros", dtype="int32", trainable=False, name="count")

        def call(self, inputs):
            return inputs * self.half.value.astype(inputs.dtype)

    model = small(Odd(name="odd"))
    model.get_layer("odd").half.assign(np.array([1 / 3, 1e30, -2.5]))
    model.get_layer("odd").count.assign(2**31 - 1)
    again = load_model(model.save(tmp_path / "m"), custom_objects={"Odd": Odd})
    assert [v.dtype for v in again.weights] == [v.dtype for v in model.weights]
    assert_same_weights(again, model)


# Objects of the user's ------------------------------------------------------------------------------------------------


def test_an_unknown_class_is_named_with_its_path_and_the_line_to_paste(tmp_path):
    inner = lamina.Sequential([layers.Input((3,)), Scale(2.0, name="twice")], name="inner")
    path = small(inner).save(tmp_path / "m")
    with pytest.raises(FileError, match="Unknown layer: 'Scale'") as caught:
        load_model(path)
    error = caught.value
    assert error.path == str(path)
    assert error.where == "config.json/small/inner/twice"
    assert "custom_objects={'Scale': Scale}" in str(error)
    assert "@lamina.saving.register_serializable()" in str(error)
    again = load_model(path, custom_objects={"Scale": Scale})
    assert again.layers[0].layers[0].factor == 2.0


def test_registered_classes_and_functions_are_found(tmp_path):
    @register_serializable(package="mine")
    class Shift(layers.Layer):
        def call(self, inputs):
            return inputs + 1

    @register_serializable(package="mine")
    def squared(y_true, y_pred):
        return ((y_true - y_pred) ** 2).mean(-1)

    @register_serializable(package="mine")
    class Net(lamina.Model):
        def __init__(self, units, **kwargs):
            super().__init__(**kwargs)
            self.units = units
            self.dense = layers.Dense(units, activation=squashed)
            self.shift = Shift()

        def call(self, inputs):
            return self.shift(self.dense(inputs))

    x = np.ones((4, 3), "float32")
    model = Net(2, name="net")
    model.compile("sgd", squared)
    model.fit(x, np.ones((4, 2)), verbose=0)
    again = load_model(model.save(tmp_path / "m"))
    assert type(again) is Net
    assert again.loss is squared
    np.testing.assert_array_equal(again.predict(x), model.predict(x))


@register_serializable(package="mine")
def squashed(x):
    return x / (1 + abs(x))


def test_a_lambda_cannot_be_saved_and_code_in_a_file_is_never_run(tmp_path):
    model = small(layers.Lambda(lambda x: x * 2, name="double"))
    with pytest.raises(TypeError, match="lambda"):
        model.save(tmp_path / "m")
    assert list(tmp_path.iterdir()) == []


def test_a_class_that_fails_to_build_is_named_and_its_own_error_is_the_cause(tmp_path):
    class Fragile(Scale):
        def __init__(self, factor, **kwargs):
            if factor == 3.0:
                raise KeyError("no three")
            super().__init__(factor, **kwargs)

    path = small(Fragile(3.5, name="glass")).save(tmp_path / "m")
    changed = _with_config(path, lambda config: config["config"]["layers"][1]["config"].update(factor=3.0))
    with pytest.raises(FileError, match="KeyError: 'no three'") as caught:
        load_model(changed, custom_objects={"Fragile": Fragile})
    assert caught.value.where == "config.json/small/glass"
    assert isinstance(caught.value.__cause__, KeyError)


def _with_config(path: Path, change: Any) -> io.BytesIO:
    """The file with another config, without lamina's checksum, as anyone can write it."""
    made = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(made, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name == "config.json":
                config = json.loads(data)
                change(config)
                data = json.dumps(config).encode()
            new.writestr(name, data)
    made.seek(0)
    return made


# What does not fit ----------------------------------------------------------------------------------------------------


def _units(config: Any, units: int) -> None:
    config["config"]["layers"][1]["config"]["units"] = units


def _wider(config: Any, units: int) -> None:
    config["config"]["layers"][2]["config"]["units"] = units


@pytest.mark.parametrize(
    ("change", "where", "reason"),
    [
        (lambda c: _units(c, 3), "config.json/small", r"out': expected input of shape \(batch, \.\.\., 4\)"),
        (lambda c: _wider(c, 5), "model.weights.h5/layers/dense_1/vars/0", r"\(4, 5\), the file has shape \(4, 2\)"),
        (lambda c: _units(c, 10**9), "config.json/small/first", "variables take"),
        (lambda c: _units(c, 10**18), "config.json/small/first", "variables take"),
        (lambda c: _units(c, -4), "config.json/small/first", "units"),
        (lambda c: _units(c, "os.system"), "config.json/small/first", "units"),
        (
            lambda c: c["config"]["layers"].pop(2),
            "model.weights.h5/layers/dense_1",
            "the model has no layer for 2 stored",
        ),
        (lambda c: c.update(class_name="Dense"), "config.json", "Dense"),
        (lambda c: c.update(class_name="os.system"), "config.json/small", "Unknown layer: 'os.system'"),
        (lambda c: c.update(config=[1]), "config.json", "expected the config of a model"),
        (lambda c: c.pop("class_name"), "config.json", "expected the config of a model"),
        (lambda c: c["config"].pop("layers"), "config.json/small", "layers"),
        (lambda c: c["config"].update(layers=7), "config.json/small", "int"),
        (
            lambda c: c["config"]["layers"].append(c["config"]["layers"][1]),
            "config.json/small",
            "named 'first' already",
        ),
    ],
)
def test_a_config_that_does_not_fit_its_arrays_is_refused_before_it_takes_memory(tmp_path, change, where, reason):
    path = small(layers.Dense(4, name="first")).save(tmp_path / "m.keras")
    with pytest.raises(FileError, match=reason) as caught:
        load_model(_with_config(path, change))
    assert caught.value.where.startswith(where)
    assert len(str(caught.value)) < 2000
    assert str(caught.value).isprintable()


def test_any_flipped_byte_of_a_file_is_refused(tmp_path):
    path = small().save(tmp_path / "m")
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    for place in rng.integers(0, len(whole), 200):
        data = bytearray(whole)
        data[place] ^= 1 << int(rng.integers(8))
        with pytest.raises(FileError):
            load_model(io.BytesIO(bytes(data)))
