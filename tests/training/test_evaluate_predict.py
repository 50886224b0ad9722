"""`evaluate` and `predict`: any number of rows, few compilations, many threads."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from sklearn import metrics as sk_metrics

import lamina
from lamina import layers
from tests.training.helpers import class_data, classifier, count_compilations, regression_data, regressor, same_bits


@pytest.mark.parametrize("rows", [1, 31, 32, 33, 100, 5000])
def test_evaluate_equals_the_plain_formula_for_any_number_of_rows(rows):
    x, y = class_data(rows)
    model = classifier()
    loss, accuracy = model.evaluate(x, y, verbose=0)
    p = model.predict(x, verbose=0).astype("float64")
    p /= p.sum(axis=1, keepdims=True)
    assert loss == pytest.approx(sk_metrics.log_loss(y, p, labels=range(3)), rel=1e-5)
    assert accuracy == pytest.approx(sk_metrics.accuracy_score(y, p.argmax(1)), abs=1e-6)


def test_evaluate_of_a_scalar_loss_function_counts_the_last_batch_exactly():
    x, y = regression_data(10)
    model = lamina.Sequential([layers.Input((4,)), layers.Dense(1)])

    def scalar(y_true, y_pred):
        return ((y_true - y_pred) ** 2).mean() ** 0.5

    model.compile("sgd", scalar)
    errors = (model.predict(x, verbose=0) - y).astype("float64") ** 2
    expected = (4 * errors[:4].mean() ** 0.5 + 4 * errors[4:8].mean() ** 0.5 + 2 * errors[8:].mean() ** 0.5) / 10
    assert model.evaluate(x, y, batch_size=4, verbose=0) == pytest.approx(expected, rel=1e-5)


def test_evaluate_with_activity_losses_counts_the_last_batch_exactly():
    x, y = regression_data(10)
    model = lamina.Sequential([layers.Input((4,)), layers.Dense(1, activity_regularizer="l2")])
    model.compile("sgd", "mse")
    p = model.predict(x, verbose=0).astype("float64")
    batches = [slice(0, 4), slice(4, 8), slice(8, 10)]
    per_batch = [np.mean((p[b] - y[b]) ** 2) + 0.01 * np.mean(p[b] ** 2) for b in batches]
    expected = np.dot(per_batch, [4, 4, 2]) / 10
    assert model.evaluate(x, y, batch_size=4, verbose=0) == pytest.approx(expected, rel=1e-5)


def test_evaluate_weights_rows_and_returns_dict():
    x, y = class_data(50)
    model = classifier()
    weights = np.where(np.arange(50) < 20, 0.0, 1.0)
    logs = model.evaluate(x, y, sample_weight=weights, verbose=0, return_dict=True)
    p = model.predict(x, verbose=0).astype("float64")
    assert logs["loss"] == pytest.approx(np.mean(-np.log(p[np.arange(50), y]) * weights), rel=1e-5)
    assert list(logs) == ["accuracy", "loss"]


def test_evaluate_steps_limits_the_batches():
    x, y = regression_data(100)
    model = regressor()
    assert model.evaluate(x, y, batch_size=10, steps=3, verbose=0) == model.evaluate(
        x[:30], y[:30], batch_size=10, verbose=0
    )


def test_validation_in_fit_equals_evaluate():
    x, y = class_data(77)
    model = classifier()
    history = model.fit(x, y, epochs=2, validation_data=(x[:33], y[:33]), verbose=0).history
    loss, accuracy = model.evaluate(x[:33], y[:33], verbose=0)
    assert history["val_loss"][-1] == loss
    assert history["val_accuracy"][-1] == accuracy


def test_fit_and_evaluate_agree_when_nothing_moves():
    x, y = regression_data(77)
    model = lamina.Sequential([layers.Input((4,)), layers.Dense(1)])
    model.compile(lamina.optimizers.SGD(0.0), "mse", metrics=["mae"])
    history = model.fit(x, y, verbose=0).history
    loss, mae = model.evaluate(x, y, verbose=0)
    assert history["loss"][0] == pytest.approx(loss, rel=1e-6)
    assert history["mae"][0] == pytest.approx(mae, rel=1e-6)


def test_predict_of_any_number_of_rows_compiles_at_most_eleven_programs():
    x, _ = regression_data(1000)
    model = regressor()
    whole = model.predict(x, batch_size=1000, verbose=0)
    model.predictor = None
    with count_compilations() as compiled:
        for rows in [*range(1, 70), 127, 128, 129, 255, 256, 257, 511, 512, 513, 999, 1000]:
            part = model.predict(x[:rows], verbose=0)
            assert part.shape == (rows, 1)
            np.testing.assert_allclose(part, whole[:rows], rtol=1e-5, atol=1e-6)
    assert len(compiled) <= 11


def test_predict_beyond_one_window():
    x, _ = regression_data(9001)
    model = regressor()
    np.testing.assert_allclose(model.predict(x, verbose=0), np.asarray(model(x)), rtol=1e-5, atol=1e-6)


def test_predict_on_batch_sizes_that_are_no_power_of_two():
    x, _ = regression_data(100)
    model = regressor()
    expected = np.asarray(model(x))
    for size in (1, 7, 30, 100, 1000):
        np.testing.assert_allclose(model.predict(x, batch_size=size, verbose=0), expected, rtol=1e-5, atol=1e-6)


def test_predict_of_float64_lists_frames_and_generators():
    pandas = pytest.importorskip("pandas")
    x, _ = regression_data(40)
    model = regressor()
    expected = model.predict(x, verbose=0)
    for given in (x.astype("float64"), x.tolist(), pandas.DataFrame(x)):
        assert (model.predict(given, verbose=0) == expected).all()
    batches = (x[start : start + 16] for start in range(0, 40, 16))
    np.testing.assert_allclose(model.predict(batches, verbose=0), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("rows", [3, 100])
def test_predict_warns_of_nan_and_names_the_row(rows):
    x, _ = regression_data(rows)
    model = regressor()
    x[2, 1] = np.nan
    with pytest.warns(RuntimeWarning, match="row 2 are NaN; its inputs hold NaN"):
        outputs = model.predict(x, verbose=0)
    assert np.flatnonzero(np.isnan(outputs)).tolist() == [2]


def test_predict_gives_an_array_of_its_own():
    x, _ = regression_data(4)
    model = regressor()
    outputs = model.predict(x, verbose=0)
    outputs[:] = 0
    assert (model.predict(x, verbose=0) != 0).any()


def test_an_added_layer_is_seen_by_the_next_predict():
    x, _ = regression_data(4)
    model = regressor()
    before = model.predict(x, verbose=0)
    model.add(layers.Rescaling(2.0))
    np.testing.assert_allclose(model.predict(x, verbose=0), 2 * before, rtol=1e-6)


def test_sixteen_threads_predict_as_one_does():
    x, _ = regression_data(16)
    model = regressor()
    serial = [regressor().predict(x[: rows + 1], verbose=0).tobytes() for rows in range(16)]
    wrong: list[object] = []

    def work(rows: int) -> None:
        try:
            outputs = {model.predict(x[: rows + 1], verbose=0).tobytes() for _ in range(50)}
            wrong.extend(outputs - {serial[rows]})
        except Exception as error:  # noqa: BLE001 - any error of a thread is a failure
            wrong.append(error)

    threads = [threading.Thread(target=work, args=(rows,)) for rows in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_predict_beside_fit_sees_the_weights_of_one_finished_step():
    x, y = regression_data(64)
    model = lamina.Sequential([layers.Input((4,)), layers.Dense(1, kernel_initializer="zeros")])
    model.compile(lamina.optimizers.SGD(0.01), "mse")
    finished: set[bytes] = {model.predict(x[:2], verbose=0).tobytes()}
    seen: set[bytes] = set()
    stop = threading.Event()

    class Keep(lamina.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            finished.add(self.model.predict(x[:2], verbose=0).tobytes())

    def watch() -> None:
        while not stop.is_set():
            seen.add(model.predict(x[:2], verbose=0).tobytes())

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        model.fit(x, y, batch_size=8, epochs=20, callbacks=[Keep()], verbose=0)
    finally:
        stop.set()
        thread.join()
    assert seen <= finished


def test_second_fit_beside_a_running_one_is_refused():
    x, y = regression_data(64)
    model = regressor()
    errors: list[BaseException] = []

    class FitAgain(lamina.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            try:
                self.model.fit(x, y, verbose=0)
            except RuntimeError as error:
                errors.append(error)

    model.fit(x, y, epochs=1, callbacks=[FitAgain()], verbose=0)
    assert "is being trained by another call" in str(errors[0])
    model.fit(x, y, epochs=1, verbose=0)


def test_evaluate_inside_a_callback_leaves_training_alone():
    x, y = regression_data(64)

    class Evaluate(lamina.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.evaluate(x[:7], y[:7], verbose=0)

    class Watch(lamina.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            pass

    runs = []
    for callback in (Watch(), Evaluate()):
        model = regressor()
        history = model.fit(x, y, epochs=2, batch_size=16, callbacks=[callback], verbose=0).history
        runs.append((history, model.get_weights()))
    assert runs[0][0] == runs[1][0]
    assert same_bits(runs[0][1], runs[1][1])
