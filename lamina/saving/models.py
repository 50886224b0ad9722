"""Whole models in one file: `.keras`, as Keras 3 writes it.

    metadata.json       versions
    config.json         the architecture, and how the model is compiled
    model.weights.h5    the arrays of layers and of the optimizer

Loading builds the model from the config with shapes alone, compares these with what is stored, and only then reads.
"""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from lamina.core.config import with_shared
from lamina.core.errors import FileError, NotBuiltError, warn_user
from lamina.files import (
    Archive,
    ArchiveWriter,
    Hdf5Reader,
    OpenFile,
    open_beside,
    open_file,
    parse_json,
    replacing,
    to_path,
)
from lamina.files import to_json as json_bytes
from lamina.models.architecture import compile_configs
from lamina.models.graph_config import serialize_layer
from lamina.models.model import Model
from lamina.optimizers import OptaxOptimizer
from lamina.saving import legacy
from lamina.saving.build import building, model_from_config
from lamina.saving.names import model_target
from lamina.saving.restore import refusing, restore, restore_seeds
from lamina.saving.weights import MEMBER, write_state

CONFIG, METADATA, WEIGHTS = "config.json", "metadata.json", MEMBER
_KERAS = "3.15.1"  # whose layout this is


def save_model(model: Model, filepath: Any, overwrite: bool = True, include_optimizer: bool = True) -> Path:
    """Write a model to a file: architecture, weights, compile settings, optimizer.

    The file is written beside the target and then takes its place, so that a crash or a full disk leaves the old one
    whole. The same state gives the same bytes.

    Args:
        model: A model with weights.
        filepath: Name, path or `file://` address. Without an extension it gets `.keras`; in a folder the file is
            `model.keras`; `.h5` is Keras' older format.
        overwrite: Whether a file that is there is replaced; False raises a `FileExistsError`.
        include_optimizer: Whether the optimizer's settings and state, with the losses and metrics, are written too.

    Returns:
        The path of the file.

    Raises:
        NotBuiltError: no weights yet. OSError: the disk refused; a file that was there is unchanged.
        TypeError: something in the model has no config, such as a lambda.

    Example:
        >>> import tempfile
        >>> from lamina.layers import Dense, Input
        >>> from lamina.models import Sequential
        >>> model = Sequential([Input((3,)), Dense(2)])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = save_model(model, f"{folder}/small")
        ...     path.name, bool((load_model(path).get_weights()[0] == model.get_weights()[0]).all())
        ('small.keras', True)
    """
    target, kind = model_target(filepath)
    _require_model(model, "save")
    if not overwrite and target.exists():
        raise FileExistsError(f"save: {target} is there already, and overwrite=False. Choose another name.")
    if kind == "h5":
        legacy.save(model, target, include_optimizer)
        return target
    config = json_bytes(model_config(model, include_optimizer))
    with replacing(target) as file:
        archive = ArchiveWriter(file)
        archive.add(
            METADATA, json_bytes({"keras_version": _KERAS, "lamina_version": sys.modules["lamina"].__version__})
        )
        archive.add(CONFIG, config)
        with archive.stream(WEIGHTS) as stream:
            write_state(model, stream, include_optimizer)
        archive.close()
    return target


def load_model(
    filepath: Any, custom_objects: dict[str, Any] | None = None, compile: bool = True, safe_mode: bool = True
) -> Any:
    """Read a model from a file of lamina's or Keras' (3.3 and newer, or its older `.h5`).

    No file runs code: names in it are looked up in lamina's tables, in what was registered and in `custom_objects`.

    Args:
        filepath: Path, or open binary file, or folder in Keras' unzipped layout.
        custom_objects: Classes and functions of your own by the names that the file uses.
        compile: Whether to compile the model as the file says, with the state of its optimizer.
        safe_mode: As in Keras; False changes nothing here.

    Returns:
        The model.

    Raises:
        FileError: the file is damaged, not a model, or does not fit itself; it names the file, the part and the reason.
        FileNotFoundError: there is no such file.

    Differs from Keras: `safe_mode=False` does not run marshalled code either; pass the function in `custom_objects`.
    A file whose arrays do not all fit is refused. Loading changes neither random state nor automatic names.
    """
    folder = _folder_of(filepath)
    with ExitStack() as stack:
        if folder is not None and not (folder / CONFIG).is_file():
            filepath, folder = folder / "model.keras", None
        if folder is not None:
            config = stack.enter_context(open_beside(folder, CONFIG))
            weights = stack.enter_context(open_beside(folder, WEIGHTS))
            path, text, stream = str(folder), config.handle.read(), weights.handle
        else:
            file = stack.enter_context(open_file(filepath))
            if legacy.is_hdf5(file):
                return legacy.load(file, custom_objects, compile)
            path, text, stream = _members(file)
        source = stack.enter_context(Hdf5Reader(stream, path, WEIGHTS))
        plain = parse_json(text, path, CONFIG)
        return _build(plain, source, path, custom_objects, compile)


def _members(file: OpenFile) -> tuple[str, bytes, Any]:
    """The name of the file, the text of its config, and its weights."""
    archive = Archive(file)
    for name in (CONFIG, WEIGHTS):
        if name not in archive.names:
            found = ", ".join(archive.names[:10]) or "nothing"
            raise FileError(
                file.path, name, f"this part is missing; the archive holds {found}", code="incomplete",
                way_out="Expected a file that model.save() wrote.",
            )  # fmt: skip
    return file.path, archive.read(CONFIG, archive.size(CONFIG)), archive.view(WEIGHTS)


def _build(config: Any, source: Hdf5Reader, path: str, custom_objects: Any, compile: bool) -> Any:
    """Build the model that a config describes and give it the arrays."""
    with building(source, custom_objects) as promised:
        with refusing(path, CONFIG):
            model = model_from_config(config, compile)
        with refusing(path, WEIGHTS):
            if not model.built:
                raise FileError(path, CONFIG, f"it does not say for which input {model.name!r} was built")
            restore(model, source, path, where=WEIGHTS)
            restore_seeds(model, source.groups)
            promised.keep()
    return model


def model_config(model: Model, include_optimizer: bool = True) -> dict[str, Any]:
    """Return the config of a model with how it is compiled, as plain data."""
    config = with_shared(lambda: serialize_layer(model))
    if model.compiled and include_optimizer:
        if _is_code(model.optimizer):
            warn_user(
                f"save: the optimizer of model {model.name!r} is an Optax transformation, which is code and goes into "
                "no file: the model is saved without its compile settings. After load_model, call compile again."
            )
        else:
            config |= compile_configs(model.get_compile_config())
    return config


def _is_code(optimizer: Any) -> bool:
    return isinstance(getattr(optimizer, "inner_optimizer", optimizer), OptaxOptimizer)


def _folder_of(filepath: Any) -> Path | None:
    if hasattr(filepath, "read"):
        return None
    path = to_path(filepath)
    return path if path.is_dir() else None


def _require_model(model: Any, method: str) -> None:
    if not isinstance(model, Model):
        raise TypeError(f"{method}: expected a model, received {model!r} of type {type(model).__name__}.")
    if not model.built:
        raise NotBuiltError(
            f"{method}: model {model.name!r} has no weights yet: call it on data, or build(input_shape), first."
        )
