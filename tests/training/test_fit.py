"""`fit`: epochs, steps, batches, logs, and what must not change the numbers."""

from __future__ import annotations

import numpy as np
import pytest

import lamina
from lamina import layers
from lamina.training import loop
from tests.training.helpers import class_data, classifier, count_compilations, regression_data, regressor, same_bits


class BatchCounter(lamina.callbacks.Callback):
    def __init__(self):
        self.batches, self.epochs, self.logs = [], [], []

    def on_epoch_begin(self, epoch, logs=None):
        self.epochs.append(epoch)

    def on_train_batch_end(self, batch, logs=None):
        self.batches.append(batch)
        self.logs.append(dict(logs))


def trained(**fit):
    x, y = regression_data(101)
    model = regressor()
    history = model.fit(x, y, batch_size=16, epochs=3, **{"verbose": 0, **fit})
    return model.get_weights(), history


def test_weights_do_not_depend_on_verbosity_callbacks_or_chunks(monkeypatch, capsys):
    reference, history = trained()
    assert same_bits(reference, trained(verbose=2)[0])
    assert same_bits(reference, trained(verbose=1)[0])
    assert same_bits(reference, trained(callbacks=[BatchCounter()])[0])
    for seconds in (1e-9, 1e9):
        monkeypatch.setattr(loop, "_CHUNK_SECONDS", seconds)
        weights, other = trained()
        assert same_bits(reference, weights)
        assert other.history == history.history


def test_same_seed_gives_same_run_and_another_seed_another():
    x, y = regression_data()
    runs = []
    for seed in (5, 5, 6):
        model = regressor(seed)
        runs.append((model.fit(x, y, epochs=2, verbose=0).history, model.get_weights()))
    assert runs[0][0] == runs[1][0]
    assert same_bits(runs[0][1], runs[1][1])
    assert not same_bits(runs[0][1], runs[2][1])


def test_history_has_epochs_params_and_sorted_logs():
    x, y = class_data()
    history = classifier().fit(x, y, epochs=3, batch_size=32, validation_split=0.2, verbose=0)
    assert history.epoch == [0, 1, 2]
    assert list(history.history) == ["accuracy", "loss", "val_accuracy", "val_loss"]
    assert history.params == {"verbose": 0, "epochs": 3, "steps": 3}
    assert all(isinstance(value, float) for values in history.history.values() for value in values)


def test_history_goes_into_a_data_frame():
    pandas = pytest.importorskip("pandas")
    x, y = class_data()
    frame = pandas.DataFrame(classifier().fit(x, y, epochs=2, verbose=0).history)
    assert frame.shape == (2, 2)


def test_training_learns_what_can_be_learned():
    x, y = class_data(300)
    model = classifier(optimizer=lamina.optimizers.Adam(0.02))
    model.fit(x, y, epochs=40, verbose=0)
    from sklearn.linear_model import LogisticRegression

    linear = LogisticRegression().fit(x, y).score(x, y)
    assert model.evaluate(x, y, verbose=0)[1] >= linear - 0.02


def test_further_fit_continues():
    x, y = regression_data()
    model = regressor(optimizer=lamina.optimizers.Adam(0.05))
    first = model.fit(x, y, epochs=5, verbose=0).history["loss"]
    iterations = int(model.optimizer.iterations)
    second = model.fit(x, y, epochs=1, verbose=0).history["loss"]
    assert second[0] < first[0]
    assert int(model.optimizer.iterations) == iterations + 4


def test_two_fits_shuffle_differently():
    x, y = regression_data(64)
    orders = []
    for _ in range(2):
        model = lamina.Sequential([layers.Input((4,)), layers.Dense(1, kernel_initializer="zeros")])
        model.compile(lamina.optimizers.SGD(0.5), "mse")
        model.fit(x, y, batch_size=1, epochs=1, verbose=0)
        orders.append(model.get_weights())
    assert not same_bits(*orders)


def test_initial_epoch_and_epochs_are_numbers_of_epochs():
    x, y = regression_data()
    counter = BatchCounter()
    history = regressor().fit(x, y, epochs=5, initial_epoch=3, callbacks=[counter], verbose=0)
    assert counter.epochs == history.epoch == [3, 4]


def test_batch_hooks_see_every_batch_with_running_averages():
    x, y = regression_data(10)
    counter = BatchCounter()
    model = lamina.Sequential([layers.Input((4,)), layers.Dense(1)])
    model.compile(lamina.optimizers.SGD(0.0), "mse")
    kernel, bias = model.get_weights()
    model.fit(x, y, batch_size=4, shuffle=False, callbacks=[counter], verbose=0)
    errors = np.square(x @ kernel + bias - y)
    assert counter.batches == [0, 1, 2]
    expected = [errors[:4].mean(), errors[:8].mean(), errors.mean()]
    np.testing.assert_allclose([log["loss"] for log in counter.logs], expected, rtol=1e-5)


def test_steps_per_epoch_goes_on_where_the_last_epoch_stopped():
    seen = []

    class Seen(lamina.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append(round(logs["loss"] * (batch + 1) - sum(seen[len(seen) - batch :] if batch else []), 4))

    x = np.arange(6, dtype="float32")[:, None]
    model = lamina.Sequential([layers.Input((1,)), layers.Dense(1, kernel_initializer="ones", trainable=False)])
    model.add(layers.Dense(1, kernel_initializer="ones", use_bias=False))
    model.compile(lamina.optimizers.SGD(0.0), "mae")
    model.fit(
        x, np.zeros((6, 1)), batch_size=1, epochs=3, steps_per_epoch=4, shuffle=False, callbacks=[Seen()], verbose=0
    )
    np.testing.assert_allclose(seen, [0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5], atol=1e-3)


def test_stop_training_stops_after_the_batch():
    x, y = regression_data(64)

    class Stop(lamina.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 1:
                self.model.stop_training = True

    model = regressor()
    model.fit(x, y, batch_size=8, epochs=3, callbacks=[Stop()], verbose=0)
    assert int(model.optimizer.iterations) == 2


def test_early_stopping_restores_the_best_weights():
    x, y = regression_data(60)
    model = regressor(optimizer=lamina.optimizers.Adam(0.05))  # dropout makes the loss jump about
    stop = lamina.callbacks.EarlyStopping(monitor="loss", patience=2, restore_best_weights=True)
    history = model.fit(x, y, epochs=200, callbacks=[stop], verbose=0)
    assert len(history.epoch) < 200
    assert stop.best == min(history.history["loss"])
    assert same_bits(model.get_weights(), [np.asarray(w) for w in stop.best_weights])


def test_callbacks_may_set_weights_and_learning_rate_in_any_hook():
    x, y = regression_data(32)

    class Meddle(lamina.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            self.model.optimizer.learning_rate = 0.0
            self.model.set_weights([np.full_like(w, 0.5) for w in self.model.get_weights()])

        def on_train_batch_end(self, batch, logs=None):
            self.model.layers[0].bias.assign(np.array([7.0]))

    model = lamina.Sequential([layers.Input((4,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    with count_compilations() as compiled:
        model.fit(x, y, batch_size=8, callbacks=[Meddle()], epochs=2, verbose=0)
    kernel, bias = model.get_weights()
    assert (kernel == 0.5).all()
    assert bias[0] == 7.0
    assert len(compiled) == 1


@pytest.mark.parametrize("rows", [96, 101])
def test_at_most_three_compilations_for_everything_on_ragged_data(rows):
    x, y = class_data(rows)
    model = classifier()
    with count_compilations() as compiled:
        model.fit(x, y, epochs=2, validation_data=(x[:41], y[:41]), verbose=0)
        model.evaluate(x[:77], y[:77], verbose=0)
        model.predict(x[:90], verbose=0)
    assert len(compiled) <= 3


def test_learning_rate_epochs_and_steps_never_compile_again():
    x, y = regression_data(64)
    model = regressor()
    model.fit(x, y, epochs=1, verbose=0)
    with count_compilations() as compiled:
        model.optimizer.learning_rate = 0.01
        model.fit(x, y, epochs=3, verbose=0)
        model.fit(x, y, epochs=1, steps_per_epoch=1, verbose=0)
    assert compiled == []


def test_frozen_layers_stay_and_thawed_ones_train_without_compile():
    x, y = regression_data()
    model = regressor()
    model.layers[0].freeze()
    model.layers[1].trainable = False
    before = model.get_weights()
    model.fit(x, y, epochs=1, verbose=0)
    after = model.get_weights()
    assert same_bits(before[:6], after[:6])
    assert not same_bits(before[6:], after[6:])
    model.layers[0].unfreeze()
    model.fit(x, y, epochs=1, verbose=0)
    assert not same_bits(after[:2], model.get_weights()[:2])
    assert same_bits(after[2:6], model.get_weights()[2:6])


def test_run_eagerly_gives_the_same_numbers(capsys):
    x, y = regression_data(20)
    results = []
    for eager in (False, True):
        model = regressor(optimizer="sgd", run_eagerly=eager)
        history = model.fit(x, y, batch_size=8, epochs=2, validation_split=0.2, verbose=0)
        results.append((history.history, model.get_weights()))
    for name, values in results[0][0].items():
        np.testing.assert_allclose(values, results[1][0][name], rtol=1e-5)
    for a, b in zip(results[0][1], results[1][1], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_class_and_sample_weights_multiply():
    x, y = class_data(30)
    weights = np.random.default_rng(0).uniform(0.5, 2, 30).astype("float32")
    model = classifier(optimizer=lamina.optimizers.SGD(0.0))
    loss = model.fit(
        x, y, batch_size=30, class_weight={0: 1.0, 1: 2.0, 2: 5.0}, sample_weight=weights, verbose=0
    ).history["loss"][0]
    p = model.predict(x, verbose=0).astype("float64")
    expected = np.mean(-np.log(p[np.arange(30), y]) * weights * np.array([1.0, 2.0, 5.0])[y])
    assert loss == pytest.approx(expected, rel=1e-5)


def test_validation_freq_and_batch_size():
    x, y = regression_data(50)
    history = regressor().fit(
        x, y, epochs=4, validation_data=(x, y), validation_freq=2, validation_batch_size=7, verbose=0
    )
    assert len(history.history["val_loss"]) == 2
    history = regressor().fit(x, y, epochs=4, validation_data=(x, y), validation_freq=[1, 4], verbose=0)
    assert len(history.history["val_loss"]) == 2


def test_generators_train_as_arrays_do():
    x, y = regression_data(48)

    def batches():
        while True:
            for start in range(0, 48, 16):
                yield x[start : start + 16], y[start : start + 16]

    by_arrays, by_generator = regressor(), regressor()
    for model in (by_arrays, by_generator):
        model.layers[2].rate = 0.0  # masks follow the run's seed, which the two do not share in their order of draws
    by_arrays.fit(x, y, batch_size=16, epochs=2, shuffle=False, verbose=0)
    history = by_generator.fit(batches(), steps_per_epoch=3, epochs=2, verbose=0)
    assert history.params["steps"] == 3
    for a, b in zip(by_arrays.get_weights(), by_generator.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-7)


def test_memory_maps_train_as_arrays_do(tmp_path):
    x, y = regression_data(70)
    np.save(tmp_path / "x.npy", x)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    weights = []
    for data in (x, mapped):
        model = regressor()
        model.fit(data, y, batch_size=16, epochs=2, verbose=0)
        weights.append(model.get_weights())
    for a, b in zip(*weights, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", ["list", "float64", "pandas", "polars", "jax", "scipy"])
def test_every_kind_of_input_trains_the_same(kind):
    import jax.numpy as jnp

    x, y = regression_data(40)
    if kind == "scipy":
        scipy_sparse = pytest.importorskip("scipy.sparse")
        given = scipy_sparse.csr_matrix(x), y
    elif kind == "pandas":
        pandas = pytest.importorskip("pandas")
        given = pandas.DataFrame(x), pandas.DataFrame(y)
    elif kind == "polars":
        polars = pytest.importorskip("polars")
        given = polars.DataFrame(x), polars.DataFrame(y)
    else:
        given = {
            "list": (x.tolist(), y.tolist()),
            "float64": (x.astype("float64"), y.astype("float64")),
            "jax": (jnp.asarray(x), jnp.asarray(y)),
        }[kind]
    weights = []
    for data in ((x, y), given):
        model = regressor()
        model.fit(*data, epochs=2, verbose=0)
        weights.append(model.get_weights())
    assert same_bits(*weights)


def test_uint8_images_stay_uint8_on_the_way_to_the_layer():
    seen = []

    class Look(layers.Layer):
        def call(self, inputs):
            seen.append(inputs.dtype.name)
            return inputs.astype("float32") / 255

    lamina.utils.set_random_seed(0)
    model = lamina.Sequential([Look(), layers.Flatten(), layers.Dense(2, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.build((None, 4, 4))
    seen.clear()
    images = np.random.default_rng(0).integers(0, 256, (20, 4, 4), dtype="uint8")
    model.fit(images, np.arange(20) % 2, verbose=0)
    assert set(seen) == {"uint8"}


def test_train_on_batch_equals_a_step_of_fit():
    x, y = regression_data(16)
    by_fit, by_hand = (
        lamina.Sequential([layers.Input((4,)), layers.Dense(1, kernel_initializer="ones")]) for _ in range(2)
    )
    for model in (by_fit, by_hand):
        model.compile("adam", "mse", metrics=["mae"])
    history = by_fit.fit(x, y, batch_size=16, shuffle=False, verbose=0)
    logs = by_hand.train_on_batch(x, y, return_dict=True)
    assert same_bits(by_fit.get_weights(), by_hand.get_weights())
    assert logs == {name: values[0] for name, values in history.history.items()}
    assert by_hand.test_on_batch(x, y)[0] > 0
    assert by_hand.predict_on_batch(x).shape == (16, 1)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_learns(policy):
    x, y = class_data(200)
    lamina.config.set_dtype_policy(policy)
    try:
        model = classifier(optimizer=lamina.optimizers.Adam(0.02))
    finally:
        lamina.config.set_dtype_policy("float32")
    losses = model.fit(x, y, epochs=15, verbose=0).history["loss"]
    assert losses[-1] < 0.6 * losses[0]
    assert {w.dtype.name for w in model.get_weights()} == {"float32"}
