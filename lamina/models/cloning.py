"""`clone_model`: the same architecture again, with new layers and new weights."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable
from typing import Any

import jax

from lamina.core.config import Configurable, custom_object_scope, registered_name
from lamina.core.symbolic import KerasTensor, Operation, symbolic_leaves
from lamina.layers.base import Layer
from lamina.layers.core import Input, InputLayer
from lamina.metrics import Metric
from lamina.models.functional import Functional, takes_graph
from lamina.models.graph import replace
from lamina.models.model import Model
from lamina.models.sequential import Sequential
from lamina.optimizers import OptaxOptimizer, Optimizer


def clone_model(
    model: Model,
    input_tensors: Any = None,
    clone_function: Callable[[Layer], Layer] | None = None,
    call_function: Callable[..., Any] | None = None,
    recursive: bool = False,
) -> Any:
    """Make a model like another: new layers of the same configs and names, with new weights.

    A layer that is called several times is cloned once. Where the model is compiled, so is the clone, with an optimizer
    and metrics that start anew.

    Args:
        model: The model.
        input_tensors: Symbolic tensors for the clone's inputs, in the nest of `model.input`; None makes new ones.
            Not for subclassed models.
        clone_function: Function of a layer that returns the layer to put in its place; None builds it again from its
            config. It is not asked for an `InputLayer` or an operation of `lamina.ops`. Not for subclassed models.
        call_function: Function `(layer, *args, **kwargs)` that calls a clone; what it returns takes the place of
            the outputs. For functional models only.
        recursive: Whether models inside the model are cloned in the same way; if not, `clone_function` is
            asked for them as a whole.

    Returns:
        A `Sequential` or `Functional`; for a subclassed model one of its class, built where the model is and the shape
        of its input is enough for that.

    Raises:
        ValueError: an argument that this kind of model cannot use, or input tensors of another nest.
        TypeError: a clone that is no layer.

    Differs from Keras: models that data have built give clones that are built; the clone of a frozen model is frozen;
    functions and classes of your own need not be registered.

    Example:
        >>> from lamina.layers import Dense
        >>> x = Input((3,))
        >>> model = Model(x, Dense(2, name="out")(x))
        >>> twin = clone_model(model)
        >>> twin.get_layer("out").kernel.shape, bool((twin.get_weights()[0] == model.get_weights()[0]).any())
        ((3, 2), False)
    """
    if not isinstance(model, Model):
        raise TypeError(f"clone_model: expected a model, received {model!r} of type {type(model).__name__}.")
    if not isinstance(model, Functional):
        _refuse(model, call_function=call_function)
    if not isinstance(model, (Functional, Sequential)):
        _refuse(model, input_tensors=input_tensors, clone_function=clone_function)
    clone = _clone(model, input_tensors, _Clones(clone_function, call_function, recursive))
    if model.compiled:
        _compile_alike(clone, model)
    return clone


def again(thing: Any) -> Any:
    """Build a layer, metric or optimizer again from its config; what it names need not be registered.

    Example:
        >>> from lamina.layers import Dense
        >>> again(Dense(3, activation=lambda x: x * 2)).activation(2)
        4
    """
    with custom_object_scope(_names_in(thing)):
        return type(thing).from_config(thing.get_config())


class _Clones:
    """The clones made so far, and how one is made of a layer or operation."""

    def __init__(self, function: Any, call_function: Any, recursive: bool, known: dict[int, Any] | None = None) -> None:
        self.function, self.call_function, self.recursive = function, call_function, recursive
        self._known: dict[int, Any] = {} if known is None else known

    def of(self, thing: Any) -> Any:
        """The clone of a layer or operation."""
        if id(thing) not in self._known:
            self._known[id(thing)] = self._make(thing)
        return self._known[id(thing)]

    def _make(self, thing: Any) -> Any:
        if isinstance(thing, Operation):
            return Operation(thing.function, thing.name, thing.settings)
        if isinstance(thing, (Sequential, Functional)) and (self.recursive or self.function is None):
            return _clone(thing, None, self if self.recursive else _Clones(None, None, False, self._known))
        clone = again(thing) if self.function is None else self.function(thing)
        if not isinstance(clone, Layer):
            raise TypeError(
                f"clone_model: clone_function: expected a layer in place of {thing.name!r}, received {clone!r} of type "
                f"{type(clone).__name__}."
            )
        return clone


def _clone(model: Any, input_tensors: Any, clones: _Clones) -> Any:
    if isinstance(model, Sequential):
        return _clone_sequential(model, input_tensors, clones)
    custom = (input_tensors, clones.function, clones.call_function)
    if isinstance(model, Functional) and (takes_graph(type(model)) or any(value is not None for value in custom)):
        return _clone_functional(model, input_tensors, clones)
    clone = again(model)
    if model.built:
        with contextlib.suppress(Exception):  # its call takes more than the floats of one shape: data will build it
            clone.build_from_config(model.get_build_config())
    return clone


def _clone_sequential(model: Sequential, input_tensors: Any, clones: _Clones) -> Any:
    cls = type(model) if type(model).__init__ is Sequential.__init__ else Sequential
    clone = cls(name=model.name, trainable=model.trainable, dtype=model.dtype_policy)
    if input_tensors is not None:
        tensors = symbolic_leaves(input_tensors)
        if len(tensors) != 1:
            raise ValueError(
                f"clone_model: input_tensors: expected one symbolic tensor, the input of {model.name!r}, received "
                f"{input_tensors!r}. Input(shape) makes one."
            )
        first = tensors[0].producer
        clone.add(first if isinstance(first, InputLayer) else _input_like(tensors[0], f"{first.name}_input"))
    elif model._input is not None:
        clone.add(_input_like(model.input))
    for layer in model.layers:
        clone.add(clones.of(layer))
    if model.built and not clone.built:
        clone.build(model.input_shape)
    return clone


def _clone_functional(model: Functional, input_tensors: Any, clones: _Clones) -> Any:
    if input_tensors is None:
        input_tensors = jax.tree.map(_input_like, model.input)
    if isinstance(model.input, KerasTensor) and isinstance(input_tensors, (list, tuple)) and len(input_tensors) == 1:
        input_tensors = input_tensors[0]
    given = symbolic_leaves(input_tensors)
    nest: Any = jax.tree.structure(model.input)
    if jax.tree.structure(input_tensors) != nest or len(given) != len(model.inputs):
        raise ValueError(
            f"clone_model: input_tensors: expected symbolic tensors in the nest of model.input, {model.input!r}, "
            f"received {input_tensors!r}. Input(shape) makes one."
        )
    new = {id(tensor): replacement for tensor, replacement in zip(model.inputs, given, strict=True)}
    for node in model._graph.nodes:
        if any(id(tensor) in new for tensor in node.output_tensors):
            continue
        args, kwargs = replace((node.args, node.kwargs), new)
        clone = clones.of(node.operation)
        outputs = (
            clone(*args, **kwargs) if clones.call_function is None else clones.call_function(clone, *args, **kwargs)
        )
        made = symbolic_leaves(outputs)
        if len(made) != len(node.output_tensors):
            raise ValueError(
                f"clone_model: call_function: {node.operation.name!r} gives {len(node.output_tensors)} tensors, and as "
                f"many must stand in their place; received {outputs!r}."
            )
        new |= {id(tensor): replacement for tensor, replacement in zip(node.output_tensors, made, strict=True)}
    cls: Any = type(model) if takes_graph(type(model)) else Functional
    outputs = replace(model.output, new)
    return cls(inputs=input_tensors, outputs=outputs, name=model.name, trainable=model.trainable)


def _input_like(tensor: KerasTensor, name: str | None = None) -> KerasTensor:
    return Input(batch_shape=tensor.shape, dtype=tensor.dtype, name=name or tensor.producer.name)


def _compile_alike(clone: Model, model: Model) -> None:
    """Compile with the same settings; what has a state starts anew."""

    def fresh(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: fresh(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [fresh(item) for item in value]
        if isinstance(value, OptaxOptimizer):  # functions, which no config holds
            return type(value)(**{k: getattr(value, k) for k in value.config_parameters() if hasattr(value, k)})
        return again(value) if isinstance(value, (Optimizer, Metric)) else value

    clone.compile(**{**fresh(model._compile_config), "preflight": model.preflight})


def _refuse(model: Model, **arguments: Any) -> None:
    for name, value in arguments.items():
        if value is not None:
            kinds = "functional models" if name == "call_function" else "functional models and Sequential"
            raise ValueError(
                f"clone_model: {name} is for {kinds}, whose calls are known; received {value!r} for {model.name!r}, a "
                f"{type(model).__name__}. Leave it out."
            )


def _names_in(thing: Any) -> dict[str, Any]:
    """The classes and functions that a config of it may name; a name that two of them have is left out."""
    found: dict[str, dict[int, Any]] = {}
    for part in thing.tree.layers if isinstance(thing, Layer) else [thing]:
        for value in (part, *vars(part).values()):
            if isinstance(value, Configurable):
                value = type(value)
            if inspect.isclass(value) or inspect.isfunction(value):
                found.setdefault(registered_name(value) or value.__name__, {})[id(value)] = value
    return {name: next(iter(values.values())) for name, values in found.items() if len(values) == 1}
