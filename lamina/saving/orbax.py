"""State that is spread over devices and hosts, as an Orbax checkpoint: each host writes and reads what it holds.

For one machine, `model.save` and `fit(resume=)` are simpler, and check every byte. Needs `pip install "lamina[orbax]"`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax

from lamina.core.errors import FileError, closest_match
from lamina.core.variable import Variable
from lamina.saving.state import own_variables, places


def save_orbax(model: Any, folder: Any, *, overwrite: bool = False) -> Path:
    """Write a model's weights, its optimizer's state and its seeds as an Orbax checkpoint, wherever the arrays lie.

    On several hosts each calls it with the same folder, on a disk that all of them see.

    Args:
        model: A built model.
        folder: A folder that is made.
        overwrite: Whether a checkpoint that is there is replaced.
    Returns: the folder.
    Raises:
        NotBuiltError: no weights yet. ImportError: Orbax is not installed. ValueError: the folder is there already.
    Example:
        >>> import tempfile
        >>> from lamina.layers import Dense, Input
        >>> from lamina.models import Sequential
        >>> model = Sequential([Input((3,)), Dense(2)])
        >>> folder = save_orbax(model, tempfile.mkdtemp() + "/state")
        >>> load_orbax(model, folder)
    """
    model._require_built()
    target = _absolute(folder)
    if target.exists() and not overwrite:
        raise ValueError(f"save_orbax: {target} is there already. Name a new folder, or pass overwrite=True.")
    with _checkpointer() as checkpointer:
        checkpointer.save(target, {key: v.value for key, v in _variables(model).items()}, force=overwrite)
    return target


def load_orbax(model: Any, folder: Any) -> None:
    """Give a model the state of an Orbax checkpoint; each array goes where the model's own one lies.

    So a checkpoint of eight devices can be read on one, and the other way round: place the model's weights first.

    Args:
        model: A model that was built as the one that was saved; compiled, if that one was.
        folder: What `save_orbax` wrote.
    Raises:
        FileError: no such checkpoint; an array that is missing, left over or of another shape; the model is unchanged.
        NotBuiltError: no weights yet. ImportError: Orbax is not installed.
    """
    model._require_built()
    source = _absolute(folder)
    if not source.is_dir():
        raise FileError(str(source), "", "no such folder")
    optimizer = getattr(model, "optimizer", None)
    with _checkpointer() as checkpointer:
        try:
            stored = checkpointer.metadata(source).item_metadata.tree
        except Exception as error:
            raise FileError(str(source), "", f"not an Orbax checkpoint: {str(error).splitlines()[0]:.200}") from error
        if optimizer is not None and any(key.startswith("optimizer.") for key in stored) and not optimizer.built:
            optimizer.build(model.trainable_variables)
        variables = _variables(model)
        _compare(str(source), stored, variables)
        wanted = {
            key: jax.ShapeDtypeStruct(v.value.shape, v.value.dtype, sharding=v.value.sharding)
            for key, v in variables.items()
        }
        values = checkpointer.restore(source, wanted)
    for key, variable in variables.items():
        variable.assign(values[key])


def _variables(model: Any) -> dict[str, Variable]:
    """The variables by their place in the model, as all files of lamina have it, with dots for Orbax."""
    return {
        f"{place}.vars.{i}".lstrip(".").replace("/", "."): variable
        for place, thing in places(model).items()
        for i, variable in enumerate(own_variables(thing))
    }


def _compare(path: str, stored: dict[str, Any], variables: dict[str, Variable]) -> None:
    """Raise for the first array that differs."""
    for key, variable in variables.items():
        if key not in stored:
            raise FileError(path, key, f"no such array in the checkpoint.{closest_match(key, stored)}", code="mismatch")
        if tuple(stored[key].shape) != tuple(variable.shape):
            text = f"expected shape {tuple(variable.shape)}, received {tuple(stored[key].shape)}"
            raise FileError(path, key, text, code="mismatch")
    left = sorted(stored.keys() - variables.keys())
    if left:
        raise FileError(
            path, left[0], f"the model has no place for it, nor for {len(left) - 1} others", code="mismatch"
        )


def _absolute(folder: Any) -> Path:
    return Path(folder).expanduser().resolve()


def _checkpointer() -> Any:
    try:
        import orbax.checkpoint
    except ImportError as error:
        raise ImportError('Orbax is not installed: pip install "lamina[orbax]"') from error
    return orbax.checkpoint.StandardCheckpointer()
