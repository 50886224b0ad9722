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
from lamina.core.random import key_of, next_seed
from lamina.core.variable import bind, current_binding
from lamina.layers.base import Layer
from lamina.layers.context import local
from lamina.layers.owner import metrics_of
from lamina.models import architecture
from lamina.training import by_batch, evaluation, loop, prediction
from lamina.training.arguments import FitArguments
from lamina.training.callbacks import History
from lamina.training.compilation import enable_cache
from lamina.training.objective import Objective
from lamina.training.own_steps import takes
from lamina.training.prepare import prepared_program


class Model(Layer):
    """Base of the models: compile, fit, evaluate, predict, summary.

    `Model(inputs, outputs)` makes a `Functional` of the graph between symbolic tensors. A subclass makes its layers in
    `__init__` and says in `call(self, inputs)` what they do; it may also hand inputs and outputs to `super().__init__`.

    Args:
        inputs, outputs: Symbolic tensors, or nests of them; see `Functional`.
        name: Name of the model; None gives the class name in snake case with a number.
        trainable, dtype: As for any layer.

    Example:
        >>> from lamina.layers import Dense
        >>> class Twice(Model):
        ...     def __init__(self, **kwargs):
        ...         super().__init__(**kwargs)
        ...         self.dense = Dense(3)
        ...
        ...     def call(self, inputs):
        ...         return self.dense(inputs) * 2
        >>> Twice()(np.ones((4, 5))).shape
        (4, 3)
    """

    graph_class: Any = None  # `Functional`, which is a Model itself

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        makes_graph = bool(args) or "inputs" in kwargs or "outputs" in kwargs
        return super().__new__(Model.graph_class if cls is Model and makes_graph else cls, *args, **kwargs)

    def __init__(
        self,
        inputs: Any = None,
        outputs: Any = None,
        *,
        name: str | None = None,
        trainable: bool = True,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        if inputs is not None or outputs is not None:
            _put_under(type(self), Model.graph_class)
            Model.graph_class.__init__(self, inputs, outputs, name=name, trainable=trainable, dtype=dtype, **kwargs)
            return
        super().__init__(name=name, trainable=trainable, dtype=dtype, **kwargs)
        self.optimizer: Any = None
        self.objective: Objective | None = None
        self.stop_training = False
        self.run_eagerly = False
        self.calls_compiled = True  # whether model(x) is compiled
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

    def __call__(self, *args: Any, training: bool | None = None, mask: Any = None, **kwargs: Any) -> Any:
        """Apply the model to arrays, as one compiled call; or record it in a graph, see `Layer`."""
        outside = local.context is None and current_binding() is None and mask is None
        if outside and self.built and self.calls_compiled and len(args) == 1 and not kwargs and _are_arrays(args[0]):
            return prediction.call(self, args[0], training)
        return super().__call__(*args, training=training, mask=mask, **kwargs)

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
            line_length: Width in characters; None fits the terminal, up to 88, or 108 with "Connected to" (the layers
                that each takes its inputs from, shown where the graph is no plain chain), and 12 more for
                `show_trainable`.
            positions: Where the columns end, as fractions of the width.
            print_fn: Function called with the text; None prints.
            expand_nested: Whether to list the layers of inner models.
            show_trainable: Whether to add a column that says what is frozen.
            layer_range: Names (or patterns) of the first and last layer to list.
        """
        from lamina.models.summary import print_summary

        print_summary(self, line_length, positions, print_fn, expand_nested, show_trainable, layer_range)

    def _repr_html_(self) -> str:
        """Show the picture of the architecture and the summary, for notebooks."""
        from lamina.visual._notebook import model_html

        return model_html(self)

    def report(
        self,
        x_test: Any,
        y_test: Any,
        path: Any = "report.html",
        history: Any = None,
        class_names: Any = None,
        **options: Any,
    ) -> Any:
        """Write what the model does with test data into one HTML file; see `lamina.visual.report` for the options."""
        from lamina.visual import report

        return report(self, x_test, y_test, path, history, class_names, **options)

    def to_json(self, **kwargs: Any) -> str:
        """Return the architecture and the compile settings as JSON, as Keras writes it; no weights.

        Args:
            **kwargs: Passed on to `json.dumps`, such as `indent=2`.
        """
        return architecture.to_json(self, **kwargs)

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
        output_losses: bool = False,
    ) -> None:
        """Set how the model is trained; weights stay, the optimizer starts anew.

        Args:
            optimizer: Name, `Optimizer` or optax transformation.
            loss: Name, function `(y_true, y_pred)` or `Loss`; for several outputs one for all of them, a list in their
                order, a dict by output name, or their nest. None stands for an output without a loss.
            loss_weights: Factor of the loss, or of each output's in a list or dict.
            metrics: List of names, functions or `Metric`s, reported without sample weights; "accuracy" picks the
                binary, categorical or sparse one. For several outputs one entry for each, which may be a list, or a
                dict by output name.
            weighted_metrics: The same, with sample weights.
            run_eagerly: Whether each step runs uncompiled, for prints and debuggers.
            steps_per_execution: Steps between batch hooks of callbacks.
            jit_compile: False is the same as run_eagerly=True.
            auto_scale_loss: Whether "mixed_float16" scales the loss against underflow.
            preflight: Whether data, loss and last layer are compared before training.
            output_losses: Whether the logs show the loss of each of several outputs, as "<output>_loss".

        Raises:
            ValueError: an unknown name or a value that cannot be meant.
        """
        optimizer = optimizers.get(optimizer)
        if auto_scale_loss and self.dtype_policy.name == "mixed_float16":
            optimizer = optimizers.with_loss_scale(optimizer)
        objective = Objective(loss, loss_weights, metrics, weighted_metrics, output_losses=output_losses)
        self._check_objective(objective)
        self.steps_per_execution = check_positive_int("steps_per_execution", steps_per_execution, "compile: ")
        self.optimizer, self.objective, self.program, self.predictor = optimizer, objective, None, None
        self.run_eagerly = bool(run_eagerly) or jit_compile is False
        self.calls_compiled = not self.run_eagerly
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
        own = {"output_losses": output_losses, "auto_scale_loss": auto_scale_loss, "preflight": preflight}
        if own != {"output_losses": False, "auto_scale_loss": True, "preflight": True}:  # which Keras does not know
            self._compile_config |= own

    def _check_objective(self, objective: Objective) -> None:
        """Raise where losses or metrics name outputs that there are not; a graph knows its outputs before any data."""

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
        """The loss tracker, the metrics of `compile`, and those kept as attributes of layers.

        Before the first data, only those that need no shapes are there.
        """
        compiled = self.objective.all_metrics if self.objective is not None else []
        return [*compiled, *self.tracked_metrics]

    @property
    def tracked_metrics(self) -> list[Any]:
        """Metrics that this model or a layer of it keeps as attributes, and updates in `call` or a step of its own."""
        given = [] if self.objective is None else [id(m) for m in self.objective.all_metrics]
        found = [metric for layer in self.tree.layers for metric in metrics_of(layer)]
        return list({id(metric): metric for metric in found if id(metric) not in given}.values())

    @property
    def metrics_names(self) -> list[str]:
        """Keys of the logs: "loss", then the metrics."""
        names = self.objective.log_names if self.objective is not None else []
        return list(dict.fromkeys([*names, *(metric.name for metric in self.tracked_metrics)]))

    @property
    def metrics_variables(self) -> list[Any]:
        """The accumulators of `metrics`, in their order."""
        return [variable for metric in self.metrics for variable in metric.variables]

    def results_of(self, metrics: list[Any]) -> dict[str, Any]:
        """Return the results of metrics by name; one that gives a dict adds its entries."""
        results: dict[str, Any] = {}
        for metric in metrics:
            value = metric.result()
            results |= value if isinstance(value, dict) else {metric.name: value}
        return results

    def get_metrics_result(self) -> dict[str, Any]:
        """Return the present results of all metrics by log name."""
        compiled = self.objective.results() if self.objective is not None and self.objective.built else {}
        return compiled | self.results_of(self.tracked_metrics)

    def reset_metrics(self) -> None:
        """Start the accumulators of the metrics again."""
        for metric in self.metrics:
            metric.reset_state()

    def get_compile_config(self) -> dict[str, Any]:
        """Return the arguments of `compile` as plain data."""
        return serialize(self._compile_config)

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compile with the arguments that `get_compile_config` returned."""
        self.compile(**architecture.restored(config))

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

    output_names: list[str] | None = None  # of the outputs in flat order; None: not known

    @property
    def output_chains(self) -> list[list[Any]]:
        """For each output the layers that lead to it in order, as far back as that is known; empty where it is not."""
        return []

    @property
    def float_dtype(self) -> str:
        """Dtype that float data are cast to on their way to the device."""
        return "float64" if self.compute_dtype == "float64" else dtypes.floatx()

    # Files ------------------------------------------------------------------------------------------------------------

    def save(self, filepath: Any, overwrite: bool = True, include_optimizer: bool = True) -> Any:
        """Write the model to a `.keras` file; see `lamina.saving.save_model`."""
        from lamina.saving import save_model

        return save_model(self, filepath, overwrite, include_optimizer)

    def save_weights(
        self,
        filepath: Any,
        overwrite: bool = True,
        max_shard_size: float | None = None,
        format: str | None = None,
    ) -> Any:
        """Write the weights, and the optimizer's state, to a file; see `lamina.saving.save_weights`."""
        from lamina.saving import save_weights

        return save_weights(self, filepath, overwrite, max_shard_size, format)

    def load_weights(self, filepath: Any, skip_mismatch: bool = False, by_name: bool = False) -> None:
        """Read weights from a file: all of them, or nothing changes; see `lamina.saving.load_weights`."""
        from lamina.saving import load_weights

        load_weights(self, filepath, skip_mismatch, by_name)

    # Steps, for subclasses to change ----------------------------------------------------------------------------------

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """Return the scalar loss of a batch: that of `compile`, and what layers and regularizers add.

        A subclass may override it; it runs inside the compiled step. `super().compute_loss(...)` is this one.

        Args:
            x, y, sample_weight: The batch, as `fit` was given it.
            y_pred: The outputs for x.
            training: Whether it is for a training step.
        """
        loss = self.objective.compute_loss(y, y_pred, sample_weight) if self.objective is not None else 0.0
        return sum(self.losses, start=loss)

    def stateless_compute_loss(
        self, trainable_variables: Any, non_trainable_variables: Any, metrics_variables: Any, *args: Any, **kwargs: Any
    ) -> tuple[Any, tuple[list[Any], list[Any], list[Any]]]:
        """`compute_loss` for given values of the variables: returns the loss, and the three lists with new values.

        Differs from Keras: what layers added with `add_loss` in the last `stateless_call` counts.
        """
        lists = self.trainable_variables, self.non_trainable_variables, self.metrics_variables
        values = [*trainable_variables, *non_trainable_variables, *metrics_variables]
        with bind([variable for variables in lists for variable in variables], values):
            if not takes(self.compute_loss, "training"):
                kwargs.pop("training", None)
            loss = self.compute_loss(*args, **kwargs)
            trainable, others, metrics = ([v.value for v in variables] for variables in lists)
            return loss, (trainable, others, metrics)

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> dict[str, Any]:
        """Add a batch to the metrics and return the logs, a dict of scalars.

        A subclass may override it; it runs inside the compiled step, and the logs of the last step are shown.
        """
        if self.objective is not None:
            self.objective.update(None, None, y, y_pred, sample_weight)
        return self.get_metrics_result()

    def train_step(self, state: Any, data: Any) -> Any:
        """Do one training step as a pure function. A subclass may override it; it is compiled into the epoch.

        Args:
            state: (trainable, non-trainable, optimizer, metrics) variables' values, each a list in the order of
                `trainable_variables`, `non_trainable_variables`, `optimizer.variables`, and `metrics_variables`.
            data: (x,), (x, y) or (x, y, sample_weight) of a batch.

        Returns:
            (logs, state): a dict of scalars, and the four lists with new values. `super().train_step(state, data)` is
            the built-in step.
        """
        binding = current_binding()
        key = None if binding is None else binding.key
        return prepared_program(self).functional_step(state, data, key_of((state, data)) if key is None else key)

    def test_step(self, state: Any, data: Any) -> Any:
        """Evaluate one batch as a pure function, like `train_step`; state is (trainable, non-trainable, metrics)."""
        return prepared_program(self).functional_test_step(state, data)

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
        resume: Any = None,
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
            resume: Folder for the checkpoints of this run, or a `BackupAndRestore` with more settings. When there are
                some already, training goes on from the newest, exactly as if it had never been stopped; a run that had
                ended gives its History and its weights at once. See docs/resume.md.

        Returns:
            `History`, with `.history` (dict of lists), `.epoch` and `.params`.

        Raises:
            ValueError: data, loss and model that cannot go together, or an argument that cannot be meant; the weights
                are unchanged.
            FileError: the checkpoints in `resume` are of another run, or none of them is whole.
            RuntimeError: another `fit` is running on this model, or in the folder `resume`.

        Differs from Keras: `resume`; class and sample weights multiply; Ctrl-C leaves the weights of the last finished
        step; silent mistakes (labels outside the classes, NaN in the data, …) are errors.
        """
        arguments = FitArguments(
            x, y, batch_size, epochs, verbose, callbacks, validation_split, validation_data, shuffle, class_weight,
            sample_weight, initial_epoch, steps_per_epoch, validation_steps, validation_batch_size, validation_freq,
            resume,
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

    def export(
        self,
        filepath: Any,
        format: str | None = None,
        verbose: bool | None = None,
        input_signature: Any = None,
        **options: Any,
    ) -> None:
        """Write the forward pass, as `predict` runs it, into a file that needs no lamina; docs/export.md shows its use.

        Args:
            filepath: Where to; a missing extension is added.
            format: "stablehlo" (`jax.export.deserialize(file.read()).call`), "onnx", or "tf_saved_model" (a folder;
                needs TensorFlow). None is what the extension says, .onnx or .stablehlo; without one "stablehlo".
            verbose: Whether to print what the file takes and gives. None is True.
            input_signature: Shapes and dtypes to be served, in the nest of the inputs or a list with it: arrays,
                symbolic tensors, or specs such as `jax.ShapeDtypeStruct`. None is what the model takes.
            options: `opset_version` for "onnx": the version of ONNX' operations, from 18 (default) to 21.

        Raises:
            NotBuiltError: the model has no weights yet.
            ValueError: an unknown format or extension; layers that ONNX files cannot hold.

        Differs from Keras: "stablehlo" is the default, as it needs nothing but JAX.
        """
        from lamina.export import export_model

        export_model(self, filepath, format, verbose, input_signature, **options)

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


def _are_arrays(x: Any) -> bool:
    """Whether x is an array of numbers with values, or a list, tuple or dict of such."""
    if isinstance(x, jax.Array):
        return not isinstance(x, jax.core.Tracer)
    if isinstance(x, np.ndarray):
        return x.dtype.kind in "fiub" and x.ndim > 0
    if isinstance(x, (list, tuple)):
        return bool(x) and all(map(_are_arrays, x))
    return isinstance(x, dict) and bool(x) and all(map(_are_arrays, x.values()))


def _put_under(cls: type, base: type) -> None:
    """Let a class that derives from `Model` derive from a subclass of it: its objects turned out to be graphs."""
    if issubclass(cls, base):
        return
    if Model in cls.__bases__:
        cls.__bases__ = tuple(base if b is Model else b for b in cls.__bases__)
        return
    for parent in cls.__bases__:
        if issubclass(parent, Model):
            _put_under(parent, base)
