"""`EinsumDense`: a dense layer over any axes, as an equation says."""

from __future__ import annotations

import copy
import re
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from lamina import activations, constraints, initializers, regularizers
from lamina.initializers import VarianceScaling
from lamina.layers.base import Layer, family
from lamina.layers.shapes import Shape, is_shape

_FORMS = 'expected "ab,bc->ac", "...ab,bc->...ac" or "ab...,bc->ac..." (inputs, kernel -> outputs, a letter an axis)'
_EQUATION = re.compile(r"(\.\.\.)?([a-zA-Z]+)(\.\.\.)?,([a-zA-Z]+)->(\.\.\.)?([a-zA-Z]+)(\.\.\.)?")


@family.add
class EinsumDense(Layer):
    """Einstein sum of inputs and kernel, plus a bias, then an activation: y = f(einsum(equation, x, kernel) + bias).

    Args:
        equation: "inputs,kernel->outputs", a letter an axis, e.g. "abc,cd->abd"; "..." before inputs and outputs, or
            after both, stands for any further axes. The first axis is the batch axis.
        output_shape: Sizes of the output's letters without the batch axis (an int for one); None takes the input's.
        activation: Name or callable f, applied to the outputs; None is the identity.
        bias_axes: Letters of the outputs that the bias has, e.g. "d"; None (default) is no bias.
        kernel_initializer, bias_initializer: Initial weights. Default Glorot uniform and zeros.
        kernel_regularizer, bias_regularizer: Penalties that join the loss.
        kernel_constraint, bias_constraint: Projections applied after each update.
    Input: as the equation says, float.   Output: as the equation says, compute dtype.
    Weights: kernel, with an axis for each of its letters; bias.

    Raises:
        ValueError: an equation of another form, or sizes that contradict each other.

    Differs from Keras: the output shape is filled in where the input's is known; LoRA and quantisation do not exist.

    Example:
        >>> layer = EinsumDense("abc,cd->abd", output_shape=(None, 64), bias_axes="d")
        >>> layer(jnp.ones((2, 32, 128))).shape
        (2, 32, 64)
    """

    _takes_one_array = True
    _keras_only = dict.fromkeys(("quantization_config", "lora_rank", "lora_alpha", "gptq_unpacked_column_size"))

    def __init__(
        self,
        equation: str,
        output_shape: int | Sequence[int | None],
        activation: Any = None,
        bias_axes: str | None = None,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        sizes = (output_shape,) if isinstance(output_shape, int) else output_shape
        if not is_shape(sizes) or any(n is not None and n < 1 for n in sizes):
            raise ValueError(
                f"EinsumDense {self.name!r}: output_shape: expected sizes >= 1 or None, received {output_shape!r}."
            )
        self.partial_output_shape: Shape = tuple(sizes)
        self.equation = equation
        self.bias_axes = bias_axes
        self.activation = activations.get(activation)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self._parse()

    def _parse(self) -> None:
        """Take the equation apart: letters of inputs, kernel and outputs, and on which side the ellipsis stands."""
        where = f"EinsumDense {self.name!r}: "
        found = _EQUATION.fullmatch(self.equation.replace(" ", "")) if isinstance(self.equation, str) else None
        if found is None or found[1] != found[5] or found[3] != found[7] or (found[1] and found[3]):
            raise ValueError(f"{where}equation: {_FORMS}, received {self.equation!r}.")
        if self.bias_axes is not None and not (isinstance(self.bias_axes, str) and self.bias_axes):
            raise ValueError(f"{where}bias_axes: expected letters of the outputs or None, received {self.bias_axes!r}.")
        self._ellipsis = "left" if found[1] else "right" if found[3] else ""
        self._in, self._kernel, self._out = found[2], found[4], found[6]
        for letters, others, what in (
            (self._kernel, self._in + self._out, "the kernel's letters {!r} must be among the inputs' and outputs'"),
            (self._out, self._in + self._kernel, "the outputs' letters {!r} must be among the inputs' and kernel's"),
            (self.bias_axes or "", self._out, "bias_axes {!r} must be among the outputs' letters"),
        ):
            if not set(letters) <= set(others):
                raise ValueError(f"{where}equation {self.equation!r}: {what.format(letters)} ({others!r}).")
        if self._ellipsis != "left" and self._in[0] != self._out[0]:
            raise ValueError(
                f"{where}equation {self.equation!r}: inputs and outputs must start with one letter, the batch."
            )

    def _plan(self, input_shape: Shape) -> tuple[dict[str, int | None], Shape]:
        """The size of each letter, and the output shape."""
        where = f"EinsumDense {self.path!r}: equation {self.equation!r}: "
        elided = len(input_shape) - len(self._in)
        if elided < 0 or (elided and not self._ellipsis):
            least = "at least " if self._ellipsis else ""
            raise ValueError(f"{where}expected input with {least}{len(self._in)} axes, received shape {input_shape}.")
        left = self._ellipsis == "left"
        free = input_shape[:elided] if left else input_shape[len(self._in) :]
        inputs = input_shape[elided:] if left else input_shape[: len(self._in)]
        outputs = self.partial_output_shape if left and elided else (input_shape[0], *self.partial_output_shape)
        if len(outputs) != len(self._out):
            raise ValueError(
                f"{where}output_shape: expected {len(self.partial_output_shape) + len(self._out) - len(outputs)} sizes "
                f"(the batch axis left out) for an input of shape {input_shape}, received {self.partial_output_shape}."
            )
        sizes: dict[str, int | None] = {}
        for letter, size in [*zip(self._in, inputs, strict=True), *zip(self._out, outputs, strict=True)]:
            known = sizes.setdefault(letter, size)
            if None not in (known, size) and known != size:
                raise ValueError(
                    f"{where}axis {letter!r} has size {known} in an input of shape {input_shape}, and {size} in "
                    f"output_shape {self.partial_output_shape}."
                )
            sizes[letter] = size if known is None else known
        named = tuple(sizes[letter] for letter in self._out)
        return sizes, (*free, *named) if left else (*named, *free)

    def build(self, input_shape: Shape) -> None:
        """Create the kernel and the bias, with the sizes of their letters."""
        sizes, _ = self._plan(input_shape)
        fixed: dict[str, Any] = {letter: sizes.get(letter) for letter in self._kernel + (self.bias_axes or "")}
        for letter, size in fixed.items():
            if size is None:
                raise ValueError(
                    f"EinsumDense {self.name!r}: equation {self.equation!r}: the size of axis {letter!r}, which the "
                    f"weights have, is not known. Give it in output_shape {self.partial_output_shape} or as a fixed "
                    f"axis of the input, received {input_shape}."
                )
        self._fixed, self._rank = fixed, len(input_shape)
        self.kernel = self.add_weight(
            [fixed[letter] for letter in self._kernel],
            self._initializer(),
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
            name="kernel",
        )
        self.bias = None
        if self.bias_axes is not None:
            axes = self._out[min(map(self._out.index, self.bias_axes)) :]
            after = self._rank - len(self._in) if self._ellipsis == "right" else 0
            self.bias = self.add_weight(
                [*(fixed[letter] if letter in self.bias_axes else 1 for letter in axes), *(1,) * after],
                self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
                name="bias",
            )

    def _initializer(self) -> Any:
        """The kernel's initializer, told which axes are inputs and which are outputs where its scale needs it."""
        initializer = self.kernel_initializer
        if not isinstance(initializer, VarianceScaling) or initializer.input_axes is not None:
            return initializer
        initializer = copy.copy(initializer)  # the copy draws from the same seed
        initializer.input_axes = [i for i, letter in enumerate(self._kernel) if letter not in self._out]
        initializer.output_axes = [i for i, letter in enumerate(self._kernel) if letter in self._out]
        return initializer

    def check_input(self, inputs: jax.Array) -> None:
        """Raise unless rank and sizes are those that the weights were made for."""
        sizes = self._plan(inputs.shape)[0] if inputs.ndim == self._rank else {}
        if any(sizes.get(letter) != size for letter, size in self._fixed.items()):
            raise ValueError(
                f"EinsumDense {self.path!r}: equation {self.equation!r}: expected input with {self._rank} axes and "
                f"sizes {self._fixed} (those of the weights), received shape {inputs.shape}."
            )

    def call(self, inputs: jax.Array) -> jax.Array:
        """Return f(einsum(equation, inputs, kernel) + bias)."""
        y = jnp.einsum(self.equation, inputs, self.kernel.value)
        if self.bias is not None:
            y = y + self.bias.value
        return self.activation(y)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of the outputs, as the equation says."""
        return self._plan(input_shape)[1]

    def get_config(self) -> dict[str, Any]:
        """Return the arguments; Keras writes the activity regularizer always."""
        config = {"activity_regularizer": None, **super().get_config()}
        return config | {"output_shape": self.partial_output_shape}
