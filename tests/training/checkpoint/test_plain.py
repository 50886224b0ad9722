"""Values as JSON with numbered arrays, and back."""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lamina.training.checkpoint.plain import Arrays, decode, encode


def refuse(reason: str) -> NoReturn:
    raise ValueError(reason)


def there_and_back(value: Any) -> Any:
    arrays = Arrays()
    text = json.dumps(encode(value, arrays, "value"), allow_nan=False)
    return decode(json.loads(text), arrays.fetch(), refuse)


def equal(first: Any, second: Any) -> bool:
    """Whether two values are alike in type and in every bit."""
    if type(first) is not type(second):
        return False
    if isinstance(first, (list, tuple)):
        return len(first) == len(second) and all(map(equal, first, second))
    if isinstance(first, dict):
        return list(first) == list(second) and all(equal(first[key], second[key]) for key in first)
    if isinstance(first, (np.ndarray, np.generic, jax.Array)):
        return first.dtype == second.dtype and first.shape == second.shape and first.tobytes() == second.tobytes()
    if isinstance(first, float):
        return repr(first) == repr(second)
    return first == second


leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=["Cs"]))
keys = st.text(st.characters(exclude_categories=["Cs"])) | st.integers() | st.tuples(st.integers(), st.booleans())


@settings(max_examples=200, deadline=None)
@given(
    st.recursive(
        leaves,
        lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(keys, inner, max_size=4),
        max_leaves=12,
    )
)
def test_plain_values_come_back_as_they_were(value):
    assert equal(there_and_back(value), value)


@pytest.mark.parametrize(
    "value",
    [
        np.arange(6, dtype="int16").reshape(2, 3),
        np.arange(6.0).reshape(2, 3).T,
        np.zeros((0, 3), "float32"),
        np.float32(0.1),
        np.bool_(True),
        np.array(2.5),
        np.array([True, False]),
        jnp.arange(3, dtype="bfloat16"),
        np.asarray(jnp.arange(3, dtype="bfloat16")),
        np.asarray(jnp.arange(3, dtype="bfloat16"))[1],
        jnp.float32(3),
        {"~odd": 1, "fine": [np.ones(2)]},
        {1: "a", (2, True): np.int64(4), None: -0.0},
        [math.nan, math.inf, -math.inf],
    ],
    ids=repr,
)
def test_arrays_and_odd_values_come_back_as_they_were(value):
    assert equal(there_and_back(value), value)


def test_numpy_arrays_are_copied_and_jax_arrays_are_kept():
    arrays = Arrays()
    changing, fixed = np.zeros(2), jnp.ones(2)
    encode([changing, fixed, changing], arrays, "value")
    changing += 1
    assert arrays.values[0].tolist() == [0, 0]
    assert arrays.values[1] is fixed
    assert len(arrays.values) == 2


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (object(), "state: a checkpoint cannot hold <object object at 0x"),
        (
            {"a": [1, {2}]},
            "state['a'][1]: a checkpoint cannot hold {2} of type set. Expected None, numbers, text, arrays",
        ),
        (b"bytes", "state: a checkpoint cannot hold b'bytes' of type bytes."),
        (np.array(["text"]), "state: a checkpoint cannot hold array(['text'], dtype='<U4') of type ndarray."),
        (1j, "state: a checkpoint cannot hold 1j of type complex."),
    ],
)
def test_other_types_are_refused_with_their_place(value, text):
    with pytest.raises(TypeError, match=re.escape(text)):
        encode(value, Arrays(), "state")


def test_a_value_in_itself_is_refused():
    value: list[Any] = []
    value.append(value)
    with pytest.raises(TypeError, match="lists and dicts lie more than 40 deep in each other"):
        encode(value, Arrays(), "state")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"~array": 1}, "array 1 is not there; there are 1"),
        ({"~array": -1}, "array -1 is not there; there are 1"),
        ({"~array": True}, "~array: expected int, received True"),
        ({"~array": 0, "more": 1}, "expected one of ['~array', '~device', '~dict', '~float', '~scalar', '~tuple'] in"),
        ({"~code": "x"}, "expected one of"),
        ({"~float": "1e999"}, "~float: expected nan, inf or -inf, received '1e999'"),
        ({"~dict": [[1]]}, "~dict: expected pairs of a key and a value"),
        ({"~dict": [[[1], 2]]}, "~dict: expected keys that are numbers, text or tuples of them"),
        ({"~tuple": 3}, "~tuple: expected list, received 3"),
    ],
)
def test_what_encode_does_not_make_is_refused(value, text):
    with pytest.raises(ValueError, match=re.escape(text)):
        decode([value], [np.zeros(2)], refuse)
