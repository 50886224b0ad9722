"""Numbers, texts, sounds and settings as messages of TensorBoard's: one `Summary` for each."""

from __future__ import annotations

import functools
import io
import wave
from collections.abc import Mapping
from typing import Any

import numpy as np

from lamina.summary import _package

_KINDS = {"b": "bool", "i": "int", "u": "int", "f": "float", "V": "float"}  # V: bfloat16 and its like


def scalars(values: Mapping[str, Any], description: str | None) -> Any:
    """Numbers by tag."""
    summary = _package.protocol("summary_pb2").Summary()
    metadata = _scalar_metadata(description)
    for tag, data in values.items():
        value = summary.value.add(tag=tag, metadata=metadata)
        value.tensor.dtype = _package.protocol("types_pb2").DT_FLOAT
        value.tensor.tensor_shape.SetInParent()  # of no axes
        value.tensor.float_val.append(_number(tag, data))
    return summary


@functools.cache
def _scalar_metadata(description: str | None) -> Any:
    return _package.plugin("scalar.metadata").create_summary_metadata(None, description)


def _number(tag: str, data: Any) -> float:
    if type(data) in (float, int):
        return float(data)
    array = np.asarray(data)
    if array.ndim or array.dtype.kind not in _KINDS:
        raise ValueError(
            f"scalar: {tag!r}: expected one number, received {_told(data, array)}. Take its mean, or write a histogram."
        )
    return float(array)


def histogram(tag: str, data: Any, buckets: int | None, description: str | None) -> Any:
    """Counts of numbers of any shape in buckets of one width; NaN and infinities are left out."""
    count = 30 if buckets is None else buckets
    if isinstance(count, bool) or not isinstance(count, (int, np.integer)) or count < 0:
        raise ValueError(f"histogram: {tag!r}: buckets: expected a whole number >= 0, received {buckets!r}.")
    array = np.asarray(data)
    if array.dtype.kind not in _KINDS:
        raise ValueError(f"histogram: {tag!r}: expected numbers, received {_told(data, array)}.")
    numbers = array.astype(np.float64).ravel()
    numbers = numbers[np.isfinite(numbers)]
    rows = np.zeros((count, 3))  # left edge, right edge, count
    if count and numbers.size and numbers.min() == numbers.max():
        rows[:, :2] = numbers[0]
        rows[-1, 2] = numbers.size
    elif count and numbers.size:
        rows[:, 2], edges = np.histogram(numbers, count)
        rows[:, 0], rows[:, 1] = edges[:-1], edges[1:]
    metadata = _package.plugin("histogram.metadata").create_summary_metadata(None, description)
    return tensor(tag, rows, metadata)


def text(tag: str, data: Any, description: str | None) -> Any:
    """A text in Markdown, or a table of them, (rows,) or (rows, columns)."""
    array = np.asarray(data, object)
    wrong = [item for item in array.flat if not isinstance(item, (str, bytes))]
    if wrong:
        raise ValueError(
            f"text: {tag!r}: expected text or lists of it, received {wrong[0]!r:.60} of type "
            f"{type(wrong[0]).__name__}. Write str(value)."
        )
    return _package.plugin("text.summary_v2").text_pb(tag, array, description)


def hparams(values: Mapping[str, Any], trial_id: str | None, start_time_secs: float | None) -> Any:
    """The hyperparameters of a run, for TensorBoard's page HParams."""
    if not isinstance(values, Mapping):
        raise ValueError(
            f"hparams: expected a dict from names to values, received {values!r:.60} of type {type(values).__name__}."
        )
    plain = {name: _plain(str(getattr(name, "name", name)), value) for name, value in values.items()}
    return _package.plugin("hparams.summary_v2").hparams_pb(plain, trial_id, start_time_secs)


def _plain(name: str, value: Any) -> Any:
    if getattr(value, "ndim", None) == 0 and hasattr(value, "item"):
        value = value.item()
    if not isinstance(value, (bool, int, float, str)):
        raise ValueError(
            f"hparams: {name!r}: expected a number, a bool or text, received {value!r:.60} of type "
            f"{type(value).__name__}. Write str(value), or leave it out."
        )
    return value


def audio(tag: str, data: Any, sample_rate: int, max_outputs: int, description: str | None) -> Any:
    """Sounds (sounds, frames, channels), float in -1..1, as WAV of 16 bits."""
    array = np.asarray(data)
    if array.ndim != 3 or array.dtype.kind not in "fV" or not 1 <= array.shape[2] <= 2:
        raise ValueError(
            f"audio: {tag!r}: expected (sounds, frames, channels) of floats in -1..1 with 1 or 2 channels, received "
            f"{_told(data, array)}."
        )
    levels = np.rint(np.nan_to_num(array[:max_outputs].astype(np.float64)) * 32768)  # as TensorFlow rounds
    frames = np.clip(levels, -32768, 32767).astype("<i2")
    rows = np.empty((len(frames), 2), object)  # sound, label
    for number, sound in enumerate(frames):
        file = io.BytesIO()
        with wave.open(file, "wb") as writer:
            writer.setnchannels(sound.shape[1])
            writer.setsampwidth(2)
            writer.setframerate(int(sample_rate))
            writer.writeframes(sound.tobytes())
        rows[number] = file.getvalue(), b""
    plugin = _package.plugin("audio.metadata")
    return tensor(tag, rows, plugin.create_summary_metadata(None, description, plugin.Encoding.Value("WAV")))


def keras_model(tag: str, text: str) -> Any:
    """A model's architecture as JSON, which TensorBoard draws as a conceptual graph."""
    metadata = _package.protocol("summary_pb2").SummaryMetadata()
    metadata.plugin_data.plugin_name = "graph_keras_model"
    metadata.plugin_data.content = b"1"  # version
    return tensor(tag, np.array(text.encode(), object), metadata)


def tensor(tag: str, data: np.ndarray, metadata: Any) -> Any:
    """One value whose plugin is told in its metadata; objects are bytes."""
    from tensorboard.util import tensor_util

    summary = _package.protocol("summary_pb2").Summary()
    dtype = np.object_ if data.dtype == object else None
    summary.value.add(tag=tag, metadata=metadata, tensor=tensor_util.make_tensor_proto(data, dtype=dtype))
    return summary


def _told(data: Any, array: np.ndarray) -> str:
    """What came, for messages."""
    kind = f"{data!r:.60} of type {type(data).__name__}" if array.dtype.kind in "OUS" else f"dtype {array.dtype}"
    return f"shape {array.shape}, {kind}" if array.ndim else kind
