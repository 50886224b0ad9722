"""The notes' two chapters on the Sequential API, cell by cell, with only the imports changed, on the real data.

The texts of the cells are the notes'; what the notes printed is what is asserted (scores within the spread over seeds).
"""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import classification_report
from sklearn.model_selection import train_test_split

import lamina as keras  # the notes say tf.keras


def shown(model) -> str:
    """The text of a summary with single spaces."""
    lines: list[str] = []
    model.summary(print_fn=lines.append)
    return " ".join(re.sub(r"[━┃┏┓┗┛┡┩╇┳┻│├┤┼─└┘┴]", " ", "".join(lines)).split())


@pytest.mark.slow
def test_chapter_1_7_1_image_classifier(fashion_mnist_folder, capsys):
    fmnist = keras.datasets.fashion_mnist.load_data()
    (XTrainFull, yTrainFull), (XTest, yTest) = fmnist
    cutoff = -5000
    XTrain, yTrain = XTrainFull[:cutoff], yTrainFull[:cutoff]
    XValid, yValid = XTrainFull[cutoff:], yTrainFull[cutoff:]
    assert XTrain.shape == (55000, 28, 28)

    XTrain, XValid, XTest = XTrain / 255.0, XValid / 255.0, XTest / 255.0
    assert yTrain[0] == 9  # Ankle boot

    keras.utils.set_random_seed(42)
    cls = keras.Sequential()
    cls.add(keras.layers.Input(shape=[28, 28]))
    cls.add(keras.layers.Flatten())
    cls.add(keras.layers.Dense(300, activation="relu"))
    cls.add(keras.layers.Dense(100, activation="relu"))
    cls.add(keras.layers.Dense(10, activation="softmax"))
    assert shown(cls) == (
        'Model: "sequential" Layer (type) Output Shape Param # flatten (Flatten) (None, 784) 0 '
        "dense (Dense) (None, 300) 235,500 dense_1 (Dense) (None, 100) 30,100 dense_2 (Dense) (None, 10) 1,010 "
        "Total params: 266,610 (1.02 MB) Trainable params: 266,610 (1.02 MB) Non-trainable params: 0 (0.00 B)"
    )

    cls = keras.Sequential(
        [
            keras.layers.Flatten(input_shape=[28, 28]),
            keras.layers.Dense(300, activation="relu"),
            keras.layers.Dense(100, activation="relu"),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    assert shown(cls).startswith('Model: "sequential_1" Layer (type) Output Shape Param # flatten_1 (Flatten)')
    assert repr(cls.layers) == (
        "[<Flatten name=flatten_1, built=True>, <Dense name=dense_3, built=True>, "
        "<Dense name=dense_4, built=True>, <Dense name=dense_5, built=True>]"
    )
    hid1 = cls.layers[1]
    assert cls.get_layer("dense_3") is hid1
    w, b = hid1.get_weights()
    assert w.shape == (784, 300)
    assert (b == np.zeros(300)).all()
    assert np.abs(w).max() <= np.sqrt(6 / (784 + 300))

    cls.compile(
        loss="sparse_categorical_crossentropy", optimizer=keras.optimizers.SGD(learning_rate=0.01), metrics=["accuracy"]
    )
    hist = cls.fit(XTrain, yTrain, epochs=30, validation_data=(XValid, yValid))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 30
    values = r"accuracy: 0\.\d{4} - loss: \d\.\d{4} - val_accuracy: 0\.\d{4} - val_loss: 0\.\d{4}"
    pattern = rf"Epoch 1/30 - 1719/1719 - .* - {values}"
    assert re.fullmatch(pattern, lines[0]), lines[0]
    assert hist.epoch == list(range(30))
    assert hist.params["epochs"] == 30
    assert hist.history["accuracy"][-1] > 0.90  # the notes: 0.9115
    assert hist.history["val_accuracy"][-1] > 0.865  # the notes: 0.8730

    frame = pd.DataFrame(hist.history)
    assert list(frame) == ["accuracy", "loss", "val_accuracy", "val_loss"]
    assert frame.shape == (30, 4)

    preds = cls.predict(XTest)
    assert preds.shape == (10000, 10)
    np.testing.assert_allclose(preds.sum(axis=1), 1, atol=1e-5)
    preds = preds.argmax(axis=1)
    assert "weighted avg" in classification_report(yTest, preds)

    before = cls.evaluate(XTest, yTest)[0]
    hist = cls.fit(XTrain, yTrain, epochs=5, validation_data=(XValid, yValid))
    assert hist.history["loss"][0] < 0.26  # further fit continues; a new start would be near 0.9
    loss, accuracy = cls.evaluate(XTest, yTest)
    assert accuracy >= 0.865  # the notes: 0.8705
    assert abs(loss - before) < 0.05


def test_chapter_1_7_2_regression(housing_file, capsys):
    keras.utils.set_random_seed(42)
    housing = keras.datasets.fetch_california_housing()
    XTrainFull, XTest, yTrainFull, yTest = train_test_split(housing.data, housing.target, random_state=42)
    XTrain, XValid, yTrain, yValid = train_test_split(XTrainFull, yTrainFull, random_state=42)

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
    opt = keras.optimizers.Adam(learning_rate=1e-3)
    reg.compile(loss="mse", optimizer=opt, metrics=["RootMeanSquaredError"])
    # The notes' count was an int64 under TensorFlow (72.00 B); it is an int32 here, as in Keras on JAX (68.00 B).
    assert shown(reg).endswith(
        "Total params: 5,618 (21.95 KB) Trainable params: 5,601 (21.88 KB) Non-trainable params: 17 (68.00 B)"
    )

    norm.adapt(XTrain)
    hist = reg.fit(XTrain, yTrain, epochs=20, validation_data=(XValid, yValid))
    assert list(hist.history) == ["RootMeanSquaredError", "loss", "val_RootMeanSquaredError", "val_loss"]
    assert "Epoch 20/20 - 363/363" in capsys.readouterr().out
    mse, rmse = reg.evaluate(XTest, yTest)
    assert rmse == pytest.approx(np.sqrt(mse), rel=1e-4)
    assert rmse <= 0.56  # the notes: 0.5235

    XNew = XTest[:3]
    preds = reg.predict(XNew)
    assert preds.shape == (3, 1)
    np.testing.assert_allclose(preds[:, 0], [0.47, 1.2, 4.8], atol=0.8)  # what the notes' network said
