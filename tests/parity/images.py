"""What the parity tests of image layers share: both libraries make the same change, and what every image layer keeps.

mine, other = both("RandomFlip", some_parts(), as_keras, mode="vertical")     as_keras(drawn, images) -> dict
assert_same_parts(mine, other)
assert_keeps_image_contract("RandomFlip", mode="vertical")
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from lamina import layers
from lamina.core.variable import bind
from lamina.layers.base import family
from lamina.layers.preprocessing.images._base import RandomImageLayer

keras = pytest.importorskip("keras")


def some_images(shape: tuple[int, ...] = (3, 8, 10, 3), seed: int = 0, dtype: str = "float32") -> np.ndarray:
    """Random pixels 0..255."""
    return np.random.default_rng(seed).integers(0, 256, shape).astype(dtype)


def some_parts(shape: tuple[int, ...] = (3, 8, 10, 3), seed: int = 0) -> dict[str, Any]:
    """Images with class shares, masks and boxes ("xyxy", the last one of each image empty)."""
    rng = np.random.default_rng(seed)
    batch, height, width = shape[:3]
    corners = np.sort(rng.uniform(0, 1, (batch, 4, 2, 2)), axis=2) * [width, height]
    boxes = corners.reshape(batch, 4, 4).astype("float32")
    labels = rng.integers(0, 9, (batch, 4)).astype("int32")
    boxes[:, -1], labels[:, -1] = -1, -1
    return {
        "images": some_images(shape, seed),
        "labels": rng.dirichlet(np.ones(5), batch).astype("float32"),
        "segmentation_masks": rng.integers(0, 4, (batch, height, width, 1)).astype("int32"),
        "bounding_boxes": {"boxes": boxes, "labels": labels},
    }


def image_pair(kind: str, **arguments: Any) -> tuple[Any, Any]:
    """The layer and Keras' own, made with the same arguments."""
    return family.lookup(kind)(**arguments), getattr(keras.layers, kind)(**arguments)


def both(
    kind: str,
    parts: Any,
    as_keras: Callable[[Any, Any], Any] = lambda drawn, images: drawn,
    skip: tuple[str, ...] = (),
    **arguments: Any,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What both layers make of images or of a dict of parts, with the numbers that our layer draws.

    Args:
        as_keras: Writes what our layer drew for the images as Keras' transformation.
        skip: Parts for which Keras' layer is not asked.
    """
    parts = parts if isinstance(parts, dict) else {"images": parts}
    ours, theirs = image_pair(kind, **arguments)
    images = jnp.asarray(parts["images"], jnp.float32)
    drawn = ours.draw(images)
    ours.draw = lambda images: drawn
    mine = ours(parts, training=True)
    transformation, given = as_keras(drawn, images), copy.deepcopy(parts)
    hooks = {name: getattr(theirs, f"transform_{name}") for name in parts if name not in skip}
    return mine, {
        name: hook(jax.tree.map(jnp.asarray, given[name]), transformation, training=True)
        for name, hook in hooks.items()
    }


def assert_same_parts(mine: dict[str, Any], other: dict[str, Any], rtol: float = 1e-5) -> None:
    """Equal images, labels and masks; equal labels of boxes, and equal boxes where there is one."""
    for name, theirs in other.items():
        ours, theirs = jax.tree.map(np.asarray, (mine[name], theirs))
        if name == "bounding_boxes":
            np.testing.assert_array_equal(ours["labels"], theirs["labels"])
            there = ours["labels"] != -1
            assert (ours["boxes"][~there] == -1).all()
            ours, theirs = ours["boxes"][there], theirs["boxes"][there]
        assert ours.shape == theirs.shape, name
        largest = float(np.abs(theirs.astype("float64")).max(initial=0))
        np.testing.assert_allclose(
            ours.astype("float64"), theirs.astype("float64"), rtol=rtol, atol=rtol * largest, err_msg=name
        )


def assert_same_image_configs(kind: str, **arguments: Any) -> None:
    """Equal configs, from which each library builds the layer of the other."""
    ours, theirs = image_pair(kind, name="it", **arguments)
    mine, expected = _plain(ours.get_config()), _plain(theirs.get_config())
    assert mine == expected
    assert _plain(layers.deserialize(_plain(keras.layers.serialize(theirs))).get_config()) == expected
    assert _plain(keras.layers.deserialize(_plain(layers.serialize(ours))).get_config()) == expected


def assert_keeps_image_contract(kind: str, parts: dict[str, Any] | None = None, **arguments: Any) -> None:
    """What every image layer keeps; `parts` is what it takes, images alone unless more is given."""
    if _is_random(kind):
        arguments = {"seed": 1, **arguments}
        _assert_draws(kind, parts or {"images": some_images()}, **arguments)
    if parts is not None:
        _assert_dict(kind, parts, **arguments)
    if parts is None or set(parts) == {"images"}:
        _assert_forms_of_images(kind, some_images() if parts is None else parts["images"], **arguments)


def _assert_dict(kind: str, parts: dict[str, Any], **arguments: Any) -> None:
    """A dict comes back with its further keys, and is not changed; one image's parts have no batch axis."""
    layer, before = family.lookup(kind)(**arguments), copy.deepcopy(parts)
    whole = layer({**parts, "ids": np.arange(len(parts["images"]))}, training=True)
    np.testing.assert_array_equal(whole.pop("ids"), np.arange(len(parts["images"])))
    assert set(whole) == set(parts)
    assert all(bool(jnp.isfinite(leaf).all()) for leaf in jax.tree.leaves(whole))
    jax.tree.map(np.testing.assert_array_equal, parts, before)
    first = jax.tree.map(lambda x: x[0], parts)
    one = jax.eval_shape(lambda parts: layer(parts, training=True), first)
    assert jax.tree.map(lambda x: x.shape, one) == jax.tree.map(lambda x: x.shape[1:], whole)


def _assert_forms_of_images(kind: str, images: np.ndarray, **arguments: Any) -> None:
    """A batch, a list, one image, uint8, other policies, channels first, free and symbolic sizes."""

    def made(**more: Any) -> Any:
        return family.lookup(kind)(**{**arguments, **more})

    def spec(given: Any, **more: Any) -> tuple[Any, str]:
        result = jax.eval_shape(lambda x: made(**more)(x, training=True), given)
        return result.shape, result.dtype.name

    result = made()(images, training=True)
    assert result.dtype == np.float32
    assert bool(jnp.isfinite(result).all())
    small = images.astype("uint8")
    kept = made().keeps_whole_numbers
    from_list = made()(list(small), training=True)
    assert from_list.dtype == (np.uint8 if kept else np.float32)
    np.testing.assert_allclose(from_list, result, atol=0.5 + 1e-3 if kept else 1e-3)
    shape = result.shape
    assert spec(images[0]) == (shape[1:], "float32")
    assert spec(images, dtype="uint8") == (shape, "uint8")
    assert spec(images, dtype="mixed_bfloat16") == (shape, "bfloat16")
    assert made()(images, training=False).shape == shape
    assert made().compute_output_shape((None, *images.shape[1:])) == (None, *shape[1:])
    assert made()(layers.Input(images.shape[1:])).shape == (None, *shape[1:])
    if kind not in NOISE and "data_format" not in arguments:
        in_front = made(data_format="channels_first")(images.transpose(0, 3, 1, 2), training=True)
        np.testing.assert_allclose(in_front.transpose(0, 2, 3, 1), result, rtol=1e-4, atol=1e-3)


NOISE = ("RandomErasing",)  # layers that draw a number for each pixel, in the order of the array


def _assert_draws(kind: str, parts: dict[str, Any], **arguments: Any) -> None:
    """In a compiled step the same change for the same key, and another one for another key; a seed fixes it outside."""
    layer = family.lookup(kind)(**arguments)

    @jax.jit
    def step(key: Any) -> Any:
        with bind([], [], key=key):
            return layer(parts, training=True)

    first, again, other = (step(jax.random.key(seed)) for seed in (1, 1, 2))
    jax.tree.map(np.testing.assert_array_equal, first, again)
    changed = [not np.array_equal(a, b) for a, b in zip(jax.tree.leaves(first), jax.tree.leaves(other), strict=True)]
    assert any(changed)
    twins = [family.lookup(kind)(**arguments)(parts, training=True) for _ in range(2)]
    jax.tree.map(np.testing.assert_array_equal, *twins)


def _is_random(kind: str) -> bool:
    return issubclass(family.lookup(kind), RandomImageLayer)


def _plain(config: Any) -> Any:
    return json.loads(json.dumps(config))
