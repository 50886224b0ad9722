"""`BatchNormalization`: its formula in float64, moving statistics, masks, renorm and messages."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from lamina import layers
from lamina.core.variable import bind

X = np.random.default_rng(0).normal(2.0, 3.0, size=(16, 5)).astype(np.float32)


def normalised(x, mean, variance, epsilon=1e-3):
    return (x - mean) / np.sqrt(variance + epsilon)


def test_training_uses_the_batch_and_inference_the_moving_statistics():
    layer = layers.BatchNormalization(momentum=0.9)
    wide = X.astype(np.float64)
    mean, variance = wide.mean(0), wide.var(0)
    np.testing.assert_allclose(layer(X, training=True), normalised(wide, mean, variance), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(layer.moving_mean, 0.1 * mean, rtol=1e-6)
    np.testing.assert_allclose(layer.moving_variance, 0.9 + 0.1 * variance, rtol=1e-6)
    expected = normalised(wide, 0.1 * mean, 0.9 + 0.1 * variance)
    np.testing.assert_allclose(layer(X), expected, rtol=1e-5, atol=1e-6)


def test_moving_statistics_reach_those_of_the_data():
    layer = layers.BatchNormalization(momentum=0.5)
    for _ in range(30):
        layer(X, training=True)
    np.testing.assert_allclose(layer.moving_mean, X.mean(0), rtol=1e-5)
    np.testing.assert_allclose(layer.moving_variance, X.var(0), rtol=1e-5)
    np.testing.assert_allclose(layer(X), layer(X, training=True), rtol=1e-4, atol=1e-5)


def test_gamma_and_beta_scale_and_shift():
    layer = layers.BatchNormalization(gamma_initializer=np.arange(1.0, 6.0), beta_initializer=np.arange(5.0))
    plain = layers.BatchNormalization()
    np.testing.assert_allclose(layer(X), plain(X) * np.arange(1, 6) + np.arange(5), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("axis", [1, -1, 2])
def test_any_axis_has_statistics_of_its_own(axis):
    x = np.random.default_rng(1).normal(size=(6, 3, 4)).astype(np.float32)
    layer = layers.BatchNormalization(axis=axis, epsilon=1e-9)
    others = tuple(a for a in range(3) if a != axis % 3)
    y = np.asarray(layer(x, training=True))
    np.testing.assert_allclose(y.mean(others), 0, atol=1e-6)
    np.testing.assert_allclose(y.var(others), 1, rtol=1e-4)
    assert layer.moving_mean.shape == (x.shape[axis],)


def test_large_means_keep_the_variance():
    x = (1e4 + np.random.default_rng(0).normal(size=(256, 1))).astype(np.float32)
    layer = layers.BatchNormalization(momentum=0.0)
    layer(x, training=True)
    np.testing.assert_allclose(layer.moving_variance, x.astype(np.float64).var(0), rtol=1e-3)


def test_gradients_are_those_of_finite_differences():
    layer, x = layers.BatchNormalization(), X[:4, :2]
    layer(x)
    weights = np.random.default_rng(2).normal(size=x.shape)

    def loss(x):
        with bind(layer.variables, [v.value for v in layer.variables]):
            return (layer(x, training=True) * weights).sum()

    def reference(x):
        return (normalised(x, x.mean(0), x.var(0)) * weights).sum()

    slopes, step = np.zeros(x.shape), 1e-5
    for index in np.ndindex(*x.shape):
        shift = np.zeros(x.shape)
        shift[index] = step
        slopes[index] = (reference(x + shift) - reference(x - shift)) / (2 * step)
    np.testing.assert_allclose(jax.jit(jax.grad(loss))(x), slopes, rtol=1e-4, atol=1e-5)


def test_masked_entries_count_for_nothing():
    x = np.random.default_rng(1).normal(size=(6, 7, 3)).astype(np.float32)
    mask = np.arange(7) < np.array([7, 1, 3, 5, 2, 4])[:, None]
    kept = x[mask].astype(np.float64)
    x[~mask] = np.nan
    layer = layers.BatchNormalization(momentum=0.0)
    y = np.asarray(layer(x, training=True, mask=mask))
    np.testing.assert_allclose(layer.moving_mean, kept.mean(0), rtol=1e-5)
    np.testing.assert_allclose(layer.moving_variance, kept.var(0), rtol=1e-5)
    np.testing.assert_allclose(y[mask], normalised(kept, kept.mean(0), kept.var(0)), rtol=1e-4, atol=1e-5)


def test_a_mask_of_leading_axes_counts_for_all_that_follow():
    x = np.random.default_rng(1).normal(size=(6, 7, 2, 3)).astype(np.float32)
    mask = np.arange(7) < np.array([7, 1, 3, 5, 2, 4])[:, None]
    short, long, whole = (layers.BatchNormalization(momentum=0.0) for _ in range(3))
    y = short(x, training=True, mask=mask)
    np.testing.assert_array_equal(y, long(x, training=True, mask=np.repeat(mask[:, :, None], 2, axis=2)))
    np.testing.assert_allclose(short.moving_mean, x[mask].astype(np.float64).mean((0, 1)), rtol=1e-5)
    whole(x, training=True, mask=np.array([1, 0, 0, 1, 0, 0], bool))
    np.testing.assert_allclose(whole.moving_mean, x[[0, 3]].astype(np.float64).mean((0, 1, 2)), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("shape", [(), (6, 7, 3), (7, 6), (1, 7), (7,)])
def test_mask_must_have_leading_axes_of_the_input(shape):
    layer = layers.BatchNormalization(name="it")
    with pytest.raises(ValueError, match=r"BatchNormalization 'it': mask: expected .* \(6, 7\), received \("):
        layer(np.ones((6, 7, 3)), training=True, mask=np.ones(shape, bool))


def test_freezing_and_thawing_takes_effect_at_once():
    layer = layers.BatchNormalization()
    layer.trainable = False
    np.testing.assert_array_equal(layer(X, training=True), layer(X))
    assert not layer.moving_mean.numpy().any()
    layer.trainable = True
    layer(X, training=True)
    assert layer.moving_mean.numpy().all()


def test_whole_numbers_become_floats():
    assert layers.BatchNormalization()(np.array([[1, 2], [3, 5]]), training=True).dtype == np.float32


def test_renorm_normalises_training_by_running_statistics_once_they_are_right():
    layer = layers.BatchNormalization(renorm=True, momentum=0.5, renorm_momentum=0.5)
    for _ in range(40):
        layer(X, training=True)
    other = X[:8] * 2 + 1
    layer.moving_mean.assign(layer.renorm_mean)  # what inference uses is what training used
    layer.moving_variance.assign(layer.renorm_stddev.value**2 - 1e-3)
    expected = layer(other)
    np.testing.assert_allclose(layer(other, training=True), expected, rtol=1e-4, atol=1e-4)


def test_renorm_clipped_to_nothing_is_plain_batch_normalization():
    clipping = {"rmin": 1.0, "rmax": 1.0, "dmax": 0.0}
    layer, plain = layers.BatchNormalization(renorm=True, renorm_clipping=clipping), layers.BatchNormalization()
    np.testing.assert_allclose(layer(X, training=True), plain(X, training=True), rtol=1e-5, atol=1e-6)


def test_renorm_statistics_start_together():
    layer = layers.BatchNormalization(renorm=True, moving_mean_initializer="random_normal")
    layer.build((None, 3))
    np.testing.assert_array_equal(layer.renorm_mean, layer.moving_mean)
    np.testing.assert_array_equal(layer.renorm_stddev, layer.moving_stddev)


def test_synchronized_changes_nothing_and_stays_in_the_config():
    layer = layers.BatchNormalization(synchronized=True)
    np.testing.assert_array_equal(layer(X, training=True), layers.BatchNormalization()(X, training=True))
    assert layers.BatchNormalization.from_config(layer.get_config()).synchronized is True


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"renorm_momentum": 1.5}, r"renorm_momentum: expected a fraction from 0 to 1, received 1\.5"),
        ({"renorm": True, "renorm_clipping": 3.0}, r"renorm_clipping: expected a dict with keys of .*, received 3\.0"),
        (
            {"renorm": True, "renorm_clipping": {"r_max": 3.0}},
            "renorm_clipping: expected keys .* received 'r_max'. Did you mean 'rmax'",
        ),
        ({"renorm": True, "renorm_clipping": {"dmax": -1}}, r"renorm_clipping\['dmax'\]: expected a number >= 0"),
        ({"renorm": True, "renorm_clipping": {"rmin": 3, "rmax": 2}}, "renorm_clipping: expected rmin <= rmax"),
        ({"axis": True}, "axis: expected a whole number, received True"),
        ({"momentum": 1.5}, r"momentum: expected a fraction from 0 to 1, received 1\.5"),
        ({"momentum": "high"}, "momentum: expected a fraction from 0 to 1, received 'high'"),
        ({"epsilon": 0}, "epsilon: expected a number > 0, received 0"),
        ({"epsilon": float("nan")}, "epsilon: expected a number > 0, received nan"),
        ({"epsilon": "small"}, "epsilon: expected a number > 0, received 'small'"),
        ({"axis": [1]}, r"axis: expected a whole number, received \[1\]"),
        ({"axis": 1.5}, r"axis: expected a whole number, received 1\.5"),
    ],
)
def test_arguments_that_cannot_be_meant(arguments, text):
    with pytest.raises(ValueError, match=f"BatchNormalization 'it': {text}"):
        layers.BatchNormalization(name="it", **arguments)


@pytest.mark.parametrize("axis", [3, -3])
def test_axis_must_be_one_of_the_input(axis):
    with pytest.raises(ValueError, match=f"BatchNormalization 'it': axis {axis}: expected different axes from -2 to 1"):
        layers.BatchNormalization(axis=axis, name="it").build((None, 5))


@pytest.mark.parametrize(("axis", "shape"), [(0, (None, 5)), (1, (None, None, 3))])
def test_axis_must_be_one_of_known_size(axis, shape):
    with pytest.raises(
        ValueError, match=f"BatchNormalization 'it': axis {axis} must be an axis of known size, received"
    ):
        layers.BatchNormalization(axis=axis, name="it").build(shape)
