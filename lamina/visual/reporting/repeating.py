"""What it takes to do a run again: versions, seed, checksums, and the Python lines."""

from __future__ import annotations

import hashlib
import importlib.metadata
import platform
from collections.abc import Iterable, Mapping
from typing import Any

import jax
import numpy as np

import lamina
from lamina.core.random import last_seed
from lamina.visual.reporting import page

_PACKAGES = ("jax", "jaxlib", "numpy", "scikit-learn")


def repeating(model: Any, arrays: Iterable[np.ndarray], seed: int | None, fit_arguments: Mapping[str, Any]) -> str:
    """Versions, device, seed, checksums and lines.

    Args:
        model: The model. arrays: The test data. seed: As given, or None: what `set_random_seed` was last given.
        fit_arguments: Arguments of `fit`, such as epochs and batch_size.
    """
    seed = last_seed() if seed is None else seed
    device = jax.devices()[0]
    rows = [("lamina", lamina.__version__), ("Python", platform.python_version())]
    rows += [(name, importlib.metadata.version(name)) for name in _PACKAGES]
    rows += [
        ("system", f"{platform.system()} {platform.release()} {platform.machine()}"),
        ("device", f"{jax.device_count()} x {device.device_kind} ({device.platform})"),
        ("seed", "none was set: lamina.utils.set_random_seed(seed)" if seed is None else str(seed)),
        ("SHA-256 of the weights, its start", _digest(np.asarray(weight) for weight in model.weights)),
        ("SHA-256 of the test data, its start", _digest(arrays)),
    ]
    return (
        page.table(("", ""), rows)
        + page.heading("The lines")
        + page.paragraph(
            "They make the model and train it again, to the same weights where it was made right after the seed was "
            "set, on the same kind of device. x_train and y_train are your training data.",
            note=True,
        )
        + page.lines(lines(model, seed, fit_arguments))
    )


def lines(model: Any, seed: int | None, fit_arguments: Mapping[str, Any]) -> str:
    """The Python program that repeats the run; the architecture and the compile settings are in it."""
    pins = " ".join(f"{name}=={importlib.metadata.version(name)}" for name in _PACKAGES[:3])
    code = [f"# pip install lamina=={lamina.__version__} {pins}", "import lamina", ""]
    if seed is not None:
        code.append(f"lamina.utils.set_random_seed({seed})")
    try:
        described = model.to_json()
    except (TypeError, ValueError, NotImplementedError) as error:
        code.append(f"model = ...  # a {type(model).__name__}, made as before: {' '.join(str(error).split())[:200]}")
    else:
        own = type(model).__module__.split(".")[0] != "lamina"
        needed = f", custom_objects={{{type(model).__name__!r}: {type(model).__name__}}}" if own else ""
        code.append(f"model = lamina.models.model_from_json({described!r}{needed})")
    adapted = [layer.name for layer in model.layers if hasattr(layer, "adapt") and layer.weights]
    code += [f"model.get_layer({name!r}).adapt(x_train)" for name in adapted]
    given = "".join(f", {name}={value!r}" for name, value in fit_arguments.items())
    code.append(f"history = model.fit(x_train, y_train{given})")
    return "\n".join(code)


def _digest(arrays: Iterable[np.ndarray]) -> str:
    """A checksum of arrays with their shapes and dtypes, 16 hexadecimal digits."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.shape} {array.dtype}".encode())
        digest.update(np.ascontiguousarray(array).tobytes() if array.dtype.kind != "O" else repr(array).encode())
    return digest.hexdigest()[:16]
