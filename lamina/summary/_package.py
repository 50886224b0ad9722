"""TensorBoard's own modules, imported when the first writer is made; none of them imports TensorFlow."""

from __future__ import annotations

import functools
import importlib
from typing import Any


def required(owner: str) -> None:
    """Raise an ImportError that says what to install unless TensorBoard is there."""
    try:
        for name in ("event_pb2", "summary_pb2"):
            protocol(name)
    except ImportError as error:
        raise ImportError(f'{owner} needs TensorBoard. Install it: pip install "lamina[tensorboard]"') from error


@functools.cache
def protocol(name: str) -> Any:
    """A module of TensorBoard's messages, such as "event_pb2"."""
    return importlib.import_module(f"tensorboard.compat.proto.{name}")


@functools.cache
def plugin(name: str) -> Any:
    """A module of one of TensorBoard's plugins, such as "text.summary_v2"."""
    return importlib.import_module(f"tensorboard.plugins.{name}")
