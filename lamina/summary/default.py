"""The functions of `tf.summary`: they write with the writer of `with writer.as_default():` around them."""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Iterator, Mapping
from typing import Any

_current: contextvars.ContextVar[tuple[Any, Any]] = contextvars.ContextVar("lamina.summary", default=(None, None))


@contextlib.contextmanager
def writing(writer: Any, step: Any) -> Iterator[None]:
    """Inside the context, in this thread, `writer` is the default."""
    token = _current.set((writer, step))
    try:
        yield
    finally:
        _current.reset(token)


def current_step() -> Any:
    """The step of the context, or None."""
    return _current.get()[1]


def scalar(name: str, data: Any, step: Any = None, description: str | None = None) -> bool:
    """Write a number; returns whether there is a default writer. See `SummaryWriter.scalar`."""
    return _with("scalar", name, data, step=step, description=description)


def histogram(
    name: str, data: Any, step: Any = None, buckets: int | None = None, description: str | None = None
) -> bool:
    """Write how numbers are spread; returns whether there is a default writer. See `SummaryWriter.histogram`."""
    return _with("histogram", name, data, step=step, buckets=buckets, description=description)


def image(name: str, data: Any, step: Any = None, max_outputs: int = 3, description: str | None = None) -> bool:
    """Write pictures; returns whether there is a default writer. See `SummaryWriter.image`."""
    return _with("image", name, data, step=step, max_outputs=max_outputs, description=description)


def figure(name: str, figure: Any, step: Any = None, description: str | None = None) -> bool:
    """Write a Matplotlib figure; returns whether there is a default writer. See `SummaryWriter.figure`."""
    return _with("figure", name, figure, step=step, description=description)


def text(name: str, data: Any, step: Any = None, description: str | None = None) -> bool:
    """Write text in Markdown; returns whether there is a default writer. See `SummaryWriter.text`."""
    return _with("text", name, data, step=step, description=description)


def audio(
    name: str, data: Any, sample_rate: int, step: Any = None, max_outputs: int = 3, description: str | None = None
) -> bool:
    """Write sounds; returns whether there is a default writer. See `SummaryWriter.audio`."""
    return _with("audio", name, data, sample_rate, step=step, max_outputs=max_outputs, description=description)


def hparams(hparams: Mapping[str, Any], trial_id: str | None = None, start_time_secs: float | None = None) -> bool:
    """Write hyperparameters; returns whether there is a default writer. See `SummaryWriter.hparams`."""
    return _with("hparams", hparams, trial_id, start_time_secs)


def graph(graph: Any, step: Any = 0) -> bool:
    """Write a graph; returns whether there is a default writer. See `SummaryWriter.graph`."""
    return _with("graph", graph, step=step)


def _with(method: str, *args: Any, **kwargs: Any) -> bool:
    writer = _current.get()[0]
    if writer is None:
        return False
    getattr(writer, method)(*args, **kwargs)
    return True
