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
from lamina.core.errors import NotBuiltError, closest_match
from lamina.core.symbolic import KerasTensor
from lamina.core.variable import Variable, autocast, bind
from lamina.layers.context import call_context, local
from lamina.layers.owner import Owner, revision
from lamina.layers.shapes import as_shape, is_shape, shape_hint


class Layer(Owner, Configurable):
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

    _accepts_training = False
    _accepts_mask = False
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
        self._trainable = bool(trainable)
        self._weights: list[Variable] = []
        self._losses: list[jax.Array] = []

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "build" in vars(cls):
            cls.build = _build_once(cls.build)  # type: ignore[method-assign]
        if "call" in vars(cls):
            parameters = inspect.signature(cls.call).parameters
            cls._accepts_training = "training" in parameters
            cls._accepts_mask = "mask" in parameters

    # The protocol -----------------------------------------------------------------------------------------------------

    def build(self, input_shape: Any) -> None:
        """Create the weights for inputs of this shape (batch axis None). Subclasses override it."""
        self.built = True

    def call(self, inputs: Any) -> Any:
        """Compute the outputs. Subclasses override it; it may take `training` and `mask`."""
        raise NotImplementedError(
            f"{type(self).__name__} has no call(self, inputs). Define it: it is the layer's formula."
        )

    def __call__(self, inputs: Any, *args: Any, training: bool | None = None, **kwargs: Any) -> Any:
        """Apply the layer to arrays (or what NumPy takes for arrays): build on first use, cast, call."""
        self._check_initialised()
        inputs = self._convert(inputs)
        outer = local.context
        if training is None:
            training = outer.training if outer is not None else False
        if outer is None:
            with call_context(training) as context:
                outputs = self._apply(inputs, args, kwargs, training)
            self._losses = [] if _is_traced(outputs) else context.losses
            return outputs
        return self._apply(inputs, args, kwargs, training)

    def _apply(self, inputs: Any, args: tuple[Any, ...], kwargs: dict[str, Any], training: bool) -> Any:
        if self._takes_one_array and isinstance(inputs, (list, tuple, dict)):
            shapes = [np.shape(x) for x in jax.tree.leaves(inputs)]
            raise ValueError(
                f"{type(self).__name__} {self.name!r}: expected one array, received a {type(inputs).__name__} of "
                f"arrays of shapes {shapes}. Rows of one array: pass np.stack(rows)."
            )
        if not self.built:
            self.build(jax.tree.map(lambda x: (None, *x.shape[1:]), inputs))
        self.check_input(inputs)
        if self._accepts_training:
            kwargs["training"] = training
        compute_dtype = self.dtype_policy.compute_dtype
        mixed = compute_dtype != self.dtype_policy.variable_dtype
        try:
            with self.open_scope(), jax.named_scope(self.name), autocast(compute_dtype if mixed else None):
                outputs = self.call(inputs, *args, **kwargs)
        except Exception as error:
            shapes = jax.tree.map(lambda x: x.shape, inputs)
            error.add_note(f"Raised in layer {self.path!r} ({type(self).__name__}), called on shape {shapes}.")
            raise
        if self.activity_regularizer is not None:
            for output in jax.tree.leaves(outputs):
                penalty = self.activity_regularizer(output)
                self.add_loss(penalty / max(output.shape[0], 1) if output.ndim else penalty)  # a sample's share
        return outputs

    def _convert(self, inputs: Any) -> Any:
        """Arrays of the compute dtype out of arrays, lists and numbers (floats only are cast)."""
        if isinstance(inputs, jax.Array):
            return self._cast(inputs)
        if isinstance(inputs, KerasTensor):
            raise TypeError(f"Layer {self.name!r} was called on a symbolic Input outside of Sequential.")
        several = isinstance(inputs, (list, tuple)) and any(getattr(i, "ndim", 0) for i in inputs)
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
            array = array.astype(self.compute_dtype)
        return self._cast(jnp.asarray(array))

    def _cast(self, x: jax.Array) -> jax.Array:
        dtype = self.dtype_policy.compute_dtype
        if self.autocast and x.dtype != dtype and dtypes.is_float(x.dtype):
            return x.astype(dtype)
        return x

    def check_input(self, inputs: Any) -> None:
        """Raise a ValueError when the inputs do not fit the weights. Built-in layers override it."""

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape of the outputs for inputs of this shape (None marks free axes); nothing is computed."""
        if not self.built:
            self.build(input_shape)
        first, second = (self._abstract_call(input_shape, size) for size in (2, 3))
        return jax.tree.map(
            lambda a, b: tuple(m if m == n else None for m, n in zip(a.shape, b.shape, strict=True)), first, second
        )

    def _abstract_call(self, input_shape: Any, free: int) -> Any:
        """Trace the layer on inputs whose free axes have the size `free`; returns shapes and dtypes."""
        variables = self.variables

        def run(values: list[Any], inputs: Any) -> Any:
            with bind(variables, values, key=jax.random.key(0)):
                return self(inputs)

        specs = jax.tree.map(
            lambda shape: jax.ShapeDtypeStruct(tuple(free if n is None else n for n in shape), self.compute_dtype),
            input_shape,
            is_leaf=is_shape,
        )
        return jax.eval_shape(run, [v.value for v in variables], specs)

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
        """Losses added in the last eager call, then the penalties of regularized weights."""
        return [*self._losses, *self.regularization_losses()]

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
        skip = {*_BASE_ARGUMENTS, *config}
        return config | {key: value for key, value in super().get_config().items() if key not in skip}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Build a layer from `get_config`'s dict, or from Keras' own where it asks for nothing that lamina lacks."""
        off = cls._keras_only
        return super().from_config({key: v for key, v in config.items() if key not in off or v != off[key]})

    def get_build_config(self) -> dict[str, Any] | None:
        """Return what `build_from_config` needs to create the weights without data, or None."""
        return {"input_shape": self._build_shape} if self._build_shape is not None else None

    def build_from_config(self, config: dict[str, Any]) -> None:
        """Create the weights from `get_build_config`'s dict."""
        if config and not self.built:
            self.build(as_shape(config["input_shape"]))

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_tree"}

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={getattr(self, 'name', '?')}, built={getattr(self, 'built', False)}>"


family = Family("layer", "keras.layers", Layer)
_BASE_ARGUMENTS = ("activity_regularizer", "trainable", "dtype", "autocast", "name", "kwargs")


def _build_once(build: Callable[..., None]) -> Callable[..., None]:
    """Give `build` the layer's name scope, and mark the layer built when it is done."""

    @functools.wraps(build)
    def wrapped(self: Layer, input_shape: Any = None, *args: Any, **kwargs: Any) -> None:
        self._check_initialised()
        self._path = self.path
        shape = as_shape(input_shape)
        before = len(self._weights)
        try:
            with self.open_scope():
                build(self, shape, *args, **kwargs)
        except Exception:
            self.built = False
            del self._weights[before:]  # another attempt makes its own
            raise
        self._build_shape = shape
        self.built = True

    return wrapped


def _is_traced(outputs: Any) -> bool:
    return any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(outputs))
