"""Convolutions as sums written out in float64 NumPy, channels last: the notes' z[i, j, k], over any number of axes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def margins(size: int, span: int, stride: int, padding: str) -> tuple[int, int]:
    """Zeros before and after an axis: none, all before, or as few as give ceil(size / stride) windows."""
    if padding == "valid":
        return 0, 0
    if padding == "causal":
        return span - 1, 0
    total = max((-(-size // stride) - 1) * stride + span - size, 0)
    return total // 2, total - total // 2


def convolution(
    x: np.ndarray,
    kernel: np.ndarray,
    strides: Sequence[int],
    padding: str = "valid",
    dilation: Sequence[int] | None = None,
    groups: int = 1,
) -> np.ndarray:
    """Sum over the window and the channels of the group of x[b, i * stride + u * dilation, c] * kernel[u, c, k]."""
    x, kernel = np.asarray(x, np.float64), np.asarray(kernel, np.float64)
    window, (channels, filters) = kernel.shape[:-2], kernel.shape[-2:]
    dilation = dilation or (1,) * len(window)
    spans = [(k - 1) * d + 1 for k, d in zip(window, dilation, strict=True)]
    space = x.shape[1:-1]
    around = [margins(n, k, s, padding) for n, k, s in zip(space, spans, strides, strict=True)]
    x = np.pad(x, [(0, 0), *around, (0, 0)])
    new = [(n - k) // s + 1 for n, k, s in zip(x.shape[1:-1], spans, strides, strict=True)]
    z = np.zeros((x.shape[0], *new, filters))
    share = filters // groups
    for i in np.ndindex(*new):
        for u in np.ndindex(*window):
            pixel = x[(slice(None), *(a * s + b * d for a, b, s, d in zip(i, u, strides, dilation, strict=True)))]
            for g in range(groups):
                mine = slice(g * share, (g + 1) * share)
                z[(slice(None), *i, mine)] += pixel[:, g * channels : (g + 1) * channels] @ kernel[u][:, mine]
    return z


def depthwise(x: np.ndarray, kernel: np.ndarray, *settings: object, **more: object) -> np.ndarray:
    """Each channel convolved by itself, with the filters kernel[u, c, q] as channels c * multiplier + q."""
    parts = [
        convolution(x[..., c : c + 1], kernel[..., c : c + 1, :], *settings, **more) for c in range(kernel.shape[-2])
    ]
    return np.concatenate(parts, axis=-1)


def transposed(x: np.ndarray, kernel: np.ndarray, strides: Sequence[int], dilation: Sequence[int]) -> np.ndarray:
    """Every x[b, i, c] * kernel[u, k, c] added to z[b, i * stride + u * dilation, k]; all that the windows reach."""
    x, kernel = np.asarray(x, np.float64), np.asarray(kernel, np.float64)
    space, window = x.shape[1:-1], kernel.shape[:-2]
    axes = list(zip(space, window, strides, dilation, strict=True))
    z = np.zeros((x.shape[0], *((n - 1) * s + (k - 1) * d + 1 for n, k, s, d in axes), kernel.shape[-2]))
    for i in np.ndindex(*space):
        for u in np.ndindex(*window):
            place = tuple(a * s + b * d for a, b, s, d in zip(i, u, strides, dilation, strict=True))
            z[(slice(None), *place)] += x[(slice(None), *i)] @ kernel[u].T
    return z
