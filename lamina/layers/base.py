"""`Layer`: state with a name, built on the first input, applied by `call`.

`__call__` is the whole protocol: convert the input, build once, cast, run `call`, collect losses. Read it first.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from lamina import constraints, initializers, regularizers
from lamina.core import dtypes, naming
from lamina.core.config import Configurable, Family, serialize
from lamina.core.errors import LaminaError, NotBuiltError, closest_match, warn_user
from lamina.core.masking import get_mask, set_mask
from lamina.core.symbolic import KerasTensor, Node, any_symbolic, infer_specs, inferring, record
from lamina.core.variable import Variable, autocast, bind, current_binding, is_traced
from lamina.layers import failures
from lamina.layers._leaks import Watch
from lamina.layers.context import CallContext, building, call_context, local, only_shapes, running_layer
from lamina.layers.owner import revision
from lamina.layers.shapes import as_shape, is_shape, shape_hint
from lamina.layers.stateless import Stateless


class Layer(Stateless, Configurable):
    """Base of all layers: weights made in `build`, the formula in `call`.

    Args:
        activity_regularizer: Regularizer (name, config or object) of the outputs; its value joins the loss.
        trainable: Whether training may change the weights. Default True.
        dtype: Policy of compute and storage: a float type, "mixed_bfloat16", …; None is the global policy.
        autocast: Whether float inputs are cast to the compute dtype. Default True.
        name: Unique name; None gives the class name in snake case with a number.
        input_shape: Shape of one sample, which lets `Sequential` build at once (as `Input(shape)` does).

    Differs from Keras: what a subclass keeps in attributes, lists, tuples and dicts is tracked when it is asked for, so
    items appended later count too; `get_config` reads constructor arguments back from equally named attributes.

    Example:
        >>> class Scale(Layer):
        ...     def build(self, input_shape):
        ...         self.factor = self.add_weight(shape=input_shape[-1:], initializer="ones", name="factor")
        ...
        ...     def call(self, inputs):
        ...         return inputs * self.factor
        >>> layer = Scale()
        >>> layer(np.ones((2, 3), "float32")).shape, layer.count_params()
        ((2, 3), 3)
    """

    _call_parameters: dict[str, Any] = {"inputs": None}  # names of `call`'s parameters, with their defaults
    _build_parameters: dict[str, Any] = {"input_shape": None}
    _keras_only: dict[str, Any] = {"quantization_config": None}  # keys of Keras' configs, with what means "off"
    _takes_one_array = False  # a layer that sets it refuses lists and dicts of arrays

    def __init__(
        self,
        *,
        activity_regularizer: Any = None,
        trainable: bool = True,
        dtype: Any = None,
        autocast: bool = True,
        name: str | None = None,
        **kwargs: Any,
    ) -> None:
        self._input_shape_hint = shape_hint(kwargs, type(self).__name__)
        if kwargs:
            known = [*self.config_parameters(), "input_shape"]
            first = next(iter(kwargs))
            raise TypeError(
                f"{type(self).__name__}: unknown argument {first!r}.{closest_match(first, known)} Known: {known}."
            )
        if name is not None and (not isinstance(name, str) or "/" in name):
            raise ValueError(f"{type(self).__name__}: name: expected text without '/', received {name!r}.")
        self.name = name or naming.unique_name(naming.to_snake_case(type(self).__name__))
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self.dtype_policy = dtypes.get_policy(dtype)
        self.autocast = autocast
        self.supports_masking = False
        self.built = False
        self._path: str | None = None
        self._build_shape: Any = None
        self._data_dtypes: list[str] = []  # of the data that it is being built for
        self._trainable = bool(trainable)
        self._weights: list[Variable] = []
        self._losses: list[jax.Array] = []
        self._inbound_nodes: list[Node] = []  # its calls on symbolic tensors
        self._told_mask = self._told_untracked = False
        running = running_layer()
        self._made_in: str | None = None if running is None else running.name  # the layer whose `call` makes it

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "build" in vars(cls):
            cls._build_parameters = _parameters(cls.build)
            cls.build = _build_once(cls.build)  # type: ignore[method-assign]
        if "call" in vars(cls):
            cls._call_parameters = _parameters(cls.call)

    # The protocol -----------------------------------------------------------------------------------------------------

    def build(self, input_shape: Any) -> None:
        """Create the weights for inputs of this shape (batch axis None). Subclasses override it.

        A layer that does not, and is made of other layers, has them built by a symbolic call of its own.
        """
        shape = as_shape(input_shape)
        self._mark_built(shape)
        if type(self).build is not Layer.build or shape is None or not self._tracked()[1]:
            return
        try:
            infer_specs(self._stateless, (self._symbolic(shape),), {})
        except Exception as error:
            self.built = False
            error.add_note(
                f"Raised while {self.name!r} was built for input of shape {shape}: its call was traced. If it needs "
                "data of another kind, call it on data instead of build."
            )
            raise

    def build_for_data(self, data: Any) -> None:
        """Create the weights for arrays (or specs of them) like these: whole numbers are no floats to `call`."""
        self._data_dtypes = [np.dtype(leaf.dtype).name for leaf in jax.tree.leaves(data)]
        try:
            self.build(_shapes(data))
        finally:
            self._data_dtypes = []

    def call(self, inputs: Any) -> Any:
        """Compute the outputs. Subclasses override it; it may take more arrays, `training` and `mask`."""
        raise NotImplementedError(
            f"{type(self).__name__} has no call(self, inputs). Define it: it is the layer's formula."
        )

    def __call__(self, *args: Any, training: bool | None = None, mask: Any = None, **kwargs: Any) -> Any:
        """Apply the layer to arrays, or record it in a graph when it is given symbolic tensors.

        Args:
            *args: Arrays, or what NumPy takes for arrays, or nests of them, as `call` takes them.
            training: Whether to act as in training; None is what the enclosing call has. Where none has said it, each
                layer does what its `call` has as default: image layers that draw act, all others do not.
            mask: Mask (batch, time) of the inputs; None is the one that the layers before have made.
            **kwargs: Further arguments of `call`.
        """
        self._check_initialised()
        if not args:
            args = self._first_of(kwargs)
        if any_symbolic(args) or any_symbolic((mask, *kwargs.values())):
            return self._record(args, kwargs, training, mask)
        args = (self._convert(args[0]), *map(self._convert_further, args[1:]))
        kwargs = {name: self._convert_further(value) for name, value in kwargs.items()}
        outer = local.context
        if training is None and outer is not None:
            training = outer.training
        if outer is not None:
            return self._apply(args, kwargs, mask, training, outer)
        with call_context(training) as context:
            outputs = self._apply(args, kwargs, mask, training, context)
        self._losses = [] if is_traced(outputs) else context.losses
        return outputs

    def _apply(
        self, args: tuple[Any, ...], kwargs: dict[str, Any], mask: Any, training: bool | None, context: CallContext
    ) -> Any:
        """Build on first use, check, find the masks, run `call`, see to what it left."""
        inputs = args[0]
        if self._takes_one_array and isinstance(inputs, (list, tuple, dict)):
            shapes = [np.shape(x) for x in jax.tree.leaves(inputs)]
            raise ValueError(
                f"{type(self).__name__} {self.name!r}: expected one array, received a {type(inputs).__name__} of "
                f"arrays of shapes {shapes}. Rows of one array: pass np.stack(rows)."
            )
        if not self.built:
            self._build_for(args, kwargs)
        self.check_input(inputs)
        previous_mask = self._find_masks(args, kwargs, mask)
        if training is None:
            training = self._call_parameters.get("training")
        if "training" in self._call_parameters:
            kwargs["training"] = bool(training)
        tracing = current_binding() is not None or is_traced((args, kwargs))
        watch = Watch(self) if tracing else None
        compute_dtype = self.dtype_policy.compute_dtype
        mixed = compute_dtype != self.dtype_policy.variable_dtype
        context.called.append(self)
        try:
            with (
                self.open_scope(),
                jax.named_scope(self.name),
                autocast(compute_dtype if mixed else None),
                context.running(self, training),
            ):
                outputs = self.call(*args, **kwargs)
        except Exception as error:
            if watch is not None:
                watch.undo()
            failures.explain(error, self, args[0] if len(args) == 1 else args)
            raise
        failures.require_output(outputs, self, whole_model=tracing and not context.stack)
        if watch is not None and is_traced(outputs):
            watch.refuse()
            if not context.stack:
                failures.refuse_lost_variables(self, context.made)
                if not inferring():
                    failures.warn_of_untracked(self, context.called)
        self._hand_on_mask(inputs, outputs, previous_mask)
        if self.activity_regularizer is not None:
            for output in jax.tree.leaves(outputs):
                penalty = self.activity_regularizer(output)
                self.add_loss(penalty / max(output.shape[0], 1) if output.ndim else penalty)  # a sample's share
        return outputs

    def _record(self, args: tuple[Any, ...], kwargs: dict[str, Any], training: bool | None, mask: Any) -> Any:
        """Build for symbolic tensors and add the call to their graph."""
        if training is not None:
            kwargs["training"] = training
        if mask is not None:
            kwargs["mask"] = mask
        if not self.built:
            self._build_for(args, {name: value for name, value in kwargs.items() if name != "mask"})
        return record(self, args, kwargs, self._infer(args, kwargs))

    def _infer(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Shapes and dtypes of the outputs for symbolic tensors: by tracing the call."""
        return infer_specs(self._stateless, args, kwargs)

    def _stateless(self, *args: Any, **kwargs: Any) -> Any:
        """Call the layer for its shapes alone: what it assigns is dropped."""
        variables = self.variables
        values = [v._value for v in variables]
        training = bool(kwargs.get("training"))
        with only_shapes(), bind(variables, values, key=jax.random.key(0), drop=True), call_context(training):
            return self(*args, **kwargs)

    def _first_of(self, kwargs: dict[str, Any]) -> tuple[Any, ...]:
        """The first argument of `call`, given by its name."""
        first = next(iter(self._call_parameters), None)
        if first not in kwargs:
            raise TypeError(
                f"Layer {self.name!r} ({type(self).__name__}): the inputs are missing: call it on an array."
            )
        return (kwargs.pop(first),)

    def _build_for(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Build for what `call` is given: `build` takes the shape of the first argument, or `<name>_shape` of each."""
        if type(self).build is Layer.build:
            self._mark_built(_shapes(args[0]))  # inner layers are built when they are called
            return
        if len(self._build_parameters) <= 1:
            self.build(_shapes(args[0]))
            return
        given = dict(zip(self._call_parameters, args, strict=False)) | kwargs
        named = {f"{name}_shape": _shapes(value) for name, value in given.items() if _are_arrays(value)}
        self.build(**{name: shape for name, shape in named.items() if name in self._build_parameters})

    def _mark_built(self, shape: Any) -> None:
        self._path = self.path
        self._build_shape = shape
        self.built = True

    def _find_masks(self, args: tuple[Any, ...], kwargs: dict[str, Any], mask: Any) -> Any:
        """Give `call` the masks that it asks for; returns the mask, or nest of masks, of the first argument."""
        masks = jax.tree.map(get_mask, args[0]) if mask is None else mask
        if not jax.tree.leaves(masks):
            masks = None
        if "mask" in self._call_parameters and masks is not None:
            kwargs["mask"] = masks
        for name, value in zip(self._call_parameters, args, strict=False):
            asked = f"{name}_mask"
            if asked in self._call_parameters and kwargs.get(asked) is None:
                kwargs[asked] = get_mask(value)
        return masks

    def _hand_on_mask(self, inputs: Any, outputs: Any, previous_mask: Any) -> None:
        """Let the outputs carry the mask that `compute_mask` says, unless inner layers gave them one."""
        if previous_mask is None and type(self).compute_mask is Layer.compute_mask:
            return
        leaves = jax.tree.leaves(outputs)
        if all(get_mask(leaf) is not None for leaf in leaves):
            return
        if not self.supports_masking:
            if (
                previous_mask is not None
                and not (self._told_mask or inferring())
                and "mask" not in self._call_parameters
            ):
                self._told_mask = True
                warn_user(
                    f"Layer {self.path!r} ({type(self).__name__}) was given a mask, which it does not hand on: the "
                    "layers behind it count all time steps. If it may: self.supports_masking = True in __init__."
                )
            return
        masks = self.compute_mask(inputs, previous_mask)
        flat = jax.tree.leaves(masks, is_leaf=lambda m: m is None)
        for leaf, mask in zip(leaves, flat, strict=False):
            if mask is not None and get_mask(leaf) is None:
                set_mask(leaf, mask)

    def compute_mask(self, inputs: Any, previous_mask: Any) -> Any:
        """Return the mask of the outputs; asked only where `supports_masking`. By default that of the inputs."""
        return previous_mask

    def _convert(self, inputs: Any) -> Any:
        """Arrays of the compute dtype out of arrays, lists and numbers (floats only are cast)."""
        if isinstance(inputs, jax.Array):
            return self._cast(inputs)
        several = isinstance(inputs, (list, tuple)) and any(getattr(i, "ndim", 0) for i in jax.tree.leaves(inputs))
        if several or isinstance(inputs, dict):
            return jax.tree.map(lambda x: self._cast(jnp.asarray(x)), inputs)
        if isinstance(inputs, Variable):
            return self._cast(inputs.value)
        try:
            array = np.asarray(inputs)
        except ValueError as error:
            raise ValueError(
                f"Layer {self.name!r}: expected rows of one length as input, received {inputs!r:.60} ({error}). "
                "Pad the rows, or encode them first."
            ) from error
        if array.dtype.kind not in "fiub" and array.dtype.name != "bfloat16":
            raise ValueError(
                f"Layer {self.name!r}: expected numbers as input, received dtype {array.dtype} ({inputs!r:.60}). "
                "Encode text or objects as numbers first."
            )
        if array.dtype == np.float64:
            array = array.astype(self.compute_dtype if self.autocast else dtypes.floatx())
        return self._cast(jnp.asarray(array))

    def _convert_further(self, value: Any) -> Any:
        """Arrays among the further arguments of `call`, and in nests of them; what is no array stays as it is."""
        if isinstance(value, (np.ndarray, jax.Array, Variable)):
            return self._convert(value)
        if isinstance(value, (list, tuple, dict)):
            return jax.tree.map(self._convert_further, value, is_leaf=lambda v: not isinstance(v, (list, tuple, dict)))
        return value

    def _cast(self, x: jax.Array) -> jax.Array:
        dtype = self.dtype_policy.compute_dtype
        if self.autocast and x.dtype != dtype and dtypes.is_float(x.dtype):
            return x.astype(dtype)
        return x

    def check_input(self, inputs: Any) -> None:
        """Raise a ValueError when the inputs do not fit the weights. Built-in layers override it."""

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape of the outputs for inputs of this shape (None marks free axes); nothing is computed."""
        shape = as_shape(input_shape)
        if not self.built:
            self.build(shape)
        specs = infer_specs(self._stateless, (self._symbolic(shape),), {})
        return jax.tree.map(lambda spec: spec.shape, specs)

    def _symbolic(self, shape: Any) -> Any:
        """Symbolic tensors of a nest of shapes, of the dtypes of the data it is built for, or the compute dtype."""
        shapes, nest = jax.tree.flatten(shape, is_leaf=is_shape)
        dtypes = self._data_dtypes or [self.compute_dtype] * len(shapes)
        tensors = [KerasTensor(s, dtype, "inputs") for s, dtype in zip(shapes, dtypes, strict=True)]
        return jax.tree.unflatten(nest, tensors)

    # Graphs -----------------------------------------------------------------------------------------------------------

    @property
    def input(self) -> Any:
        """The symbolic input of the layer's only call in a graph; a nest where it takes several."""
        node = self._only_node("input")
        nest: Any = node.args[0] if len(node.args) == 1 else list(node.args)
        return node.outputs if not node.inputs else nest

    @property
    def output(self) -> Any:
        """The symbolic output of the layer's only call in a graph."""
        return self._only_node("output").outputs

    def _only_node(self, what: str) -> Node:
        count = len(self._inbound_nodes)
        if count != 1:
            why = f"was called {count} times" if count else "was not called"
            way = (
                "keep what the calls returned" if count else "call it on an Input, or put it into a model with an Input"
            )
            raise LaminaError(
                f"Layer {self.name!r}: there is no one {what}: it {why} on symbolic tensors. Instead of .{what}, {way}."
            )
        return self._inbound_nodes[0]

    # Weights ----------------------------------------------------------------------------------------------------------

    def add_weight(
        self,
        shape: Sequence[int] | None = None,
        initializer: Any = None,
        dtype: Any = None,
        trainable: bool = True,
        autocast: bool = True,
        regularizer: Any = None,
        constraint: Any = None,
        name: str | None = None,
    ) -> Variable:
        """Create a variable of this layer.

        Args:
            shape: Its shape; None is a scalar.
            initializer: Name, object or function; None is "glorot_uniform" for floats and zeros for the rest.
            dtype: Storage dtype; None is the policy's variable dtype.
            trainable: Whether training updates it.
            autocast: Whether mixed precision may read it in the compute dtype.
            regularizer, constraint: Names or objects that apply to it.
            name: Last part of its path.
        """
        self._check_initialised()
        failures.refuse_weights_of(self, running_layer())
        shape = () if shape is None else (shape,) if isinstance(shape, int) else tuple(shape)
        if not is_shape(shape) or any(n is None or n < 0 for n in shape):
            raise ValueError(
                f"Layer {self.name!r}: weight {name!r} cannot have the shape {shape}: every axis must be a known "
                "whole number >= 0. Give the input's last axes a size, e.g. Input(shape=(28, 28))."
            )
        dtype = dtypes.standardize_dtype(dtype or self.variable_dtype)
        if initializer is None:
            initializer = "glorot_uniform" if dtypes.is_float(dtype) else "zeros"
        variable = Variable(
            initializers.get(initializer), shape, dtype, trainable=trainable, autocast=autocast, name=name
        )
        variable.path = f"{self.path}/{variable.name}"
        variable.regularizer = regularizers.get(regularizer)
        variable.constraint = constraints.get(constraint)
        self._weights.append(variable)
        revision.bump()
        return variable

    def count_params(self) -> int:
        """Return the number of weights (elements)."""
        if not self.built:
            raise NotBuiltError(
                f"Layer {self.name!r} has no weights yet: its input shape is not known. "
                "Call it on data, call build(input_shape), or start the model with Input(shape)."
            )
        return sum(v.size for v in self.weights)

    # Losses -----------------------------------------------------------------------------------------------------------

    def add_loss(self, loss: Any) -> None:
        """Add a scalar (or a list of them) to the loss that training minimises; call it inside `call`."""
        losses = loss if isinstance(loss, (list, tuple)) else [loss]
        target = local.context.losses if local.context is not None else self._losses
        target.extend(jnp.sum(jnp.asarray(value)) for value in losses)

    @property
    def losses(self) -> list[jax.Array]:
        """Losses added in the forward pass that runs, or in the last eager call; then the penalties of weights."""
        added = self._losses if local.context is None else local.context.losses
        if current_binding() is None:
            added = [loss for loss in added if not isinstance(loss, jax.core.Tracer)]  # of a `stateless_call`, now over
        return [*added, *self.regularization_losses()]

    def regularization_losses(self) -> list[jax.Array]:
        """The penalty of each trainable weight that has a regularizer."""
        return [v.regularizer(v) for v in self.trainable_variables if v.regularizer is not None]

    # Names, dtypes, configs -------------------------------------------------------------------------------------------

    @property
    def path(self) -> str:
        """Names of the enclosing models and this layer, joined with slashes."""
        if self._path is None:
            scope = naming.current_path()
            path = f"{scope}/{self.name}" if scope else self.name
            if not self.built:
                return path
            self._path = path
        return self._path

    def open_scope(self) -> AbstractContextManager[None]:
        """Open this layer's name scope, with which the paths of layers and weights in it start; only once."""
        return nullcontext() if naming.current_path() == self.path else naming.name_scope(self.name)

    @property
    def compute_dtype(self) -> str:
        """Dtype of its arithmetic and outputs."""
        return self.dtype_policy.compute_dtype

    @property
    def variable_dtype(self) -> str:
        """Dtype in which its weights are stored."""
        return self.dtype_policy.variable_dtype

    @property
    def dtype(self) -> str:
        """Same as `variable_dtype`."""
        return self.dtype_policy.variable_dtype

    @property
    def input_dtype(self) -> str:
        """Dtype to which float inputs are cast."""
        return self.dtype_policy.compute_dtype

    def get_config(self) -> dict[str, Any]:
        """Return name, trainable, dtype and the constructor's own arguments as plain data."""
        config: dict[str, Any] = {"name": self.name, "trainable": self.trainable, "dtype": serialize(self.dtype_policy)}
        if self.activity_regularizer is not None:
            config["activity_regularizer"] = serialize(self.activity_regularizer)
        taken = self.config_parameters()
        config = {key: value for key, value in config.items() if key in taken}  # those that the constructor takes
        skip = {*_BASE_ARGUMENTS, *config}
        return config | {key: value for key, value in super().get_config().items() if key not in skip}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Build a layer from `get_config`'s dict, or from Keras' own where it asks for nothing that lamina lacks."""
        off = cls._keras_only
        return super().from_config({key: v for key, v in config.items() if key not in off or v != off[key]})

    def get_build_config(self) -> dict[str, Any] | None:
        """Return what `build_from_config` needs to create the weights without data, or None."""
        shape = self._build_shape
        if isinstance(shape, dict) and len(self._build_parameters) > 1:
            return shape
        return None if shape is None else {"input_shape": shape}

    def build_from_config(self, config: dict[str, Any]) -> None:
        """Create the weights from `get_build_config`'s dict."""
        if config and not self.built:
            self.build(**config)

    def __getstate__(self) -> dict[str, Any]:
        """Copies and pickles leave out the graphs that the layer stands in."""
        state = {name: value for name, value in vars(self).items() if name != "_tree"}
        return state | {"_inbound_nodes": [], "_losses": []}

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={getattr(self, 'name', '?')}, built={getattr(self, 'built', False)}>"


family = Family("layer", "keras.layers", Layer)
_BASE_ARGUMENTS = ("activity_regularizer", "trainable", "dtype", "autocast", "name", "inputs", "outputs", "kwargs")


def _build_once(build: Callable[..., None]) -> Callable[..., None]:
    """Give `build` the layer's name scope, and mark the layer built when it is done."""

    @functools.wraps(build)
    def wrapped(self: Layer, *shapes: Any, **named: Any) -> None:
        self._check_initialised()
        self._path = self.path
        shapes, named = as_shape(shapes), as_shape(named)
        before = len(self._weights)
        try:
            with self.open_scope(), building():
                build(self, *shapes, **named)
        except Exception:
            self.built = False
            del self._weights[before:]  # another attempt makes its own
            raise
        self._mark_built(shapes[0] if shapes else named.get("input_shape", named or None))

    return wrapped


def _parameters(function: Callable[..., Any]) -> dict[str, Any]:
    """The named parameters of a method with their defaults (None where there is none), without self."""
    _, *parameters = inspect.signature(function).parameters.values()
    named = [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    return {p.name: None if p.default is p.empty else p.default for p in named}


def _shapes(inputs: Any) -> Any:
    """Shapes of a nest of arrays with a free batch axis, and of symbolic tensors as they are."""
    return jax.tree.map(lambda x: x.shape if isinstance(x, KerasTensor) else (None, *x.shape[1:]), inputs)


def _are_arrays(value: Any) -> bool:
    """Whether a value is an array or a nest of arrays."""
    leaves = jax.tree.leaves(value)
    return bool(leaves) and all(hasattr(leaf, "shape") for leaf in leaves)
