"""The notes' chapter on TensorBoard, with only the imports changed, on the real data; what it shows is read back.

The texts of the cells are the notes'. The page lost the lines that name the run and begin the model; the former are the
usual ones, the latter those of the chapter on regression, whose network it is.
"""

from __future__ import annotations

import os
from time import strftime

import pytest

import lamina as keras  # the notes say tf.keras
from tests.notes.test_functional_chapters import housing_sets  # noqa: F401 - a fixture
from tests.summary.helpers import series

pytest.importorskip("tensorboard")


@pytest.mark.slow
def test_chapter_1_7_7_tensorboard(housing_sets, tmp_path, monkeypatch):  # noqa: F811
    import jax

    monkeypatch.chdir(tmp_path)
    keras.utils.set_random_seed(42)
    (XTrain, yTrain), (XValid, yValid), _ = housing_sets

    run = os.path.join("logs", strftime("run_%Y_%m_%d-%H_%M_%S"))
    norm = keras.layers.Normalization()
    reg = keras.Sequential(
        [
            keras.layers.Input(shape=XTrain.shape[1:]),
            norm,
            keras.layers.Dense(50, activation="relu"),
            keras.layers.Dense(50, activation="relu"),
            keras.layers.Dense(50, activation="relu"),
            keras.layers.Dense(1),
        ]
    )
    opt = keras.optimizers.Adam(learning_rate=2e-3)
    reg.compile(loss="mse", optimizer=opt, metrics=["RootMeanSquaredError"])
    tensorboard = keras.callbacks.TensorBoard(run, profile_batch=(100, 200))
    norm.adapt(XTrain)
    hist = reg.fit(XTrain, yTrain, epochs=20, validation_data=(XValid, yValid), callbacks=[tensorboard])

    assert hist.history["RootMeanSquaredError"][-1] < 0.55  # the notes: 0.5172
    (folder,) = (tmp_path / "logs").glob("run_????_??_??-??_??_??")
    train, validation = (series(folder / name) for name in ("train", "validation"))
    for name in ("loss", "RootMeanSquaredError"):
        for found, key in ((train, name), (validation, f"val_{name}")):
            steps, values = zip(*found[f"epoch_{name}"], strict=True)
            assert list(steps) == list(range(20))
            assert [float(value) for value in values] == pytest.approx(hist.history[key])
        steps = [step for step, _ in validation[f"evaluation_{name}_vs_iterations"]]
        assert steps == [363 * epoch for epoch in range(1, 21)]
    assert [float(value) for _, value in train["epoch_learning_rate"]] == pytest.approx([2e-3] * 20)
    (file,) = folder.glob("train/plugins/profile/*/*.xplane.pb")
    steps = [
        dict(event.stats)["step_num"]
        for plane in jax.profiler.ProfileData.from_file(str(file)).planes
        for part in plane.lines
        for event in part.events
        if event.name == "train"
    ]
    assert min(steps) == 100
    assert max(steps) <= 200
