"""Where a file goes and in which format, from the name that the user gave."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lamina.core.errors import check_choice
from lamina.files import to_path

MODEL_FORMATS = {".keras": "keras", ".h5": "h5", ".hdf5": "h5"}
WEIGHT_FORMATS = {
    ".weights.h5": "h5",
    ".h5": "h5",
    ".hdf5": "h5",
    ".weights.json": "sharded",
    ".safetensors": "safetensors",
}


def model_target(path: Any, argument: str = "save: filepath") -> tuple[Path, str]:
    """Return the file that a model is saved to, and the format: "keras", or "h5", Keras' older one.

    A name without extension gets `.keras`; in a folder the file is `model.keras`; an extension that says nothing
    (`best.pt`) stays, and the format is "keras".
    """
    target = _in_folder(to_path(path), path, "model")
    for ending, kind in MODEL_FORMATS.items():
        if target.name.endswith(ending):
            if target.name.endswith(".weights.h5"):
                raise ValueError(
                    f"{argument}: {str(path)!r} is the name of a file of weights alone. For the whole model use a name "
                    "that ends in .keras; for the weights, save_weights."
                )
            return target, kind
    return (target if target.suffix else target.with_name(f"{target.name}.keras")), "keras"


def weights_target(path: Any, max_shard_size: float | None = None) -> tuple[Path, str]:
    """Return the file that weights are saved to, and the format: "h5", "sharded" or "safetensors".

    A name without extension gets `.weights.h5` (`.weights.json` with `max_shard_size`); so does a `.keras` ending,
    which stands for a whole model.
    """
    target = _in_folder(to_path(path), path, "model")
    default = ".weights.h5" if max_shard_size is None else ".weights.json"
    for ending, kind in WEIGHT_FORMATS.items():
        if target.name.endswith(ending):
            if max_shard_size is not None and kind != "sharded":
                return target.with_name(target.name.removesuffix(ending) + default), "sharded"
            return target, kind
    if target.suffix == ".keras":
        target = target.with_suffix("")
    elif target.suffix and max_shard_size is None:
        return target, "h5"
    return target.with_name(target.name + default), "h5" if max_shard_size is None else "sharded"


def _in_folder(target: Path, given: Any, name: str) -> Path:
    """The file `name` in a folder, where the user named a folder."""
    return target / name if str(given).endswith("/") or target.is_dir() else target


def check_weights_format(kind: str | None) -> None:
    """Raise unless a format of weights is known."""
    if kind is not None:
        check_choice("format", kind, sorted(set(WEIGHT_FORMATS.values())), "save_weights: ")
