"""`RandAugment` and `AugMix`: the steps that they take, against the single layers, and how steps are drawn."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from lamina import Sequential
from lamina.core.variable import bind
from lamina.layers import Dense, Flatten, Input
from lamina.layers.preprocessing.images.policies import AugMix, RandAugment

RNG = np.random.default_rng(0)
IMAGES = RNG.uniform(0, 255, (3, 8, 6, 3)).astype(np.float32)
NUMBERS = {layer.name: i for i, layer in enumerate(RandAugment().operations)}
LAYERS = [RandAugment, AugMix]


def steps(*names):
    """Steps of these operations, each with its key."""
    numbers = np.array([NUMBERS.get(name, len(NUMBERS)) for name in names], np.int32)
    return {
        "images": jnp.asarray(IMAGES),
        "numbers": jnp.asarray(numbers),
        "keys": jax.random.split(jax.random.key(7), len(names)),
    }


def one_after_the_other(policy, names, images=None, masks=None):
    """What the layers themselves make of images or masks, with the keys of `steps`."""
    x = IMAGES if masks is None else masks
    for name, key in zip(names, steps(*names)["keys"], strict=True):
        with bind([], [], key=key):
            if masks is None:
                x = policy.operations[NUMBERS[name]](x, training=True)
            else:
                x = policy.operations[NUMBERS[name]]({"images": IMAGES, "segmentation_masks": x}, training=True)[
                    "segmentation_masks"
                ]
    return np.asarray(x)


@pytest.mark.parametrize(
    "names",
    [("random_rotation", "random_brightness"), ("equalization", "random_shear"), ("random_sharpness",) * 2],
)
def test_rand_augment_is_its_layers_one_after_the_other(names):
    layer = RandAugment(num_ops=2, factor=(0.2, 0.6))
    expected = one_after_the_other(layer, names)
    np.testing.assert_allclose(
        layer.transform_images(jnp.asarray(IMAGES), steps(*names)), expected, rtol=1e-5, atol=1e-3
    )
    masks = RNG.integers(0, 5, (3, 8, 6, 1), dtype=np.uint8)
    moved = layer.transform_segmentation_masks(jnp.asarray(masks), steps(*names))
    np.testing.assert_array_equal(moved, one_after_the_other(layer, names, masks=masks))
    assert moved.dtype == np.uint8


@pytest.mark.parametrize("names", [("random_rotation", "random_translation"), ("random_brightness", "random_shear")])
def test_boxes_move_as_the_layers_move_them(names):
    layer = RandAugment(bounding_box_format="xyxy", factor=(0.1, 0.4))
    boxes = {
        "boxes": jnp.asarray([[[1.0, 2, 4, 5], [-1, -1, -1, -1]]] * 3),
        "labels": jnp.asarray([[3, -1]] * 3),
    }
    expected = boxes
    for name, key in zip(names, steps(*names)["keys"], strict=True):
        operation = layer.operations[NUMBERS[name]]
        operation.bounding_box_format = "xyxy"
        with bind([], [], key=key):
            expected = operation({"images": IMAGES, "bounding_boxes": expected}, training=True)["bounding_boxes"]
    moved = layer.transform_bounding_boxes(boxes, steps(*names), (8, 6))
    np.testing.assert_allclose(moved["boxes"], expected["boxes"], rtol=1e-5, atol=1e-4)
    np.testing.assert_array_equal(moved["labels"], expected["labels"])


@pytest.mark.parametrize("kind", LAYERS)
def test_the_compiled_layer_is_the_eager_one(kind):
    layer = kind(seed=2, bounding_box_format="xywh")
    data = {
        "images": IMAGES,
        "labels": np.arange(3),
        "bounding_boxes": {"boxes": np.array([[[1.0, 2, 3, 2]]] * 3), "labels": np.array([[4]] * 3)},
        "segmentation_masks": np.eye(2, dtype=np.float32)[RNG.integers(0, 2, (3, 8, 6))],
    }

    def step(key):
        with bind([], [], key=key):
            return layer(data, training=True)

    traced = []

    @jax.jit
    def compiled(key):
        traced.append(key)
        return step(key)

    results = [compiled(jax.random.key(seed)) for seed in range(4)]
    for seed, result in enumerate(results[:1]):
        for ours, eager in zip(jax.tree.leaves(result), jax.tree.leaves(step(jax.random.key(seed))), strict=True):
            assert ours.dtype == eager.dtype
            # A pixel that lies between two in exact numbers may fall to either.
            assert np.isclose(ours, eager, rtol=1e-4, atol=1e-2).mean() > 0.97
        np.testing.assert_array_equal(result["labels"], data["labels"])
    assert len(traced) == 1
    assert len({np.asarray(result["images"]).tobytes() for result in results}) == 4


def test_aug_mix_is_the_formula_with_its_chains():
    layer = AugMix(num_chains=2, chain_depth=2)
    chains = [("random_rotation", "nothing"), ("nothing", "nothing")]
    rows = [steps(*chain) for chain in chains]
    drawn = {
        "steps": {
            name: rows[0][name] if name == "images" else jnp.stack([row[name] for row in rows]) for name in rows[0]
        },
        "chain_mixing_weights": jnp.array([0.3, 0.7]),
        "weight_sample": jnp.float32(0.4),
    }
    turned = one_after_the_other(layer, chains[0][:1])  # the same key: the first of a row
    with bind([], [], key=rows[0]["keys"][0]):
        turned = np.asarray(layer.operations[NUMBERS["random_rotation"]](IMAGES, training=True))
    expected = 0.4 * IMAGES + 0.6 * (0.3 * turned + 0.7 * IMAGES)
    np.testing.assert_allclose(layer.transform_images(jnp.asarray(IMAGES), drawn), expected, rtol=1e-5)
    bright = layer.transform_images(jnp.asarray(IMAGES) + 200, drawn)
    assert float(bright.max()) == 255


def test_aug_mix_draws_keras_distributions():
    layer = AugMix(num_chains=4, alpha=0.7)
    images = jnp.zeros((1, 4, 4, 3))

    @jax.jit
    @jax.vmap
    def draw(key):
        with bind([], [], key=key):
            drawn = layer.draw(images)
        return drawn["chain_mixing_weights"], drawn["weight_sample"], drawn["steps"]["numbers"]

    shares, weights, numbers = (np.asarray(part) for part in draw(jax.random.split(jax.random.key(0), 2000)))
    np.testing.assert_allclose(shares.sum(1), 1, rtol=1e-5)
    assert stats.kstest(shares[:, 0], stats.beta(0.7, 3 * 0.7).cdf).pvalue > 1e-4
    assert stats.kstest(weights, stats.beta(0.7, 0.7).cdf).pvalue > 1e-4
    assert stats.chisquare(np.bincount(numbers.ravel(), minlength=12)).pvalue > 1e-4
    assert numbers.shape[1:] == (4, 3)


def test_rand_augment_picks_all_operations_alike():
    layer = RandAugment(num_ops=3)
    numbers = jax.vmap(lambda key: _numbers(layer, key))(jax.random.split(jax.random.key(0), 2000))
    assert stats.chisquare(np.bincount(np.asarray(numbers).ravel(), minlength=11)).pvalue > 1e-4


def _numbers(layer, key):
    with bind([], [], key=key):
        return layer.draw(jnp.asarray(IMAGES))["numbers"]


def test_operations_are_kerass():
    names = "shear translation rotation brightness color_degeneration contrast sharpness posterization"
    expected = {f"random_{name}" for name in names.split()} | {"solarization", "auto_contrast", "equalization"}
    assert set(NUMBERS) == expected
    assert {layer.name for layer in AugMix().operations} == expected
    colour = {f"random_{name}" for name in ["brightness", "color_degeneration", "contrast", "sharpness"]}
    assert {layer.name for layer in AugMix(all_ops=False).operations} == expected - colour


@pytest.mark.parametrize("kind", LAYERS)
def test_the_value_range_is_kept_and_inference_changes_nothing(kind):
    layer = kind((0, 1), seed=1)
    changed = np.asarray(layer(IMAGES / 255))
    assert 0 <= changed.min() < changed.max() <= 1
    np.testing.assert_array_equal(layer(IMAGES, training=False), IMAGES)


def test_in_fit_every_epoch_draws_anew():
    model = Sequential([Input((8, 6, 3)), RandAugment(seed=3), Flatten(), Dense(1, kernel_initializer="ones")])
    model.compile(loss="mse", optimizer="sgd")
    model.optimizer.learning_rate = 0.0
    losses = model.fit(IMAGES, np.zeros(3), epochs=5, verbose=0).history["loss"]
    assert len(set(losses)) > 3


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: RandAugment(num_ops=0), r"num_ops: expected a whole number >= 1, received 0"),
        (lambda: RandAugment(factor=1.5), r"factor: expected .* from 0 to 1, received 1\.5"),
        (lambda: RandAugment(value_range=(1, 0)), r"value_range: .*received \(1, 0\)"),
        (lambda: AugMix(interpolation="cubic"), r"interpolation: expected one of .*received 'cubic'"),
        (lambda: AugMix(alpha=0), "alpha: expected a number above 0, received 0"),
        (lambda: AugMix(chain_depth=1.5), r"chain_depth: expected a whole number >= 1, received 1\.5"),
        (lambda: RandAugment()(np.zeros((1, 4, 4, 2))), "received 2 in images of shape"),
        (
            lambda: AugMix()({"images": IMAGES, "segmentation_masks": np.zeros((3, 8, 6, 1), int)}),
            "segmentation_masks: expected floats, the share of each class",
        ),
    ],
)
def test_wrong_arguments_and_inputs_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
