"""Layers that mix the images of a batch with each other, and their labels with them: `MixUp`, `CutMix`."""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from lamina.core import dtypes
from lamina.core.errors import warn_user
from lamina.core.random import uniform
from lamina.core.variable import current_binding, is_traced
from lamina.layers.base import family
from lamina.layers.preprocessing.images._base import RandomImageLayer
from lamina.layers.preprocessing.images._draws import per_image, random_order, random_patches, symmetric_beta
from lamina.layers.preprocessing.images._settings import factor_range


class _Mixing(RandomImageLayer):
    """What both share. `drawn` has "permutation_order" (batch,), the partner of each image, and "mix_weight" (batch,),
    the share of its own."""

    def call(self, data: Any, training: bool = True) -> Any:
        """Return the mixed images, and with them whatever belongs to them."""
        binding = current_binding()
        in_step = is_traced(data) and binding is not None and binding.key is not None
        if training and in_step and not isinstance(data, dict):
            warn_user(
                f"{self._where} was given images alone in a training step: it mixes them, but labels of theirs stay as "
                "they are. Mix both before the model sees them, in a generator of batches or in train_step (see "
                f"lamina.layers.{type(self).__name__}); or pass {{'images': images}} if there are no labels."
            )
        return super().call(data, training)

    def transform_labels(self, labels: jax.Array, drawn: dict[str, jax.Array]) -> jax.Array:
        """Return the labels (batch, ...) mixed in the same shares as the images."""
        shares = as_shares(labels, 1, f"{self._where}: labels")
        return _blend(shares, drawn["permutation_order"], drawn["mix_weight"])


@family.add
class MixUp(_Mixing):
    """In training, blend each image with another of its batch: y = w * x + (1 - w) * x[order].

    w ~ Beta(alpha, alpha) is drawn for each image, order is a random order of the batch. Labels and segmentation masks
    are blended in the same shares. Of bounding boxes an image gets its partner's behind its own, (batch, 2 n, 4).

    Args:
        alpha: Strength, >= 0: small ones leave nearly all of an image to one of the two, 1 draws all shares alike, 0
            mixes nothing. Default 0.2.
        data_format, seed, bounding_box_format: As for all random image layers.
    Input: {"images": (batch, height, width, channels), "labels": (batch, classes), one-hot, or floats (batch, ...)}, or
        images alone, or with boxes and masks.   Output: the same form; labels and masks are floats.

    Raises:
        ValueError: alpha below 0; class numbers as labels or masks (they have to be one-hot).
    Source: Zhang et al. 2017, mixup: Beyond Empirical Risk Minimization; boxes after Zhang et al. 2019 (1902.04103).

    Differs from Keras: alpha=0 mixes nothing (NaN there); segmentation masks are those of the partner images (pixels of
    the flat array there), labels of boxes stay with their boxes (they are put behind those of the whole batch there),
    an image that is its own partner gets no boxes twice, and class numbers are refused (blended there).

    Example:
        Labels change with the images, so the layer stands before the model: in a generator of batches, or in the
        model's `train_step`, which is compiled into the epoch and faster.

        >>> import numpy as np
        >>> from lamina import Sequential
        >>> from lamina.layers import Dense, Flatten
        >>> rng = np.random.default_rng(0)
        >>> images, labels = rng.random((64, 8, 8, 1), "float32"), np.eye(3, dtype="float32")[rng.integers(3, size=64)]
        >>> mix_up = MixUp(alpha=0.2, seed=1)
        >>> def batches():
        ...     while True:
        ...         rows = rng.choice(64, size=32)
        ...         mixed = mix_up({"images": images[rows], "labels": labels[rows]})
        ...         yield mixed["images"], mixed["labels"]
        >>> model = Sequential([Flatten(), Dense(3, activation="softmax")])
        >>> model.compile(loss="categorical_crossentropy")
        >>> len(model.fit(batches(), steps_per_epoch=2, epochs=2, verbose=0).history["loss"])
        2

        >>> class MixedUp(Sequential):
        ...     def train_step(self, state, data):
        ...         mixed = mix_up({"images": data[0], "labels": data[1]}, training=True)
        ...         return super().train_step(state, (mixed["images"], mixed["labels"]))
        >>> model = MixedUp([Flatten(), Dense(3, activation="softmax")])
        >>> model.compile(loss="categorical_crossentropy")
        >>> len(model.fit(images, labels, epochs=2, verbose=0).history["loss"])
        2
    """

    def __init__(
        self, alpha: float = 0.2, data_format: str | None = None, seed: int | None = None, **kwargs: Any
    ) -> None:
        super().__init__(data_format=data_format, seed=seed, **kwargs)
        number = isinstance(alpha, (int, float)) and not isinstance(alpha, bool)
        if not number or not 0 <= alpha < math.inf:
            raise ValueError(f"{self._where}: alpha: expected a number >= 0, received {alpha!r}.")
        self.alpha = alpha

    def draw(self, images: jax.Array) -> dict[str, jax.Array]:
        """Return the partner of each image, and the share of its own."""
        count = images.shape[0]
        if self.alpha == 0:
            return {"permutation_order": jnp.arange(count), "mix_weight": jnp.ones(count)}
        order = random_order(self.generator.next(), count)
        return {
            "permutation_order": order,
            "mix_weight": symmetric_beta(self.generator.next(), self.alpha, (count,)),
        }

    def transform_images(self, images: jax.Array, drawn: dict[str, jax.Array]) -> jax.Array:
        """Return each image blended with its partner."""
        return _blend(images, drawn["permutation_order"], drawn["mix_weight"])

    def transform_segmentation_masks(self, masks: jax.Array, drawn: dict[str, jax.Array]) -> jax.Array:
        """Return each image's mask blended with its partner's."""
        shares = as_shares(masks, self.channel_axis, f"{self._where}: segmentation_masks")
        return _blend(shares, drawn["permutation_order"], drawn["mix_weight"])

    def transform_bounding_boxes(
        self, boxes: dict[str, Any], drawn: dict[str, jax.Array], size: tuple[int, int]
    ) -> dict[str, Any]:
        """Return the boxes of each image, and behind them those of its partner, -1 where it is its own."""
        order = drawn["permutation_order"]
        other = order != jnp.arange(order.shape[0])

        def join(array: jax.Array) -> jax.Array:
            partners = jnp.where(per_image(other, array.ndim), array[order], -1)
            return jnp.concatenate([array, partners], axis=1)

        return {name: join(array) for name, array in boxes.items()}


@family.add
class CutMix(_Mixing):
    """In training, paste a patch of another image of the batch into each: y = x[order] in the patch, x elsewhere.

    The patch has the share 1 - w of the image's area and its proportions, w ~ Beta(a, a), a ~ uniform(factor); it lies
    anywhere inside. order is a random order of the batch. Labels are blended in the shares of the pixels.

    Args:
        factor: Range (lower, upper) in [0, 1] of a; a number f is (0, f). With a small a patches are tiny or nearly the
            whole image, with 1 all areas are alike; factor 0 mixes nothing. Default 1.
        seed, data_format, bounding_box_format: As for all random image layers.
    Input: {"images": (batch, height, width, channels), "labels": (batch, classes), one-hot, or floats (batch, ...),
        "segmentation_masks": any dtype}, or images alone.   Output: the same form; labels are floats.

    Raises:
        ValueError: a factor outside [0, 1]; class numbers as labels; bounding boxes.
    Source: Yun et al. 2019, CutMix: Regularization Strategy to Train Strong Classifiers with Localizable Features.

    Differs from Keras: labels are blended by the number of pixels (by the patch's exact area there), masks keep their
    dtype and their number of channels, factor=0 mixes nothing, and class numbers are refused (blended there).

    Example:
        Inside `fit`: in a generator of batches or in `train_step`, as shown for `MixUp`. On arrays:

        >>> import numpy as np
        >>> images, labels = np.zeros((4, 8, 8, 3)), np.eye(4)
        >>> mixed = CutMix(seed=1)({"images": images, "labels": labels})
        >>> mixed["images"].shape, mixed["labels"].sum(axis=1).tolist()
        ((4, 8, 8, 3), [1.0, 1.0, 1.0, 1.0])
    """

    def __init__(
        self, factor: Any = 1.0, seed: int | None = None, data_format: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(data_format=data_format, seed=seed, **kwargs)
        self.factor = factor_range(factor, 0, 1, "factor", self._where)

    def draw(self, images: jax.Array) -> dict[str, jax.Array]:
        """Return the partner of each image, the patch (batch, height, width, 1) and the share of its own pixels."""
        count, size = images.shape[0], self.image_size(images)
        if self.factor[1] == 0:
            order, patches = jnp.arange(count), jnp.zeros((count, *size), bool)
        else:
            order = random_order(self.generator.next(), count)
            alpha = uniform(self.generator.next(), (), *self.factor) + 1e-6
            weights = symmetric_beta(self.generator.next(), alpha, (count,))
            sides = jnp.sqrt(1 - weights)
            patches = random_patches(self.generator.next(), jnp.stack([sides, sides], axis=1), size)
        return {
            "permutation_order": order,
            "batch_masks": jnp.expand_dims(patches, self.channel_axis),
            "mix_weight": 1 - patches.mean(axis=(1, 2)),
        }

    def transform_images(self, images: jax.Array, drawn: dict[str, jax.Array]) -> jax.Array:
        """Return each image with the patch of its partner."""
        return jnp.where(drawn["batch_masks"], images[drawn["permutation_order"]], images)

    def transform_segmentation_masks(self, masks: jax.Array, drawn: dict[str, jax.Array]) -> jax.Array:
        """Return each mask with the patch of its partner's."""
        return self.transform_images(masks, drawn)

    def transform_bounding_boxes(self, boxes: Any, drawn: Any, size: tuple[int, int]) -> Any:
        """Raise: what a patch covers in part has no box."""
        raise ValueError(
            f"{self._where}: bounding_boxes: a patch covers objects in part, so their boxes cannot be told. Leave "
            "'bounding_boxes' out, or take MixUp, which keeps the boxes of both images."
        )


@partial(jax.jit, inline=True)
def _blend(array: jax.Array, order: jax.Array, weights: jax.Array) -> jax.Array:
    """Rows (batch, ...) in the shares of `weights`, the rest being the rows in another order."""
    rows = array.reshape(array.shape[0], -1)  # on a CPU 6 times faster than to spread the shares over 4 axes
    shares = weights[:, None].astype(array.dtype)
    return (shares * rows + (1 - shares) * rows[order]).reshape(array.shape)


def as_shares(array: jax.Array, axis: int, where: str) -> jax.Array:
    """Return labels or masks as floats; raise for the numbers of classes, whose mixture would be another class.

    Args:
        axis: The axis that has an entry for each class in one-hot labels.

    Example:
        >>> as_shares(jnp.array([[0, 1], [1, 0]]), 1, "labels").dtype
        dtype('float32')
    """
    if dtypes.is_float(array.dtype):
        return array
    if array.ndim <= axis or array.shape[axis] == 1:
        raise ValueError(
            f"{where}: expected floats, the share of each class, received {array.dtype} of shape {array.shape}: a "
            "mixture of class numbers is no class. Make them one-hot first: lamina.ops.one_hot(numbers, num_classes), "
            "and train with the loss categorical_crossentropy. Two classes, or the targets of a regression: "
            "astype('float32')."
        )
    return array.astype(jnp.float32)
