"""The context of a forward pass: what the outermost call fixes for all inner ones."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jax

from lamina.core.masking import mask_scope
from lamina.core.variable import Variable, watch_creation


class CallContext:
    """What the outermost call of a forward pass fixes for all inner ones.

    Attributes:
        training: Whether the pass is one of training; None where nobody has said it.
        losses: What `add_loss` added so far.
        stack: The layers whose `call` is running, innermost last; None stands for a `build`.
        called: All layers that were called.
        made: (variable, layer) of the variables that were made while the layer's `call` ran.
    """

    def __init__(self, training: bool | None) -> None:
        self.training = training
        self.losses: list[jax.Array] = []
        self.stack: list[Any] = []
        self.called: list[Any] = []
        self.made: list[tuple[Variable, Any]] = []

    def note_variable(self, variable: Variable) -> None:
        """Keep a variable that was just made, if a `call` makes it; those that a `build` makes are no concern."""
        if self.stack and self.stack[-1] is not None:
            self.made.append((variable, self.stack[-1]))

    @contextmanager
    def running(self, layer: Any, training: bool | None) -> Iterator[None]:
        """Inside the context, the layer's `call` runs, and inner layers inherit `training`."""
        outer, self.training = self.training, training
        self.stack.append(layer)
        try:
            yield
        finally:
            self.stack.pop()
            self.training = outer


class _Local(threading.local):
    def __init__(self) -> None:
        self.context: CallContext | None = None
        self.shapes_only = False  # calls are traced for their shapes alone: batch axes hold placeholders


local = _Local()


@contextmanager
def call_context(training: bool | None) -> Iterator[CallContext]:
    """Open the context of a forward pass; inner layers inherit `training`, and `add_loss` adds to its losses."""
    outer = local.context
    local.context = CallContext(training)
    try:
        with mask_scope(), watch_creation(local.context.note_variable):
            yield local.context
    finally:
        local.context = outer


@contextmanager
def only_shapes() -> Iterator[None]:
    """Inside the context, calls are made for the shapes of their outputs alone; messages leave batch sizes out."""
    outer, local.shapes_only = local.shapes_only, True
    try:
        yield
    finally:
        local.shapes_only = outer


@contextmanager
def building() -> Iterator[None]:
    """Inside the context, weights may be made although a `call` is running further out."""
    if local.context is None:
        yield
        return
    stack = local.context.stack
    stack.append(None)
    try:
        yield
    finally:
        stack.pop()


def running_layer() -> Any:
    """Return the layer whose `call` is running innermost, or None (also while a layer is being built)."""
    context = local.context
    return context.stack[-1] if context is not None and context.stack else None
