"""MixUp, CutMix, RandomErasing, RandAugment, AugMix and Pipeline against the real Keras, for what our layers draw."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from lamina import layers
from lamina.core.variable import bind
from lamina.layers.preprocessing.images.erasing import RandomErasing
from lamina.layers.preprocessing.images.mixing import CutMix, MixUp
from lamina.layers.preprocessing.images.policies import AugMix, RandAugment
from lamina.layers.preprocessing.pipeline import Pipeline
from tests.parity.images import (
    assert_keeps_image_contract,
    assert_same_image_configs,
    assert_same_parts,
    both,
    image_pair,
    some_images,
    some_parts,
)

keras = pytest.importorskip("keras")
# Keras' MixUp asks JAX for an order of 64-bit numbers.
pytestmark = pytest.mark.filterwarnings("ignore:Explicitly requested dtype int64:UserWarning")

MIXING = [
    ("MixUp", {}),
    ("MixUp", {"alpha": 0.8, "seed": 3, "data_format": "channels_first"}),
    ("MixUp", {"alpha": 1, "bounding_box_format": "xywh"}),
    ("CutMix", {}),
    ("CutMix", {"factor": (0.2, 0.7), "seed": 3, "data_format": "channels_first"}),
    ("CutMix", {"factor": 0.5}),
    ("RandomErasing", {}),
    ("RandomErasing", {"factor": (1, 1), "scale": 0.5, "fill_value": 300, "data_format": "channels_first"}),
    ("RandomErasing", {"factor": (0.5, 1.0), "scale": (0.1, 0.9), "fill_value": [1.5, 2, 3], "value_range": (0, 2)}),
    ("RandomErasing", {"value_range": (-1, 1), "bounding_box_format": "xyxy"}),
]
POLICIES = [
    ("RandAugment", {}),
    ("RandAugment", {"num_ops": 3, "factor": (0.1, 0.2), "interpolation": "nearest", "seed": 3}),
    ("AugMix", {}),
    (
        "AugMix",
        {"value_range": (0, 1), "num_chains": 2, "chain_depth": 1, "factor": 0.1, "alpha": 0.5, "all_ops": False},
    ),
]


@pytest.mark.parametrize(("kind", "arguments"), MIXING + POLICIES)
def test_configs_are_keras_both_ways(kind, arguments):
    assert_same_image_configs(kind, **arguments)


@pytest.mark.parametrize(
    ("kind", "strength"),
    [(MixUp, {"alpha": 1.0}), (CutMix, {}), (RandomErasing, {"factor": (1, 1)}), (RandAugment, {}), (AugMix, {})],
)
def test_the_contract_of_image_layers_holds(kind, strength):
    assert_keeps_image_contract(kind.__name__, **strength)


# The same draw --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "arguments"), MIXING)
def test_images_and_labels_are_keras(kind, arguments):
    parts = {"images": some_images(), "labels": some_parts()["labels"]}
    if arguments.get("data_format") == "channels_first":
        parts["images"] = parts["images"].transpose(0, 3, 1, 2)
    assert_same_parts(*both(kind, parts, **arguments), rtol=1e-6)


def test_cut_mixs_masks_are_keras_masks():
    parts = {"images": some_images(), "segmentation_masks": some_images(seed=1)}
    assert_same_parts(*both("CutMix", parts))


def test_mix_ups_boxes_are_keras_boxes_with_labels_of_their_own_image():
    ours, theirs = image_pair("MixUp", bounding_box_format="xyxy")
    boxes = {name: jnp.asarray(part) for name, part in some_parts()["bounding_boxes"].items()}
    drawn = {"permutation_order": jnp.array([1, 2, 0]), "mix_weight": jnp.full(3, 0.4)}
    mine = ours.transform_bounding_boxes(boxes, drawn, (8, 10))
    np.testing.assert_array_equal(mine["boxes"], theirs.transform_bounding_boxes(boxes, drawn)["boxes"])
    labels = np.asarray(boxes["labels"])  # Keras puts the partners' behind those of the whole batch
    np.testing.assert_array_equal(mine["labels"], np.concatenate([labels, labels[[1, 2, 0]]], axis=1))


AS_KERAS = {
    "random_translation": lambda maps: {"translations": -maps[:, jnp.array([2, 5])]},
    "random_rotation": lambda maps: {"rotation_matrix": maps},
    "random_brightness": lambda drawn: {"rgb_delta": drawn},
    "random_color_degeneration": lambda drawn: {"factor": drawn},
    "random_contrast": lambda drawn: {"contrast_factor": drawn},
    "auto_contrast": lambda drawn: None,
}


def drawn_by(layer, name, key, images):
    """What an operation of ours draws with a key, as Keras' transformation."""
    operation = next(operation for operation in layer.operations if operation.name == name)
    with bind([], [], key=key):
        return AS_KERAS[name](operation.draw(images))


def step_numbers(layer, names):
    known = [operation.name for operation in layer.operations]
    return jnp.array([known.index(name) if name in known else len(known) for name in names], jnp.int32)


@pytest.mark.parametrize(
    "names",
    [("random_rotation", "random_brightness"), ("auto_contrast", "random_translation", "random_contrast")],
)
def test_rand_augments_images_and_masks_are_keras(names):
    ours, theirs = image_pair("RandAugment", num_ops=len(names), factor=(0.1, 0.3))
    parts = some_parts()
    images, masks = jnp.asarray(parts["images"]), jnp.asarray(parts["segmentation_masks"])
    keys = jax.random.split(jax.random.key(1), len(names))
    mine = {"images": images, "numbers": step_numbers(ours, names), "keys": keys}
    other = {
        "layer_idxes": np.arange(len(names)),
        "transforms": {name: drawn_by(ours, name, key, images) for name, key in zip(names, keys, strict=True)},
    }
    np.testing.assert_allclose(
        ours.transform_images(images, mine), theirs.transform_images(images, other), rtol=1e-5, atol=1e-3
    )
    np.testing.assert_array_equal(
        ours.transform_segmentation_masks(masks, mine), theirs.transform_segmentation_masks(masks, other)
    )


def test_aug_mixs_images_and_masks_are_keras():
    chains = [("random_translation", "random_color_degeneration"), ("nothing", "random_rotation")]
    ours, theirs = image_pair("AugMix", num_chains=2, chain_depth=2)
    images, masks = jnp.asarray(some_images()), jnp.asarray(some_images(seed=1)) / 255
    keys = jax.random.split(jax.random.key(1), (2, 2))
    shares = {"chain_mixing_weights": jnp.array([0.3, 0.7]), "weight_sample": jnp.float32(0.2)}
    numbers = jnp.stack([step_numbers(ours, chain) for chain in chains])
    mine = shares | {"steps": {"images": images, "numbers": numbers, "keys": keys}}
    transforms = [
        [
            {"layer_name": name, "transformation": drawn_by(ours, name, key, images)}
            for name, key in zip(chain, row, strict=True)
            if name != "nothing"
        ]
        for chain, row in zip(chains, keys, strict=True)
    ]
    other = shares | {"chain_transforms": transforms}
    np.testing.assert_allclose(
        ours.transform_images(images, mine), theirs.transform_images(images, other), rtol=1e-5, atol=1e-3
    )
    np.testing.assert_allclose(
        ours.transform_segmentation_masks(masks, mine), theirs.transform_segmentation_masks(masks, other), rtol=1e-5
    )


# The same distribution ------------------------------------------------------------------------------------------------


def assert_same_distributions(kind, numbers, **arguments):
    ours, theirs = image_pair(kind, seed=1, **arguments)
    images = jnp.zeros((1500, 12, 10, 1))
    mine, other = numbers(ours.draw(images)), numbers(theirs.get_random_transformation(images))
    for first, second in zip(mine, other, strict=True):
        assert stats.ks_2samp(first, second).pvalue > 1e-4


def patches(drawn):
    """Area, left and top of the patches."""
    where = np.asarray(drawn["batch_masks"])[..., 0]
    return [where.mean((1, 2)), where.any(1).argmax(1), where.any(2).argmax(1)]


def test_cut_mix_draws_keras_patches():
    assert_same_distributions("CutMix", patches, factor=(0.4, 1))


def test_random_erasing_draws_keras_patches_and_noise():
    def numbers(drawn):
        chosen = np.asarray(drawn["apply_erasing"], int)
        return [*patches(drawn), chosen, np.asarray(drawn["fill_value"], np.float64).ravel()[:20_000]]

    assert_same_distributions("RandomErasing", numbers, scale=(0.1, 0.6))


# Pipeline -------------------------------------------------------------------------------------------------------------


def test_pipelines_are_keras():
    ours = Pipeline([layers.Rescaling(1 / 255), MixUp(0.3, seed=2)], name="it")
    theirs = keras.layers.Pipeline([keras.layers.Rescaling(1 / 255), keras.layers.MixUp(0.3, seed=2)], name="it")
    again = layers.deserialize(keras.layers.serialize(theirs))
    other = keras.layers.deserialize(layers.serialize(ours))
    assert [type(layer).__name__ for layer in again.layers] == [type(layer).__name__ for layer in other.layers]
    expected = np.asarray(theirs(some_images(), training=False))
    for pipeline in (ours, again, other):
        np.testing.assert_allclose(pipeline(some_images(), training=False), expected, rtol=1e-6)
    assert set(ours.get_config()) == set(theirs.get_config())
