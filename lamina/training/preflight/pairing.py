"""The loss beside the last layer, by structure alone: what Keras trains on in silence, and what can never fit."""

from __future__ import annotations

from lamina import activations
from lamina.core.errors import LaminaConfigError
from lamina.training.preflight.case import Case
from lamina.training.preflight.head import KNOWN, POSITIVE, PROBABILITIES, Head
from lamina.training.preflight.losses import LossFacts

_LOGITS = (activations.linear, activations.log_softmax)  # whose outputs a loss from logits may take as they are


def check_pairing(case: Case) -> None:
    """Raise when the last layer's units or activation cannot go with the loss."""
    if case.head is not None and case.has_labels:
        check_head(case.head, case.classes)
    loss = case.loss
    if loss is None or not case.has_labels:
        return
    if loss.labels in ("classes", "one-hot"):
        _check_units(case, loss)
    if loss.labels == "one-hot":
        _refuse_class_numbers(case, loss)
    if loss.labels != "numbers" and case.head is not None:
        _check_activation(case.head, loss)


def check_head(head: Head | None, outputs: int | None = None) -> None:
    """Raise for softmax over 1 unit; `outputs` is the length of the last axis, for a layer that has no units itself."""
    if head is None or head.activation is not activations.softmax:
        return
    if getattr(head.layer, "units", outputs) == 1:
        raise LaminaConfigError(
            f"{head}: softmax over 1 unit is always 1, so nothing can be learned. For two classes use 1 unit with "
            "activation='sigmoid' and loss='binary_crossentropy'; for k classes use k units; for numbers use no "
            "activation and loss='mse'."
        )


def _check_units(case: Case, loss: LossFacts) -> None:
    if case.classes == 1:
        raise LaminaConfigError(
            f"{loss.name} needs one unit per class, at least 2, but {case.maker} gives 1: the loss would be 0 "
            "whatever it predicts. For two classes use loss='binary_crossentropy' with this 1 unit and "
            "activation='sigmoid', or give it 2 units and activation='softmax'."
        )


def _refuse_class_numbers(case: Case, loss: LossFacts) -> None:
    """Class numbers, one a prediction, where the loss expects a row of probabilities."""
    labels, outputs = case.y.shape, case.output.shape
    if labels[1:] in (outputs[1:-1], (*outputs[1:-1], 1)):
        raise LaminaConfigError(
            f"{case.y_called} has shape {labels}, one number for each of the predictions of {case.maker}, but "
            f"{loss.name} expects one-hot rows, shape {(labels[0], *outputs[1:])}. If y holds class numbers, use "
            f"loss='sparse_categorical_crossentropy', or y = lamina.utils.to_categorical(y, {case.classes})."
        )


def _check_activation(head: Head, loss: LossFacts) -> None:
    if loss.from_logits:
        if head.activation in PROBABILITIES:
            raise LaminaConfigError(
                f"{head} gives probabilities, but {loss.name}(from_logits=True) expects logits and would apply "
                f"{'a sigmoid' if loss.labels == 'binary' else 'softmax'} to them once more. Leave out "
                "from_logits=True, or give the layer no activation."
            )
        return
    fitting = PROBABILITIES if loss.labels == "binary" else POSITIVE
    if head.activation in KNOWN - fitting:
        activation = "sigmoid" if loss.labels == "binary" else "softmax"
        logits = loss.with_logits
        came = "any number" if head.activation is activations.linear else "numbers that are no probabilities"
        raise LaminaConfigError(
            f"{head} gives {came}, but {loss.name} expects probabilities. Give the layer activation='{activation}'"
            + (f", or leave it as it is and use loss={logits}." if logits and head.activation in _LOGITS else ".")
        )
