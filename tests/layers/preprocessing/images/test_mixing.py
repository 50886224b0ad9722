"""`MixUp`, `CutMix` and what they draw: distributions against SciPy, what goes with the images, and use in `fit`."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from lamina import Sequential
from lamina.core.random import set_random_seed
from lamina.core.variable import bind
from lamina.layers import Dense, Flatten
from lamina.layers.preprocessing.images._draws import random_order, random_patches, symmetric_beta
from lamina.layers.preprocessing.images.mixing import CutMix, MixUp

RNG = np.random.default_rng(0)
IMAGES = RNG.uniform(0, 255, (6, 5, 7, 3)).astype(np.float32)
LABELS = np.eye(4, dtype=np.float32)[[0, 1, 2, 3, 1, 2]]
LAYERS = [MixUp, CutMix]


def recovered(layer, data, **call):
    """What the layer makes of data, and which partner and share of its own each image got, read off two labels."""
    count = len(data["images"])
    mixed = layer(data | {"labels": np.eye(count, dtype=np.float32)}, **call)
    shares = np.asarray(mixed.pop("labels"))
    own = np.diag(shares).copy()
    others = shares - np.diag(own)
    return mixed, np.where(others.max(1) > 0, others.argmax(1), np.arange(count)), own


# What is drawn --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("alpha", [0.05, 0.2, 0.5, 1, 2.5, 30])
def test_weights_are_beta_distributed(alpha):
    drawn = np.asarray(symmetric_beta(jax.random.key(3), alpha, (20_000,)))
    # Edges at which float32 can tell numbers from 0 and 1.
    edges = np.unique(stats.beta(alpha, alpha).ppf(np.linspace(0, 1, 21)[1:-1]).clip(1e-4, 1 - 1e-4))
    edges = np.r_[0, edges, 1]
    counts, expected = np.histogram(drawn, edges)[0], np.diff(stats.beta(alpha, alpha).cdf(edges)) * drawn.size
    assert stats.chisquare(counts, expected).pvalue > 1e-4
    assert ((drawn >= 0) & (drawn <= 1)).all()


def test_orders_are_uniform():
    orders = jax.vmap(lambda key: random_order(key, 4))(jax.random.split(jax.random.key(0), 4800))
    _, counts = np.unique(np.asarray(orders), axis=0, return_counts=True)
    assert counts.size == 24
    assert stats.chisquare(counts).pvalue > 1e-4


def test_patches_are_rectangles_of_the_asked_size_anywhere_inside():
    patches = np.asarray(random_patches(jax.random.key(0), np.tile([0.25, 0.5], (4000, 1)), (4, 8)))
    assert (patches.sum((1, 2)) == 2 * 2).all()
    assert set(patches.any(2).sum(1)) == {2}
    assert set(patches.any(1).sum(1)) == {2}
    lefts = patches.any(1).argmax(1)  # ceil of a uniform number in [0, 6)
    assert stats.chisquare(np.bincount(lefts, minlength=7)[1:]).pvalue > 1e-4
    assert np.asarray(random_patches(jax.random.key(0), np.ones((2, 2)), (4, 8))).all()
    assert not np.asarray(random_patches(jax.random.key(0), np.zeros((2, 2)), (4, 8))).any()


# What the layers do ---------------------------------------------------------------------------------------------------


def test_mix_up_blends_images_labels_and_masks_in_the_same_shares():
    masks = RNG.uniform(size=(6, 5, 7, 2)).astype(np.float32)
    mixed, partners, own = recovered(MixUp(1.0, seed=2), {"images": IMAGES, "segmentation_masks": masks})
    shares = own[:, None, None, None].astype(np.float64)
    np.testing.assert_allclose(mixed["images"], shares * IMAGES + (1 - shares) * IMAGES[partners], rtol=1e-5)
    np.testing.assert_allclose(mixed["segmentation_masks"], shares * masks + (1 - shares) * masks[partners], rtol=1e-5)
    assert sorted(partners) == list(range(6))
    assert len(set(own.tolist())) > 3


def test_cut_mix_pastes_a_rectangle_of_the_partner_and_counts_its_pixels():
    masks = RNG.integers(0, 9, (6, 5, 7, 1), dtype=np.uint8)
    mixed, partners, own = recovered(CutMix(seed=4), {"images": IMAGES, "segmentation_masks": masks})
    images = np.asarray(mixed["images"])
    for i, partner in enumerate(partners):
        pasted = (images[i] == IMAGES[partner]).all(-1) & (partner != i)
        kept = (images[i] == IMAGES[i]).all(-1)
        assert (pasted ^ kept).all()
        assert (pasted == np.outer(pasted.any(1), pasted.any(0))).all()
        assert own[i] == pytest.approx(1 - pasted.mean(), rel=1e-6)
        np.testing.assert_array_equal(
            mixed["segmentation_masks"][i], np.where(pasted[..., None], masks[partner], masks[i])
        )
    assert mixed["segmentation_masks"].dtype == np.uint8
    assert len(set(own.tolist())) > 2


def test_boxes_of_both_images_travel_with_their_labels():
    boxes = RNG.uniform(0, 5, (6, 3, 4)).astype(np.float32)
    boxes[..., 2:] = boxes[..., :2] + RNG.uniform(0.5, 2, (6, 3, 2))
    boxes = boxes.clip(0, [7, 5, 7, 5])
    numbers = np.arange(18).reshape(6, 3)
    data = {"images": IMAGES, "bounding_boxes": {"boxes": boxes, "labels": numbers}}
    mixed, partners, _ = recovered(MixUp(1.0, seed=3, bounding_box_format="xyxy"), data)
    alone = partners == np.arange(6)
    assert 0 < alone.sum() < 6  # the seed gives both
    expected = np.where(alone[:, None], -1, numbers[partners])
    np.testing.assert_array_equal(mixed["bounding_boxes"]["labels"], np.concatenate([numbers, expected], 1))
    expected = np.where(alone[:, None, None], -1, boxes[partners])
    np.testing.assert_allclose(mixed["bounding_boxes"]["boxes"], np.concatenate([boxes, expected], 1), rtol=1e-5)


def test_cut_mix_refuses_boxes():
    data = {"images": IMAGES, "bounding_boxes": {"boxes": np.ones((6, 1, 4)), "labels": np.ones((6, 1))}}
    with pytest.raises(ValueError, match=r"a patch covers objects in part, .*or take MixUp"):
        CutMix(bounding_box_format="xyxy")(data)


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("labels", [np.arange(6), np.arange(6)[:, None], np.array([True, False] * 3)])
def test_class_numbers_are_refused_and_the_message_says_how_to_encode_them(kind, labels):
    with pytest.raises(ValueError, match=r"labels: expected floats.*received .* of shape \(6,.*lamina.ops.one_hot\("):
        kind()({"images": IMAGES, "labels": labels})


def test_mix_up_refuses_masks_of_class_numbers():
    with pytest.raises(
        ValueError, match=r"segmentation_masks: expected floats.*received uint8 of shape \(6, 5, 7, 1\)"
    ):
        MixUp()({"images": IMAGES, "segmentation_masks": np.zeros((6, 5, 7, 1), np.uint8)})


@pytest.mark.parametrize("kind", LAYERS)
def test_one_hot_whole_numbers_and_targets_of_any_rank_are_blended(kind):
    layer = kind(seed=1)
    one_hot = np.eye(4, dtype=int)[[0, 1, 2, 3, 1, 2]]
    targets = {"images": IMAGES, "labels": one_hot}
    assert layer(targets)["labels"].dtype == np.float32
    np.testing.assert_allclose(layer(targets)["labels"].sum(1), 1, rtol=1e-6)
    for labels in (RNG.uniform(size=6), RNG.uniform(size=(6, 1)), RNG.uniform(size=(6, 3, 2))):
        assert layer({"images": IMAGES, "labels": labels})["labels"].shape == labels.shape


@pytest.mark.parametrize("kind", LAYERS)
def test_strength_zero_and_inference_change_nothing(kind):
    data = {"images": IMAGES, "labels": LABELS}
    for result in (kind(0)(data), kind()(data, training=False)):
        np.testing.assert_array_equal(result["images"], IMAGES)
        np.testing.assert_array_equal(result["labels"], LABELS)


@pytest.mark.parametrize("kind", LAYERS)
def test_weak_strengths_stay_finite_and_keep_whole_images(kind):
    layer = kind(1e-6, seed=1) if kind is MixUp else kind((0, 1e-9), seed=1)
    mixed = np.asarray(layer(IMAGES))
    assert all(np.isclose(mixed[i], IMAGES, rtol=1e-4).all((1, 2, 3)).any() for i in range(6))


@pytest.mark.parametrize("kind", LAYERS)
def test_whole_numbers_single_images_and_channels_first(kind):
    pixels = IMAGES.astype(np.uint8)
    assert kind()(pixels).dtype == np.float32
    assert kind(dtype="mixed_bfloat16")({"images": pixels, "labels": LABELS})["images"].dtype == jnp.bfloat16
    single = kind(bounding_box_format=None)({"images": pixels[0], "labels": LABELS[0]})
    np.testing.assert_allclose(single["images"], pixels[0], rtol=1e-6)
    np.testing.assert_allclose(single["labels"], LABELS[0], rtol=1e-6)
    last, first = (kind(seed=5, data_format=f"channels_{where}") for where in ("last", "first"))
    expected = np.moveaxis(np.asarray(last(IMAGES)), -1, 1)
    np.testing.assert_array_equal(first(np.moveaxis(IMAGES, -1, 1)), expected)
    assert not np.array_equal(expected, np.moveaxis(IMAGES, -1, 1))


@pytest.mark.parametrize("kind", LAYERS)
def test_compiled_steps_draw_anew_and_repeat_with_their_key(kind):
    layer, traces = kind(1.0, seed=1), []

    @jax.jit
    def step(key):
        traces.append(1)
        with bind([], [], key=key):
            return layer({"images": IMAGES, "labels": LABELS}, training=True)["labels"]

    first, second, again = (np.asarray(step(jax.random.key(k))) for k in (0, 1, 0))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, second)
    assert len(traces) == 1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MixUp(-0.1), r"alpha: expected a number >= 0, received -0\.1"),
        (lambda: MixUp("0.2"), "alpha: expected a number >= 0, received '0.2'"),
        (lambda: MixUp(float("nan")), "alpha: expected a number >= 0, received nan"),
        (lambda: CutMix(1.5), r"factor: expected .* from 0 to 1, received 1\.5"),
        (lambda: CutMix((0, 0.5, 1)), r"factor: .*received \(0, 0\.5, 1\)"),
    ],
)
def test_wrong_strengths_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


# In fit ---------------------------------------------------------------------------------------------------------------


def small_model(kind=Sequential):
    set_random_seed(1)
    model = kind([Flatten(), Dense(4, activation="softmax")])
    model.compile(loss="categorical_crossentropy", optimizer="sgd")
    return model


@pytest.mark.parametrize("kind", LAYERS)
def test_fit_trains_on_batches_that_a_generator_mixes(kind):
    def batches(layer):
        for _ in range(4):
            mixed = layer({"images": IMAGES / 255, "labels": LABELS})
            yield mixed["images"], mixed["labels"]

    model = small_model()
    model.fit(batches(kind(1.0, seed=3)), steps_per_epoch=4, verbose=0)
    images, labels = (np.concatenate(parts) for parts in zip(*batches(kind(1.0, seed=3)), strict=True))
    expected = small_model()
    expected.fit(images, labels, batch_size=6, shuffle=False, verbose=0)
    for ours, theirs in zip(model.get_weights(), expected.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("kind", LAYERS)
def test_train_step_mixes_inside_the_compiled_epoch(kind):
    layer, traces = kind(1.0, seed=3), []

    class Mixed(Sequential):
        def train_step(self, state, data):
            traces.append(1)
            mixed = layer({"images": data[0], "labels": data[1]}, training=True)
            logs, state = super().train_step(state, (mixed["images"], mixed["labels"]))
            return logs | {"largest": mixed["labels"].max(), "lowest": mixed["labels"].max(1).min()}, state

    def lowest():
        history = small_model(Mixed).fit(IMAGES / 255, LABELS, epochs=6, batch_size=6, verbose=0).history
        assert np.isfinite(history["loss"]).all()
        return history["lowest"]

    first = lowest()
    compiled = len(traces)
    assert len(set(first)) > 3  # another draw each epoch
    assert lowest() == first
    assert len(traces) <= 2 * compiled


@pytest.mark.parametrize("kind", LAYERS)
def test_a_layer_that_mixes_inside_the_model_without_labels_warns(kind):
    model = Sequential([kind(1.0), Flatten(), Dense(4, activation="softmax")])
    model.compile(loss="categorical_crossentropy", optimizer="sgd")
    with pytest.warns(
        UserWarning, match="was given images alone in a training step.*labels of theirs stay as they are"
    ):
        model.fit(IMAGES, LABELS, verbose=0)
    model.predict(IMAGES, verbose=0)
