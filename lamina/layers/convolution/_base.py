"""What the convolution layers share: the settings of the windows, the checks of shapes, the bias and the activation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax

from lamina import activations, constraints, initializers, regularizers
from lamina.core.errors import check_choice
from lamina.core.symbolic import Spec
from lamina.core.variable import Variable
from lamina.layers.base import Layer
from lamina.layers.shapes import Shape
from lamina.ops.nn._windows import channel_axis, check_data_format, per_axis, spatial_axes

_AXES = {1: ("steps",), 2: ("height", "width"), 3: ("depth", "height", "width")}
_WITHOUT_CHANNELS = {1: "Series of single numbers", 2: "Grey images", 3: "Volumes of single numbers"}


class Convolution(Layer):
    """Base of the layers of windows; a kind says what `build` creates, what `call` sums and the size of its outputs.

    Args:
        kernel_size: Size of the window, one whole number or one per spatial axis.
        strides: Step of the window.
        padding: One of `_paddings`, in upper or lower case.
        data_format: "channels_last" (None) or "channels_first".
        dilation_rate: Distance between the window's elements.
        activation: Name or callable f, applied to the outputs; None is the identity.
        use_bias: Whether a bias is added to each filter.
        bias_initializer, bias_regularizer, bias_constraint: What applies to the bias.
    """

    rank: int  # number of spatial axes
    _paddings: tuple[str, ...] = ("valid", "same")
    _when_empty = 'Use larger inputs, a smaller kernel_size, or padding="same".'
    _takes_one_array = True
    _keras_only = dict.fromkeys(("quantization_config", "lora_rank", "lora_alpha"))

    def __init__(
        self,
        *,
        kernel_size: int | Sequence[int],
        strides: int | Sequence[int],
        padding: str,
        data_format: str | None,
        dilation_rate: int | Sequence[int],
        activation: Any,
        use_bias: bool,
        bias_initializer: Any,
        bias_regularizer: Any,
        bias_constraint: Any,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        where = f"{type(self).__name__} {self.name!r}"
        self.kernel_size = per_axis(kernel_size, self.rank, "kernel_size", where)
        self.strides = per_axis(strides, self.rank, "strides", where)
        self.dilation_rate = per_axis(dilation_rate, self.rank, "dilation_rate", where)
        self.padding = padding.lower() if isinstance(padding, str) else padding
        if self.padding == "causal" and "causal" not in self._paddings:
            raise ValueError(
                f'{where}: padding: "causal" exists in Conv1D alone; expected one of {self._paddings}. For outputs '
                'that see no later step, put zeros before the first one (ZeroPadding1D((left, 0))) and use "valid".'
            )
        check_choice("padding", self.padding, self._paddings, f"{where}: ")
        self.data_format = check_data_format(data_format, where)
        self.activation = activations.get(activation)
        self.use_bias = use_bias
        self.bias_initializer = initializers.get(bias_initializer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.bias_constraint = constraints.get(bias_constraint)
        self.bias: Variable | None = None
        self._channels: int | None = None  # of the inputs, known when built

    def _output_channels(self, channels: int | None) -> int | None:
        """Number of channels of the outputs, for that of the inputs."""
        raise NotImplementedError

    def _output_space(self, space: Shape) -> Shape:
        """Sizes of the spatial axes of the outputs, for those of the inputs; below 1 where nothing comes out."""
        raise NotImplementedError

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of the outputs; raise unless such inputs have the axes, the channels and the room."""
        self._check_axes(input_shape)
        space = tuple(input_shape[axis] for axis in spatial_axes(self.rank, self.data_format))
        new = self._output_space(space)
        if any(n is not None and n < 1 for n in new):
            raise ValueError(
                f"{type(self).__name__} {self.path!r}: the output would be empty for an input of shape {input_shape}: "
                f"its space {space} is too small for kernel_size {self.kernel_size} with dilation_rate "
                f'{self.dilation_rate}, which span {self._span()} (strides {self.strides}, padding "{self.padding}"). '
                + self._when_empty
            )
        filters = self._output_channels(input_shape[channel_axis(self.data_format)])
        last = self.data_format == "channels_last"
        return (input_shape[0], *new, filters) if last else (input_shape[0], filters, *new)

    def _infer(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Shape and dtype for symbolic tensors; of free axes by the rule, as no size stands for all of them.

        Traced with sizes of 24 and 48, strides of 64 would give one position each.
        """
        shape = getattr(args[0], "shape", ())
        if None not in shape[1:]:
            return super()._infer(args, kwargs)
        return Spec(self.compute_output_shape(shape), self.compute_dtype)

    def check_input(self, inputs: jax.Array) -> None:
        """Raise unless the inputs have the axes, the channels and the room for a window."""
        self.compute_output_shape(inputs.shape)

    def _check_axes(self, shape: Shape) -> None:
        """Raise for another number of axes, and for other channels than the kernel was made for."""
        if len(shape) != self.rank + 2:
            hint = self._rank_hint(shape)
        elif self._channels not in (None, shape[channel_axis(self.data_format)]):
            hint = self._channels_hint(shape)
        else:
            return
        raise ValueError(
            f"{type(self).__name__} {self.path!r}: expected input of shape {self._wanted_shape()} "
            f"({self.data_format}), received {shape}. {hint}"
        )

    def _span(self) -> tuple[int, ...]:
        """Size of the window from its first to its last element."""
        return tuple((size - 1) * rate + 1 for size, rate in zip(self.kernel_size, self.dilation_rate, strict=True))

    def _wanted_shape(self) -> str:
        channels, space = str(self._channels or "channels"), _AXES[self.rank]
        axes = (*space, channels) if self.data_format == "channels_last" else (channels, *space)
        return f"({', '.join(('batch', *axes))})"

    def _rank_hint(self, shape: Shape) -> str:
        """The way out for an input with another number of axes."""
        last = self.data_format == "channels_last"
        if len(shape) > self.rank + 2:
            return "To apply the layer to each step of a series, wrap it in TimeDistributed."
        if len(shape) < self.rank + 1:
            return f"Give flat rows their axes first: Reshape({self._wanted_shape().replace('batch, ', '')})."
        if self.rank > 1 and shape[-1 if last else 0] in {3, 4, self._channels} - {None}:
            return "If this is a single sample, give it a batch axis: x[None]."
        axis, reshaped = ("x[..., None]", (*shape[1:], 1)) if last else ("x[:, None]", (1, *shape[1:]))
        return f"{_WITHOUT_CHANNELS[self.rank]} need a channel axis: {axis}, or Reshape({reshaped}) before the layer."

    def _channels_hint(self, shape: Shape) -> str:
        """The way out for an input with another number of channels."""
        other = "channels_first" if self.data_format == "channels_last" else "channels_last"
        if shape[channel_axis(other)] == self._channels:
            return f'The channels seem to stand on the other side: data_format="{other}".'
        return f"Its kernel was made for {self._channels} channels; another number needs a layer of its own."

    def _known_channels(self, input_shape: Shape) -> int:
        """Check the input's shape and return its number of channels, which the kernel's shape needs."""
        self.compute_output_shape(input_shape)
        channels = input_shape[channel_axis(self.data_format)]
        if not channels:
            raise ValueError(
                f"{type(self).__name__} {self.path!r}: expected input of shape {self._wanted_shape()} "
                f"({self.data_format}) with a known number of channels, received {input_shape}. Give the channel axis "
                f"a size, e.g. Input(shape={(*(28,) * self.rank, 3)})."
            )
        return channels

    def _add(self, name: str, shape: tuple[int, ...], kind: str | None = None) -> Variable:
        """Create a weight with the initializer, regularizer and constraint that the layer was given for its kind."""
        kind = kind or name
        return self.add_weight(
            shape,
            getattr(self, f"{kind}_initializer"),
            regularizer=getattr(self, f"{kind}_regularizer"),
            constraint=getattr(self, f"{kind}_constraint"),
            name=name,
        )

    def _finish(self, z: jax.Array) -> jax.Array:
        """Return f(z + bias), the bias along the channel axis."""
        if self.bias is not None:
            bias = self.bias.value
            z = z + (bias if self.data_format == "channels_last" else bias.reshape(-1, *(1,) * self.rank))
        return self.activation(z)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments; Keras writes the activity regularizer always."""
        return {"activity_regularizer": None, **super().get_config()}


def sliding_space(layer: Convolution, space: Shape) -> Shape:
    """Sizes after windows have slid over the space: ceil(n / stride) positions, with "valid" those that are whole."""
    lost = [span - 1 if layer.padding == "valid" else 0 for span in layer._span()]
    sizes = zip(space, lost, layer.strides, strict=True)
    return tuple(None if n is None else (n - less - 1) // stride + 1 for n, less, stride in sizes)
