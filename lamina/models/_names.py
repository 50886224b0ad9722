"""Keras has `load_model` and `save_model` among the models; they live in `lamina.saving`, a room above."""

from __future__ import annotations

from typing import Any


def __getattr__(name: str) -> Any:
    if name not in ("load_model", "save_model"):
        raise AttributeError(f"module 'lamina.models' has no attribute {name!r}")
    from lamina import saving

    return getattr(saving, name)
