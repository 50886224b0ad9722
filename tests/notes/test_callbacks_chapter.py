"""The notes' chapter on callbacks, cell by cell, with only the imports changed, on the real data.

The texts of the cells are the notes'; what the notes printed is what is asserted (scores within the spread over seeds).
"""

from __future__ import annotations

import re

import numpy as np
import pytest

import lamina as keras  # the notes say tf.keras
from lamina.layers import Dense, Normalization
from tests.notes.test_functional_chapters import housing_sets  # noqa: F401 - a fixture


class WideAndDeepModel(keras.Model):
    def __init__(self, units=30, activation="relu", **kwargs):
        super().__init__(**kwargs)
        self.normLayerWide = Normalization()
        self.normLayerDeep = Normalization()
        self.hiddLayer1 = Dense(units=units, activation=activation)
        self.hiddLayer2 = Dense(units=units, activation=activation)
        self.mainOut = Dense(1)
        self.auxOut = Dense(1)

    def call(self, inputs):
        inputWide, inputDeep = inputs
        normWide = self.normLayerWide(inputWide)
        normDeep = self.normLayerDeep(inputDeep)
        hidd1 = self.hiddLayer1(normDeep)
        hidd2 = self.hiddLayer2(hidd1)
        concat = keras.layers.concatenate([normWide, hidd2])
        output = self.mainOut(concat)
        auxOutput = self.auxOut(hidd2)
        return output, auxOutput


@pytest.mark.slow
def test_chapter_1_7_6_callbacks(housing_sets, tmp_path, capsys):  # noqa: F811
    keras.utils.set_random_seed(42)
    (XTrain, yTrain), (XValid, yValid), _ = housing_sets
    XTrainWide, XTrainDeep = XTrain[:, :5], XTrain[:, 2:]
    XValidWide, XValidDeep = XValid[:, :5], XValid[:, 2:]
    ytrains = {"output": yTrain, "aux": yTrain}
    yvals = {"output": yValid, "aux": yValid}
    wideAndDeep = WideAndDeepModel(name="WideAndDeep")
    opt = keras.optimizers.Adam(learning_rate=1e-3)
    wideAndDeep.compile(
        loss="mse",
        loss_weights=[0.9, 0.1],
        optimizer=opt,
        metrics=["RootMeanSquaredError", "RootMeanSquaredError"],
    )
    wideAndDeep.normLayerDeep.adapt(XTrainDeep)
    wideAndDeep.normLayerWide.adapt(XTrainWide)
    modelPath = tmp_path
    hist = wideAndDeep.fit(
        (XTrainWide, XTrainDeep),
        ytrains,
        epochs=20,
        validation_data=((XValidWide, XValidDeep), yvals),
    )

    checkpoint = keras.callbacks.ModelCheckpoint(
        modelPath / "wideAndDeep_checkpoints.weights.h5",
        save_weights_only=True,
        save_best_only=True,
    )
    earlyStop = keras.callbacks.EarlyStopping(patience=10, restore_best_weights=True)
    hist = wideAndDeep.fit(
        (XTrainWide, XTrainDeep),
        ytrains,
        epochs=100,
        validation_data=((XValidWide, XValidDeep), yvals),
        callbacks=[checkpoint, earlyStop],
    )
    names = ["RootMeanSquaredError", "RootMeanSquaredError_1", "loss"]
    assert list(hist.history) == [*names, *(f"val_{name}" for name in names)]
    epochs, losses = len(hist.epoch), hist.history["val_loss"]
    best = int(np.argmin(losses))
    assert epochs == min(100, best + 1 + 10)  # ten epochs without a better one; the notes': 47 + 10
    assert losses[best] < 0.34  # the notes: 0.2842; 0.288 to 0.318 over 8 seeds
    assert hist.history["RootMeanSquaredError"][-1] < 0.62  # the notes: 0.5320; 0.536 to 0.573 over 8 seeds
    assert earlyStop.best_epoch == best

    def validated():
        return wideAndDeep.evaluate((XValidWide, XValidDeep), yvals, verbose=0, return_dict=True)["loss"]

    assert validated() == pytest.approx(losses[best], rel=1e-5)  # the best weights are back
    file = modelPath / "wideAndDeep_checkpoints.weights.h5"
    wideAndDeep.set_weights([np.zeros_like(w) for w in wideAndDeep.get_weights()])
    wideAndDeep.load_weights(file)
    assert validated() == pytest.approx(losses[best], rel=1e-5)  # and in the file

    class PrintValTrainRatioCallback(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs):
            ratio = logs["val_loss"] / logs["loss"]
            print(f" Epoch={epoch}, ratio={ratio:.2f}")

    capsys.readouterr()
    hist = wideAndDeep.fit(
        (XTrainWide, XTrainDeep),
        ytrains,
        epochs=100,
        validation_data=((XValidWide, XValidDeep), yvals),
        callbacks=[checkpoint, earlyStop, PrintValTrainRatioCallback()],
    )
    printed = re.findall(r"^ Epoch=(\d+), ratio=(\d+\.\d\d)$", capsys.readouterr().out, re.MULTILINE)
    ratios = np.divide(hist.history["val_loss"], hist.history["loss"])
    assert printed == [(str(epoch), f"{ratio:.2f}") for epoch, ratio in enumerate(ratios)]
    assert len(printed) == min(100, int(np.argmin(hist.history["val_loss"])) + 1 + 10)
