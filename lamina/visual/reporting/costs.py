"""What a model costs: seconds of predictions, bytes of weights and of the process."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import jax

from lamina.models.summary import memory_size
from lamina.visual.reporting import page

_ROWS, _SINGLE = 2048, 15  # rows of the timed prediction, and repetitions with one row


def costs(model: Any, x: Any, rows: int, first: float, batch_size: int | None) -> str:
    """Measure and describe.

    Args:
        model: The model. x: Inputs (rows, ...), or their nest. rows: How many.
        first: Seconds that the prediction of all rows took, the first time. batch_size: Rows at a time.
    """
    some = min(rows, _ROWS)
    part = jax.tree.map(lambda array: array[:some], x)
    one = jax.tree.map(lambda array: array[:1], x)
    times = [_seconds(lambda: model.predict(part, batch_size=batch_size, verbose=0)) for _ in range(2)]
    single = [_seconds(lambda: model.predict(one, verbose=0)) for _ in range(_SINGLE)]
    facts = [
        (f"all {rows:,} rows, the first time", f"{first:.2f} s"),
        ("rows a second", f"{some / min(times):,.0f}"),
        ("one row (median)", f"{1000 * statistics.median(single):.2f} ms"),
        ("parameters", f"{model.count_params():,}"),
        ("weights", memory_size(model.weights)),
    ]
    optimizer = model.optimizer.variables if model.optimizer is not None and model.optimizer.built else []
    if optimizer:
        facts.append(("optimizer", memory_size(optimizer)))
    facts += [(name, f"{size / 2**20:,.0f} MB") for name, size in _memory()]
    return page.facts(facts)


def _seconds(call: Callable[[], Any]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def _memory() -> list[tuple[str, int]]:
    """Largest memory of the process and of the device, in bytes, where the system says so."""
    found = []
    try:
        import resource
    except ImportError:  # not on Windows
        pass
    else:
        unit = 1 if sys.platform == "darwin" else 1024
        found.append(("process, at most", unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))
    peak = (jax.devices()[0].memory_stats() or {}).get("peak_bytes_in_use")
    if peak:
        found.append(("device, at most", int(peak)))
    return found
