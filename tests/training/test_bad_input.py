"""Bad input to compile, fit, evaluate and predict: each row of the table gets the error that its text promises.

After every row the weights are what they were, bit for bit, nothing was compiled on the way, and the same model trains on
good data. `docs/bad-input.md` is this table; `python -m tests.training.test_bad_input` writes it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import lamina
from lamina import layers, losses, metrics, optimizers
from lamina.core.errors import LaminaConfigError, LaminaError, NotBuiltError, NotCompiledError
from tests.training.helpers import class_data, count_compilations, same_bits

X, Y = class_data(60, features=4, classes=3)
ONE_HOT = np.eye(3, dtype="float32")[Y]
NUMBERS = X[:, :1] + 1
YES_NO = (Y == 1).astype("float32")
IMAGES = np.random.default_rng(0).random((60, 6, 6, 3)).astype("float32")
DOCS = Path(__file__).parents[2] / "docs" / "bad-input.md"


def stack(*tail: Any, loss: Any, shape: tuple[int, ...] | None = (4,), **compile_arguments: Any) -> lamina.Sequential:
    """A compiled model: an input, a hidden layer, and the given last layers."""
    first = [layers.Input(shape)] if shape else []
    hidden = [layers.Flatten()] if shape and len(shape) > 1 else []
    model = lamina.Sequential([*first, *hidden, layers.Dense(5, "relu", name="hidden"), *tail])
    model.compile("sgd", loss, **compile_arguments)
    return model


def out(units: int, activation: str | None = None) -> layers.Dense:
    return layers.Dense(units, activation, name="out")


def classifier(**arguments: Any) -> lamina.Sequential:
    return stack(out(3, "softmax"), loss="sparse_categorical_crossentropy", metrics=["accuracy"], **arguments)


def binary() -> lamina.Sequential:
    return stack(out(1, "sigmoid"), loss="binary_crossentropy", metrics=["accuracy"])


def regressor(**arguments: Any) -> lamina.Sequential:
    return stack(out(1), loss="mse", metrics=["mae"], **arguments)


def images() -> lamina.Sequential:
    return stack(out(3, "softmax"), loss="sparse_categorical_crossentropy", shape=(6, 6, 3))


def with_nan_weight() -> lamina.Sequential:
    model = regressor()
    kernel, *rest = model.get_weights()
    kernel[1, 2] = np.nan
    model.set_weights([kernel, *rest])
    return model


def changed(array: np.ndarray, index: Any, value: Any, dtype: Any = None) -> np.ndarray:
    """A copy of an array with another value at one place."""
    array = array.astype(dtype or array.dtype)
    array[index] = value
    return array


def batches(*items: Any) -> Callable[[], Iterator[Any]]:
    return lambda: iter(items)


GOOD: dict[Callable[..., Any], tuple[np.ndarray, np.ndarray]] = {
    classifier: (X, Y),
    binary: (X, YES_NO),
    regressor: (X, NUMBERS),
    images: (IMAGES, Y),
}


class Row(NamedTuple):
    """One bad input."""

    what: str  # for people
    call: Callable[[Any], Any]
    text: str  # what the message must hold, a regular expression
    model: Callable[[], Any] | None = classifier
    error: type[Exception] = LaminaConfigError
    mend: Callable[[Any], Any] | None = None  # makes the model fit for good data; None: it is
    good: tuple[np.ndarray, np.ndarray] | None = None  # data that train then


def recompiled(loss: Any) -> Callable[[Any], None]:
    return lambda model: model.compile("sgd", loss)


def fit(x: Any = X, y: Any = Y, **arguments: Any) -> Callable[[Any], Any]:
    return lambda model: model.fit(x, y, verbose=0, **arguments)


TABLE = {
    "Labels": [
        Row("label = number of classes", fit(y=Y + 1), r"y: row 2 is 3 .*20 of 60.*'out'.*0 to 2.*pass y - 1"),
        Row("label far beyond the classes", fit(y=changed(Y, 5, 9)), r"y: row 5 is 9, .*0 to 2.*unit per class \(10"),
        Row("negative label", fit(y=changed(Y, 3, -1)), r"y: row 3 is -1, .*0 to 2.*ignore_class=-1"),
        Row("label 1.5", fit(y=changed(Y, 7, 1.5, "float32")), r"y: row 7 is 1.5, .*0 to 2.*'mse'"),
        Row(
            "label 2**40", fit(y=changed(Y, 4, 2**40, "int64")), r"y: row 4 is 1099511627776.*int32.*unique",
            error=ValueError,
        ),
        Row("label 2**40 as float", fit(y=changed(Y, 4, 2.0**40, "float32")), r"y: row 4 is .*0 to 2.*unique"),
        Row("labels {1, 2} for binary_crossentropy", fit(y=YES_NO + 1), r"y: row 1 is 2 .*labels 0 and 1.*pass y - 1", binary),
        Row("labels {-1, 1} for binary_crossentropy", fit(y=2 * YES_NO - 1), r"y: row 0 is -1 .*\(y \+ 1\) / 2.*hinge", binary),
        Row("class numbers for binary_crossentropy", fit(), r"y: row 2 is 2 .*sparse_categorical_crossentropy.*softmax", binary),
        Row("numbers for binary_crossentropy", fit(y=NUMBERS * 3), r"y: row .*labels 0 and 1.*'mse'", binary),
        Row(
            "text as labels", fit(y=np.array(["cat", "dog", "eel"])[Y]), r"y holds text .*row 0 is 'cat'.*LabelEncoder",
            error=ValueError,
        ),
        Row(
            "objects as labels", fit(y=np.array([None, *Y[1:]], object)), r"y holds objects .*row 0 is None.*Fill missing",
            error=ValueError,
        ),
        Row("NaN as label", fit(y=changed(NUMBERS, 8, np.nan)), r"y: row 8, column 0 is nan; 1 value of 60", regressor, ValueError),
        Row("infinite target", fit(y=changed(NUMBERS, 8, np.inf)), r"y: row 8, column 0 is inf", regressor, ValueError),
        Row("complex targets", fit(y=NUMBERS * 1j), r"y: data of dtype complex.*real numbers", regressor, ValueError),
        Row("no y", lambda m: m.fit(X, verbose=0), r"y is missing: the loss.*Pass y"),
        Row("no y in evaluate", lambda m: m.evaluate(X, verbose=0), r"y is missing: the loss.*Pass y"),
        Row("more rows in x than in y", fit(y=Y[:-1]), r"x has 60, y has 59.*row", error=ValueError),
    ],
    "Inputs": [
        Row("NaN in x", fit(changed(X, (17, 2), np.nan)), r"x: row 17, column 2 is nan; 1 value of 240.*SimpleImputer", error=ValueError),
        Row("infinity in x", fit(changed(X, (17, 2), -np.inf)), r"x: row 17, column 2 is -inf", error=ValueError),
        Row("float64 beyond float32 in x", fit(changed(X, (0, 0), 1e300, "float64")), r"x: row 0, column 0 is inf.*rescale", error=ValueError),
        Row("too many features", fit(np.ones((60, 7))), r"x of shape \(60, 7\) does not fit model .*'.*\(batch, 4\).*\(32, 7\)"),
        Row("images into a dense model", fit(IMAGES), r"x of shape \(60, 6, 6, 3\) does not fit.*\(batch, 4\).*Flatten"),
        Row("one sample without the batch axis", lambda m: m.predict(X[0]), r"\(batch, 4\).*\(4,\).*x\[None\]", error=ValueError),
        Row("images channels first", fit(np.moveaxis(IMAGES, 3, 1)), r"x of shape \(60, 3, 6, 6\).*\(batch, 6, 6, 3\).*moveaxis\(x, 1, -1\)", images),
        Row("images without the channel axis", fit(IMAGES[..., 0]), r"x of shape \(60, 6, 6\).*\(batch, 6, 6, 3\)", images),
        Row("complex x", fit(X * 1j), r"x: data of dtype complex64.*x.real, x.imag", error=ValueError),
        Row("text in x", fit(np.full((60, 4), "a")), r"x holds text .*row 0, column 0 is 'a'.*OneHotEncoder", error=ValueError),
        Row("ragged rows", fit([[1.0, 2.0], [3.0]] * 30), r"x: row 1 .*pad or cut", error=ValueError),
        Row("no rows", fit(X[:0], Y[:0]), r"x is empty: its shape is \(0, 4\)", error=ValueError),
        Row("x is None", fit(None), r"fit: x is None. Expected the inputs", error=ValueError),
        Row("a number as x", fit(5), r"x: .*single value 5", error=ValueError),
        Row("a dict of inputs for a Sequential", fit({"a": X, "b": X}), r"x is a dict of 'a', 'b'.*one input.*concatenate"),
        Row("a tuple of inputs for a Sequential", fit((X, X)), r"x is a tuple of 2 arrays .*one input.*concatenate", error=ValueError),
    ],
    "Loss and last layer": [
        Row(
            "sparse cross-entropy on 1 sigmoid unit", fit(y=YES_NO), r"sparse_categorical_crossentropy.*'out' \(Dense, 1 unit, sigmoid\).*binary_crossentropy.*2 units",
            lambda: stack(out(1, "sigmoid"), loss="sparse_categorical_crossentropy"), mend=recompiled("binary_crossentropy"), good=(X, YES_NO),
        ),
        Row(
            "categorical cross-entropy on 1 unit", fit(y=YES_NO), r"categorical_crossentropy.*'out'.*gives 1.*binary_crossentropy",
            lambda: stack(out(1), loss="categorical_crossentropy"), mend=recompiled("mse"), good=(X, NUMBERS),
        ),
        Row(
            "class numbers for categorical cross-entropy", fit(), r"y has shape \(60,\).*\(60, 3\).*sparse_categorical_crossentropy.*to_categorical\(y, 3\)",
            lambda: stack(out(3, "softmax"), loss="categorical_crossentropy"), good=(X, ONE_HOT),
        ),
        Row(
            "one-hot labels for sparse cross-entropy", fit(y=ONE_HOT), r"cannot compare y of shape \(60, 3\) and the outputs of layer 'out'.*categorical_crossentropy.*argmax",
        ),
        Row(
            "softmax with from_logits=True", fit(), r"'out' \(Dense, 3 units, softmax\) gives probabilities.*from_logits=True.*Leave out",
            lambda: stack(out(3, "softmax"), loss=losses.SparseCategoricalCrossentropy(from_logits=True)), mend=recompiled("sparse_categorical_crossentropy"),
        ),
        Row(
            "sigmoid with from_logits=True", fit(y=YES_NO), r"'out' \(Dense, 1 unit, sigmoid\).*from_logits=True",
            lambda: stack(out(1, "sigmoid"), loss=losses.BinaryCrossentropy(from_logits=True)), mend=recompiled("binary_crossentropy"), good=(X, YES_NO),
        ),
        Row(
            "no activation with from_logits=False", fit(), r"'out' \(Dense, 3 units, no activation\) gives any number.*activation='softmax'.*SparseCategoricalCrossentropy\(from_logits=True\)",
            lambda: stack(out(3), loss="sparse_categorical_crossentropy"), mend=recompiled(losses.SparseCategoricalCrossentropy(from_logits=True)),
        ),
        Row(
            "relu before binary cross-entropy", fit(y=YES_NO), r"'out' \(Dense, 1 unit, relu\).*probabilities.*activation='sigmoid'",
            lambda: stack(out(1, "relu"), loss="binary_crossentropy"), mend=recompiled("mse"), good=(X, NUMBERS),
        ),
        Row(
            "tanh as a layer before categorical cross-entropy", fit(y=ONE_HOT), r"'end' \(Activation, tanh\).*activation='softmax'",
            lambda: stack(out(3), layers.Activation("tanh", name="end"), loss="categorical_crossentropy"), mend=recompiled("mse"), good=(X, ONE_HOT),
        ),
        Row(
            "softmax over 1 unit", fit(y=YES_NO), r"'out' \(Dense, 1 unit, softmax\): softmax over 1 unit is always 1.*sigmoid",
            lambda: stack(out(1, "softmax"), loss="binary_crossentropy"), mend=lambda m: (m.pop(), m.add(out(1, "sigmoid"))), good=(X, YES_NO),
        ),
        Row("class numbers for mse on 3 units", fit(), r"cannot compare y of shape \(60,\) and the outputs of layer 'out'.*\(batch, 3\).*sparse_categorical_crossentropy", lambda: stack(out(3), loss="mse"), good=(X, ONE_HOT)),
        Row("two targets for one unit", fit(y=np.ones((60, 2))), r"y of shape \(60, 2\).*'out'.*\(batch, 1\).*units=2", regressor),
        Row("a metric that cannot take the labels", fit(y=YES_NO), r"metric 'categorical_accuracy' cannot compare y of shape \(60,\).*\(batch, 1\)|metric", lambda: stack(out(3, "softmax"), loss="sparse_categorical_crossentropy", metrics=["categorical_accuracy"]), mend=recompiled("sparse_categorical_crossentropy")),
        Row("reduction='none'", fit(y=NUMBERS), r"loss 'mean_squared_error' with reduction='none'.*\(batch.*one number.*sum_over_batch_size", lambda: stack(out(1), loss=losses.MeanSquaredError(reduction="none")), mend=recompiled("mse"), good=(X, NUMBERS)),
        Row("no loss", fit(y=NUMBERS), r"compiled without a loss.*nothing to minimise.*loss='mse'", lambda: stack(out(1), loss=None), mend=recompiled("mse"), good=(X, NUMBERS)),
        Row("no loss and no metrics in evaluate", lambda m: m.evaluate(X, NUMBERS), r"compiled without a loss", lambda: stack(out(1), loss=None), mend=recompiled("mse"), good=(X, NUMBERS)),
        Row("NaN weights", fit(y=NUMBERS), r"weight 'sequential/hidden/kernel' holds NaN.*1 of 20.*load_weights", with_nan_weight, mend=lambda m: m.set_weights([np.nan_to_num(w) for w in m.get_weights()]), good=(X, NUMBERS)),
    ],
    "Arguments": [
        Row("batch_size=0", fit(batch_size=0), r"fit: batch_size: expected a whole number >= 1, received 0", error=ValueError),
        Row("batch_size=2.5", fit(batch_size=2.5), r"fit: batch_size: expected a whole number >= 1, received 2.5", error=ValueError),
        Row("epochs=-1", fit(epochs=-1), r"fit: epochs: expected a whole number >= 1, received -1", error=ValueError),
        Row("initial_epoch beyond epochs", fit(epochs=2, initial_epoch=2), r"initial_epoch 2 leaves nothing.*epochs=4", error=ValueError),
        Row("validation_split=1.5", fit(validation_split=1.5), r"validation_split: expected a fraction.*1.5", error=ValueError),
        Row("validation_split that leaves no row", fit(X[:1], Y[:1], validation_split=0.5), r"validation_split=0.5 of 1 rows leaves 0 for training", error=ValueError),
        Row("steps_per_epoch=0", fit(steps_per_epoch=0), r"steps_per_epoch: expected a whole number >= 1, received 0", error=ValueError),
        Row("validation_freq=0", fit(validation_freq=0), r"validation_freq: expected a whole number >= 1, received 0", error=ValueError),
        Row("shuffle='batch'", fit(shuffle="batch"), r"shuffle: expected True or False, received 'batch'", error=ValueError),
        Row("batch_size=0 in evaluate", lambda m: m.evaluate(X, Y, batch_size=0), r"evaluate: batch_size: expected", error=ValueError),
        Row("batch_size=0 in predict", lambda m: m.predict(X, batch_size=0), r"predict: batch_size: expected", error=ValueError),
        Row("a callback that is none", fit(callbacks=[5]), r"callback.*5", error=(TypeError, ValueError)),
        Row("a callback's class", fit(callbacks=[lamina.callbacks.EarlyStopping]), r"EarlyStopping", error=(TypeError, ValueError)),
    ],
    "Weights of samples and classes": [
        Row("NaN sample weight", fit(sample_weight=changed(YES_NO, 3, np.nan)), r"sample_weight: row 3 is nan", error=ValueError),
        Row("negative sample weight", fit(sample_weight=changed(YES_NO, 3, -2)), r"sample_weight: row 3 is -2, but expected numbers >= 0.*preflight=False"),
        Row("sample weights of another length", fit(sample_weight=YES_NO[:9]), r"sample_weight has 9", error=ValueError),
        Row("sample weights of another rank", fit(sample_weight=np.ones((60, 2))), r"sample_weight of shape \(60, 2\).*Expected shape \(32,\)"),
        Row("NaN class weight", fit(class_weight={0: 1, 1: np.nan, 2: 1}), r"class_weight: the weight of class 1 is nan", error=ValueError),
        Row("negative class weight", fit(class_weight={0: 1, 1: -1, 2: 1}), r"class_weight: the weight of class 1 is -1.*>= 0", error=ValueError),
        Row("weight of a class that is not there", fit(class_weight={0: 1, 1: 1, 2: 1, 7: 2}), r"class_weight.*does not have: 7", error=ValueError),
        Row("class_weight as a list", fit(class_weight=[1, 2, 3]), r"class_weight: expected a dict.*list", error=TypeError),
    ],
    "Validation data": [
        Row("validation x of another width", fit(validation_data=(X[:, :3], Y)), r"validation_data x of shape \(60, 3\) does not fit"),
        Row("NaN in validation x", fit(validation_data=(changed(X, (1, 1), np.nan), Y)), r"validation_data x: row 1, column 1 is nan", error=ValueError),
        Row("validation label out of range", fit(validation_data=(X, Y + 1)), r"validation_data y: row 2 is 3"),
        Row("validation lengths differ", fit(validation_data=(X, Y[:5])), r"validation_data x has 60, validation_data y has 5", error=ValueError),
        Row("validation_data without y", fit(validation_data=(X,)), r"validation_data y is missing"),
        Row("validation_data of four", fit(validation_data=(X, Y, YES_NO, 1)), r"validation_data: expected x, .*tuple of 4", error=ValueError),
        Row("NaN in the rows that validation_split holds out", fit(changed(X, (59, 0), np.nan), validation_split=0.2), r"x: row 59, column 0 is nan", error=ValueError),
    ],
    "Iterables of batches": [
        Row("y beside a generator", fit(batches((X, Y))), r"fit: y cannot be used when x is an iterable.*yield \(x, y\)", error=ValueError),
        Row("batch_size beside a generator", fit(batches((X, Y)), None, batch_size=8), r"fit: batch_size cannot be used.*iterable decides", error=ValueError),
        Row("validation_split of a generator", fit(batches((X, Y)), None, validation_split=0.5), r"validation_split cannot be used.*validation_data", error=ValueError),
        Row("a generator without batches", fit(iter([]), None), r"x: the list_iterator yielded no batch.*\(x, y\)", error=ValueError),
        Row("a generator without labels", fit(batches(X, X), None), r"y in batch 1 is missing.*yield \(x, y\)"),
        Row("a generator of four", fit(batches((X, Y, Y, Y)), None), r"batch 1: expected x, .*tuple of 4", error=ValueError),
        Row("NaN in the first batch", fit(batches((changed(X, (2, 0), np.nan), Y)), None), r"x in batch 1: row 2, column 0 is nan", error=ValueError),
        Row("a label out of range in the first batch", fit(batches((X, Y + 1)), None), r"y in batch 1: row 2 is 3"),
        Row("a generator as y", fit(X, iter([Y])), r"y: .*read from x alone", error=TypeError),
        Row("class_weight='balanced' for a generator", fit(batches((X, Y)), None, class_weight="balanced"), r"class_weight='balanced' needs all labels", error=ValueError),
    ],
    "Order of calls": [
        Row("fit before compile", fit(), r"fit: model 'sequential' is not compiled. Call model.compile", lambda: lamina.Sequential([layers.Input((4,)), out(3, "softmax")]), NotCompiledError, mend=recompiled("sparse_categorical_crossentropy")),
        Row("evaluate before compile", lambda m: m.evaluate(X, Y), r"evaluate: model 'sequential' is not compiled", lambda: lamina.Sequential([layers.Input((4,)), out(3, "softmax")]), NotCompiledError, mend=recompiled("sparse_categorical_crossentropy")),
        Row("train_on_batch before compile", lambda m: m.train_on_batch(X, Y), r"train_on_batch: model 'sequential' is not compiled", lambda: lamina.Sequential([layers.Input((4,)), out(3, "softmax")]), NotCompiledError, mend=recompiled("sparse_categorical_crossentropy")),
        Row("predict before the shapes are known", lambda m: m.predict(X), r"'sequential' has no weights yet.*fit.*build", lambda: classifier(shape=None), NotBuiltError),
        Row("evaluate before the shapes are known", lambda m: m.evaluate(X, Y), r"'sequential' has no weights yet.*fit.*build", lambda: classifier(shape=None), NotBuiltError),
        Row("summary's count_params before the shapes are known", lambda m: m.count_params(), r"'sequential' has no weights yet.*Input\(shape\)", lambda: classifier(shape=None), NotBuiltError),
        Row("a model without layers", fit(), r"'sequential' has no layers.*add\(Dense", lambda: compiled_empty(), LaminaError, mend=lambda m: m.add(out(3, "softmax"))),
        Row("bad labels for a model without shapes", fit(X[:, :2], Y + 1), r"y: row 2 is 3", lambda: classifier(shape=None)),
        Row("a row of a vector without features", fit(X[:, 0]), r"'hidden': expected input of shape \(batch, ..., features\).*x\[:, None\]", lambda: classifier(shape=None)),
    ],
    "compile": [
        Row("unknown metric", lambda m: m.compile("sgd", "mse", metrics=["acuracy"]), r"Unknown metric: 'acuracy'. Did you mean 'accuracy'", error=LaminaError),
        Row("unknown loss", lambda m: m.compile("sgd", "mean_square_error"), r"Unknown loss: 'mean_square_error'. Did you mean 'mean_squared_error'", error=LaminaError),
        Row("unknown optimizer", lambda m: m.compile("adamm"), r"Unknown optimizer: 'adamm'. Did you mean 'adam", error=LaminaError),
        Row("metrics not in a list", lambda m: m.compile("sgd", "mse", metrics="accuracy"), r"metrics: expected a list such as \['accuracy'\].*brackets", error=ValueError),
        Row("None among the metrics", lambda m: m.compile("sgd", "mse", metrics=["mae", None]), r"compile: metrics: received None", error=ValueError),
        Row("a number as metric", lambda m: m.compile("sgd", "mse", metrics=[5]), r"Expected a metric.*received 5 of type int", error=TypeError),
        Row("a number as loss", lambda m: m.compile("sgd", 5), r"Expected a loss.*received 5 of type int", error=TypeError),
        Row("a number as optimizer", lambda m: m.compile(0.1, "mse"), r"Expected an? optimizer.*received 0.1", error=TypeError),
        Row("two losses for one output", lambda m: m.compile("sgd", ["mse", "mae"]), r"loss: the model has one output, received 2", error=ValueError),
        Row("steps_per_execution=0", lambda m: m.compile("sgd", "mse", steps_per_execution=0), r"compile: steps_per_execution: expected a whole number >= 1", error=ValueError),
        Row("unknown argument of compile", lambda m: m.compile("sgd", los="mse"), r"los", error=TypeError),
        Row("NaN learning rate", lambda m: optimizers.SGD(np.nan), r"SGD: learning_rate: expected a finite number >= 0 .*received nan", error=ValueError),
        Row("NaN learning rate set later", lambda m: setattr(m.optimizer, "learning_rate", float("nan")), r"SGD: learning_rate: expected a finite number", error=ValueError),
        Row("negative learning rate", lambda m: optimizers.Adam(-0.1), r"Adam: learning_rate: expected a finite number >= 0 .*received -0.1", error=ValueError),
        Row("lr=", lambda m: optimizers.Adam(lr=0.1), r"Adam: unknown argument 'lr'. Did you mean 'learning_rate'", error=TypeError),
        Row("a metric's class that needs arguments", lambda m: m.compile("sgd", "mse", metrics=[metrics.Precision(thresholds=2)]), r"thresholds", error=ValueError),
    ],
    "Layers": [
        Row("units=-1", lambda m: layers.Dense(-1), r"Dense 'dense.*': units: expected a whole number >= 1, received -1", error=ValueError),
        Row("units=2.5", lambda m: layers.Dense(2.5), r"units: expected a whole number >= 1, received 2.5", error=ValueError),
        Row("unknown activation", lambda m: layers.Dense(2, "rleu"), r"Unknown activation: 'rleu'. Did you mean 'relu'", error=LaminaError),
        Row("unknown argument of a layer", lambda m: layers.Dense(2, activaton="relu"), r"Dense: unknown argument 'activaton'. Did you mean 'activation'", error=TypeError),
        Row("a layer's class", lambda m: lamina.Sequential([layers.Flatten]), r"expected a layer such as Dense\(10\).*Flatten.*Write Flatten\(...\)", error=TypeError),
        Row("no layer", lambda m: m.add(5), r"expected a layer such as Dense\(10\), received 5", error=TypeError),
        Row("a layer twice", lambda m: m.add(m.layers[0]), r"named 'hidden' already.*name=", error=ValueError),
        Row("Input(shape=28)", lambda m: layers.Input(28), r"Input: shape: expected a tuple", error=(ValueError, TypeError)),
        Row("Dropout(1.5)", lambda m: layers.Dropout(1.5), r"rate: expected a fraction from 0 to 1, received 1.5", error=ValueError),
        Row("Reshape to another size", lambda m: m.add(layers.Reshape((2, 2))), r"Reshape 'sequential/reshape'.*3 elements.*\(2, 2\)", error=ValueError),
    ],
}  # fmt: skip


def compiled_empty() -> lamina.Sequential:
    model = lamina.Sequential()
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model
