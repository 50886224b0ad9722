"""Weights alone: `.weights.h5` and `.weights.json` (several files), as Keras writes them, and safetensors."""

from __future__ import annotations

from contextlib import ExitStack, nullcontext
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from lamina.core.errors import FileError
from lamina.files import (
    Archive,
    Hdf5Reader,
    Hdf5Writer,
    OpenFile,
    SafetensorsReader,
    SafetensorsWriter,
    open_file,
    parse_json,
    replacing,
)
from lamina.files import to_json as json_bytes
from lamina.layers.base import Layer
from lamina.layers.stateless import by_path
from lamina.optimizers._state import OptimizerState
from lamina.saving import legacy, sharded
from lamina.saving.names import check_weights_format, weights_target
from lamina.saving.renamed import Renamed, named_variables
from lamina.saving.renamed import by_name as by_name_source
from lamina.saving.restore import SEEDS, refusing, restore, restore_seeds, seeds_text
from lamina.saving.state import OPTIMIZER, own_variables, places

MEMBER = "model.weights.h5"  # of a `.keras` file


def save_weights(
    model: Layer,
    filepath: Any,
    overwrite: bool = True,
    max_shard_size: float | None = None,
    format: str | None = None,
) -> Path:
    """Write a model's weights, and its optimizer's state, to a file.

    Args:
        model: A model with weights.
        filepath: Name, path or `file://` address. Without an extension it gets `.weights.h5`; `.safetensors` and
            `.weights.json` choose their formats.
        overwrite: Whether a file that is there is replaced; False raises a `FileExistsError`.
        max_shard_size: Gigabytes that each file may have; the weights then go into several, with an index
            `.weights.json`.
        format: "h5", "sharded" or "safetensors", where the name does not say it.

    Returns:
        The path of the file.

    Raises:
        NotBuiltError: no weights yet. OSError: the disk refused; a file that was there is unchanged.

    Example:
        >>> import tempfile
        >>> from lamina.layers import Dense, Input
        >>> from lamina.models import Sequential
        >>> model = Sequential([Input((3,)), Dense(2)])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = save_weights(model, f"{folder}/small")
        ...     load_weights(model, path)
        >>> path.name
        'small.weights.h5'
    """
    check_weights_format(format)
    target, kind = weights_target(filepath, max_shard_size)
    kind = format or kind
    model._require_built()
    if not overwrite and target.exists():
        raise FileExistsError(f"save_weights: {target} is there already, and overwrite=False. Choose another name.")
    if kind == "sharded":
        sharded.save(state_of(model, include_optimizer=True), target, max_shard_size)
        return target
    with replacing(target) as file:
        if kind == "safetensors":
            write_safetensors(model, file)
        else:
            write_state(model, file, include_optimizer=True, checksum=True)
    return target


def load_weights(model: Layer, filepath: Any, skip_mismatch: bool = False, by_name: bool = False) -> None:
    """Read weights from a file of lamina's or Keras': all of them, or nothing changes.

    Args:
        model: A model with weights, built as the one that was saved.
        filepath: Path, or open binary file: `.weights.h5`, `.weights.json`, `.keras`, `.safetensors`, or Keras'
            older `.h5`. What is in the file decides, whatever its name.
        skip_mismatch: Whether layers that do not fit keep their weights, with a warning.
        by_name: Whether layers are matched by their names, those without a match keeping their weights; the default
            goes by place in the model.

    Raises:
        FileError: the file is damaged, or does not fit the model; it names the file, the place and the reason.
        FileNotFoundError: there is no such file. NotBuiltError: the model has no weights yet.
    """
    model._require_built()
    with ExitStack() as stack:
        file = stack.enter_context(open_file(filepath))
        with refusing(file.path, ""):
            source, where = _source(file, filepath, model, by_name, stack)
        with refusing(file.path, where):
            restore(model, source, file.path, skip_mismatch=skip_mismatch or by_name, where=where)
            restore_seeds(model, source.groups)


def _source(file: OpenFile, filepath: Any, model: Layer, by_name: bool, stack: ExitStack) -> tuple[Any, str]:
    """The arrays of a file, and the part of the file that they lie in; its first bytes say what it is."""
    start = file.window(0, min(16, file.size)).read()
    if legacy.is_hdf5(file):
        source: Any = stack.enter_context(Hdf5Reader(file.handle, file.path, ""))
        if legacy.is_legacy(source):
            return legacy.source_of(source, model, by_name), ""
        where = ""
    elif start.startswith(b"PK"):
        archive, where = Archive(file), MEMBER
        if where not in archive.names:
            found = ", ".join(archive.names[:10])
            raise FileError(file.path, where, f"this part is missing; the archive holds {found}", code="incomplete")
        source = stack.enter_context(Hdf5Reader(archive.view(where), file.path, where))
    elif start.lstrip()[:1] == b"{":
        source, where = stack.enter_context(sharded.Reader(file, filepath)), ""
    else:
        return _from_safetensors(SafetensorsReader(file), file.path, model), ""
    return (by_name_source(source, model) if by_name else source), where


# Writing --------------------------------------------------------------------------------------------------------------


def write_state(model: Layer, stream: BinaryIO, include_optimizer: bool, checksum: bool = False) -> None:
    """Write the arrays of a model as HDF5 in Keras' layout."""
    writer = Hdf5Writer(stream, checksum=checksum)
    for group, attributes, arrays in state_of(model, include_optimizer):
        writer.group(group, attributes)
        for key, value in arrays.items():
            writer.array(f"{group}/{key}", value)
    writer.close()


def state_of(model: Any, include_optimizer: bool) -> list[tuple[str, dict[str, str], dict[str, np.ndarray]]]:
    """Each group of a file with its attributes and its arrays: one moment of a model, also of one in training."""
    with getattr(model, "state_lock", None) or nullcontext():
        return [
            (f"{place}/vars".lstrip("/"), _attributes(thing), _arrays(thing))
            for place, thing in places(model).items()
            if include_optimizer or place.split("/")[0] != OPTIMIZER
        ]


def _attributes(thing: Any) -> dict[str, str]:
    seeds = seeds_text(thing)
    return {"name": thing.name} | ({SEEDS: seeds} if seeds else {})


def _arrays(thing: Any) -> dict[str, np.ndarray]:
    base: Any = OptimizerState if isinstance(thing, OptimizerState) else Layer
    if type(thing).save_own_variables is not base.save_own_variables:
        store: dict[str, Any] = {}
        thing.save_own_variables(store)
        return {str(key): np.asarray(value) for key, value in store.items()}
    return {str(i): np.asarray(variable._value) for i, variable in enumerate(own_variables(thing))}


# Safetensors ----------------------------------------------------------------------------------------------------------

_PLACES = "lamina_places"  # in the metadata: for each array's name its place, as JSON


def write_safetensors(model: Layer, file: BinaryIO) -> None:
    """Write the arrays of a model as safetensors, named by the paths of their variables."""
    arrays: dict[str, np.ndarray] = {}
    where: dict[str, str] = {}
    seeds: dict[str, str] = {}
    paths = {id(variable): path for path, variable in by_path(named_variables(model).values()).items()}
    variables = named_variables(model)
    for group, attributes, values in state_of(model, include_optimizer=True):
        if SEEDS in attributes:
            seeds[group] = attributes[SEEDS]
        for key, value in values.items():
            place = f"{group}/{key}"
            name = paths[id(variables[place])] if place in variables else place
            arrays[name], where[name] = value, place
    metadata = {_PLACES: json_bytes(where).decode(), SEEDS: json_bytes(seeds).decode()}
    SafetensorsWriter(file).write(arrays, metadata)


def _from_safetensors(reader: SafetensorsReader, path: str, model: Layer) -> Renamed:
    """The arrays of a safetensors file by place: as the file says, else by the paths of the model's variables."""
    if _PLACES in reader.metadata:
        where = _text_map(reader, path, _PLACES)
        names = {place: name for name, place in where.items()}
        seeds = _text_map(reader, path, SEEDS) if SEEDS in reader.metadata else {}
        return Renamed(reader, names, {group: {SEEDS: text} for group, text in seeds.items()})
    places_of = {id(variable): name for name, variable in named_variables(model).items()}
    known = by_path(named_variables(model).values())
    names = {places_of[id(variable)]: path for path, variable in known.items() if path in reader.arrays}
    left = {name: name for name in reader.arrays if name not in known}  # which the model has no variable for
    return Renamed(reader, names | left)


def _text_map(reader: SafetensorsReader, path: str, key: str) -> dict[str, str]:
    plain = parse_json(reader.metadata[key].encode(), path, f"metadata: {key}")
    if not isinstance(plain, dict) or not all(isinstance(value, str) for value in plain.values()):
        raise FileError(path, f"metadata: {key}", "expected a map from texts to texts")
    return plain
