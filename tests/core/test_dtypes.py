"""Dtype names, the default float type, policies; compared with Keras'."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lamina import layers
from lamina.core.dtypes import (
    DTypePolicy,
    dtype_policy,
    floatx,
    get_policy,
    is_float,
    set_dtype_policy,
    set_floatx,
    standardize_dtype,
)
from lamina.core.errors import LaminaError

keras = pytest.importorskip("keras")


@pytest.mark.parametrize(
    ("given", "name"),
    [
        (None, "float32"),
        (float, "float32"),
        (int, "int32"),
        (bool, "bool"),
        ("bfloat16", "bfloat16"),
        (np.float32, "float32"),
        (np.dtype("uint8"), "uint8"),
        (jnp.bfloat16, "bfloat16"),
        (jnp.ones(1, jnp.float16).dtype, "float16"),
        ("int8", "int8"),
    ],
)
def test_any_spelling_of_a_dtype_gives_its_name(given, name):
    assert standardize_dtype(given) == name


def test_unknown_dtype_gives_the_closest_match():
    with pytest.raises(ValueError, match=r"Unknown dtype: 'flaot32'\. Did you mean 'float32'\?"):
        standardize_dtype("flaot32")


def test_float64_needs_jax_switch_and_says_so():
    with pytest.raises(ValueError, match=r'JAX computes in 32 bits now.*jax\.config\.update\("jax_enable_x64", True\)'):
        standardize_dtype("float64")
    with jax.enable_x64(True):
        assert standardize_dtype("float64") == "float64"
        layer = layers.Dense(2, dtype="float64")
        assert layer(np.ones((1, 3))).dtype == jnp.float64
        assert layer.kernel.dtype == "float64"


@pytest.mark.parametrize(
    ("dtype", "expected"), [("float16", True), ("bfloat16", True), ("int32", False), ("bool", False)]
)
def test_is_float(dtype, expected):
    assert is_float(dtype) is expected


def test_default_float_type_decides_dtypes_that_nobody_gave():
    set_floatx("bfloat16")
    assert (floatx(), standardize_dtype(None), dtype_policy().name) == ("bfloat16", "bfloat16", "bfloat16")
    assert layers.Dense(2)(np.ones((1, 3))).dtype == jnp.bfloat16


@pytest.mark.parametrize("value", ["float31", "int32", "mixed_bfloat16", None])
def test_default_float_type_must_be_a_float_type(value):
    with pytest.raises(ValueError, match=r"set_floatx: value: expected one of \['float16', .*\], received "):
        set_floatx(value)
    assert floatx() == "float32"


@pytest.mark.parametrize("name", ["float32", "float16", "bfloat16", "mixed_bfloat16", "mixed_float16"])
def test_policies_compute_and_store_as_keras_do(name):
    ours, theirs = DTypePolicy(name), keras.DTypePolicy(name)
    assert (ours.name, ours.compute_dtype, ours.variable_dtype) == (
        theirs.name,
        theirs.compute_dtype,
        theirs.variable_dtype,
    )
    assert ours.get_config() == theirs.get_config()
    assert DTypePolicy.from_config(ours.get_config()) == ours


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("mixed_bfloat61", r"Unknown dtype policy: 'mixed_bfloat61'\. Did you mean 'mixed_bfloat16'\?"),
        ("mixed", r"Unknown dtype: 'mixed'"),
        ("float99", r"Unknown dtype: 'float99'"),
    ],
)
def test_unknown_policy_gives_the_closest_match(name, text):
    with pytest.raises((LaminaError, ValueError), match=text):
        DTypePolicy(name)


def test_policies_are_equal_by_name():
    assert DTypePolicy("float32") == DTypePolicy()
    assert DTypePolicy("float32") != DTypePolicy("float16")
    assert len({DTypePolicy("float16"), DTypePolicy("float16")}) == 1


def test_global_policy_is_that_of_new_layers_only():
    before = layers.Dense(1)
    set_dtype_policy("mixed_bfloat16")
    after = layers.Dense(1)
    set_dtype_policy(DTypePolicy("float16"))
    assert [layer.dtype_policy.name for layer in (before, after, layers.Dense(1))] == [
        "float32",
        "mixed_bfloat16",
        "float16",
    ]


@pytest.mark.parametrize(
    ("given", "name"),
    [
        (None, "float32"),
        ("mixed_float16", "mixed_float16"),
        (np.float16, "float16"),
        (jnp.bfloat16, "bfloat16"),
        (DTypePolicy("bfloat16"), "bfloat16"),
        ({"name": "float16"}, "float16"),
        ({"module": "keras", "class_name": "DTypePolicy", "config": {"name": "mixed_bfloat16"}}, "mixed_bfloat16"),
    ],
)
def test_a_layers_dtype_argument_in_any_spelling(given, name):
    assert get_policy(given).name == name
    assert layers.Dense(1, dtype=given).dtype_policy.name == name
