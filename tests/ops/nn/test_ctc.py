"""Connectionist temporal classification against Keras, and against the sum over all alignments."""

from __future__ import annotations

import itertools

import jax
import numpy as np
import pytest
from scipy import special

from lamina.ops import nn
from tests.ops.parity import case, check_gradients, check_symbolic, check_values, normal, whole

LENGTHS = {"target_length": np.int32([3, 1, 2]), "output_length": np.int32([7, 4, 7])}
LOSSES = [
    case("ctc_loss", {"target": whole(3, 3, low=1), "output": normal(3, 7, 5), **LENGTHS}, tolerance=1e-5),
    case(
        "ctc_loss", {"target": whole(3, 3, high=4), "output": normal(3, 7, 5), **LENGTHS}, mask_index=4, tolerance=1e-5
    ),
]
SCORES = {"inputs": 2 * normal(3, 6, 4), "sequence_lengths": np.int32([6, 2, 4])}
DECODED = [
    *(case("ctc_decode", SCORES, mask_index=m, merge_repeated=r) for m in (0, 2, None) for r in (True, False)),
]
ROWS = ("target", "output", "target_length", "output_length")


def alignments(logits, blank):
    """Probability of every label sequence: the sum over all paths of classes that read so."""
    logs = special.log_softmax(logits.astype(np.float64), axis=-1)
    found = {}
    for path in itertools.product(range(logs.shape[1]), repeat=len(logs)):
        labels = tuple(label for label, _ in itertools.groupby(path) if label != blank)
        found[labels] = np.logaddexp(found.get(labels, -np.inf), sum(logs[t, c] for t, c in enumerate(path)))
    return found


@pytest.mark.parametrize("one", [*LOSSES, *DECODED], ids=str)
def test_values_are_those_of_keras(one):
    check_values(getattr(nn, one.name), one)


@pytest.mark.slow  # Keras' beam search takes its time to compile
def test_beam_search_is_that_of_keras():
    one = case("ctc_decode", SCORES, strategy="beam_search", beam_width=4, top_paths=2, mask_index=None)
    check_values(nn.ctc_decode, one)
    check_symbolic(nn.ctc_decode, one._replace(free=tuple(SCORES)))


def test_gradients_are_those_of_keras():
    check_gradients(nn.ctc_loss, LOSSES[0])


@pytest.mark.parametrize("one", [*LOSSES, *DECODED], ids=str)
def test_symbolic_shapes_are_those_of_keras(one):
    check_symbolic(getattr(nn, one.name), one._replace(free=tuple(one.tensors)))


def test_halves_are_summed_in_float32():
    tensors = {**LOSSES[0].tensors, "output": LOSSES[0].tensors["output"].astype(np.float16)}
    assert jax.eval_shape(lambda: nn.ctc_loss(**tensors)).dtype == "float32"


@pytest.mark.parametrize("blank", [0, 2])
def test_the_loss_sums_over_all_alignments(blank):
    logits = normal(1, 5, 3)
    expected = alignments(logits[0], blank)
    for labels in ([1, 1], [1, 2 - blank]):
        loss = nn.ctc_loss([labels], logits, [len(labels)], [5], mask_index=blank)
        np.testing.assert_allclose(loss[0], -expected[tuple(labels)], rtol=1e-5)


@pytest.mark.parametrize("blank", [0, 2])
def test_a_wide_beam_finds_the_most_probable_sequences(blank):
    logits = 2 * normal(1, 6, 3)
    best = sorted(alignments(logits[0], blank).items(), key=lambda item: -item[1])[:5]
    paths, scores = nn.ctc_decode(logits, [6], "beam_search", beam_width=200, top_paths=5, mask_index=blank)
    assert [tuple(path[path >= 0].tolist()) for path in np.asarray(paths[:, 0])] == [labels for labels, _ in best]
    np.testing.assert_allclose(scores[0], [score for _, score in best], rtol=1e-5)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: nn.ctc_loss([1], np.ones((1, 2, 3)), [1], [2]), r"ctc_loss: target: expected 2 axes.*\(1,\)"),
        (lambda: nn.ctc_loss([[1]], np.ones((2, 2, 3)), [1, 1], [2, 2]), "ctc_loss: target: expected 2 rows"),
        (lambda: nn.ctc_decode(np.ones((2, 3)), [3, 3]), r"ctc_decode: inputs: expected 3 axes.*\(2, 3\)"),
        (lambda: nn.ctc_decode(np.ones((1, 2, 3)), [2], "beam"), r"ctc_decode: strategy: .*received 'beam'"),
        (
            lambda: nn.ctc_decode(np.ones((1, 2, 3)), [2], "beam_search", 2, 3),
            "beam_width: expected a whole number >= 3",
        ),
    ],
)
def test_bad_arguments_are_explained(call, text):
    with pytest.raises(ValueError, match=text):
        call()
