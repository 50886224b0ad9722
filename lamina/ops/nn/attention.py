"""Attention: means of values, weighted by how well queries and keys go together."""

from __future__ import annotations

import jax

from lamina.core.symbolic import Tensor, operation
from lamina.ops._arrays import as_array, check_rank, promote_floats


@operation("nn")
def dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    bias: Tensor | None = None,
    mask: Tensor | None = None,
    scale: Tensor | float | None = None,
    is_causal: bool = False,
    flash_attention: bool | None = None,
    attn_logits_soft_cap: float | None = None,
) -> jax.Array:
    """Attention of each head: softmax(scale * query @ key^T + bias) @ value.

    Args:
        query: Array (batch, targets, heads, size).
        key, value: Arrays (batch, sources, key heads, size); the heads are a multiple of the key heads.
        bias: Array that goes with (batch, heads, targets, sources), added to the logits.
        mask: Bools that go with the same shape, True where a source is seen.
        scale: Factor of the logits; None is 1 / sqrt(size).
        is_causal: Whether target i sees sources 0 to i only. Default False.
        flash_attention: Whether to use cuDNN's fused kernel, on NVIDIA GPUs only; None leaves the choice to JAX.
        attn_logits_soft_cap: Must be None; in Keras it is for TPUs only.

    Returns: array (batch, targets, heads, size).
    Raises:
        ValueError: arrays that have not four axes, attn_logits_soft_cap.
        RuntimeError: flash_attention=True without an NVIDIA GPU.
    Source: Vaswani et al. 2017, https://arxiv.org/abs/1706.03762

    Example:
        >>> from jax.numpy import ones
        >>> dot_product_attention(ones((1, 3, 2, 4)), ones((1, 5, 2, 4)), ones((1, 5, 2, 4))).shape
        (1, 3, 2, 4)
    """
    where = "dot_product_attention"
    for name, array in {"query": query, "key": key, "value": value}.items():
        check_rank(array, 4, where, name, "(batch, time, heads, size)")
    if attn_logits_soft_cap is not None:
        raise ValueError(f"{where}: attn_logits_soft_cap: expected None, received {attn_logits_soft_cap!r}.")
    if flash_attention and jax.default_backend() != "gpu":
        raise RuntimeError(
            f"{where}: flash_attention=True needs an NVIDIA GPU, but JAX runs on {jax.default_backend()!r}. "
            "Leave it at None."
        )
    query, key, value = promote_floats(query, key, value)
    return jax.nn.dot_product_attention(
        query,
        key,
        value,
        bias=None if bias is None else as_array(bias, query.dtype),
        mask=None if mask is None else as_array(mask, bool),
        scale=scale,
        is_causal=is_causal,
        implementation={True: "cudnn", False: "xla", None: None}[flash_attention],
    )
