"""Connectionist temporal classification: its loss, and decoders that read sequences off the scores.

Source: Graves et al. 2006, Connectionist Temporal Classification.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax, nn

from lamina.core.errors import check_choice, check_positive_int
from lamina.core.symbolic import Tensor, operation
from lamina.ops._arrays import as_array, at_least_float32, check_rank

_FREE = -1  # stands at the end of paths that are shorter than the longest one


@operation("nn", "CTCLoss")
def ctc_loss(
    target: Tensor, output: Tensor, target_length: Tensor, output_length: Tensor, mask_index: int = 0
) -> jax.Array:
    """Negative log-likelihood of label sequences, summed over every way to align them with the time steps.

    Args:
        target: Class numbers (batch, length).
        output: Logits (batch, time, classes).
        target_length: How many labels count, (batch,).
        output_length: How many time steps count, (batch,).
        mask_index: Number of the class that stands for "no label". Default 0.

    Returns: array (batch,), float32 at least.
    Raises:
        ValueError: other numbers of axes, or batches of different size.

    Example:
        >>> print(ctc_loss([[1]], [[[0.0, 0.0], [0.0, 0.0]]], [1], [2]).round(4))  # 3 of the 4 paths read "1"
        [0.2877]
    """
    import optax

    target, target_length, output_length = (as_array(one, "int32") for one in (target, target_length, output_length))
    output = at_least_float32(output)
    check_rank(target, 2, "ctc_loss", "target", "(batch, length)")
    check_rank(output, 3, "ctc_loss", "output", "(batch, time, classes)")
    batch = (output.shape[0],)
    for name, array in {"target": target, "target_length": target_length, "output_length": output_length}.items():
        if array.shape[:1] != batch or (array.ndim > 1 and name != "target"):
            raise ValueError(
                f"ctc_loss: {name}: expected {batch[0]} rows, as many as output of shape {output.shape} has, received "
                f"shape {array.shape}."
            )
    past_output = (jnp.arange(output.shape[1]) >= output_length[:, None]).astype(output.dtype)
    past_target = (jnp.arange(target.shape[1]) >= target_length[:, None]).astype(output.dtype)
    return optax.ctc_loss(output, past_output, target, past_target, blank_id=mask_index)


@operation("nn", "CTCDecode")
def ctc_decode(
    inputs: Tensor,
    sequence_lengths: Tensor,
    strategy: str = "greedy",
    beam_width: int = 100,
    top_paths: int = 1,
    merge_repeated: bool = True,
    mask_index: int | None = 0,
) -> tuple[jax.Array, jax.Array]:
    """Most probable label sequences of scores.

    Args:
        inputs: Logits (batch, time, classes).
        sequence_lengths: How many time steps count, (batch,).
        strategy: "greedy" (the best class of each step) or "beam_search" (the best sequences, over all alignments).
        beam_width: How many sequences a beam search keeps. Default 100.
        top_paths: How many of them it returns. Default 1.
        merge_repeated: Whether "greedy" reads a class that is repeated at once only once. Default True.
        mask_index: Number of the class that stands for "no label"; None is the last one. Default 0.

    Returns: class numbers (top_paths, batch, time), int32, filled up with -1, and scores (batch, top_paths), float:
        for "greedy" minus the sum of the best logits, for "beam_search" the logarithm of the probability.
    Raises:
        ValueError: not three axes, an unknown strategy.

    Example:
        >>> paths, scores = ctc_decode([[[0.0, 9.0], [0.0, 9.0], [9.0, 0.0]]], [3])
        >>> print(paths[0], scores)
        [[ 1 -1 -1]] [[-27.]]
    """
    check_choice("strategy", strategy, ("greedy", "beam_search"), "ctc_decode: ")
    inputs = at_least_float32(inputs)
    check_rank(inputs, 3, "ctc_decode", "inputs", "(batch, time, classes)")
    lengths = as_array(sequence_lengths, "int32")
    counts = jnp.arange(inputs.shape[1]) < lengths[:, None]
    blank = inputs.shape[2] - 1 if mask_index is None else mask_index
    if strategy == "greedy":
        return _greedy(inputs, counts, merge_repeated, blank)
    check_positive_int("top_paths", top_paths, "ctc_decode: ")
    check_positive_int("beam_width", beam_width, "ctc_decode: ", minimum=top_paths)
    search = functools.partial(_beam_search, width=beam_width, blank=blank)
    paths, scores = jax.vmap(search)(nn.log_softmax(inputs), counts)
    return paths[:, :top_paths].swapaxes(0, 1), scores[:, :top_paths]


def _greedy(logits: jax.Array, counts: jax.Array, merge_repeated: bool, blank: int) -> tuple[jax.Array, jax.Array]:
    best = jnp.where(counts, jnp.argmax(logits, axis=-1).astype("int32"), blank)
    scores = -jnp.sum(jnp.where(counts, jnp.max(logits, axis=-1), 0), axis=1, keepdims=True)
    label = best != blank
    if merge_repeated:
        label = label.at[:, 1:].set(label[:, 1:] & (best[:, 1:] != best[:, :-1]))
    order = jnp.argsort(~label, axis=1, stable=True)  # labels first, in their order
    paths = jnp.take_along_axis(jnp.where(label, best, _FREE), order, axis=1)
    return paths[None], scores


class _Beam(NamedTuple):
    """The sequences that a beam search keeps, and the logarithms of their probabilities so far."""

    paths: jax.Array  # (width, time), filled up with _FREE
    lengths: jax.Array  # (width,)
    blank: jax.Array  # (width,) of all alignments that end with "no label"
    label: jax.Array  # (width,) of those that end with the path's last label

    @property
    def total(self) -> jax.Array:
        return jnp.logaddexp(self.blank, self.label)

    @property
    def last(self) -> jax.Array:
        ends = jnp.take_along_axis(self.paths, jnp.maximum(self.lengths - 1, 0)[:, None], axis=1)[:, 0]
        return jnp.where(self.lengths > 0, ends, _FREE)


def _beam_search(logs: jax.Array, counts: jax.Array, width: int, blank: int) -> tuple[jax.Array, jax.Array]:
    """Best sequences of one row of log-probabilities (time, classes), the best one first."""
    nothing = jnp.full(width, -jnp.inf, logs.dtype)
    paths = jnp.full((width, len(logs)), _FREE, "int32")
    empty = _Beam(paths, jnp.zeros(width, "int32"), nothing.at[0].set(0), nothing)

    def step(beam: _Beam, now: tuple[jax.Array, jax.Array]) -> tuple[_Beam, None]:
        return lax.cond(now[1], lambda: _extend(beam, now[0], blank), lambda: beam), None

    beam, _ = lax.scan(step, empty, (logs, counts))
    return beam.paths, beam.total  # `_extend` leaves them in order


def _extend(beam: _Beam, logs: jax.Array, blank: int) -> _Beam:
    """One time step: each path stays, by "no label" or its last label again, or grows by another label."""
    width, classes = len(beam.lengths), len(logs)
    last, total = beam.last, beam.total
    again = jnp.where(last >= 0, logs[last], -jnp.inf)
    stays = beam._replace(blank=total + logs[blank], label=beam.label + again)
    # After its own last label, a path grows by the same label only if there was no label in between.
    grows = jnp.where(jnp.arange(classes) == last[:, None], beam.blank[:, None], total[:, None]) + logs
    grows = grows.at[:, blank].set(-jnp.inf)
    # What grows into another path of the beam is the same sequence: its probability goes there.
    parents = jnp.where(jnp.arange(beam.paths.shape[1]) == beam.lengths[:, None] - 1, _FREE, beam.paths)
    is_child = jnp.all(parents[:, None] == beam.paths[None], axis=2)  # (path, its parent)
    is_child &= (beam.lengths[:, None] == beam.lengths + 1) & (total > -jnp.inf) & (total[:, None] > -jnp.inf)
    inherited = jnp.where(is_child, grows[:, jnp.maximum(last, 0)].T, -jnp.inf)
    stays = stays._replace(label=jnp.logaddexp(stays.label, nn.logsumexp(inherited, axis=1)))
    merged = jnp.any(is_child.T[:, :, None] & (jnp.arange(classes) == last[:, None]), axis=1)
    grows = jnp.where(merged, -jnp.inf, grows)

    scores, chosen = lax.top_k(jnp.concatenate([stays.total, grows.reshape(-1)]), width)
    stay = chosen < width
    path = jnp.where(stay, chosen, (chosen - width) // classes)
    new = (chosen - width) % classes
    lengths = beam.lengths[path]
    ends = ~stay[:, None] & (jnp.arange(beam.paths.shape[1]) == lengths[:, None])
    return _Beam(
        jnp.where(ends, new[:, None], beam.paths[path]).astype("int32"),
        lengths + ~stay,
        jnp.where(stay, stays.blank[path], -jnp.inf),
        jnp.where(stay, stays.label[path], scores),
    )
