"""`SummaryWriter`: what a run shows in TensorBoard, each value under a name and a step."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from lamina.core.errors import check_positive_int
from lamina.files import to_path
from lamina.summary import _images, _values, default
from lamina.summary.event_file import EventFile


def create_file_writer(
    logdir: Any, max_queue: int = 10, flush_millis: int = 120_000, filename_suffix: str = ""
) -> SummaryWriter:
    """Return a `SummaryWriter`, under TensorFlow's name.

    Args:
        logdir: Folder of the run, made if need be; TensorBoard shows each folder below its `--logdir` as one run.
        max_queue: Values that are kept back at most before they are written, int >= 0. Default 10.
        flush_millis: Milliseconds for which a value is kept back at most, until the next one comes. Default 2 minutes.
        filename_suffix: End of the file's name. Default "".

    Raises:
        ImportError: TensorBoard is not installed. OSError: the folder cannot be written.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder, create_file_writer(f"{folder}/run_1") as writer:
        ...     for step in range(3):
        ...         writer.scalar("accuracy", 0.5 + step / 10, step)
    """
    return SummaryWriter(logdir, max_queue, flush_millis, filename_suffix)


class SummaryWriter:
    """Writes values for TensorBoard into a new event file in the folder of a run.

    Values are NumPy's, JAX's, Python's. `description` is Markdown that TensorBoard shows beside the value. `step` may
    be left out inside `with writer.as_default(step)`. Threads may share a writer. A `with` closes it at its end.

    Args:
        logdir, max_queue, flush_millis, filename_suffix: See `create_file_writer`.

    Attributes:
        path: The file.

    Differs from Keras: TensorFlow's `tf.summary` needs TensorFlow; methods, `figure` and `hparams` are added here.

    Example:
        >>> import tempfile, lamina, numpy as np
        >>> folder = tempfile.TemporaryDirectory()
        >>> writer = SummaryWriter(folder.name)
        >>> with writer.as_default():
        ...     _ = lamina.summary.histogram("noise", np.random.normal(size=100), step=0)
        >>> writer.image("first", np.zeros((28, 28)), step=0)
        >>> writer.close()
        >>> folder.cleanup()
    """

    def __init__(
        self, logdir: Any, max_queue: int = 10, flush_millis: int = 120_000, filename_suffix: str = ""
    ) -> None:
        queue = check_positive_int("max_queue", max_queue, "create_file_writer: ", minimum=0)
        millis = check_positive_int("flush_millis", flush_millis, "create_file_writer: ", minimum=0)
        self._file = EventFile(to_path(logdir), "lamina.summary", filename_suffix, queue, millis / 1000)
        self.path = self._file.path

    def scalar(self, name: str, data: Any, step: Any = None, description: str | None = None) -> None:
        """Write a number, a point of the curve `name`."""
        self.scalars({name: data}, step, description)

    def scalars(
        self,
        values: Mapping[str, Any],
        step: Any = None,
        description: str | None = None,
        wall_time: float | None = None,
    ) -> None:
        """Write several numbers of one step at once, by name; `wall_time` is when, seconds since 1970, default now."""
        summary = _values.scalars({_name(name): data for name, data in values.items()}, description)
        self._file.add(wall_time, summary=summary, step=_step(step))

    def histogram(
        self, name: str, data: Any, step: Any = None, buckets: int | None = None, description: str | None = None
    ) -> None:
        """Write how numbers of any shape are spread over so many buckets, 30 by default; only finite ones count."""
        self._write(_values.histogram(_name(name), data, buckets, description), step)

    def image(
        self, name: str, data: Any, step: Any = None, max_outputs: int = 3, description: str | None = None
    ) -> None:
        """Write pictures.

        Args:
            name: Name of the series.
            data: (pictures, height, width, channels), or one picture (height, width, channels) or (height, width), or
                grey ones (pictures, height, width) that are wider than 4; 1 to 4 channels: grey, grey and opacity, RGB,
                RGBA. Floats are 0 to 1 and clipped (NaN is 0), whole numbers 0 to 255, booleans black and white.
            step: Step.
            max_outputs: Pictures of this step that are written at most, int >= 1. Default 3.
            description: Markdown.
        Raises:
            ValueError: another shape, or numbers out of range.
        """
        limit = check_positive_int("max_outputs", max_outputs, "image: ")
        self._write(_images.image(_name(name), data, limit, description), step)

    def figure(self, name: str, figure: Any, step: Any = None, description: str | None = None) -> None:
        """Write a Matplotlib figure, or that of some axes, as a picture; it stays open."""
        self._write(_images.figure(_name(name), figure, description), step)

    def text(self, name: str, data: Any, step: Any = None, description: str | None = None) -> None:
        """Write text in Markdown; a list becomes a table of one column, a list of lists one of several."""
        self._write(_values.text(_name(name), data, description), step)

    def audio(
        self,
        name: str,
        data: Any,
        sample_rate: int,
        step: Any = None,
        max_outputs: int = 3,
        description: str | None = None,
    ) -> None:
        """Write sounds, (sounds, frames, channels) of floats in -1..1, `sample_rate` frames a second."""
        limit = check_positive_int("max_outputs", max_outputs, "audio: ")
        rate = check_positive_int("sample_rate", sample_rate, "audio: ")
        self._write(_values.audio(_name(name), data, rate, limit, description), step)

    def hparams(
        self, hparams: Mapping[str, Any], trial_id: str | None = None, start_time_secs: float | None = None
    ) -> None:
        """Write the hyperparameters of this run, for the page HParams.

        Args:
            hparams: Dict from names to numbers, booleans or text.
            trial_id: What runs of one trial share. Default None: made from the values.
            start_time_secs: When the run began, seconds since 1970. Default None: now.
        """
        self._write(_values.hparams(hparams, trial_id, start_time_secs), 0)

    def graph(self, graph: Any, step: Any = 0) -> None:
        """Write a graph: a model's JSON (`model.to_json()`), or a `GraphDef` message of TensorBoard's."""
        if isinstance(graph, str):
            self._write(_values.keras_model("keras", graph), step)
        else:
            self._file.add(graph_def=graph.SerializeToString())

    @contextmanager
    def as_default(self, step: Any = None) -> Iterator[SummaryWriter]:
        """Make the functions of `lamina.summary` write here, at `step` where they are given none."""
        with default.writing(self, step):
            yield self

    def flush(self) -> int:
        """Write what was kept back; returns the size of the file, bytes."""
        return self._file.flush()

    def close(self) -> None:
        """Close the file; once is enough."""
        self._file.close()

    def _write(self, summary: Any, step: Any) -> None:
        self._file.add(summary=summary, step=_step(step))

    def __enter__(self) -> SummaryWriter:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def _name(name: str) -> str:
    if not isinstance(name, str) or not name:
        raise ValueError(f"lamina.summary: name: expected text such as 'accuracy', received {name!r:.60}.")
    return name


def _step(step: Any) -> int:
    given = default.current_step() if step is None else step
    if given is None:
        raise ValueError(
            "lamina.summary: step: expected a whole number, received none. Give step=..., or write inside "
            "`with writer.as_default(step):`."
        )
    try:
        return operator.index(getattr(given, "value", given))
    except TypeError:
        raise ValueError(f"lamina.summary: step: expected a whole number, received {given!r:.60}.") from None
