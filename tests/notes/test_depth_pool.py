"""The notes' pooling cells (section 2.2): `MaxPool2D`, their own `DepthPool` layer, and global average pooling."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import lamina as keras  # the notes say tf.keras
from lamina import ops
from lamina.layers.pooling import DepthMaxPooling, GlobalAveragePooling2D, MaxPool2D


class DepthPool(keras.layers.Layer):
    """The notes' cell, with ops.X for tf.X."""

    def __init__(self, pool_size=2, **kwargs):
        super().__init__(**kwargs)
        self.pool_size = pool_size

    def call(self, inputs):
        shape = ops.shape(inputs)
        groups = shape[-1] // self.pool_size
        newShape = ops.concatenate([shape[:-1], [groups, self.pool_size]], axis=0)
        return ops.max(ops.reshape(inputs, newShape), axis=-1)


@pytest.fixture
def images():
    return np.random.default_rng(0).normal(size=(2, 5, 7, 6)).astype(np.float32)


@pytest.mark.parametrize("pool_size", [2, 3])
def test_depth_pool_gives_the_largest_of_each_group_eagerly_and_compiled(images, pool_size):
    expected = np.stack([images[..., i : i + pool_size].max(-1) for i in range(0, 6, pool_size)], -1)
    layer = DepthPool(pool_size)
    np.testing.assert_array_equal(layer(images), expected)
    np.testing.assert_array_equal(jax.jit(layer)(images), expected)
    np.testing.assert_array_equal(jax.vmap(layer)(images), expected)
    np.testing.assert_array_equal(DepthMaxPooling(pool_size)(images), expected)


def test_depth_pool_has_the_gradient_of_the_built_in_layer(images):
    def slope(layer):
        return jax.jit(jax.grad(lambda x: jnp.sum(jnp.sin(layer(x)))))(images)

    np.testing.assert_allclose(slope(DepthPool()), slope(DepthMaxPooling()), rtol=1e-6)


@pytest.mark.parametrize("shape", [(5, 7, 6), (None, None, 6), (None, 6)])
def test_depth_pool_takes_symbolic_inputs_with_free_sizes(shape):
    inputs = keras.layers.Input(shape=shape)
    outputs = DepthPool(3)(inputs)
    assert outputs.shape == (None, *shape[:-1], 2)
    model = keras.Model(inputs, outputs)
    for size in (4, 9):
        x = np.random.default_rng(1).normal(size=(2, *(size if n is None else n for n in shape))).astype(np.float32)
        np.testing.assert_array_equal(model(x), DepthMaxPooling(3)(x))
        np.testing.assert_array_equal(model.predict(x, verbose=0), DepthMaxPooling(3)(x))


@pytest.mark.parametrize("layer", [DepthPool, DepthMaxPooling])
def test_depth_pool_trains_in_a_sequential_model(layer, images):
    keras.utils.set_random_seed(42)
    model = keras.Sequential(
        [
            keras.layers.Input(shape=(5, 7, 6)),
            keras.layers.Dense(8),
            layer(pool_size=2),
            keras.layers.Flatten(),
            keras.layers.Dense(1),
        ]
    )
    assert [tuple(x.output.shape) for x in model.layers][1] == (None, 5, 7, 4)
    model.compile(loss="mse", optimizer=keras.optimizers.SGD(0.01))
    x = np.random.default_rng(2).normal(size=(64, 5, 7, 6)).astype(np.float32)
    history = model.fit(x, x.max(axis=(1, 2, 3))[:, None], epochs=5, batch_size=16, verbose=0)
    assert history.history["loss"][-1] < 0.5 * history.history["loss"][0]


def test_max_pool_is_called_as_the_notes_summary_has_it():
    maxPool = MaxPool2D(pool_size=2)
    assert type(maxPool).__name__ == "MaxPooling2D"
    assert [maxPool.name, MaxPool2D().name, GlobalAveragePooling2D().name] == [
        "max_pooling2d",
        "max_pooling2d_1",
        "global_average_pooling2d",
    ]


def test_global_average_pool_of_the_sample_images_gives_the_notes_numbers():
    images = pytest.importorskip("sklearn.datasets").load_sample_images()["images"]
    rows, columns = (slice((n - m) // 2, (n - m) // 2 + m) for n, m in ((427, 70), (640, 120)))
    cropped = np.stack([image[rows, columns] for image in images]) / 255  # CenterCrop(70, 120), Rescaling(1 / 255)
    assert cropped.shape == (2, 70, 120, 3)
    means = GlobalAveragePooling2D()(cropped.astype(np.float32))
    np.testing.assert_allclose(means, cropped.mean((1, 2)), rtol=1e-6)
    # The notes' output [64]; libraries that decode JPEG differ by single grey levels, 3e-5 of these means.
    expected = [[0.64338624, 0.5971759, 0.5824972], [0.76306933, 0.2601113, 0.10849128]]
    np.testing.assert_allclose(means, expected, rtol=5e-5)
