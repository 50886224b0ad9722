"""`Functional`: a model that is a graph of calls on symbolic tensors. `call` is the way of a batch through it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from lamina.core.config import Family
from lamina.core.errors import LaminaError
from lamina.core.masking import set_mask
from lamina.core.symbolic import KerasTensor, symbolic_leaves
from lamina.layers.base import Layer, family
from lamina.layers.shapes import Shape
from lamina.models import inputs as model_inputs
from lamina.models.graph import Graph, cut
from lamina.models.graph_config import graph_config, model_from_graph_config
from lamina.models.model import Model


class _Step(NamedTuple):
    """One call on arrays: where its arguments come from, where its outputs go."""

    operation: Callable[..., Any]
    leaves: list[Any]  # of its arguments: arrays' places are filled in, the rest stays
    structure: Any
    sources: list[tuple[int, int]]  # (place among the leaves, slot of the value)
    targets: list[int]  # slots of the outputs


@Family("model", "keras.src.models.functional").add  # where Keras' configs look for it
@family.add
class Functional(Model):
    """A model given by its inputs and outputs; `Model(inputs, outputs)` makes one.

    Args:
        inputs: Tensors of `Input`, or of any layer of a graph: one, or a nest of lists, tuples and dicts.
        outputs: Tensors that layers make of them, likewise.
        name: Name; None gives "functional", "functional_1", …
        trainable: Whether training may change the weights.

    Layers keep their weights: a model cut out of another, or that uses a layer of it, trains the same weights.

    Input: arrays in the nest of `inputs`; a dict by input names does too, where the names are unique.
    Output: arrays in the nest of `outputs`.

    Raises:
        LaminaError: outputs that do not depend on the inputs alone; two layers of one name.
        ValueError: data of another number, name, structure or shape than the inputs.

    Example:
        >>> from lamina.layers import Concatenate, Dense, Input
        >>> wide = Input((8,), name="wide")
        >>> deep = Dense(30, activation="relu")(wide)
        >>> model = Model(wide, Dense(1)(Concatenate()([wide, deep])))
        >>> model.count_params(), model.output_shape
        (309, (None, 1))
    """

    def __init__(
        self, inputs: Any = None, outputs: Any = None, name: str | None = None, trainable: bool = True, **kwargs: Any
    ) -> None:
        super().__init__(name=name, trainable=trainable, **kwargs)
        self._inputs_struct = _alone(_tensors("inputs", inputs, self.name))
        self._outputs_struct = _alone(_tensors("outputs", outputs, self.name))
        flat = symbolic_leaves(self._inputs_struct)
        if len({id(tensor) for tensor in flat}) < len(flat):
            raise LaminaError(f"Model {self.name!r}: inputs holds one tensor twice: {flat}.")
        given, made = cut(flat, symbolic_leaves(self._outputs_struct), self.name)
        self._inputs_struct = _like(self._inputs_struct, given)
        self._outputs_struct = _like(self._outputs_struct, made)
        self._set_graph()
        self._mark_built(jax.tree.map(lambda tensor: tensor.shape, self._inputs_struct))
        self.supports_masking = True
        if not trainable:
            self.trainable = False

    def _set_graph(self) -> None:
        given, made = symbolic_leaves(self._inputs_struct), symbolic_leaves(self._outputs_struct)
        self._graph = Graph(given, made, self.name)
        self._layers = [operation for operation in self._graph.operations if isinstance(operation, Layer)]
        self._plan, self._output_slots = _plan(self._graph)

    @property
    def layers(self) -> list[Layer]:
        """The layers in the order of the summary, the longest way from an output first."""
        return list(self._layers)

    @property
    def operations(self) -> list[Any]:
        """The layers, and the functions of `lamina.ops` that stand in the graph."""
        return list(self._graph.operations)

    @property
    def input(self) -> Any:
        """The symbolic inputs, in their nest; a list of one is that one."""
        return self._inputs_struct

    @property
    def output(self) -> Any:
        """The symbolic outputs, in their nest; a list of one is that one."""
        return self._outputs_struct

    @property
    def inputs(self) -> list[KerasTensor]:
        """The symbolic inputs as a flat list."""
        return list(self._graph.inputs)

    @property
    def outputs(self) -> list[KerasTensor]:
        """The symbolic outputs as a flat list."""
        return list(self._graph.outputs)

    @property
    def input_names(self) -> list[str]:
        """Names of the Inputs, or the keys where `inputs` is a dict, in flat order."""
        return _names(self._inputs_struct, self._graph.inputs)

    @property
    def output_names(self) -> list[str]:  # type: ignore[override]
        """Names of the layers that make the outputs, or the keys where `outputs` is a dict, in flat order."""
        return _names(self._outputs_struct, self._graph.outputs)

    @property
    def input_shape(self) -> Any:
        """Shape of the input, batch axis None, or the nest of shapes."""
        return jax.tree.map(lambda tensor: tensor.shape, self.input)

    @property
    def output_shape(self) -> Any:
        """Shape of the output, batch axis None, or the nest of shapes."""
        return jax.tree.map(lambda tensor: tensor.shape, self.output)

    @property
    def several_inputs(self) -> bool | None:  # type: ignore[override]
        """Whether a list as x means several inputs."""
        return len(self._graph.inputs) > 1

    @property
    def layer_chain(self) -> list[Layer]:
        """The layers in order, where the graph is one chain."""
        straight = type(self).call is Functional.call and len(self._graph.outputs) == len(self._graph.inputs) == 1
        chain = self.output_chains[0] if straight else []
        return chain[1:] if len(chain) == len(self._graph.operations) == len(self._graph.nodes) else []

    @property
    def output_chains(self) -> list[list[Any]]:
        """For each output the operations that lead to it, as far back as each takes what one other gives."""
        if type(self).call is not Functional.call:
            return []
        chains = []
        for tensor in self._graph.outputs:
            chain = [node] if (node := tensor.node) else []
            while len(before := self._graph.before(chain[-1])) == 1:
                chain += before
            chains.append([node.operation for node in reversed(chain)])
        return chains

    def build(self, input_shape: Any = None) -> None:
        """Do nothing: the weights were made with the graph."""
        self.built = True

    def call(self, inputs: Any, training: bool | None = None, mask: Any = None) -> Any:
        """Return what the graph makes of the inputs."""
        values: dict[int, Any] = dict(enumerate(jax.tree.leaves(inputs)))
        for array, part in zip(values.values(), jax.tree.leaves(mask, is_leaf=lambda m: m is None), strict=False):
            set_mask(array, part)
        for step in self._plan:
            leaves = list(step.leaves)
            for place, slot in step.sources:
                leaves[place] = values[slot]
            args, kwargs = jax.tree.unflatten(step.structure, leaves)
            outputs = step.operation(*args, **kwargs)
            values.update(zip(step.targets, jax.tree.leaves(outputs), strict=True))
        return _like(self._outputs_struct, [values[slot] for slot in self._output_slots])

    def _check_objective(self, objective: Any) -> None:
        """Raise where losses or metrics name outputs that there are not."""
        if type(self).call is Functional.call:
            objective.check_outputs(self._outputs_struct, self.output_names, f"model {self.name!r}")

    def _convert(self, inputs: Any) -> Any:
        """The arrays of the inputs in their nest, each of the rank and dtype that its Input declares."""
        flat = model_inputs.in_order(self, self._inputs_struct, inputs)
        arrays = [
            model_inputs.fit_rank(self._convert_one(value, tensor), tensor.shape)
            for value, tensor in zip(flat, self._graph.inputs, strict=True)
        ]
        return _like(self._inputs_struct, arrays)

    def _convert_one(self, value: Any, tensor: KerasTensor) -> jax.Array:
        array = super()._convert(value)
        if not hasattr(array, "dtype"):
            raise ValueError(f"Model {self.name!r}: Input {tensor.name!r}: expected one array, received {value!r:.60}.")
        return array if array.dtype == tensor.dtype else jnp.asarray(array, tensor.dtype)

    def check_input(self, inputs: Any) -> None:
        """Raise when inputs do not have the shapes that their `Input` declared."""
        for array, tensor in zip(jax.tree.leaves(inputs), self._graph.inputs, strict=True):
            several = len(self._graph.inputs) > 1
            where = f"Model {self.name!r}{f', Input {tensor.name!r}' if several else ''}"
            model_inputs.check_shape(where, tensor.shape, array)

    def layer_output_shape(self, layer: Any) -> Shape | None:
        """Shape that a layer of this graph gives, of its last call here."""
        nodes = self._graph.of(layer)
        return jax.tree.map(lambda tensor: tensor.shape, nodes[-1].outputs) if nodes else None

    def get_config(self) -> dict[str, Any]:
        """Return the layers with their calls, and the inputs and outputs, as Keras writes them."""
        return graph_config(self) if takes_graph(type(self)) else super().get_config()

    @classmethod
    def config_parameters(cls) -> list[str]:
        """Names of the constructor's parameters for a config; inputs and outputs are no plain data."""
        return [name for name in super().config_parameters() if name not in ("inputs", "outputs")]

    @classmethod
    def from_config(cls, config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Any:
        """Build the model from `get_config`'s dict; weights start anew."""
        if "input_layers" not in config:
            return super().from_config(config)
        return model_from_graph_config(cls, config, custom_objects)

    def __getstate__(self) -> dict[str, Any]:
        """The calls come first, in order, so that a copy need not follow a deep graph from its end."""
        state = super().__getstate__()
        derived = ("_graph", "_layers", "_plan", "_output_slots")
        return {"_nodes": self._graph.nodes} | {k: v for k, v in state.items() if k not in derived}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """A copy's layers stand in the copy's graph."""
        for node in state.pop("_nodes"):
            node.operation._inbound_nodes.append(node)
        super().__setstate__(state)
        self._set_graph()


def takes_graph(cls: Any) -> bool:
    """Whether the constructor of a subclass of `Functional` takes inputs and outputs as its own does."""
    parameters = inspect.signature(cls.__init__).parameters.values()
    kinds, names = {p.kind for p in parameters}, [p.name for p in parameters]
    return (
        names[1:4] == ["inputs", "outputs", "name"]
        or {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD} <= kinds
    )


Model.graph_class = Functional


def _tensors(argument: str, nest: Any, name: str) -> Any:
    """Check that a nest holds symbolic tensors only."""
    leaves = jax.tree.leaves(nest)
    for leaf in leaves:
        if not isinstance(leaf, KerasTensor):
            raise TypeError(
                f"Model {name!r}: {argument}: expected symbolic tensors, which Input and calls on it give, received "
                f"{leaf!r:.80} of type {type(leaf).__name__}."
            )
    if not leaves:
        raise ValueError(f"Model {name!r}: {argument} is empty: expected at least one tensor, received {nest!r}.")
    return nest


def _like(nest: Any, leaves: list[Any]) -> Any:
    return jax.tree.unflatten(jax.tree.structure(nest), leaves)


def _alone(nest: Any) -> Any:
    return nest[0] if isinstance(nest, (list, tuple)) and len(nest) == 1 else nest


def _names(nest: Any, tensors: list[KerasTensor]) -> list[str]:
    if isinstance(nest, dict) and len(nest) == len(tensors):
        return sorted(nest)
    return [tensor.producer.name for tensor in tensors]


def _plan(graph: Graph) -> tuple[list[_Step], list[int]]:
    """The calls of a graph, ready to run on arrays, and the slots of the model's outputs; the first are the inputs'."""
    slots: dict[int, int] = {}
    for tensor in [*graph.inputs, *(t for node in graph.nodes for t in node.output_tensors)]:
        slots.setdefault(id(tensor), len(slots))
    given = {id(tensor) for tensor in graph.inputs}
    steps = []
    for node in graph.nodes:
        if any(id(tensor) in given for tensor in node.output_tensors):
            continue
        leaves, structure = jax.tree.flatten((node.args, node.kwargs))
        sources = [(i, slots[id(leaf)]) for i, leaf in enumerate(leaves) if isinstance(leaf, KerasTensor)]
        targets = [slots[id(tensor)] for tensor in node.output_tensors]
        steps.append(_Step(node.operation, leaves, structure, sources, targets))
    return steps, [slots[id(tensor)] for tensor in graph.outputs]
