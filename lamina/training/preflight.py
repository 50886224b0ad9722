"""Preflight: what cannot train right is said before anything compiles."""

from __future__ import annotations

from typing import Any

from lamina.training.prepare import build, output_spec, spec_of
from lamina.training.program import Batch


def check(model: Any, batch: Batch, argument: str) -> None:
    """Build the model for the data, resolve the loss and the metrics, and compare data, loss and last layer."""
    build(model, batch)
    check_inputs(model, batch.x, argument)


def check_inputs(model: Any, x: Any, argument: str) -> Any:
    """Return the outputs' shapes for inputs like `x`; a layer that cannot take them raises here."""
    return output_spec(model, spec_of(x))


def output_of(model: Any, x: Any) -> Any:
    """Shape and dtype of the outputs."""
    return output_spec(model, x)
