"""`Model`: a layer that can be trained. `compile` says how; `fit`, `evaluate`, `predict` hand to `lamina.training`."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from lamina import optimizers
from lamina.core import dtypes
from lamina.core.config import serialize
from lamina.core.errors import NotCompiledError, check_positive_int, closest_match
from lamina.core.random import next_seed
from lamina.layers.base import Layer
from lamina.training import by_batch, evaluation, loop, prediction
from lamina.training.arguments import FitArguments
from lamina.training.compilation import enable_cache
from lamina.training.history import History
from lamina.training.objective import Objective


class Model(Layer):
    """Base of the models: compile, fit, evaluate, predict, summary.

    Args:
        name: Name of the model; None gives the class name in snake case with a number.
        trainable, dtype: As for any layer.
    """

    def __init__(self, *, name: str | None = None, trainable: bool = True, dtype: Any = None, **kwargs: Any) -> None:
        super().__init__(name=name, trainable=trainable, dtype=dtype, **kwargs)
        self.optimizer: Any = None
        self.objective: Objective | None = None
        self.stop_training = False
        self.run_eagerly = False
        self.steps_per_execution = 1
        self.preflight = True
        self._compile_config: dict[str, Any] = {}
        self._hand_seed: int | None = None
        self._hand_steps = 0
        self._start_engine()

    def __getstate__(self) -> dict[str, Any]:
        """Copies and pickles take the weights, the optimizer and the settings, and compile their own programs."""
        state = super().__getstate__()
        return {n: v for n, v in state.items() if n not in ("program", "predictor", "state_lock", "_busy", "history")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._start_engine()

    def _start_engine(self) -> None:
        """What belongs to this process and this object alone."""
        self.program: Any = None
        self.predictor: Any = None
        self.history: History | None = None
        self.state_lock = threading.RLock()
        self._busy = threading.Lock()
        enable_cache()

    # Layers -----------------------------------------------------------------------------------------------------------

    @property
    def layers(self) -> list[Layer]:
        """The layers kept in attributes, in order."""
        return self._tracked()[1]

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """Return a layer by name or by its place in `layers`."""
        if (name is None) == (index is None):
            raise ValueError(f"get_layer: give name or index, one of them; received name={name!r}, index={index!r}.")
        layers = self.layers
        if index is not None:
            if not -len(layers) <= index < len(layers):
                raise ValueError(f"get_layer: index {index} is out of range: {self.name!r} has {len(layers)} layers.")
            return layers[index]
        for layer in layers:
            if layer.name == name:
                return layer
        names = [layer.name for layer in layers]
        raise ValueError(
            f"get_layer: no layer named {name!r} in {self.name!r}.{closest_match(name, names)} Layers: {names}."
        )

    def summary(
        self,
        line_length: int | None = None,
        positions: list[float] | None = None,
        print_fn: Any = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
        layer_range: tuple[str, str] | None = None,
    ) -> None:
        """Print the layers with output shapes and numbers of weights.

        Args:
            line_length: Width in characters; None fits the terminal, up to 88.
            positions: Where the columns end, as fractions of the width.
            print_fn: Function called with the text; None prints.
            expand_nested: Whether to list the layers of inner models.
            show_trainable: Whether to add a column that says what is frozen.
            layer_range: Names (or patterns) of the first and last layer to list.
        """
        from lamina.models.summary import print_summary

        print_summary(self, line_length, positions, print_fn, expand_nested, show_trainable, layer_range)

    # Compiling --------------------------------------------------------------------------------------------------------

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: str | bool = "auto",
        auto_scale_loss: bool = True,
        preflight: bool = True,
    ) -> None:
        """Set how the model is trained; weights stay, the optimizer starts anew.

        Args:
            optimizer: Name, `Optimizer` or optax transformation.
            loss: Name, function `(y_true, y_pred)` or `Loss`.
            loss_weights: Factor of the loss.
            metrics: List of names, functions or `Metric`s, reported without sample weights; "accuracy" picks the
                binary, categorical or sparse one.
            weighted_metrics: The same, with sample weights.
            run_eagerly: Whether each step runs uncompiled, for prints and debuggers.
            steps_per_execution: Steps between batch hooks of callbacks.
            jit_compile: False is the same as run_eagerly=True.
            auto_scale_loss: Whether "mixed_float16" scales the loss against underflow.
            preflight: Whether data, loss and last layer are compared before training.

        Raises:
            ValueError: an unknown name or a value that cannot be meant.
        """
        optimizer = optimizers.get(optimizer)
        if auto_scale_loss and self.dtype_policy.name == "mixed_float16":
            optimizer = optimizers.with_loss_scale(optimizer)
        objective = Objective(loss, loss_weights, metrics, weighted_metrics)
        self.steps_per_execution = check_positive_int("steps_per_execution", steps_per_execution, "compile: ")
        self.optimizer, self.objective, self.program, self.predictor = optimizer, objective, None, None
        self.run_eagerly = bool(run_eagerly) or jit_compile is False
        self.preflight = preflight
        self.stop_training = False
        self._compile_config = {
            "optimizer": optimizer,
            "loss": loss,
            "loss_weights": loss_weights,
            "metrics": metrics,
            "weighted_metrics": weighted_metrics,
            "run_eagerly": run_eagerly,
            "steps_per_execution": steps_per_execution,
            "jit_compile": jit_compile,
        }

    @property
    def compiled(self) -> bool:
        """Whether `compile` was called."""
        return self.objective is not None

    @property
    def loss(self) -> Any:
        """The loss as it was given to `compile`."""
        return self._compile_config.get("loss")

    @property
    def metrics(self) -> list[Any]:
        """The loss tracker and the metrics; before the first data only those that need no shapes."""
        return self.objective.all_metrics if self.objective is not None else []

    @property
    def metrics_names(self) -> list[str]:
        """Keys of the logs: "loss", then the metrics."""
        return self.objective.log_names if self.objective is not None else []

    def reset_metrics(self) -> None:
        """Start the accumulators of the metrics again."""
        for metric in self.metrics:
            metric.reset_state()

    def get_compile_config(self) -> dict[str, Any]:
        """Return the arguments of `compile` as plain data."""
        return serialize(self._compile_config)

    def require_compiled(self, method: str) -> None:
        """Raise unless `compile` was called."""
        if self.objective is None:
            raise NotCompiledError(
                f"{method}: model {self.name!r} is not compiled. Call model.compile(optimizer=..., loss=...) first."
            )

    @property
    def input_shape(self) -> Any:
        """Shape of the inputs, batch axis None; None while it is not known."""
        return self._build_shape

    several_inputs: bool | None = None  # whether a list as x means several inputs; None: as its items look

    @property
    def layer_chain(self) -> list[Layer]:
        """The layers in order, where each takes what the one before gives; empty where that is not known."""
        return []

    @property
    def float_dtype(self) -> str:
        """Dtype that float data are cast to on their way to the device."""
        return "float64" if self.compute_dtype == "float64" else dtypes.floatx()

    # Training ---------------------------------------------------------------------------------------------------------

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: Any = "auto",
        callbacks: Any = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        class_weight: Any = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: Any = 1,
    ) -> History:
        """Train for a number of epochs; a further `fit` goes on from where this one ends.

        Args:
            x: Inputs (rows, ...): array, data frame, list; or an iterable of batches `(x, y[, sample_weight])`.
            y: Targets (rows, ...); None with an iterable.
            batch_size: Rows a step, default 32; the last batch of an epoch may be smaller.
            epochs: Number of the last epoch.
            verbose: 0 silent, 1 live progress, 2 one line an epoch, "auto" as fits the output.
            callbacks: List of `lamina.callbacks.Callback`.
            validation_split: Fraction in [0, 1) of rows, the last ones before shuffling, to validate on.
            validation_data: `(x, y[, sample_weight])` or an iterable of batches, to validate on.
            shuffle: Whether each epoch has its own order of rows.
            class_weight: Dict of class to weight, or "balanced"; multiplied with sample weights when both are given.
            sample_weight: Weight of each row (rows,).
            initial_epoch: Number of epochs done before, to resume.
            steps_per_epoch: Steps an epoch; None is one pass over the data.
            validation_steps: Batches of validation; None is all.
            validation_batch_size: Rows a batch of validation; None is `batch_size`.
            validation_freq: Validate every so many epochs, or after the epochs (from 1) in a collection.

        Returns:
            `History`, with `.history` (dict of lists), `.epoch` and `.params`.

        Raises:
            ValueError: data, loss and model that cannot go together, or an argument that cannot be meant; the weights
                are unchanged.
            RuntimeError: another `fit` is running on this model.

        Differs from Keras: class and sample weights multiply; Ctrl-C leaves the weights of the last finished step;
        silent mistakes (labels outside the classes, NaN in the data, …) are errors.
        """
        arguments = FitArguments(
            x, y, batch_size, epochs, verbose, callbacks, validation_split, validation_data, shuffle, class_weight,
            sample_weight, initial_epoch, steps_per_epoch, validation_steps, validation_batch_size, validation_freq,
        )  # fmt: skip
        self.require_compiled("fit")
        return loop.fit(self, arguments)

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: Any = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Any = None,
        return_dict: bool = False,
    ) -> Any:
        """Measure the loss and the metrics.

        Args:
            x, y, sample_weight: Data as for `fit`.
            batch_size: Rows a batch, default 32.
            verbose, callbacks: As for `fit`.
            steps: Batches to do; None is all.
            return_dict: Whether to return a dict by metric name instead of a list.

        Returns:
            The loss, or [loss, metric, ...] in the order of `compile`, or the dict.
        """
        self.require_compiled("evaluate")
        return evaluation.evaluate(self, x, y, batch_size, verbose, sample_weight, steps, callbacks, return_dict)

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: Any = "auto",
        steps: int | None = None,
        callbacks: Any = None,
    ) -> Any:
        """Compute the outputs for all rows, in inference mode; any number of threads may call it at once.

        Args:
            x: Inputs (rows, ...), or an iterable of batches.
            batch_size: Rows computed at a time, default 32.
            verbose: 1 shows progress; "auto" shows it for long predictions on a terminal only.
            steps: Batches to do; None is all.
            callbacks: List of `lamina.callbacks.Callback`.

        Returns:
            NumPy array (rows, ...).

        Raises:
            NotBuiltError: the model has no weights yet. Differs from Keras, which predicts from random ones.
        """
        return prediction.predict(self, x, batch_size, verbose, steps, callbacks)

    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: Any = None,
        return_dict: bool = False,
    ) -> Any:
        """Do one training step and return the loss and metrics of this batch, as `evaluate` does."""
        return by_batch.train_on_batch(self, x, y, sample_weight, class_weight, return_dict)

    def test_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False) -> Any:
        """Return the loss and metrics of one batch, as `evaluate` does; nothing is trained."""
        return by_batch.test_on_batch(self, x, y, sample_weight, return_dict)

    def predict_on_batch(self, x: Any) -> Any:
        """Compute the outputs of one batch."""
        return self.predict(x, batch_size=max(1, len(np.asarray(jax.tree.leaves(x)[0]))), verbose=0)

    def next_step_by_hand(self) -> tuple[int, int]:
        """Seed and number of the next `train_on_batch`; its random draws are a function of them."""
        if self._hand_seed is None:
            self._hand_seed = next_seed()
        self._hand_steps += 1
        return self._hand_seed, self._hand_steps - 1

    @contextlib.contextmanager
    def exclusive(self, method: str) -> Iterator[None]:
        """Hold the model for one training at a time."""
        if not self._busy.acquire(blocking=False):
            raise RuntimeError(
                f"{method}: model {self.name!r} is being trained by another call. Wait for it to end, or train a copy."
            )
        try:
            yield
        finally:
            self._busy.release()
