"""Layers that apply other image layers, picked at random: `RandAugment`, `AugMix`.

A step is the number of an operation and a key. Everything an operation draws comes from the key, so images, boxes and
masks are changed alike by passing the same steps. In a compiled program the steps run in a loop with a switch in it:
each operation is compiled once, and only the one that was picked runs.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from lamina.core.errors import check_choice, check_positive_int
from lamina.core.random import uniform
from lamina.core.variable import bind, is_traced
from lamina.layers.base import family
from lamina.layers.preprocessing.images import colours, geometry
from lamina.layers.preprocessing.images._base import ImageLayer, RandomImageLayer
from lamina.layers.preprocessing.images._draws import symmetric_beta
from lamina.layers.preprocessing.images._settings import check_value_range, factor_range
from lamina.layers.preprocessing.images.colours._shared import check_channels
from lamina.layers.preprocessing.images.mixing import as_shares
from lamina.ops.bounding_boxes import clip_to_image_size, is_empty, label_empty

# (operation, what it drew, images or boxes or masks) -> the changed ones
Change = Callable[[ImageLayer, Any, Any], Any]


class _Policy(RandomImageLayer):
    """A layer that applies `operations` in steps."""

    operations: list[ImageLayer]

    def __init__(
        self,
        value_range: Any = (0, 255),
        factor: Any = 0.5,
        interpolation: str = "bilinear",
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(seed=seed, data_format=data_format, **kwargs)
        self.value_range = check_value_range(value_range, self._where)
        self.factor = factor_range(factor, 0, 1, "factor", self._where)
        check_choice("interpolation", interpolation, ("bilinear", "nearest"), f"{self._where}: ")
        self.interpolation = interpolation

    def _make_operations(self, *, colour: bool) -> list[ImageLayer]:
        """The operations, as strong as `factor` says; without `colour`, only the first seven."""
        factor = self.factor
        # What they draw comes from the key of the step, so their own seeds do not matter.
        shared: dict[str, Any] = {"data_format": self.data_format, "dtype": self.dtype_policy}
        drawn = shared | {"seed": 0}
        moved = drawn | {"interpolation": self.interpolation}
        valued = drawn | {"value_range": self.value_range}
        operations: list[ImageLayer] = [
            geometry.RandomShear(factor, factor, name="random_shear", **moved),
            geometry.RandomTranslation(factor, factor, name="random_translation", **moved),
            geometry.RandomRotation(factor, name="random_rotation", **moved),
            colours.RandomPosterization(max(1, int(8 * factor[1])), name="random_posterization", **valued),
            colours.Solarization(factor, factor, name="solarization", **valued),
            colours.AutoContrast(self.value_range, name="auto_contrast", **shared),
            colours.Equalization(self.value_range, name="equalization", **shared),
        ]
        if colour:
            operations += [
                colours.RandomBrightness(factor, name="random_brightness", **valued),
                colours.RandomColorDegeneration(factor, name="random_color_degeneration", **valued),
                colours.RandomContrast(factor, name="random_contrast", **valued),
                colours.RandomSharpness(factor, name="random_sharpness", **valued),
            ]
        return operations

    def _draw_steps(self, images: jax.Array, shape: tuple[int, ...], count: int) -> dict[str, jax.Array]:
        """Steps, an array of them: which of `count` operations, its key, and the images that it is to draw for."""
        numbers = uniform(self.generator.next(), shape, 0, count).astype(jnp.int32)
        return {"images": images, "numbers": numbers, "keys": jax.random.split(self.generator.next(), shape)}

    def _take(self, x: Any, steps: dict[str, jax.Array], change: Change) -> Any:
        """Images, boxes or masks after a row of steps; a number beyond the operations changes nothing."""

        def branch(operation: ImageLayer) -> Callable[[Any, jax.Array], Any]:
            def run(x: Any, key: jax.Array) -> Any:
                with bind([], [], key=key):
                    drawn = operation.draw(steps["images"])
                return jax.tree.map(lambda new, old: new.astype(old.dtype), change(operation, drawn, x), x)

            return run

        branches = [*map(branch, self.operations), lambda x, key: x]
        numbers, keys = steps["numbers"], steps["keys"]
        if not is_traced(numbers):
            for number, key in zip(numbers.tolist(), keys, strict=True):
                x = branches[number](x, key)
            return x
        return lax.fori_loop(0, len(numbers), lambda i, x: lax.switch(numbers[i], branches, x, keys[i]), x)


@family.add
class RandAugment(_Policy):
    """In training, apply `num_ops` operations one after the other, picked anew for each batch from eleven.

    They are RandomShear, RandomTranslation, RandomRotation, RandomBrightness, RandomColorDegeneration, RandomContrast,
    RandomSharpness, RandomPosterization, Solarization, AutoContrast and Equalization. Which ones is drawn once for a
    batch, how strongly for each image. Boxes and segmentation masks move with the images; labels stay.

    Args:
        value_range: Lowest and highest pixel value. Default (0, 255).
        num_ops: Number of operations, whole number >= 1. Default 2.
        factor: Range (lower, upper) in [0, 1] of their strengths; a number f is (0, f). Default 0.5. Shares of the size
            for shear and translation, of a full turn for rotation, of the value range for brightness and solarization.
        interpolation: "bilinear" or "nearest".
        seed, data_format, bounding_box_format: As for all random image layers.
    Input: images (batch, height, width, channels) of 1 or 3 channels, alone or in a dict.   Output: the same form.

    Raises:
        ValueError: numbers outside their ranges, other channels.
    Source: Cubuk et al. 2019, RandAugment: Practical automated data augmentation with a reduced search space.

    Differs from Keras: only the operations that were picked run; one that is picked twice draws twice; boxes are moved
    in the order in which images are (in a fixed order, and once only, there), and cut off at the edge after each. Where
    an operation differs, its layer says so.

    Example:
        >>> images = jnp.linspace(0, 255, 2 * 8 * 8 * 3).reshape(2, 8, 8, 3)
        >>> augmented = RandAugment(factor=0.3, seed=1)(images)
        >>> augmented.shape, bool((augmented >= 0).all() & (augmented <= 255).all())
        ((2, 8, 8, 3), True)
    """

    def __init__(
        self,
        value_range: Any = (0, 255),
        num_ops: int = 2,
        factor: Any = 0.5,
        interpolation: str = "bilinear",
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(value_range, factor, interpolation, seed, data_format, **kwargs)
        self.num_ops = check_positive_int("num_ops", num_ops, f"{self._where}: ")
        self.operations = self._make_operations(colour=True)

    def check_input(self, inputs: Any) -> None:
        """Raise unless the inputs are images of 1 or 3 channels."""
        super().check_input(inputs)
        check_channels(self, inputs["images"] if isinstance(inputs, dict) else inputs, (3, 1))

    def draw(self, images: jax.Array) -> dict[str, jax.Array]:
        """Return the steps: "numbers" of operations (num_ops,), their "keys", and the "images"."""
        return self._draw_steps(images, (self.num_ops,), len(self.operations))

    def transform_images(self, images: jax.Array, drawn: dict[str, jax.Array]) -> jax.Array:
        """Return the images after all steps."""
        return self._take(images, drawn, lambda operation, drawn, x: operation.transform_images(x, drawn))

    def transform_segmentation_masks(self, masks: jax.Array, drawn: dict[str, jax.Array]) -> jax.Array:
        """Return the masks after all steps."""
        return self._take(masks, drawn, lambda operation, drawn, x: operation.transform_segmentation_masks(x, drawn))

    def transform_bounding_boxes(
        self, boxes: dict[str, Any], drawn: dict[str, jax.Array], size: tuple[int, int]
    ) -> dict[str, Any]:
        """Return the boxes after all steps."""

        def move(operation: ImageLayer, drawn: Any, boxes: dict[str, Any]) -> dict[str, Any]:
            if not operation.moves_boxes():
                return boxes
            moved = clip_to_image_size(operation.transform_bounding_boxes(boxes, drawn, size), *size)
            return label_empty(moved, is_empty(moved))

        return self._take(boxes, drawn, move)


@family.add
class AugMix(_Policy):
    """In training, mix images with differently changed ones: y = w * x + (1 - w) * sum_i v_i * chain_i(x), clipped.

    A chain is up to `chain_depth` operations, each picked anew for each batch from those of `RandAugment`, or none.
    w ~ Beta(alpha, alpha) and v ~ Dirichlet(alpha, ..., alpha) are drawn for each batch. Segmentation masks are mixed
    in the same shares; labels and boxes stay.

    Args:
        value_range: Lowest and highest pixel value, to which the output is clipped. Default (0, 255).
        num_chains: Number of chains, whole number >= 1. Default 3.
        chain_depth: Steps of a chain, whole number >= 1; each is one of the operations or nothing. Default 3.
        factor: Range (lower, upper) in [0, 1] of the strengths; a number f is (0, f). Default 0.3.
        alpha: Number > 0: small ones leave nearly everything to one chain, large ones mix evenly. Default 1.
        all_ops: Whether RandomBrightness, RandomColorDegeneration, RandomContrast and RandomSharpness take part.
        interpolation: "bilinear" or "nearest".
        seed, data_format, bounding_box_format: As for all random image layers.
    Input: images (batch, height, width, channels) of 1 or 3 channels (any number with all_ops=False), alone or in a
        dict.   Output: the same form; masks are floats.

    Raises:
        ValueError: numbers outside their ranges, other channels, masks of class numbers (they have to be one-hot).
    Source: Hendrycks et al. 2020, AugMix: A Simple Data Processing Method to Improve Robustness and Uncertainty.

    Differs from Keras: the operations are drawn anew in each compiled step (fixed when it is compiled there), and masks
    of class numbers are refused (blended there).

    Example:
        >>> images = jnp.linspace(0, 255, 2 * 8 * 8 * 3).reshape(2, 8, 8, 3)
        >>> mixed = AugMix(seed=1)(images)
        >>> mixed.shape, bool((mixed >= 0).all() & (mixed <= 255).all())
        ((2, 8, 8, 3), True)
    """

    def __init__(
        self,
        value_range: Any = (0, 255),
        num_chains: int = 3,
        chain_depth: int = 3,
        factor: Any = 0.3,
        alpha: float = 1.0,
        all_ops: bool = True,
        interpolation: str = "bilinear",
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(value_range, factor, interpolation, seed, data_format, **kwargs)
        self.num_chains = check_positive_int("num_chains", num_chains, f"{self._where}: ")
        self.chain_depth = check_positive_int("chain_depth", chain_depth, f"{self._where}: ")
        if isinstance(alpha, bool) or not isinstance(alpha, (int, float)) or not 0 < alpha < math.inf:
            raise ValueError(f"{self._where}: alpha: expected a number above 0, received {alpha!r}.")
        self.alpha = alpha
        self.all_ops = bool(all_ops)
        self.operations = self._make_operations(colour=self.all_ops)

    def check_input(self, inputs: Any) -> None:
        """Raise unless the inputs are images, of 1 or 3 channels where all operations take part."""
        super().check_input(inputs)
        if self.all_ops:
            check_channels(self, inputs["images"] if isinstance(inputs, dict) else inputs, (3, 1))

    def draw(self, images: jax.Array) -> dict[str, Any]:
        """Return the steps (num_chains, chain_depth), the shares of the chains (num_chains,) and that of the images."""
        alphas = jnp.full(self.num_chains, self.alpha, jnp.float32)
        return {
            "steps": self._draw_steps(images, (self.num_chains, self.chain_depth), len(self.operations) + 1),
            "chain_mixing_weights": jax.random.dirichlet(self.generator.next(), alphas),
            "weight_sample": symmetric_beta(self.generator.next(), self.alpha, ()),
        }

    def transform_images(self, images: jax.Array, drawn: dict[str, Any]) -> jax.Array:
        """Return the images mixed with those of the chains."""
        mixed = self._mix(images, drawn, lambda operation, drawn, x: operation.transform_images(x, drawn))
        return jnp.clip(mixed, *self.value_range)

    def transform_segmentation_masks(self, masks: jax.Array, drawn: dict[str, Any]) -> jax.Array:
        """Return the masks mixed in the same shares."""
        shares = as_shares(masks, self.channel_axis, f"{self._where}: segmentation_masks")
        return self._mix(shares, drawn, lambda operation, drawn, x: operation.transform_segmentation_masks(x, drawn))

    def _mix(self, x: jax.Array, drawn: dict[str, Any], change: Change) -> jax.Array:
        steps, shares = drawn["steps"], drawn["chain_mixing_weights"].astype(x.dtype)
        own = drawn["weight_sample"].astype(x.dtype)

        def add_chain(i: Any, total: jax.Array) -> jax.Array:
            chain = steps | {"numbers": steps["numbers"][i], "keys": steps["keys"][i]}
            return total + shares[i] * self._take(x, chain, change)

        total = jnp.zeros_like(x)
        if is_traced(steps["numbers"]):
            total = lax.fori_loop(0, self.num_chains, add_chain, total)
        else:
            for i in range(self.num_chains):
                total = add_chain(i, total)
        return own * x + (1 - own) * total
