"""Convolutions, whose images stand in ONNX with the channels before the space."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from lamina.export.onnx.graph import Value, plain
from lamina.export.onnx.registry import CannotExport, operation_emitter
from lamina.export.onnx.translation import Translation
from lamina.ops.nn._windows import per_axis
from lamina.ops.nn.convolution import transposed_margins


class Windows(NamedTuple):
    """Where the windows lie, one number for each spatial axis; `padding` is "valid", "same" or "causal"."""

    strides: tuple[int, ...]
    padding: str
    dilation: tuple[int, ...]


def windows_of(x: Value, strides: Any, padding: str, dilation_rate: Any = 1) -> Windows:
    """The settings of an operation, one number for each spatial axis."""
    return Windows(
        per_axis(strides, x.rank - 2, "strides", "export"),
        padding.lower(),
        per_axis(dilation_rate, x.rank - 2, "dilation_rate", "export"),
    )


def channels_first(graph: Translation, x: Value, data_format: str | None) -> Value:
    """Images with the channels before the space."""
    return x if data_format == "channels_first" else graph.move_axis(x, -1, 1)


def channels_back(graph: Translation, x: Value, data_format: str | None) -> Value:
    """The images with the channels where the model has them."""
    return x if data_format == "channels_first" else graph.move_axis(x, 1, -1)


def margins(space: Sequence[int | None], sizes: Sequence[int], windows: Windows) -> dict[str, Any]:
    """Attributes that say how much is added before and after the space, for windows that span these sizes."""
    if windows.padding == "valid":
        return {}
    before, after = [], []
    for n, size, stride in zip(space, sizes, windows.strides, strict=True):
        if windows.padding == "causal":
            total, first = size - 1, size - 1
        elif n is None and stride > 1:
            if set(windows.dilation) != {1}:
                raise CannotExport('a free axis with strides, dilation and padding="same" has no form in ONNX')
            return {"auto_pad": "SAME_UPPER"}
        else:
            total = max(size - (stride if n is None or n % stride == 0 else n % stride), 0)
            first = total // 2
        before.append(first)
        after.append(total - first)
    return {"pads": [*before, *after]}


def counts(space: Sequence[int | None], sizes: Sequence[int], windows: Windows) -> list[int | None]:
    """How many windows lie along each axis."""
    lost = sizes if windows.padding == "valid" else [1] * len(sizes)
    return [
        None if n is None else (n - less) // stride + 1
        for n, less, stride in zip(space, lost, windows.strides, strict=True)
    ]


def convolution(
    graph: Translation, x: Value, kernel: Any, bias: Any, windows: Windows, data_format: str | None, groups: int = 1
) -> Value:
    """Convolve x with a kernel (*window, channels / groups, filters) and add a bias (filters,)."""
    x = channels_first(graph, graph.as_float(x), data_format)
    rank = x.rank - 2
    weight = kernel_of(graph, kernel, (rank + 1, rank, *range(rank)))
    spans = [(size - 1) * rate + 1 for size, rate in zip(weight.shape[2:], windows.dilation, strict=True)]
    y = graph.add(
        "Conv",
        *(x, weight) if bias is None else (x, weight, graph.constant(bias)),
        shape=(x.shape[0], weight.shape[0], *counts(x.shape[2:], spans, windows)),
        strides=list(windows.strides),
        dilations=list(windows.dilation),
        group=groups,
        kernel_shape=list(weight.shape[2:]),
        **margins(x.shape[2:], spans, windows),
    )
    return channels_back(graph, y, data_format)


def depthwise_convolution(
    graph: Translation, x: Value, kernel: Any, bias: Any, windows: Windows, data_format: str | None
) -> Value:
    """Convolve each channel by itself with a kernel (*window, channels, multiplier)."""
    if isinstance(kernel, Value):
        raise CannotExport("a depthwise kernel that the model computes has no form in ONNX that lamina writes")
    array = np.asarray(plain(kernel))
    *window, channels, multiplier = array.shape
    spread = array.reshape(*window, 1, channels * multiplier)
    return convolution(graph, x, Named(spread, name_of(kernel)), bias, windows, data_format, channels)


def transposed_convolution(
    graph: Translation,
    x: Value,
    kernel: Any,
    bias: Any,
    windows: Windows,
    output_padding: Sequence[int] | None,
    data_format: str | None,
) -> Value:
    """The transpose of a convolution, with a kernel (*window, filters, channels)."""
    x = channels_first(graph, graph.as_float(x), data_format)
    rank = x.rank - 2
    weight = kernel_of(graph, kernel, (rank + 1, rank, *range(rank)))
    spans: list[Any] = [(size - 1) * rate + 1 for size, rate in zip(weight.shape[2:], windows.dilation, strict=True)]
    extra = output_padding or (None,) * rank
    zeros = [transposed_margins(*one, windows.padding) for one in zip(spans, windows.strides, extra, strict=True)]
    # ONNX cuts from the full output what lamina does not pad its input with, and adds what it pads beyond that.
    cut = [(span - 1 - before, span - 1 - after) for span, (before, after) in zip(spans, zeros, strict=True)]
    sizes = zip(x.shape[2:], windows.strides, spans, cut, strict=True)
    y = graph.add(
        "ConvTranspose",
        *(x, weight) if bias is None else (x, weight, graph.constant(bias)),
        shape=(
            x.shape[0],
            weight.shape[1],
            *(None if n is None else (n - 1) * stride + span - sum(c) for n, stride, span, c in sizes),
        ),
        strides=list(windows.strides),
        dilations=list(windows.dilation),
        kernel_shape=list(weight.shape[2:]),
        pads=[*(before for before, _ in cut), *(max(after, 0) for _, after in cut)],
        output_padding=[max(-after, 0) for _, after in cut],
    )
    return channels_back(graph, y, data_format)


class Named(NamedTuple):
    """An array with the name of the weight that it is made of."""

    value: Any
    name: str | None


def name_of(kernel: Any) -> str | None:
    return getattr(kernel, "name", None)


def kernel_of(graph: Translation, kernel: Any, order: Sequence[int]) -> Value:
    """A kernel with its axes in another order."""
    if isinstance(kernel, Value):
        return graph.transpose(kernel, order)
    array = kernel.value if isinstance(kernel, Named) else plain(kernel)
    return graph.constant(np.transpose(np.asarray(array), order), "float32", name_of(kernel))


@operation_emitter("conv")
def conv(
    graph: Translation,
    inputs: Value,
    kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Value:
    windows = windows_of(inputs, strides, padding, dilation_rate)
    channels: Any = inputs.shape[1 if data_format == "channels_first" else -1]
    return convolution(graph, inputs, kernel, None, windows, data_format, channels // kernel.shape[-2])


@operation_emitter("depthwise_conv")
def depthwise_conv(
    graph: Translation,
    inputs: Value,
    kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Value:
    windows = windows_of(inputs, strides, padding, dilation_rate)
    return depthwise_convolution(graph, inputs, kernel, None, windows, data_format)


@operation_emitter("separable_conv")
def separable_conv(
    graph: Translation,
    inputs: Value,
    depthwise_kernel: Any,
    pointwise_kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Value:
    spread = depthwise_conv(graph, inputs, depthwise_kernel, strides, padding, data_format, dilation_rate)
    return convolution(graph, spread, pointwise_kernel, None, windows_of(inputs, 1, "valid"), data_format)


@operation_emitter("conv_transpose")
def conv_transpose(
    graph: Translation,
    inputs: Value,
    kernel: Any,
    strides: Any = 1,
    padding: str = "valid",
    output_padding: Any = None,
    data_format: str | None = None,
    dilation_rate: Any = 1,
) -> Value:
    windows = windows_of(inputs, strides, padding, dilation_rate)
    rank = inputs.rank - 2
    extra = None if output_padding is None else per_axis(output_padding, rank, "output_padding", "export", 0)
    return transposed_convolution(graph, inputs, kernel, None, windows, extra, data_format)
