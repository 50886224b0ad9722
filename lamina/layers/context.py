"""The context of a forward pass: what the outermost call fixes for all inner ones."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import jax


class CallContext:
    """What the outermost call of a forward pass fixes for all inner ones: the training flag and the losses so far."""

    def __init__(self, training: bool) -> None:
        self.training = training
        self.losses: list[jax.Array] = []


class _Local(threading.local):
    def __init__(self) -> None:
        self.context: CallContext | None = None


local = _Local()


@contextmanager
def call_context(training: bool) -> Iterator[CallContext]:
    """Open the context of a forward pass; inner layers inherit `training`, and `add_loss` adds to its losses."""
    outer = local.context
    local.context = CallContext(training)
    try:
        yield local.context
    finally:
        local.context = outer
