"""The notes' two chapters on the Functional and the Subclassing API, cell by cell, with only the imports changed.

The texts of the cells are the notes'; what the notes printed is what is asserted (scores within the spread over seeds).
"""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from sklearn.model_selection import train_test_split

import lamina as keras  # the notes say tf.keras
from lamina.layers import Concatenate, Dense, Input, Normalization
from tests.notes.test_sequential_chapters import shown

LOGGED = ["aux_RootMeanSquaredError", "loss", "output_RootMeanSquaredError"]


@pytest.fixture
def housing_sets(housing_file):
    housing = keras.datasets.fetch_california_housing()
    XTrainFull, XTest, yTrainFull, yTest = train_test_split(housing.data, housing.target, random_state=42)
    XTrain, XValid, yTrain, yValid = train_test_split(XTrainFull, yTrainFull, random_state=42)
    return (XTrain, yTrain), (XValid, yValid), (XTest, yTest)


def with_val(names):
    return [*names, *(f"val_{name}" for name in names)]


def test_chapter_1_7_3_functional(housing_sets, capsys):
    keras.utils.set_random_seed(42)
    (XTrain, yTrain), (XValid, yValid), (XTest, yTest) = housing_sets

    hidLay = partial(Dense, units=30, activation="relu")
    normLayer = Normalization()
    hidLay1 = hidLay()
    hidLay2 = hidLay()
    concatLayer = Concatenate()
    outputLayer = Dense(1)
    input_ = Input(shape=XTrain.shape[1:])
    normed = normLayer(input_)
    hid1 = hidLay1(normed)
    hid2 = hidLay2(hid1)
    concat = concatLayer([normed, hid2])
    output = outputLayer(concat)
    regWide = keras.Model(inputs=[input_], outputs=[output])
    text = shown(regWide)
    for row in (
        'Model: "functional" Layer (type) Output Shape Param # Connected to input_layer (None, 8) 0 - (InputLayer)',
        "normalization (None, 8) 17 input_layer[0][0] (Normalization)",
        "dense (Dense) (None, 30) 270 normalization[0]",
        "dense_1 (Dense) (None, 30) 930 dense[0][0]",
        "concatenate (None, 38) 0 normalization[0]",
        "dense_2 (Dense) (None, 1) 39 concatenate[0][0]",
    ):
        assert row in text
    # The notes' count was an int64 under TensorFlow (72.00 B); it is an int32 here, as in Keras on JAX (68.00 B).
    assert text.endswith(
        "Total params: 1,256 (4.91 KB) Trainable params: 1,239 (4.84 KB) Non-trainable params: 17 (68.00 B)"
    )

    opt = keras.optimizers.Adam(learning_rate=1e-3)
    regWide.compile(loss="mse", optimizer=opt, metrics=["RootMeanSquaredError"])
    normLayer.adapt(XTrain)
    hist = regWide.fit(XTrain, yTrain, epochs=20, validation_data=(XValid, yValid))
    assert list(hist.history) == with_val(["RootMeanSquaredError", "loss"])
    mse, rmse = regWide.evaluate(XTest, yTest)
    assert rmse == pytest.approx(np.sqrt(mse), rel=1e-4)
    assert rmse <= 0.62  # the notes: 0.5630

    inputWide = Input(shape=[5], name="inputWide")
    inputDeep = Input(shape=[6], name="inputDeep")
    normLayerWide = Normalization()
    normLayerDeep = Normalization()
    normWide = normLayerWide(inputWide)
    normDeep = normLayerDeep(inputDeep)
    hid1 = hidLay()(normDeep)
    hid2 = hidLay()(hid1)
    concat = keras.layers.concatenate([normWide, hid2])
    output = Dense(1, name="output")(concat)
    regWide = keras.Model(inputs=[inputWide, inputDeep], outputs=[output])
    text = shown(regWide)
    places = [
        text.index(row)
        for row in (
            "inputDeep (None, 6) 0 - (InputLayer)",
            "normalization_2 (None, 6) 13 inputDeep[0][0] (Normalization)",
            "inputWide (None, 5) 0 - (InputLayer)",
            "dense_3 (Dense) (None, 30) 210 normalization_2[",
            "normalization_1 (None, 5) 11 inputWide[0][0] (Normalization)",
            "dense_4 (Dense) (None, 30) 930 dense_3[0][0]",
            "concatenate_1 (None, 35) 0 normalization_1[",
            "output (Dense) (None, 1) 36 concatenate_1[0]",
        )
    ]
    assert places == sorted(places)
    assert "Total params: 1,200 (4.69 KB) Trainable params: 1,176 (4.59 KB) Non-trainable params: 24 (96.00 B)" in text

    opt = keras.optimizers.Adam(learning_rate=1e-3)
    regWide.compile(loss="mse", optimizer=opt, metrics=["RootMeanSquaredError"])
    XTrainWide, XTrainDeep = XTrain[:, :5], XTrain[:, 2:]
    XValidWide, XValidDeep = XValid[:, :5], XValid[:, 2:]
    XTestWide, XTestDeep = XTest[:, :5], XTest[:, 2:]
    XNewWide, XNewDeep = XTestWide[:3], XTestDeep[:3]
    normLayerWide.adapt(XTrainWide)
    normLayerDeep.adapt(XTrainDeep)
    hist = regWide.fit(
        (XTrainWide, XTrainDeep),
        yTrain,
        validation_data=((XValidWide, XValidDeep), yValid),
        epochs=20,
    )
    assert list(hist.history) == with_val(["RootMeanSquaredError", "loss"])
    mseTest = regWide.evaluate((XTestWide, XTestDeep), yTest)
    assert mseTest[1] <= 0.65  # the notes: 0.5803
    preds = regWide.predict((XNewWide, XNewDeep))
    assert preds.shape == (3, 1)

    aux = Dense(1, name="aux")(hid2)
    regWide = keras.Model(inputs={"inputDeep": inputDeep, "inputWide": inputWide}, outputs=[output, aux])
    opt = keras.optimizers.Adam(learning_rate=1e-3)
    regWide.compile(
        loss={"output": "mse", "aux": "mse"},
        loss_weights={"output": 0.9, "aux": 0.1},
        optimizer=opt,
        metrics=["RootMeanSquaredError", "RootMeanSquaredError"],
    )
    text = shown(regWide)
    assert "aux (Dense) (None, 1) 31 dense_4[0][0]" in text
    assert "Total params: 1,231 (4.81 KB) Trainable params: 1,207 (4.71 KB) Non-trainable params: 24 (96.00 B)" in text

    normLayerDeep.adapt(XTrainDeep)
    normLayerWide.adapt(XTrainWide)
    ytrains = {"output": yTrain, "aux": yTrain}
    xtrains = {"inputDeep": XTrainDeep, "inputWide": XTrainWide}
    xvals = {"inputDeep": XValidDeep, "inputWide": XValidWide}
    yvals = {"output": yValid, "aux": yValid}
    xtests = {"inputDeep": XTestDeep, "inputWide": XTestWide}
    ytests = {"output": yTest, "aux": yTest}
    capsys.readouterr()
    hist = regWide.fit(
        xtrains,
        ytrains,
        epochs=20,
        validation_data=(xvals, yvals),
    )
    assert list(hist.history) == with_val(LOGGED)
    assert "aux_RootMeanSquaredError: 0." in capsys.readouterr().out
    evalRes = regWide.evaluate(xtests, ytests)
    mainLoss, wSumLoss, mainRmse = evalRes
    assert mainLoss == pytest.approx(0.9 * wSumLoss**2 + 0.1 * mainRmse**2, rel=1e-4)
    assert max(wSumLoss, mainRmse) <= 0.7  # the notes: 0.5685 and 0.6172

    xnews = {"inputWide": XNewWide, "inputDeep": XNewDeep}
    preds = regWide.predict(xnews)
    preds = dict(zip(regWide.output_names, preds, strict=False))
    assert {name: array.shape for name, array in preds.items()} == {"output": (3, 1), "aux": (3, 1)}
    np.testing.assert_allclose(preds["output"][:, 0], [0.476, 0.714, 3.718], atol=1.0)  # what the notes' network said


def test_chapter_1_7_4_subclassing(housing_sets):
    keras.utils.set_random_seed(42)
    (XTrain, yTrain), (XValid, yValid), _ = housing_sets
    XTrainWide, XTrainDeep = XTrain[:, :5], XTrain[:, 2:]
    XValidWide, XValidDeep = XValid[:, :5], XValid[:, 2:]
    ytrains = {"output": yTrain, "aux": yTrain}
    yvals = {"output": yValid, "aux": yValid}

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
    assert shown(wideAndDeep) == (
        'Model: "WideAndDeep" Layer (type) Output Shape Param # normalization (Normalization) ? 11 '
        "normalization_1 (Normalization) ? 13 dense (Dense) ? 0 (unbuilt) dense_1 (Dense) ? 0 (unbuilt) "
        "dense_2 (Dense) ? 0 (unbuilt) dense_3 (Dense) ? 0 (unbuilt) "
        "Total params: 24 (96.00 B) Trainable params: 0 (0.00 B) Non-trainable params: 24 (96.00 B)"
    )

    hist = wideAndDeep.fit(
        (XTrainWide, XTrainDeep),
        ytrains,
        epochs=20,
        validation_data=((XValidWide, XValidDeep), yvals),
    )
    assert list(hist.history) == with_val(["RootMeanSquaredError", "RootMeanSquaredError_1", "loss"])
    last = {name: values[-1] for name, values in hist.history.items()}
    both = 0.9 * last["RootMeanSquaredError"] ** 2 + 0.1 * last["RootMeanSquaredError_1"] ** 2
    assert last["loss"] == pytest.approx(both, rel=1e-4)
    assert last["RootMeanSquaredError"] <= 0.62  # the notes: 0.5789 in epoch 20
    assert wideAndDeep.count_params() == 1231
