"""The notes' section 1.7.8 on Keras Tuner, with only the imports changed.

The notes' page cuts the end of the cell off; it is completed from the book that they follow (Géron, Hands-On Machine
Learning, 3rd edition, chapter 10).
"""

from __future__ import annotations

import numpy as np

import lamina as tf_keras  # the notes say tf.keras
import lamina.tuner as kt  # the notes say import keras_tuner as kt


def buildModel(hp):
    nHidden = hp.Int("n_hidden", min_value=0, max_value=8, default=2)
    nNeurons = hp.Int("n_neurons", min_value=16, max_value=256)
    learningRate = hp.Float("learning_rate", min_value=1e-4, max_value=1e-2, sampling="log")
    optimizer = hp.Choice("optimizer", values=["sgd", "adam"])
    if optimizer == "sgd":
        optimizer = tf_keras.optimizers.SGD(learning_rate=learningRate)
    else:
        optimizer = tf_keras.optimizers.Adam(learning_rate=learningRate)

    model = tf_keras.Sequential()
    model.add(tf_keras.layers.Flatten())
    for _ in range(nHidden):
        model.add(tf_keras.layers.Dense(nNeurons, activation="relu"))
    model.add(tf_keras.layers.Dense(10, activation="softmax"))
    model.compile(loss="sparse_categorical_crossentropy", optimizer=optimizer, metrics=["accuracy"])
    return model


def test_section_1_7_8_random_search(fashion_mnist_folder, tmp_path):
    (XTrain, yTrain), _ = tf_keras.datasets.fashion_mnist.load_data()
    XTrain, yTrain = XTrain[:1200] / 255.0, yTrain[:1200]
    randomSearchTuner = kt.RandomSearch(
        buildModel, objective="val_accuracy", max_trials=2, overwrite=True, directory=tmp_path, seed=42
    )
    randomSearchTuner.search(XTrain[:1000], yTrain[:1000], epochs=3, validation_data=(XTrain[1000:], yTrain[1000:]))
    top2Params = randomSearchTuner.get_best_hyperparameters(num_trials=2)
    assert set(top2Params[0].values) == {"n_hidden", "n_neurons", "learning_rate", "optimizer"}
    bestTrial = randomSearchTuner.oracle.get_best_trials(num_trials=1)[0]
    assert "Score:" in bestTrial.summary()
    bestModel = randomSearchTuner.get_best_models(num_models=1)[0]
    found = bestModel.evaluate(XTrain[1000:], yTrain[1000:], verbose=0)[1]
    np.testing.assert_allclose(found, bestTrial.metrics["val_accuracy"], rtol=1e-6)
    assert found > 0.3  # one in ten by chance
