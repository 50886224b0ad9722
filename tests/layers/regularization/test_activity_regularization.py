"""`ActivityRegularization`: its penalty by hand, its config, and training with it."""

from __future__ import annotations

import numpy as np
import pytest

from lamina import layers

X = np.random.default_rng(0).normal(size=(4, 3, 5)).astype(np.float32)


@pytest.mark.parametrize(("l1", "l2"), [(0.5, 0.0), (0.0, 0.2), (0.3, 0.7)])
def test_the_penalty_is_the_mean_over_samples(l1, l2):
    layer = layers.ActivityRegularization(l1, l2)
    np.testing.assert_array_equal(layer(X), X)
    wide = X.astype(np.float64)
    expected = (l1 * np.abs(wide).sum() + l2 * np.square(wide).sum()) / len(X)
    np.testing.assert_allclose(layer.losses, [expected], rtol=1e-6)


def test_the_config_holds_the_factors_alone():
    layer = layers.ActivityRegularization(l1=0.5, l2=0.25, name="it")
    config = layer.get_config()
    assert {key: config[key] for key in ("name", "l1", "l2")} == {"name": "it", "l1": 0.5, "l2": 0.25}
    assert "activity_regularizer" not in config
    again = layers.ActivityRegularization.from_config(config)
    again(X)
    layer(X)
    assert again.losses == layer.losses


@pytest.mark.parametrize("factors", [{"l1": -1}, {"l2": float("inf")}, {"l1": float("nan")}])
def test_factors_must_be_finite_and_not_negative(factors):
    with pytest.raises(ValueError, match=r"L1L2: l[12]: expected a finite number >= 0, received"):
        layers.ActivityRegularization(**factors)
