"""Counts what JAX compiles in this process."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Compilations:
    """Programs built or fetched from the cache since `watch`, and the seconds that took: tracing, lowering, XLA."""

    number: int = 0
    tracing: float = 0.0
    xla: float = 0.0


def watch() -> Compilations:
    """Start counting; the returned record goes on being updated."""
    import jax

    seen = Compilations()

    def listen(event: str, duration_secs: float, **_: str | int) -> None:
        if event == "/jax/core/compile/backend_compile_duration":
            seen.number += 1
            seen.xla += duration_secs
        elif event in ("/jax/core/compile/jaxpr_trace_duration", "/jax/core/compile/jaxpr_to_mlir_module_duration"):
            seen.tracing += duration_secs

    jax.monitoring.register_event_duration_secs_listener(listen)
    return seen
