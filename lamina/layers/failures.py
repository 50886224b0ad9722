"""What a user's `call` can get wrong, said with the layer's path, the shapes and the user's own line."""

from __future__ import annotations

import linecache
import os
import site
import sysconfig
from types import TracebackType
from typing import Any

import jax

from lamina.core.errors import LaminaError, warn_user
from lamina.core.variable import Variable
from lamina.layers.context import local
from lamina.layers.owner import metrics_of

_LAMINA = os.path.dirname(os.path.dirname(os.path.realpath(__file__))) + os.sep
_LIBRARIES = tuple(
    os.path.realpath(folder) + os.sep
    for folder in {
        _LAMINA,
        *site.getsitepackages(),
        site.getusersitepackages(),
        sysconfig.get_paths()["stdlib"],
        sysconfig.get_paths()["purelib"],
    }
)
_NO_VALUES = (
    "While a model is compiled its arrays have no values yet, so that `if`, `while`, `float()`, NumPy and masks of "
    "booleans cannot look at them. Use jnp.where or jax.lax.cond in place of `if`, jax.numpy in place of NumPy, and "
    "jnp.where(mask, x, 0) in place of x[mask]."
)


def shapes_of(inputs: Any) -> str:
    """The shape of an array, or the shapes of a nest of them, in words; None for a batch axis that is not known."""
    shapes = [tuple(leaf.shape) for leaf in jax.tree.leaves(inputs) if hasattr(leaf, "shape")]
    if local.shapes_only:
        shapes = [(None, *shape[1:]) if shape else shape for shape in shapes]
    return f"shape {shapes[0]}" if len(shapes) == 1 else f"shapes {shapes}"


def explain(error: Exception, layer: Any, inputs: Any) -> None:
    """Put the layer's path, its input shapes and the user's line before the message of an error from its `call`.

    The innermost layer leads, each layer around it adds a note; so does a layer of lamina's own that has said it
    itself. An error whose text cannot be changed (`KeyError` quotes it) is raised as one of a subclass that can.
    """
    frames = _files_and_lines(error.__traceback__)
    line = next((frame for frame in reversed(frames) if not frame[0].startswith(_LIBRARIES)), None)
    at = "" if line is None else f" at {os.path.basename(line[0])}, line {line[1]}: {linecache.getline(*line).strip()}"
    where = f"ayer {layer.path!r} ({type(layer).__name__}), called on {shapes_of(inputs)}"
    said = line is None and len(frames) > 1 and frames[-1][0].startswith(_LAMINA)
    if said or getattr(error, "is_explained", False):
        error.add_note(f"Raised in l{where}{at and f',{at}'}.")
        return
    told = _retold(error, f"L{where}, failed{at or ':'}\n{_plain_text(error) or type(error).__name__}")
    told.is_explained = True
    if told is not error:
        raise told.with_traceback(error.__traceback__) from None


def _files_and_lines(traceback: TracebackType | None) -> list[tuple[str, int]]:
    """File and line number of each frame, innermost last."""
    found = []
    while traceback is not None:
        found.append((os.path.realpath(traceback.tb_frame.f_code.co_filename), traceback.tb_lineno))
        traceback = traceback.tb_next
    return found


def _plain_text(error: Exception) -> str:
    """The message, without JAX's account of functions of lamina's that were being traced."""
    text = str(error.args[0]) if isinstance(error, KeyError) and len(error.args) == 1 else str(error)
    if not isinstance(error, (jax.errors.JAXTypeError, jax.errors.JAXIndexError)):
        return text
    kept = [line for line in text.splitlines() if line and not line.startswith("The error occurred while tracing")]
    return "\n".join([*kept[:-1], _NO_VALUES, *kept[-1:]])


def _retold(error: Exception, text: str) -> Any:
    """The error with another text: the same object where its arguments are its text, else one of a subclass."""
    old = error.args
    error.args = (text, *old[1:])
    if str(error) == text:
        return error
    error.args = old
    kind = type(error)
    told_kind: Any = type(kind.__name__, (kind,), {"__str__": lambda self: self._text, "__module__": kind.__module__})
    arguments: Any = error.__reduce__()[1]  # an OSError's file name is not in its `args`
    told = told_kind.__new__(told_kind, *arguments)
    if kind.__module__ == "builtins":
        kind.__init__(told, *arguments)
    told.__dict__.update(error.__dict__)
    told.args, told._text = old, text
    return told


def require_output(outputs: Any, layer: Any, whole_model: bool = False) -> None:
    """Raise for a `call` that returned nothing; with `whole_model`, also for outputs that are no arrays."""
    if outputs is None:
        raise LaminaError(
            f"Layer {layer.path!r} ({type(layer).__name__}): call returned None. Is a `return` missing at its end?"
        )
    if not whole_model:
        return
    for leaf in jax.tree.leaves(outputs):
        if not hasattr(leaf, "dtype") and not isinstance(leaf, (bool, int, float)):
            raise LaminaError(
                f"Layer {layer.path!r} ({type(layer).__name__}): call returned {leaf!r:.60} of type "
                f"{type(leaf).__name__}. Expected an array, or a list, tuple or dict of arrays."
            )


def refuse_weights_of(layer: Any, running: Any) -> None:
    """Raise for weights that are made while a `call` is running that should not make any."""
    if layer._made_in is not None:
        raise LaminaError(
            f"Layer {layer.name!r} ({type(layer).__name__}) is made inside the call of {layer._made_in!r}, so that "
            "every call would start with new weights. Make it in __init__, as an attribute: self.layer = ..."
        )
    if running is layer:
        raise LaminaError(
            f"Layer {layer.path!r} ({type(layer).__name__}): call makes a weight, so that every call would start with "
            "a new one. Make weights in __init__ or build: def build(self, input_shape): self.w = self.add_weight(...)."
        )


def refuse_lost_variables(root: Any, made: list[tuple[Variable, Any]]) -> None:
    """Raise for variables that a traced `call` made and that no layer or metric holds.

    Args:
        root: The outermost layer.
        made: The variables, each with the layer whose `call` made it.
    """
    if not made:
        return
    metrics = [metric for layer in root.tree.layers for metric in metrics_of(layer)]
    held = {id(v) for v in [*root.tree.variables, *(v for metric in metrics for v in metric.variables)]}
    for variable, layer in made:
        if id(variable) not in held:
            raise LaminaError(
                f"Layer {layer.path!r} ({type(layer).__name__}): call makes the variable {variable.name!r}, so that "
                "every call would start with a new one: it is neither trained nor saved. Make variables in __init__ or "
                "build, and keep them: self.v = self.add_weight(...)."
            )


def warn_of_untracked(root: Any, called: list[Any]) -> None:
    """Warn of layers with weights that a `call` used although no attribute holds them: they are not trained."""
    known = {id(layer) for layer in root.tree.layers}
    for layer in called:
        if id(layer) not in known and layer._weights and not layer._told_untracked:
            layer._told_untracked = True
            warn_user(
                f"Layer {layer.name!r} ({type(layer).__name__}) is used in the call of {root.name!r}, which does not "
                "hold it as an attribute: its weights are constants there, neither trained nor saved. Keep it as "
                f"self.{layer.name} = ... in __init__, in place of a global variable or a Lambda."
            )
