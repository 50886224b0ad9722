"""`Rescaling` and `Normalization`: what `adapt` measures, in any container, and what it refuses."""

from __future__ import annotations

import json

import jax.numpy as jnp
import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.preprocessing import StandardScaler

from lamina import layers

DATA = np.random.default_rng(0).normal([0.0, 50.0, -3.0], [1.0, 20.0, 0.01], size=(100, 3))


def statistics(layer):
    return layer.mean.numpy(), layer.variance.numpy()


def assert_standardised(layer):
    scaler = StandardScaler().fit(DATA)
    np.testing.assert_allclose(layer.mean, scaler.mean_, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(layer.variance, scaler.var_, rtol=1e-4)
    np.testing.assert_allclose(layer(DATA), scaler.transform(DATA), rtol=1e-3, atol=1e-3)


def adapted(data, **arguments):
    layer = layers.Normalization(**arguments)
    layer.adapt(data)
    return layer


@pytest.mark.parametrize(
    "make",
    [
        lambda: DATA,
        lambda: DATA.astype(np.float32),
        lambda: jnp.asarray(DATA),
        lambda: DATA.tolist(),
        lambda: pd.DataFrame(DATA, columns=list("abc")),
        lambda: pl.DataFrame(DATA, schema=["a", "b", "c"]),
        lambda: np.array_split(DATA, 7),
        lambda: tuple(np.array_split(DATA, 3)),
        lambda: (batch for batch in np.array_split(DATA, 5)),
        lambda: ((batch, np.zeros(len(batch))) for batch in np.array_split(DATA, 5)),
        lambda: [DATA[:0], DATA[:99], DATA[99:]],
        lambda: [pd.DataFrame(DATA[:50]), pd.DataFrame(DATA[50:])],
    ],
    ids=[
        "array",
        "float32",
        "jax",
        "lists",
        "pandas",
        "polars",
        "batches",
        "tuple",
        "generator",
        "pairs",
        "uneven",
        "frames",
    ],
)
def test_adapt_measures_what_scikit_learn_measures(make):
    assert_standardised(adapted(make()))


def test_adapt_forgets_what_it_measured_before():
    layer = adapted(DATA * 100 + 7)
    layer.adapt(DATA)
    assert_standardised(layer)


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.bool_, np.float16])
def test_adapt_sums_small_types_without_loss(dtype):
    data = np.random.default_rng(0).integers(0, 2 if dtype is np.bool_ else 200, (5000, 2)).astype(dtype)
    layer = adapted(data)
    np.testing.assert_allclose(layer.mean, data.astype(np.float64).mean(0), rtol=1e-6)
    np.testing.assert_allclose(layer.variance, data.astype(np.float64).var(0), rtol=1e-5)


def test_batches_are_merged_without_cancellation():
    data = 1e4 + np.random.default_rng(0).normal(size=(1000, 1))
    layer = adapted(np.array_split(data, 33))
    np.testing.assert_allclose(layer.variance, data.var(0), rtol=1e-4)


@pytest.mark.parametrize("axis", [-1, 1, (1, 2), None, (-1, 1), []])
def test_axes_with_statistics_of_their_own(axis):
    data = np.random.default_rng(0).normal(size=(50, 3, 4)) * [1.0, 2.0, 3.0, 4.0] + 5
    layer = adapted(data, axis=axis)
    kept = tuple(a % 3 for a in np.atleast_1d([] if axis is None else axis).astype(int))
    others = tuple(a for a in range(3) if a not in kept)
    np.testing.assert_allclose(layer.mean, data.mean(others), rtol=1e-5)
    np.testing.assert_allclose(layer.variance, data.var(others), rtol=1e-5)
    spread = data.mean(others, keepdims=True), data.std(others, keepdims=True)
    np.testing.assert_allclose(layer(data), (data - spread[0]) / spread[1], rtol=1e-4, atol=1e-5)


def test_invert_undoes():
    layer, back = adapted(DATA), adapted(DATA, invert=True)
    np.testing.assert_allclose(back(layer(DATA)), DATA, rtol=1e-4, atol=1e-4)


def test_the_last_axis_is_the_features_whatever_the_rank():
    layer = adapted(DATA)
    np.testing.assert_array_equal(layer(DATA.reshape(4, 25, 3)).reshape(-1, 3), layer(DATA))


def test_statistics_are_weights_that_training_leaves_alone():
    layer = adapted(DATA)
    assert [w.name for w in layer.non_trainable_weights] == ["mean", "variance", "count"]
    assert layer.trainable_weights == []
    other = layers.Normalization()
    other.build((None, 3))
    other.set_weights(layer.get_weights())
    np.testing.assert_array_equal(other(DATA), layer(DATA))


def test_config_of_an_adapted_layer_is_that_of_a_new_one():
    layer = adapted(DATA, axis=1, name="it")
    config = layer.get_config()
    assert json.loads(json.dumps(config)) == json.loads(
        json.dumps(layers.Normalization(axis=1, name="it").get_config())
    )


def test_given_statistics_survive_a_config():
    layer = layers.Normalization(mean=np.array([1.0, 2.0, 3.0]), variance=(4.0, 5.0, 6.0))
    again = layers.Normalization.from_config(json.loads(json.dumps(layer.get_config())))
    np.testing.assert_array_equal(again(DATA), layer(DATA))


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (np.zeros((0, 3)), "adapt received no data. Expected at least one row"),
        ([], "adapt received no data"),
        (iter([]), "adapt received no data"),
        (np.array([[1.0, np.nan, 2.0], [1.0, 2.0, 3.0]]), r"adapt: the data hold NaN or infinity \(features \[1\]\)"),
        (np.array([[1.0, 2.0, np.inf]]), r"adapt: the data hold NaN or infinity \(features \[2\]\)"),
        (np.array([["a", "b", "c"]]), r"adapt expected numbers, received dtype <U1\. Encode text first"),
        (pd.DataFrame({"a": [1.0], "b": ["x"], "c": [2.0]}), "adapt expected numbers, received dtype object"),
        (np.zeros((5, 4)), r"expected size \(3,\) on axis \(-1,\), received input of shape \(5, 4\)"),
        (
            [np.zeros((5, 3)), np.zeros((5, 4))],
            r"expected size \(3,\) on axis \(-1,\), received input of shape \(5, 4\)",
        ),
    ],
)
def test_adapt_refuses_and_keeps_what_it_knew(data, text):
    layer = adapted(DATA, name="it")
    before = statistics(layer)
    with pytest.raises(ValueError, match=f"Normalization 'it': {text}"):
        layer.adapt(data)
    for old, new in zip(before, statistics(layer), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"mean": 1.0}, r"give both mean and variance, of one shape, or neither .*mean=1\.0, variance=None"),
        ({"variance": [1.0]}, "give both mean and variance"),
        ({"mean": [1.0, 2.0], "variance": [1.0]}, "give both mean and variance, of one shape"),
        ({"axis": "last"}, "axis: expected whole numbers or None, received 'last'"),
        ({"axis": (1, None)}, r"axis: expected whole numbers or None, received \(1, None\)"),
        ({"axis": 1.5}, r"axis: expected whole numbers or None, received 1\.5"),
    ],
)
def test_arguments_that_cannot_be_meant(arguments, text):
    with pytest.raises(ValueError, match=f"Normalization 'it': {text}"):
        layers.Normalization(name="it", **arguments)


@pytest.mark.parametrize(
    ("arguments", "shape", "text"),
    [
        ({"axis": 2}, (None, 3), r"axis \(2,\) must be axes of known size, received input shape \(None, 3\)"),
        ({"axis": 0}, (None, 3), r"axis \(0,\) must be axes of known size"),
        ({}, (None, None), r"axis \(-1,\) must be axes of known size"),
        (
            {"mean": [1.0] * 4, "variance": [1.0] * 4},
            (None, 3),
            r"shape \(4,\) do not fit the sizes \(3,\) on axis \(-1,\)",
        ),
        (
            {"mean": [[1.0]], "variance": [[1.0]]},
            (None, 3),
            r"mean and variance of shape \(1, 1\) do not fit the sizes \(3,\)",
        ),
        (
            {"axis": None, "mean": [1.0], "variance": [1.0]},
            (None, 3),
            r"of shape \(1,\) do not fit the sizes \(\) on axis",
        ),
    ],
)
def test_shapes_that_do_not_fit_are_refused_when_building(arguments, shape, text):
    with pytest.raises(ValueError, match=f"Normalization 'it': .*{text}"):
        layers.Normalization(name="it", **arguments).build(shape)


def test_adapt_is_refused_where_statistics_were_given():
    with pytest.raises(ValueError, match="Normalization 'it': adapt cannot be used when mean and variance were given"):
        layers.Normalization(mean=1.0, variance=2.0, name="it").adapt(DATA)


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float32, np.float64, np.bool_])
def test_rescaling_computes_in_the_policys_dtype(dtype):
    x = np.array([[0, 1], [1, 0]]).astype(dtype)
    for policy in ("float32", "mixed_bfloat16"):
        y = layers.Rescaling(1 / 4, offset=-1, dtype=policy)(x)
        assert y.dtype == ("bfloat16" if policy == "mixed_bfloat16" else "float32")
        np.testing.assert_array_equal(np.asarray(y, np.float32), [[-1, -0.75], [-0.75, -1]])


def test_rescaling_of_each_channel_survives_a_config():
    layer = layers.Rescaling(np.array([1.0, 2.0, 4.0]), offset=[0.0, 1.0, 2.0])
    again = layers.Rescaling.from_config(json.loads(json.dumps(layer.get_config())))
    np.testing.assert_array_equal(again(DATA), layer(DATA))
    np.testing.assert_allclose(layer(DATA), DATA * [1, 2, 4] + [0, 1, 2], rtol=1e-5)


@pytest.mark.parametrize("arguments", [{"scale": "1/255"}, {"scale": None}, {"scale": 1, "offset": "0"}, {"scale": {}}])
def test_rescaling_takes_numbers_only(arguments):
    with pytest.raises(ValueError, match=r"Rescaling 'it': (scale|offset): expected a number, or one for each channel"):
        layers.Rescaling(**arguments, name="it")
