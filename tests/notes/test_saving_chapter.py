"""The notes' section 1.7.5, cell by cell, with only the imports changed; the classifier is trained on fewer images."""

from __future__ import annotations

import numpy as np

import lamina as keras  # the notes say tf.keras


def test_section_1_7_5_saving_and_restoring_a_model(fashion_mnist_folder, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    keras.utils.set_random_seed(42)
    cls = keras.Sequential()
    cls.add(keras.layers.Input(shape=[28, 28]))
    cls.add(keras.layers.Flatten())
    cls.add(keras.layers.Dense(units=300, activation="relu"))
    cls.add(keras.layers.Dense(units=100, activation="relu"))
    cls.add(keras.layers.Dense(units=10, activation="softmax"))
    cls.compile(loss="sparse_categorical_crossentropy", optimizer="sgd", metrics=["accuracy"])
    fmnist = keras.datasets.fashion_mnist.load_data()
    (XTrainFull, yTrainFull), (XTest, yTest) = fmnist
    XTest = XTest / 255.0
    cls.fit(XTrainFull[:2000] / 255.0, yTrainFull[:2000], epochs=2, verbose=0)

    from pathlib import Path

    modelPath = Path("./models")
    modelPath.mkdir(exist_ok=True)

    clsName = "FashionMNIST"
    cls.save(modelPath / f"{clsName}.keras")
    capsys.readouterr()
    cls.export(modelPath / clsName)
    printed = capsys.readouterr().out
    assert "The following endpoints are available:" in printed
    assert "* Endpoint 'serve'" in printed
    assert "TensorSpec(shape=(None, 28, 28)" in printed
    assert "TensorSpec(shape=(None, 10)" in printed

    fashionCls = keras.models.load_model(modelPath / f"{clsName}.keras")
    preds = fashionCls.predict(XTest[:500])
    np.testing.assert_array_equal(preds, cls.predict(XTest[:500]))
    preds = preds.argmax(axis=1)
    assert (preds == yTest[:500]).mean() > 0.5  # one in ten by chance

    cls.save_weights(modelPath / f"{clsName}.weights.h5")
    other = keras.models.clone_model(cls)
    other.load_weights(modelPath / f"{clsName}.weights.h5")
    np.testing.assert_array_equal(other.predict(XTest[:500]).argmax(axis=1), preds)
