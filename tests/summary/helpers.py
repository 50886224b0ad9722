"""What TensorBoard's own reader finds in a folder."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np


def events(folder: Path) -> Any:
    """The event files of a folder, read by TensorBoard."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    return EventAccumulator(str(folder), size_guidance={"tensors": 0}).Reload()


def series(folder: Path) -> dict[str, list[tuple[int, Any]]]:
    """(step, value) of each tag."""
    from tensorboard.util.tensor_util import make_ndarray

    read = events(folder)
    return {
        tag: [(event.step, make_ndarray(event.tensor_proto)) for event in read.Tensors(tag)]
        for tag in read.Tags()["tensors"]
    }


def plugin(folder: Path, tag: str) -> str:
    """The plugin that shows a tag."""
    return events(folder).SummaryMetadata(tag).plugin_data.plugin_name


def pictures(value: np.ndarray) -> list[np.ndarray]:
    """The pictures of an image summary, decoded by Pillow; their size is what the summary says."""
    from PIL import Image

    width, height, *encoded = value
    read = [np.asarray(Image.open(io.BytesIO(png))) for png in encoded]
    assert all(picture.shape[:2] == (int(height), int(width)) for picture in read)
    return read
