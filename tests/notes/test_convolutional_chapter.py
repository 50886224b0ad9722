"""The notes' chapter 2 on convolutional networks, cell by cell, with only the imports changed.

The texts of the cells are the notes'; what the notes printed is what is asserted. `test_depth_pool.py` has the cells of
section 2.2 in more forms. The network of section 2.3 is trained on the real images, but on fewer of them than the notes
take: benchmarks/RESULTS.md has the curve of the whole run.
"""

from __future__ import annotations

import re
from functools import partial

import numpy as np
import pytest
from sklearn.datasets import load_sample_images

import lamina as keras  # the notes say tf.keras
from lamina import ops as tf
from tests.notes.test_sequential_chapters import shown


@pytest.fixture
def images():
    pytest.importorskip("PIL")
    images = load_sample_images()["images"]
    images = keras.layers.CenterCrop(height=70, width=120)(images)
    return keras.layers.Rescaling(scale=1 / 255)(images)


def test_sections_2_1_convolutional_layers(images):
    assert images.shape == (2, 70, 120, 3)

    convLayer1 = keras.layers.Conv2D(filters=32, kernel_size=7, padding="same")
    fmaps = convLayer1(images)
    assert fmaps.shape == (2, 70, 120, 32)
    kernels, biases = convLayer1.get_weights()
    assert kernels.shape == (7, 7, 3, 32)
    assert biases.shape == (32,)

    convLayer1 = keras.layers.Conv2D(filters=32, kernel_size=7, padding="same", activation="relu")
    fmaps = convLayer1(images)
    assert fmaps.shape == (2, 70, 120, 32)
    assert (np.asarray(fmaps) >= 0).all()
    kernels, biases = convLayer1.get_weights()
    assert kernels.shape == (7, 7, 3, 32)


def test_section_2_2_pooling_layers(images):
    maxPool = keras.layers.MaxPool2D(pool_size=2)
    assert maxPool.name == "max_pooling2d"
    assert maxPool(images).shape == (2, 35, 60, 3)

    class DepthPool(keras.layers.Layer):
        def __init__(self, pool_size=2, **kwargs):
            super().__init__(**kwargs)
            self.pool_size = pool_size

        def call(self, inputs):
            shape = tf.shape(inputs)
            groups = shape[-1] // self.pool_size
            newShape = tf.concat([shape[:-1], [groups, self.pool_size]], axis=0)
            return tf.reduce_max(tf.reshape(inputs, newShape), axis=-1)

    np.testing.assert_array_equal(DepthPool(3)(images)[..., 0], np.max(images, axis=-1))

    globAvgPool = keras.layers.GlobalAveragePooling2D()
    printed = [[0.64338624, 0.5971759, 0.5824972], [0.76306933, 0.2601113, 0.10849128]]
    np.testing.assert_allclose(globAvgPool(images), printed, atol=1e-4)  # JPEG decoders differ by that


def notes_network():
    conv2DLayer = partial(
        keras.layers.Conv2D,
        kernel_size=3,
        padding="same",
        activation="relu",
        kernel_initializer="he_normal",
    )
    ffLayer = partial(keras.layers.Dense, activation="relu", kernel_initializer="he_normal")
    return keras.Sequential(
        [
            keras.layers.Input(shape=[28, 28, 1]),
            keras.layers.Reshape(target_shape=(28, 28, 1)),
            conv2DLayer(filters=64, kernel_size=7),
            keras.layers.MaxPool2D(),
            conv2DLayer(filters=128),
            conv2DLayer(filters=128),
            keras.layers.MaxPool2D(),
            conv2DLayer(filters=256),
            conv2DLayer(filters=256),
            keras.layers.MaxPool2D(),
            keras.layers.Flatten(),
            ffLayer(units=128),
            keras.layers.Dropout(0.5),
            ffLayer(units=64),
            keras.layers.Dropout(0.5),
            keras.layers.Dense(units=10, activation="softmax"),
        ]
    )


def test_section_2_3_summary():
    assert shown(notes_network()) == (
        'Model: "sequential" Layer (type) Output Shape Param # reshape (Reshape) (None, 28, 28, 1) 0 '
        "conv2d (Conv2D) (None, 28, 28, 64) 3,200 max_pooling2d (MaxPooling2D) (None, 14, 14, 64) 0 "
        "conv2d_1 (Conv2D) (None, 14, 14, 128) 73,856 conv2d_2 (Conv2D) (None, 14, 14, 128) 147,584 "
        "max_pooling2d_1 (MaxPooling2D) (None, 7, 7, 128) 0 conv2d_3 (Conv2D) (None, 7, 7, 256) 295,168 "
        "conv2d_4 (Conv2D) (None, 7, 7, 256) 590,080 max_pooling2d_2 (MaxPooling2D) (None, 3, 3, 256) 0 "
        "flatten (Flatten) (None, 2304) 0 dense (Dense) (None, 128) 295,040 dropout (Dropout) (None, 128) 0 "
        "dense_1 (Dense) (None, 64) 8,256 dropout_1 (Dropout) (None, 64) 0 dense_2 (Dense) (None, 10) 650 "
        "Total params: 1,413,834 (5.39 MB) Trainable params: 1,413,834 (5.39 MB) Non-trainable params: 0 (0.00 B)"
    )


@pytest.mark.slow
def test_section_2_3_training(fashion_mnist_folder, capsys):
    keras.utils.set_random_seed(42)
    fmnist = keras.datasets.fashion_mnist.load_data()
    (XTrainFull, yTrainFull), (XTest, yTest) = fmnist
    cutoff = -5000
    XTrain, yTrain = XTrainFull[:cutoff], yTrainFull[:cutoff]
    XValid, yValid = XTrainFull[cutoff:], yTrainFull[cutoff:]
    XTrain, XValid, XTest = XTrain / 255.0, XValid / 255.0, XTest / 255.0

    cnnCls = notes_network()
    cnnCls.compile(
        loss="sparse_categorical_crossentropy",
        optimizer=keras.optimizers.SGD(learning_rate=0.09),
        metrics=["accuracy"],
    )
    few = slice(3200)  # the notes take all 55,000, and ten epochs
    hist = cnnCls.fit(XTrain[few], yTrain[few], epochs=2, validation_data=(XValid[:1000], yValid[:1000]))
    values = r"accuracy: 0\.\d{4} - loss: \d\.\d{4} - val_accuracy: 0\.\d{4} - val_loss: \d\.\d{4}"
    assert re.fullmatch(rf"Epoch 1/2 - 100/100 - .* - {values}", capsys.readouterr().out.splitlines()[0])
    assert hist.history["loss"][-1] < hist.history["loss"][0]
    assert hist.history["val_accuracy"][-1] > 0.5  # one in ten by chance

    XTest, yTest = XTest[:1000], yTest[:1000]
    preds = cnnCls.predict(XTest)
    preds = preds.argmax(axis=1)
    _, accuracy = cnnCls.evaluate(XTest, yTest)
    assert accuracy == pytest.approx((preds == yTest).mean(), abs=1e-6)
    assert accuracy > 0.5
