"""Files move both ways between lamina and the real Keras: weights, predictions, and training that goes on."""

from __future__ import annotations

import json
import zipfile
from typing import Any

import h5py
import numpy as np
import pytest

import lamina
from lamina.saving import load_model
from tests.saving import zoo

keras = pytest.importorskip("keras")


def weights_of(model: Any) -> list[np.ndarray]:
    """The weights of a model of either library; Keras' own get_weights warns under NumPy 2."""
    return [np.asarray(v.value) for v in model.weights if "seed" not in v.path]


def state_of(optimizer: Any) -> list[np.ndarray]:
    return [np.asarray(v.value) for v in optimizer.variables]


def assert_equal(first: list[np.ndarray], second: list[np.ndarray]) -> None:
    assert len(first) == len(second)
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)


def network(library: Any, optimizer: Any = None) -> Any:
    layers = library.layers
    model = library.Sequential(
        [layers.Input((4,)), layers.Dense(5, activation="relu"), layers.BatchNormalization(), layers.Dense(2)]
    )
    model.compile(optimizer=optimizer or library.optimizers.Adam(0.01), loss="mse", metrics=["mae"])
    return model


def some(rows: int = 24) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(rows, 4)).astype("float32"), rng.normal(size=(rows, 2)).astype("float32")


def train(model: Any, epochs: int = 1) -> Any:
    x, y = some()
    return model.fit(x, y, batch_size=8, epochs=epochs, shuffle=False, verbose=0)


@pytest.mark.filterwarnings("ignore:.build... was called on layer .pipeline.:UserWarning")  # Keras' own
@pytest.mark.filterwarnings("ignore:Explicitly requested dtype int64:UserWarning")
@pytest.mark.parametrize("kind", zoo.MODELS)
def test_keras_reads_our_file_and_we_read_keras_with_the_same_predictions(kind, tmp_path):
    model = zoo.make(lamina, kind, compiled=False, both=True)
    x, _ = zoo.data(kind)
    theirs = keras.saving.load_model(model.save(tmp_path / "ours.keras"))
    assert_equal(weights_of(theirs), weights_of(model))
    np.testing.assert_allclose(theirs(x, training=False), model.predict(x), rtol=1e-5, atol=1e-5)
    theirs.save(tmp_path / "theirs.keras")
    again = load_model(tmp_path / "theirs.keras")
    assert_equal(weights_of(again), weights_of(model))
    np.testing.assert_array_equal(again.predict(x), model.predict(x))


OPTIMIZERS: dict[str, dict[str, Any]] = {
    "SGD": {"momentum": 0.9, "nesterov": True},
    "Adam": {"amsgrad": True},
    "AdamW": {"weight_decay": 0.01, "gradient_accumulation_steps": 2},
    "RMSprop": {"momentum": 0.5, "centered": True},
    "Adagrad": {},
    "Adadelta": {},
    "Adamax": {},
    "Nadam": {},
    "Lion": {},
    "Ftrl": {},
    "Lamb": {},
    "Adafactor": {},
    "Muon": {},
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_state_of_every_optimizer_moves_both_ways(name, tmp_path):
    theirs = network(keras, getattr(keras.optimizers, name)(learning_rate=0.01, **OPTIMIZERS[name]))
    theirs.optimizer.build(theirs.trainable_variables)
    for i, variable in enumerate(theirs.optimizer.variables):
        variable.assign(np.full(variable.shape, i, variable.dtype))
    theirs.save(tmp_path / "theirs.keras")
    ours = load_model(tmp_path / "theirs.keras")
    assert type(ours.optimizer).__name__ == name
    assert_equal(state_of(ours.optimizer), state_of(theirs.optimizer))
    again = keras.saving.load_model(ours.save(tmp_path / "ours.keras"))
    assert type(again.optimizer) is type(theirs.optimizer)
    assert_equal(state_of(again.optimizer), state_of(ours.optimizer))


@pytest.mark.parametrize("name", ["Adam", "AdamW", "Muon"])
def test_training_goes_on_alike_after_a_file_moved_either_way(name, tmp_path):
    theirs = network(keras, getattr(keras.optimizers, name)(learning_rate=0.01, **OPTIMIZERS[name]))
    train(theirs)
    theirs.save(tmp_path / "theirs.keras")
    ours = load_model(tmp_path / "theirs.keras")
    assert_equal(weights_of(ours), weights_of(theirs))
    train(ours)
    again = keras.saving.load_model(ours.save(tmp_path / "ours.keras"))
    assert_equal(state_of(again.optimizer), state_of(ours.optimizer))
    train(theirs)
    for a, b in zip(weights_of(again), weights_of(theirs), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def test_a_loss_scale_optimizer_moves_with_the_one_inside(tmp_path):
    theirs = network(keras, keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(0.01), initial_scale=8.0))
    train(theirs)
    theirs.save(tmp_path / "theirs.keras")
    ours = load_model(tmp_path / "theirs.keras")
    assert_equal(state_of(ours.optimizer), state_of(theirs.optimizer))
    again = keras.saving.load_model(ours.save(tmp_path / "ours.keras"))
    assert_equal(state_of(again.optimizer), state_of(theirs.optimizer))


def test_a_schedule_moves(tmp_path):
    rate = keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.5)
    theirs = network(keras, keras.optimizers.SGD(rate))
    train(theirs)
    theirs.save(tmp_path / "theirs.keras")
    ours = load_model(tmp_path / "theirs.keras")
    assert float(ours.optimizer.learning_rate) == pytest.approx(float(theirs.optimizer.learning_rate), rel=1e-6)
    train(ours)
    train(theirs)
    np.testing.assert_allclose(weights_of(ours)[0], weights_of(theirs)[0], rtol=1e-5)


def test_weights_alone_move_both_ways_whatever_the_layers_names(tmp_path):
    theirs, ours = network(keras), network(lamina)
    network(keras)  # takes names
    train(theirs)
    theirs.save_weights(tmp_path / "theirs.weights.h5")
    ours.load_weights(tmp_path / "theirs.weights.h5")
    assert_equal(weights_of(ours), weights_of(theirs))
    assert_equal(state_of(ours.optimizer), state_of(theirs.optimizer))
    train(ours)
    other = network(keras)
    train(other)
    other.load_weights(ours.save_weights(tmp_path / "ours"))
    assert_equal(weights_of(other), weights_of(ours))
    assert_equal(state_of(other.optimizer), state_of(ours.optimizer))


def test_weights_in_several_files_move_both_ways(tmp_path):
    theirs, ours = network(keras), network(lamina)
    size = 100 / 2**30  # bytes
    theirs.save_weights(tmp_path / "theirs.weights.json", max_shard_size=size)
    assert len(list(tmp_path.glob("theirs_*.weights.h5"))) > 1
    ours.load_weights(tmp_path / "theirs.weights.json")
    assert_equal(weights_of(ours), weights_of(theirs))
    ours.set_weights([w + 1 for w in ours.get_weights()])
    path = ours.save_weights(tmp_path / "ours", max_shard_size=size)
    assert path.name == "ours.weights.json"
    assert len(list(tmp_path.glob("ours_*.weights.h5"))) > 1
    theirs.load_weights(path)
    assert_equal(weights_of(theirs), weights_of(ours))


def block_of(library: Any) -> Any:
    """A layer of the user's with layers and a weight in all kinds of attributes."""

    class Block(library.layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.zed = library.layers.Dense(3)
            self.rows = [library.layers.Dense(3), [library.layers.Dense(3)]]
            self.named = {"a": library.layers.Dense(3), "b": library.layers.BatchNormalization()}

        def build(self, input_shape):
            self.scale = self.add_weight(shape=(3,), initializer="ones")
            for layer in (self.zed, self.rows[0], self.rows[1][0], *self.named.values()):
                layer.build((None, 3))

        def call(self, x):
            x = self.zed(x) * self.scale
            for layer in (self.rows[0], self.rows[1][0], *self.named.values()):
                x = layer(x)
            return x

    return Block()


def subclassed(library: Any) -> Any:
    """A class of its own with layers whose names stand before and after "layers" in the alphabet, in all containers."""

    class Net(library.Model):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.alpha = library.layers.Dense(3)
            self.norm = library.layers.BatchNormalization()
            self.zone = block_of(library)
            self._private = library.layers.Dense(2)
            self.inner = library.Sequential([library.layers.Dense(3), library.layers.Dropout(0.5)])

        def call(self, x):
            return self._private(self.inner(self.zone(self.norm(self.alpha(x)))))

    model = Net(name="net")
    model(np.ones((2, 4), "float32"))
    return model


def test_a_class_of_its_own_has_its_arrays_at_keras_paths(tmp_path):
    theirs, ours = subclassed(keras), subclassed(lamina)
    theirs.save_weights(tmp_path / "theirs.weights.h5")
    ours.load_weights(tmp_path / "theirs.weights.h5")
    ours.save_weights(tmp_path / "ours.weights.h5")
    assert _arrays(tmp_path / "ours.weights.h5") == _arrays(tmp_path / "theirs.weights.h5")
    x = some()[0]
    np.testing.assert_allclose(ours.predict(x), theirs.predict(x, verbose=0), rtol=1e-5, atol=1e-6)


def _arrays(path: Any) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    with h5py.File(path) as file:
        file.visititems(lambda name, item: found.update({name: item[()].tobytes()}) if hasattr(item, "dtype") else None)
    return found


def test_a_file_has_the_parts_and_the_paths_of_keras_own(tmp_path):
    theirs, ours = network(keras), network(lamina)
    train(theirs)
    train(ours)
    theirs.save(tmp_path / "theirs.keras")
    ours.save(tmp_path / "ours.keras")
    with zipfile.ZipFile(tmp_path / "theirs.keras") as a, zipfile.ZipFile(tmp_path / "ours.keras") as b:
        assert b.testzip() is None
        assert sorted(a.namelist()) == sorted(b.namelist())
        for archive, name in ((a, "theirs.h5"), (b, "ours.h5")):
            (tmp_path / name).write_bytes(archive.read("model.weights.h5"))
        configs = [json.loads(archive.read("config.json")) for archive in (a, b)]
    assert set(_arrays(tmp_path / "ours.h5")) == set(_arrays(tmp_path / "theirs.h5"))
    assert set(configs[1]) >= {"module", "class_name", "config", "registered_name", "compile_config"}
    assert configs[0]["compile_config"]["loss"] == configs[1]["compile_config"]["loss"]


@pytest.mark.parametrize("kind", ["sequential", "graph"])
def test_whole_models_in_the_older_h5_move_both_ways(kind, tmp_path):
    def made(library: Any) -> Any:
        if kind == "sequential":
            return compiled(library, network(library))
        a, b = library.layers.Input((4,), name="a"), library.layers.Input((4,), name="b")
        shared = library.layers.Dense(3, name="shared")
        both = library.layers.Concatenate(name="both")([shared(a), shared(b)])
        model = library.Model([a, b], library.layers.Dense(2, name="out")(both))
        return compiled(library, model)

    def compiled(library: Any, model: Any) -> Any:
        # Objects, since Keras cannot read its own older files with names of losses in them.
        loss, metric = library.losses.MeanSquaredError(), library.metrics.MeanAbsoluteError()
        model.compile(optimizer=library.optimizers.Adam(0.01), loss=loss, metrics=[metric])
        return model

    x, y = some()
    x = x if kind == "sequential" else [x, x + 1]
    theirs = made(keras)
    theirs.fit(x, y, verbose=0)
    theirs.save(tmp_path / "theirs.h5")
    ours = load_model(tmp_path / "theirs.h5")
    assert_equal(weights_of(ours), weights_of(theirs))
    assert_equal(state_of(ours.optimizer), state_of(theirs.optimizer))
    np.testing.assert_allclose(ours.predict(x), theirs.predict(x, verbose=0), rtol=1e-5, atol=1e-6)
    ours.fit(x, y, verbose=0)
    again = keras.saving.load_model(ours.save(tmp_path / "ours.h5"))  # without the optimizer's state, as of its own
    assert_equal(weights_of(again), weights_of(ours))
    assert_equal(state_of(load_model(tmp_path / "ours.h5").optimizer), state_of(ours.optimizer))
    other = made(lamina)
    other.load_weights(tmp_path / "theirs.h5")
    assert_equal(weights_of(other), weights_of(theirs))


def test_a_layer_that_two_wrappers_share_is_one_layer_again(tmp_path):
    def made(library: Any) -> Any:
        inside = library.layers.Dense(3, name="inside")
        inputs = library.layers.Input((5, 3))
        first = library.layers.TimeDistributed(inside)(inputs)
        return library.Model(inputs, library.layers.TimeDistributed(inside)(first))

    x = np.random.default_rng(0).normal(size=(2, 5, 3)).astype("float32")
    ours = made(lamina)
    path = ours.save(tmp_path / "ours.keras")  # Keras' own file of it has lost the second place
    loaded = load_model(path)
    assert len(loaded.weights) == 2
    np.testing.assert_array_equal(loaded.predict(x), ours.predict(x))
    again = keras.saving.load_model(path)
    np.testing.assert_allclose(again.predict(x, verbose=0), ours.predict(x), rtol=1e-5, atol=1e-6)
