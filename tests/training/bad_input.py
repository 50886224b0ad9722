"""The table of bad input: what a user may pass, and what the message must say. Read by `test_bad_input.py`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import optax

import lamina
from lamina import callbacks, layers, losses, metrics, optimizers
from lamina.core.errors import LaminaConfigError, LaminaError, NotBuiltError, NotCompiledError
from tests.training.helpers import class_data

Data = tuple[np.ndarray, Any]

X, Y = class_data(60, features=4, classes=3)
ONE_HOT = np.eye(3, dtype="float32")[Y]
NUMBERS = X[:, :1] + 1
YES_NO = (Y == 1).astype("float32")
IMAGES = np.random.default_rng(0).random((60, 6, 6, 3)).astype("float32")
PIXELS = (IMAGES * 255).astype("uint8")


@dataclass(eq=False)
class Row:
    """One bad input."""

    what: str  # for people
    call: Callable[[Any], Any]  # what is done with the model
    text: str  # what the message must hold, a regular expression
    error: type[BaseException] | tuple[type[BaseException], ...] = LaminaConfigError
    model: Callable[[], Any] | None = None  # None: the classifier
    mend: Callable[[Any], Any] | None = None  # makes the model itself fit to train; None: it is
    good: Data = (X, Y)  # what trains then


def stack(*tail: Any, loss: Any, shape: tuple[int, ...] | None = (4,), **compile_arguments: Any) -> lamina.Sequential:
    """A compiled model: an input, a hidden layer, and the given last layers."""
    first = [layers.Input(shape)] if shape else []
    flatten = [layers.Flatten()] if shape and len(shape) > 1 else []
    model = lamina.Sequential([*first, *flatten, layers.Dense(5, "relu", name="hidden"), *tail])
    model.compile("sgd", loss, **compile_arguments)
    return model


def out(units: int, activation: Any = None) -> layers.Dense:
    """The last layer."""
    return layers.Dense(units, activation, name="out")


def classifier(**arguments: Any) -> lamina.Sequential:
    """Three classes, softmax, class numbers as labels."""
    return stack(out(3, "softmax"), loss="sparse_categorical_crossentropy", metrics=["accuracy"], **arguments)


def compiled_with(optimizer: Any) -> lamina.Sequential:
    """The classifier with another optimizer."""
    model = classifier()
    model.compile(optimizer, "sparse_categorical_crossentropy")
    return model


def unbuilt() -> lamina.Sequential:
    """The classifier, before it has seen data."""
    return classifier(shape=None)


def binary() -> lamina.Sequential:
    """One sigmoid unit."""
    return stack(out(1, "sigmoid"), loss="binary_crossentropy", metrics=["accuracy"])


def regressor() -> lamina.Sequential:
    """One number."""
    return stack(out(1), loss="mse", metrics=["mae"])


def image_classifier() -> lamina.Sequential:
    """Three classes of small images."""
    return stack(out(3, "softmax"), loss="sparse_categorical_crossentropy", shape=(6, 6, 3))


def uncompiled() -> lamina.Sequential:
    """The classifier without `compile`."""
    return lamina.Sequential([layers.Input((4,)), out(3, "softmax")])


def empty() -> lamina.Sequential:
    """A compiled model without layers."""
    model = lamina.Sequential()
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model


def with_nan_weight() -> lamina.Sequential:
    """A regressor whose training once diverged."""
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


def pandas() -> Any:
    """The library, imported when a row needs it."""
    import pandas

    return pandas


def table(**columns: Any) -> Any:
    """A pandas table like X, with some columns replaced."""
    return pandas().DataFrame({f"f{i}": X[:, i] for i in range(4)} | columns)


def batches(*items: Any) -> Callable[[], Iterator[Any]]:
    """A function that starts a generator."""
    return lambda: iter(items)


def failing() -> Iterator[Any]:
    """A generator with a bug."""
    yield X, Y
    raise KeyError("the user's own")


def fit(x: Any = X, y: Any = Y, **arguments: Any) -> Callable[[Any], Any]:
    """Call `model.fit`."""
    return lambda model: model.fit(x, y, verbose=0, **arguments)


def with_loss(loss: Any) -> Callable[[Any], Any]:
    """Compile the model again."""
    return lambda model: model.compile("sgd", loss)


def sparse_on_sigmoid() -> lamina.Sequential:
    return stack(out(1, "sigmoid"), loss="sparse_categorical_crossentropy")


def categorical_on_one_unit() -> lamina.Sequential:
    return stack(out(1), loss="categorical_crossentropy")


def categorical() -> lamina.Sequential:
    return stack(out(3, "softmax"), loss="categorical_crossentropy")


def softmax_as_logits() -> lamina.Sequential:
    return stack(out(3, "softmax"), loss=losses.SparseCategoricalCrossentropy(from_logits=True))


def sigmoid_as_logits() -> lamina.Sequential:
    return stack(out(1, "sigmoid"), loss=losses.BinaryCrossentropy(from_logits=True))


def logits_as_probabilities() -> lamina.Sequential:
    return stack(out(3), loss="sparse_categorical_crossentropy")


def relu_as_probability() -> lamina.Sequential:
    return stack(out(1, "relu"), loss="binary_crossentropy")


def tanh_at_the_end() -> lamina.Sequential:
    return stack(out(3), layers.Activation("tanh", name="end"), loss="categorical_crossentropy")


def logarithms_as_probabilities() -> lamina.Sequential:
    return stack(out(3, "log_softmax"), layers.Dropout(0.1), loss="categorical_crossentropy")


def softmax_of_one() -> lamina.Sequential:
    return stack(out(1, "softmax"), loss="binary_crossentropy")


def three_numbers() -> lamina.Sequential:
    return stack(out(3), loss="mse")


def wrong_accuracy() -> lamina.Sequential:
    return stack(out(3, "softmax"), loss="sparse_categorical_crossentropy", metrics=["categorical_accuracy"])


def unreduced() -> lamina.Sequential:
    return stack(out(1), loss=losses.MeanSquaredError(reduction="none"))


def lossless() -> lamina.Sequential:
    return stack(out(1), loss=None)


def sigmoid_instead_of_softmax(model: Any) -> None:
    model.pop()
    model.add(out(1, "sigmoid"))


def finite_weights(model: Any) -> None:
    model.set_weights([np.nan_to_num(w) for w in model.get_weights()])


def two_heads(**arguments: Any) -> Any:
    """A graph with two named outputs: a price, and a class out of three."""
    inputs = layers.Input((4,))
    hidden = layers.Dense(5, "relu", name="hidden")(inputs)
    outputs = [layers.Dense(1, name="price")(hidden), layers.Dense(3, "softmax", name="kind")(hidden)]
    model = lamina.Model(inputs, outputs, name="shop")
    model.compile("sgd", **({"loss": TWO_LOSSES} | arguments))
    return model


def two_logits() -> Any:
    """The same with a loss from logits for probabilities."""
    return two_heads(loss=["mse", losses.SparseCategoricalCrossentropy(from_logits=True)])


class NamelessHeads(lamina.Model):
    """A class of the user's with two outputs."""

    def __init__(self) -> None:
        super().__init__(name="shop")
        self.price, self.kind = layers.Dense(1), layers.Dense(3, "softmax")

    def call(self, inputs: Any) -> Any:
        return self.price(inputs), self.kind(inputs)


def nameless() -> Any:
    """Two outputs without names."""
    model = NamelessHeads()
    model.compile("sgd", ["mse", "sparse_categorical_crossentropy"])
    return model


def compile_and_fit(**arguments: Any) -> Callable[[Any], Any]:
    """Compile the two heads otherwise, and train."""
    return lambda model: (
        model.compile("sgd", **({"loss": TWO_LOSSES} | arguments)),
        model.fit(*TWO_TARGETS, verbose=0),
    )


def fit_heads(y: Any = None, **arguments: Any) -> Callable[[Any], Any]:
    """Fit two heads; `y` replaces some of the targets."""
    targets = TWO_TARGETS[1] | y if isinstance(y, dict) else TWO_TARGETS[1] if y is None else y
    return lambda model: model.fit(X, targets, verbose=0, **arguments)


TWO_LOSSES = {"price": "mse", "kind": "sparse_categorical_crossentropy"}
TWO_TARGETS: Any = (X, {"price": NUMBERS, "kind": Y})
TO_CROSSENTROPY = with_loss("sparse_categorical_crossentropy")
TO_BINARY = with_loss("binary_crossentropy")
TO_MSE = with_loss("mse")

LABELS = [
    Row("label = number of classes", fit(y=Y + 1), r"y: row 2 is 3 .*20 of 60.*'out'.*from 0 to 2.*pass y - 1"),
    Row("label far beyond the classes", fit(y=changed(Y, 5, 9)), r"y: row 5 is 9, .*0 to 2.*one unit per class \(10"),
    Row("label -1", fit(y=changed(Y, 3, -1)), r"y: row 3 is -1, .*0 to 2.*ignore_class=-1"),
    Row("label 1.5", fit(y=changed(Y, 7, 1.5, "float32")), r"y: row 7 is 1.5, .*0 to 2.*'mse'"),
    Row("label 2**40", fit(y=changed(Y, 4, 2**40)), r"y: row 4 is 1099511627776.*int32.*unique", ValueError),
    Row("label 2**40 as float", fit(y=changed(Y, 4, 2**40, float)), r"y: row 4 is 1.*e\+12, .*0 to 2.*unique"),
    Row("labels 1 and 2", fit(y=YES_NO + 1), r"y: row 1 is 2 .*0 and 1.*pass y - 1", model=binary, good=(X, YES_NO)),
    Row(
        "labels -1 and 1",
        fit(y=2 * YES_NO - 1),
        r"y: row 0 is -1 .*0 and 1.*\(y \+ 1\) / 2.*hinge",
        model=binary,
        good=(X, YES_NO),
    ),
    Row(
        "class numbers for binary_crossentropy",
        fit(),
        r"y: row 2 is 2 .*0 and 1.*sparse_categorical_crossentropy.*3 for labels up to 2.*softmax",
        model=binary,
        good=(X, YES_NO),
    ),
    Row(
        "numbers for binary_crossentropy",
        fit(y=NUMBERS * 3),
        r"y: row .*0 and 1, or probabilities.*'mse'",
        model=binary,
        good=(X, YES_NO),
    ),
    Row("text as labels", fit(y=np.array(["cat", "dog", "eel"])[Y]), r"y holds text.*'cat'.*LabelEncoder", ValueError),
    Row("None as label", fit(y=np.array([None, *Y[1:]])), r"y holds objects.*row 0 is None.*Fill missing", ValueError),
    Row(
        "NaN as target",
        fit(y=changed(NUMBERS, 8, np.nan)),
        r"y: row 8, column 0 is nan; 1 value of 60",
        ValueError,
        regressor,
        good=(X, NUMBERS),
    ),
    Row(
        "infinity as target",
        fit(y=changed(NUMBERS, 8, np.inf)),
        r"y: row 8, column 0 is inf",
        ValueError,
        regressor,
        good=(X, NUMBERS),
    ),
    Row("complex targets", fit(y=Y * 1j), r"y: data of dtype complex128.*y?.real", ValueError),
    Row("no y", fit(y=None), r"y is missing: the loss.*Pass y"),
    Row("no y in evaluate", lambda m: m.evaluate(X), r"y is missing: the loss.*Pass y"),
    Row("no y in train_on_batch", lambda m: m.train_on_batch(X), r"y is missing: the loss.*Pass y"),
    Row("fewer labels than inputs", fit(y=Y[:-1]), r"different numbers of rows: x has 60, y has 59", ValueError),
    Row("label = number of classes in evaluate", lambda m: m.evaluate(X, Y + 1), r"y: row 2 is 3 .*0 to 2"),
    Row("label = number of classes in test_on_batch", lambda m: m.test_on_batch(X, Y + 1), r"y: row 2 is 3 .*0 to 2"),
]

INPUTS = [
    Row("NaN in x", fit(changed(X, (17, 2), np.nan)), r"x: row 17, column 2 is nan; 1 .*SimpleImputer", ValueError),
    Row("infinity in x", fit(changed(X, (17, 2), -np.inf)), r"x: row 17, column 2 is -inf", ValueError),
    Row(
        "a number beyond float32 in x",
        fit(changed(X, (0, 0), 1e300, "float64")),
        r"x: row 0, column 0 is inf.*beyond 3.4e38.*rescale",
        ValueError,
    ),
    Row("NaN in a table", lambda m: m.fit(table(f1=np.nan), Y), r"x: row 0, column 'f1' is nan; 60", ValueError),
    Row(
        "categories in a table",
        lambda m: m.fit(table(f1=pandas().Categorical(["a", "b"] * 30)), Y),
        r"x: column 'f1' is categorical.*get_dummies",
        ValueError,
    ),
    Row(
        "too many features", fit(np.ones((60, 7))), r"x of shape \(60, 7\) does not fit model.*\(batch, 4\).*\(32, 7\)"
    ),
    Row(
        "too few features in predict", lambda m: m.predict(X[:, :3]), r"x of shape \(60, 3\) does not fit.*\(batch, 4\)"
    ),
    Row(
        "too few features, few rows", lambda m: m.predict(X[:3, :3]), r"x of shape \(3, 3\) does not fit.*\(batch, 4\)"
    ),
    Row("images for a dense layer", fit(IMAGES), r"x of shape \(60, 6, 6, 3\) does not fit.*\(batch, 4\).*Flatten"),
    Row("one sample without the batch axis", lambda m: m.predict(X[0]), r"x of shape \(4,\).*\(batch, 4\).*x\[None\]"),
    Row(
        "images with the channels first",
        fit(np.moveaxis(IMAGES, 3, 1)),
        r"x of shape \(60, 3, 6, 6\).*\(batch, 6, 6, 3\).*moveaxis\(x, 1, -1\)",
        model=image_classifier,
        good=(IMAGES, Y),
    ),
    Row(
        "images without the channels",
        fit(IMAGES[..., 0]),
        r"x of shape \(60, 6, 6\).*\(batch, 6, 6, 3\)",
        model=image_classifier,
        good=(IMAGES, Y),
    ),
    Row(
        "a vector for a model without shapes",
        fit(X[:, 0]),
        r"'hidden': expected .*features.*x\[:, None\]",
        model=unbuilt,
    ),
    Row("bad labels for a model without shapes", fit(X[:, :2], Y + 1), r"y: row 2 is 3", model=unbuilt),
    Row("complex x", fit(X * 1j), r"x: data of dtype complex64.*x.real, x.imag", ValueError),
    Row("text in x", fit(np.full((60, 4), "a")), r"x holds text.*row 0, column 0 is 'a'.*OneHotEncoder", ValueError),
    Row("dates in x", fit(np.full((60, 4), "2026-01-01", "M8[D]")), r"x: .*datetime64.*days since", ValueError),
    Row("rows of different lengths", fit([[1.0, 2.0], [3.0]] * 30), r"x: row 1 has length 1.*pad or cut", ValueError),
    Row("no rows", fit(X[:0], Y[:0]), r"x is empty: its shape is \(0, 4\)", ValueError),
    Row("no rows in predict", lambda m: m.predict(X[:0]), r"x is empty: its shape is \(0, 4\)", ValueError),
    Row("no rows in evaluate", lambda m: m.evaluate(X[:0], Y[:0]), r"x is empty: its shape is \(0, 4\)", ValueError),
    Row("an empty list", fit([], []), r"x is empty|x is an empty list", ValueError),
    Row("no x", fit(None), r"fit: x is None. Expected the inputs", ValueError),
    Row("no x in evaluate", lambda m: m.evaluate(), r"evaluate: x is None. Expected the inputs", ValueError),
    Row("no x in predict", lambda m: m.predict(None), r"predict: x is None. Expected the inputs", ValueError),
    Row("a number as x", fit(5), r"x: .*single value 5", ValueError),
    Row("text as x", fit("data.csv"), r"x: .*str.*cannot be read", TypeError),
    Row("a dict of inputs", fit({"a": X, "b": X}), r"x is a dict of 'a', 'b'.*one input.*concatenate"),
    Row("a tuple of inputs", fit((X, X)), r"x is a tuple of 2 arrays.*one input.*concatenate", ValueError),
    Row("a list of inputs", fit([X, X[:, :2]]), r"x: .*different shapes.*one input", ValueError),
]

PAIRS = [
    Row(
        "sparse cross-entropy with 1 sigmoid unit",
        fit(y=YES_NO),
        r"sparse_categorical_crossentropy.*'out' \(Dense, 1 unit, sigmoid\).*binary_crossentropy.*2 units",
        model=sparse_on_sigmoid,
        mend=TO_BINARY,
        good=(X, YES_NO),
    ),
    Row(
        "categorical cross-entropy with 1 unit",
        fit(y=YES_NO),
        r"categorical_crossentropy.*'out' \(Dense, 1 unit, no activation\) gives 1.*binary_crossentropy",
        model=categorical_on_one_unit,
        mend=TO_MSE,
        good=(X, NUMBERS),
    ),
    Row(
        "class numbers for categorical cross-entropy",
        fit(),
        r"y has shape \(60,\).*\(60, 3\).*sparse_categorical_crossentropy.*to_categorical\(y, 3\)",
        model=categorical,
        good=(X, ONE_HOT),
    ),
    Row(
        "one-hot labels for sparse cross-entropy",
        fit(y=ONE_HOT),
        r"cannot compare y of shape \(60, 3\) and the outputs of layer 'out'.*categorical_crossentropy.*argmax",
    ),
    Row(
        "softmax and from_logits=True",
        fit(),
        r"'out' \(Dense, 3 units, softmax\) gives probabilities.*from_logits=True.*Leave out",
        model=softmax_as_logits,
        mend=TO_CROSSENTROPY,
    ),
    Row(
        "sigmoid and from_logits=True",
        fit(y=YES_NO),
        r"'out' \(Dense, 1 unit, sigmoid\) gives probabilities.*BinaryCrossentropy\(from_logits=True\)",
        model=sigmoid_as_logits,
        mend=TO_BINARY,
        good=(X, YES_NO),
    ),
    Row(
        "no activation and from_logits=False",
        fit(),
        r"'out' \(Dense, 3 units, no activation\).*activation='softmax'.*Crossentropy\(from_logits=True\)",
        model=logits_as_probabilities,
        mend=with_loss(losses.SparseCategoricalCrossentropy(from_logits=True)),
    ),
    Row(
        "relu before binary cross-entropy",
        fit(y=YES_NO),
        r"'out' \(Dense, 1 unit, relu\).*expects probabilities.*activation='sigmoid'",
        model=relu_as_probability,
        mend=TO_MSE,
        good=(X, NUMBERS),
    ),
    Row(
        "tanh before categorical cross-entropy",
        fit(y=ONE_HOT),
        r"'end' \(Activation, tanh\).*expects probabilities.*activation='softmax'",
        model=tanh_at_the_end,
        mend=TO_MSE,
        good=(X, ONE_HOT),
    ),
    Row(
        "log_softmax and from_logits=False",
        fit(y=ONE_HOT),
        r"'out' \(Dense, 3 units, log_softmax\).*CategoricalCrossentropy\(from_logits=True\)",
        model=logarithms_as_probabilities,
        mend=with_loss(losses.CategoricalCrossentropy(from_logits=True)),
        good=(X, ONE_HOT),
    ),
    Row(
        "softmax over 1 unit",
        fit(y=YES_NO),
        r"'out' \(Dense, 1 unit, softmax\): softmax over 1 unit is always 1.*sigmoid",
        model=softmax_of_one,
        mend=sigmoid_instead_of_softmax,
        good=(X, YES_NO),
    ),
    Row(
        "class numbers for mse on 3 units",
        fit(),
        r"cannot compare y of shape \(60,\) and the outputs of layer 'out'.*\(batch, 3\).*use sparse_categorical",
        model=three_numbers,
        good=(X, ONE_HOT),
    ),
    Row(
        "two targets for one unit",
        fit(y=np.ones((60, 2))),
        r"y of shape \(60, 2\).*'out'.*\(batch, 1\).*units=2",
        model=regressor,
        good=(X, NUMBERS),
    ),
    Row(
        "an accuracy for other labels",
        fit(),
        r"metric 'categorical_accuracy' cannot compare y of shape \(60,\) and .*'out'.*SparseCategoricalAccuracy",
        model=wrong_accuracy,
        mend=TO_CROSSENTROPY,
    ),
    Row(
        "a loss that is not reduced to a number",
        fit(y=NUMBERS),
        r"loss 'mean_squared_error' with reduction='none'.*\(batch.*one number.*sum_over_batch_size",
        model=unreduced,
        mend=TO_MSE,
        good=(X, NUMBERS),
    ),
    Row(
        "no loss",
        fit(y=NUMBERS),
        r"compiled without a loss.*nothing to minimise.*loss='mse'",
        model=lossless,
        mend=TO_MSE,
        good=(X, NUMBERS),
    ),
    Row(
        "neither loss nor metrics in evaluate",
        lambda m: m.evaluate(X, NUMBERS),
        r"compiled without a loss.*nothing to minimise or measure",
        model=lossless,
        mend=TO_MSE,
        good=(X, NUMBERS),
    ),
    Row(
        "NaN in the weights",
        fit(y=NUMBERS),
        r"weight 'sequential/hidden/kernel' holds NaN.*1 of 20.*load_weights.*smaller learning rate",
        model=with_nan_weight,
        mend=finite_weights,
        good=(X, NUMBERS),
    ),
]

ARGUMENTS = [
    Row("batch_size=0", fit(batch_size=0), r"fit: batch_size: expected a whole number >= 1, received 0", ValueError),
    Row("batch_size=2.5", fit(batch_size=2.5), r"batch_size: expected a whole number >= 1, received 2.5", ValueError),
    Row("epochs=-1", fit(epochs=-1), r"fit: epochs: expected a whole number >= 1, received -1", ValueError),
    Row("epochs='10'", fit(epochs="10"), r"fit: epochs: expected a whole number >= 1, received '10'", ValueError),
    Row(
        "initial_epoch = epochs",
        fit(epochs=2, initial_epoch=2),
        r"initial_epoch 2 leaves nothing.*epochs=4",
        ValueError,
    ),
    Row("validation_split=1.5", fit(validation_split=1.5), r"validation_split: expected a fraction.*1.5", ValueError),
    Row(
        "validation_split=-0.1", fit(validation_split=-0.1), r"validation_split: expected a fraction.*-0.1", ValueError
    ),
    Row(
        "validation_split that leaves no row",
        fit(X[:1], Y[:1], validation_split=0.5),
        r"validation_split=0.5 of 1 rows leaves 0 for training",
        ValueError,
    ),
    Row("steps_per_epoch=0", fit(steps_per_epoch=0), r"steps_per_epoch: expected a whole number >= 1", ValueError),
    Row("validation_steps=0", fit(validation_steps=0), r"validation_steps: expected a whole number >= 1", ValueError),
    Row("validation_freq=0", fit(validation_freq=0), r"validation_freq: expected a whole number >= 1", ValueError),
    Row("shuffle='batch'", fit(shuffle="batch"), r"shuffle: expected True or False, received 'batch'", ValueError),
    Row("verbose='loud'", lambda m: m.fit(X, Y, verbose="loud"), r"verbose: expected.*'loud'", ValueError),
    Row("batch_size=0 in evaluate", lambda m: m.evaluate(X, Y, 0), r"evaluate: batch_size: expected", ValueError),
    Row("batch_size=0 in predict", lambda m: m.predict(X, 0), r"predict: batch_size: expected", ValueError),
    Row("steps=0 in predict", lambda m: m.predict(X, steps=0), r"predict: steps: expected a whole", ValueError),
    Row("a number as callback", fit(callbacks=[5]), r"callbacks\[0\]: expected.*received 5", TypeError),
    Row(
        "a callback's class",
        fit(callbacks=[lamina.callbacks.EarlyStopping]),
        r"callbacks\[0\]: .*Write EarlyStopping\(\)",
        TypeError,
    ),
]

WEIGHTS = [
    Row("NaN for a sample", fit(sample_weight=changed(YES_NO, 3, np.nan)), r"sample_weight: row 3 is nan", ValueError),
    Row(
        "a negative sample weight",
        fit(sample_weight=changed(YES_NO, 3, -2)),
        r"sample_weight: row 3 is -2, but expected numbers >= 0.*preflight=False",
    ),
    Row(
        "too few sample weights", fit(sample_weight=YES_NO[:9]), r"x has 60, y has 60, sample_weight has 9", ValueError
    ),
    Row("sample weights of rank 2", fit(sample_weight=np.ones((60, 2))), r"sample_weight of shape \(60, 2\).*\(32,\)"),
    Row(
        "NaN for a class",
        fit(class_weight={0: 1, 1: np.nan}),
        r"class_weight: the weight of class 1 is nan",
        ValueError,
    ),
    Row("a negative class weight", fit(class_weight={1: -1}), r"class_weight: the weight of class 1 is -1", ValueError),
    Row(
        "a weight for a class that is not there",
        fit(class_weight={0: 1, 1: 1, 2: 1, 7: 2}),
        r"class_weight.*does not have: 7.*0, 1, 2",
        ValueError,
    ),
    Row("class_weight as a list", fit(class_weight=[1, 2, 3]), r"class_weight: expected a dict.*list", TypeError),
    Row(
        "class_weight for numbers", fit(y=X[:, 0], class_weight={0: 1}), r"class_weight needs class labels", ValueError
    ),
]

VALIDATION = [
    Row("x of another width", fit(validation_data=(X[:, :3], Y)), r"validation_data x of shape \(60, 3\) does not fit"),
    Row(
        "NaN in x",
        fit(validation_data=(changed(X, (1, 1), np.nan), Y)),
        r"validation_data x: row 1, column 1 is nan",
        ValueError,
    ),
    Row("label = number of classes", fit(validation_data=(X, Y + 1)), r"validation_data y: row 2 is 3 .*0 to 2"),
    Row("fewer labels than inputs", fit(validation_data=(X, Y[:5])), r"validation_data y has 5", ValueError),
    Row("no y", fit(validation_data=(X,)), r"validation_data y is missing"),
    Row("four parts", fit(validation_data=(X, Y, Y, Y)), r"validation_data: expected x, .*tuple of 4", ValueError),
    Row("a number", fit(validation_data=5), r"validation_data x: .*single value 5", ValueError),
    Row(
        "NaN in the rows that validation_split holds out",
        fit(changed(X, (59, 0), np.nan), validation_split=0.2),
        r"x: row 59, column 0 is nan",
        ValueError,
    ),
]

ITERABLES = [
    Row("y beside it", fit(batches((X, Y))), r"fit: y cannot be used.*yield \(x, y\)", ValueError),
    Row("batch_size beside it", fit(batches((X, Y)), None, batch_size=8), r"batch_size cannot.*iterable", ValueError),
    Row(
        "validation_split of it",
        fit(batches((X, Y)), None, validation_split=0.5),
        r"validation_split cannot be used.*validation_data",
        ValueError,
    ),
    Row("no batches", fit(iter([]), None), r"x: the list_iterator yielded no batch.*\(x, y\)", ValueError),
    Row("no batches in evaluate", lambda m: m.evaluate(iter([])), r"x: the list_iterator yielded no batch", ValueError),
    Row("no labels", fit(batches(X, X), None), r"y in batch 1 is missing.*yield \(x, y\)"),
    Row("four parts", fit(batches((X, Y, Y, Y)), None), r"batch 1: expected x, .*tuple of 4", ValueError),
    Row("batches of other widths", fit(batches((X[:, :3], Y)), None), r"x in batch 1 of shape \(60, 3\) does not fit"),
    Row(
        "NaN in the first batch",
        fit(batches((changed(X, (2, 0), np.nan), Y)), None),
        r"x in batch 1: row 2, column 0 is nan",
        ValueError,
    ),
    Row("label = number of classes", fit(batches((X, Y + 1)), None), r"y in batch 1: row 2 is 3 .*0 to 2"),
    Row("an iterable as y", fit(X, iter([Y])), r"y: .*read from x alone", TypeError),
    Row(
        "class_weight='balanced'",
        fit(batches((X, Y)), None, class_weight="balanced"),
        r"class_weight='balanced' needs all labels.*dict",
        ValueError,
    ),
    Row(
        "label = number of classes in validation_data",
        fit(validation_data=batches((X, Y + 1))),
        r"validation_data y: row 2 is 3",
    ),
]

ORDER = [
    Row("fit before compile", fit(), r"fit: model 'sequential' is not compiled.*compile", NotCompiledError, uncompiled),
    Row(
        "evaluate before compile",
        lambda m: m.evaluate(X, Y),
        r"evaluate: model 'sequential' is not compiled.*compile",
        NotCompiledError,
        uncompiled,
    ),
    Row(
        "train_on_batch before compile",
        lambda m: m.train_on_batch(X, Y),
        r"train_on_batch: model 'sequential' is not compiled.*compile",
        NotCompiledError,
        uncompiled,
    ),
    Row(
        "predict before fit", lambda m: m.predict(X), r"'sequential' has no weights yet.*build", NotBuiltError, unbuilt
    ),
    Row("evaluate before fit", lambda m: m.evaluate(X, Y), r"has no weights yet.*build", NotBuiltError, unbuilt),
    Row("count_params before fit", lambda m: m.count_params(), r"has no weights yet.*Input", NotBuiltError, unbuilt),
    Row("a model without layers", fit(), r"'sequential' has no layers.*add\(Dense", LaminaError, empty),
]
ORDER = [replace(row, mend=TO_CROSSENTROPY) if row.model is uncompiled else row for row in ORDER]
ORDER = [replace(row, mend=lambda m: m.add(out(3, "softmax"))) if row.model is empty else row for row in ORDER]

COMPILE = [
    Row("unknown metric", lambda m: m.compile(metrics=["acuracy"]), r"metric: 'acuracy'.*mean 'accuracy'", LaminaError),
    Row("unknown loss", lambda m: m.compile(loss="msee"), r"Unknown loss: 'msee'. Did you mean 'mse'", LaminaError),
    Row("unknown optimizer", lambda m: m.compile("adamm"), r"optimizer: 'adamm'. Did you mean 'adam'", LaminaError),
    Row(
        "metrics without brackets",
        lambda m: m.compile(metrics="mae"),
        r"metrics: expected a list.*brackets",
        ValueError,
    ),
    Row("None as metric", lambda m: m.compile(metrics=[None]), r"compile: metrics: received None", ValueError),
    Row(
        "a number as metric", lambda m: m.compile(metrics=[5]), r"Expected a metric.*received 5 of type int", TypeError
    ),
    Row("a number as loss", lambda m: m.compile(loss=5), r"Expected a loss.*received 5 of type int", TypeError),
    Row("a layer as loss", lambda m: m.compile(loss=layers.Flatten()), r"Expected a loss.*type Flatten", TypeError),
    Row("a number as optimizer", lambda m: m.compile(0.1), r"Expected an? optimizer.*received 0.1", TypeError),
    Row(
        "two losses",
        lambda m: (m.compile("sgd", ["mse", "mae"]), m.fit(X, Y, verbose=0)),
        r"compile: loss is a list of 2, but model 'sequential' has one output. Pass one, e.g. 'mse'",
        mend=TO_CROSSENTROPY,
    ),
    Row("steps_per_execution=0", lambda m: m.compile(steps_per_execution=0), r"steps_per_execution: exp", ValueError),
    Row("NaN learning rate", lambda m: optimizers.SGD(np.nan), r"SGD: learning_rate: expected a finite", ValueError),
    Row(
        "NaN learning rate, set later",
        lambda m: setattr(m.optimizer, "learning_rate", float("nan")),
        r"SGD: learning_rate: expected a finite number >= 0",
        ValueError,
    ),
    Row("learning rate -0.1", lambda m: optimizers.Adam(-0.1), r"Adam: learning_rate: .*received -0.1", ValueError),
    Row("lr=0.1", lambda m: optimizers.Adam(lr=0.1), r"Adam: unknown argument 'lr'.*'learning_rate'", TypeError),
    Row(
        "threshold 2",
        lambda m: metrics.Precision(thresholds=2),
        r"Precision: thresholds: expected numbers in",
        ValueError,
    ),
]

LAYERS = [
    Row("units=-1", lambda m: layers.Dense(-1), r"Dense 'dense': units: expected a whole number >= 1.*-1", ValueError),
    Row("units=2.5", lambda m: layers.Dense(2.5), r"units: expected a whole number >= 1, received 2.5", ValueError),
    Row("unknown activation", lambda m: layers.Dense(2, "rleu"), r"'rleu'. Did you mean 'relu'", LaminaError),
    Row(
        "unknown argument",
        lambda m: layers.Dense(2, activaton="relu"),
        r"Dense: unknown argument 'activaton'. Did you mean 'activation'",
        TypeError,
    ),
    Row("a layer's class", lambda m: m.add(layers.Flatten), r"expected a layer.*Write Flatten\(...\)", TypeError),
    Row("no layer", lambda m: m.add(5), r"expected a layer such as Dense\(10\), received 5", TypeError),
    Row("a layer twice", lambda m: m.add(m.layers[0]), r"layer named 'hidden' already.*name=", ValueError),
    Row("Input(28)", lambda m: layers.Input(28), r"Input: shape: expected a tuple.*received 28", ValueError),
    Row("Dropout(1.5)", lambda m: layers.Dropout(1.5), r"rate: expected a fraction from 0 to 1.*1.5", ValueError),
    Row("a Reshape that cannot be", lambda m: m.add(layers.Reshape((2, 2))), r"3 elements.*\(2, 2\)", ValueError),
]

NAMED = r"'shop' has 2 outputs, 'price' and 'kind'"
BY_NAME = r"It has 2 outputs, 'price' and 'kind'"

OUTPUTS = [
    Row(
        "one array of targets",
        fit_heads(NUMBERS),
        rf"y is one array of shape \(60, 1\), but .*{NAMED}.*list of 2.*dict",
    ),
    Row("three targets", fit_heads([NUMBERS, Y, Y]), rf"y is a list of 3, but .*{NAMED}.*list of 2"),
    Row(
        "a target of another name", fit_heads({"kinds": Y}), rf"y: .*no output 'kinds'. Did you mean 'kind'.*{BY_NAME}"
    ),
    Row(
        "no target for an output with a loss",
        lambda m: m.fit(X, {"price": NUMBERS}, verbose=0),
        r"y holds nothing for output 'kind' of model 'shop'.*None as its loss",
    ),
    Row("None as target of one", fit_heads({"kind": None}), r"y holds nothing for output 'kind' of model 'shop'"),
    Row("three targets, outputs without names", fit_heads([Y] * 3), r"y is a list of 3.* 2 outputs\. Pass a list of 2"),
    Row(
        "NaN in one target",
        fit_heads({"price": changed(NUMBERS, 8, np.nan)}),
        r"y\['price'\]: row 8.* is nan",
        ValueError,
    ),
    Row("label = number of classes in one", fit_heads({"kind": Y + 1}), r"y\['kind'\]: row 2 is 3 .*'kind' .*0 to 2"),
    Row("the same as a list", fit_heads([NUMBERS, Y + 1]), r"y\[1\]: row 2 is 3 .*'kind' .*0 to 2"),
    Row("fewer rows in one", fit_heads({"kind": Y[:5]}), r"different numbers of rows: .*y\['kind'\] has 5", ValueError),
    Row(
        "two columns for one unit",
        fit_heads({"price": X[:, :2]}),
        r"loss 'mse' cannot compare y\['price'\] of shape \(60, 2\) and the outputs of layer 'price'.*\(batch, 1\)",
    ),
    Row(
        "probabilities for a loss from logits",
        fit_heads(),
        r"layer 'kind' \(Dense, 3 units, softmax\) gives probabilities, but SparseCategoricalCrossentropy\(from_logits",
        model=two_logits,
        mend=lambda m: m.compile("sgd", TWO_LOSSES),
    ),
    Row(
        "three losses",
        compile_and_fit(loss=["mse"] * 3),
        rf"compile: loss is a list of 3, but .*{NAMED}.*'price': 'mse'",
    ),
    Row(
        "a loss for no output", compile_and_fit(loss={"cost": "mse"}), rf"compile: loss: .*no output 'cost'.*{BY_NAME}"
    ),
    Row(
        "an output without loss",
        compile_and_fit(loss={"price": "mse"}),
        r"compile: loss: .*none for output 'kind'.*None is",
    ),
    Row(
        "one list of metrics",
        compile_and_fit(metrics=["mae"]),
        rf"compile: metrics is a list of 1, but .*{NAMED}.*\['mae'\]",
    ),
    Row(
        "a metric for no output",
        compile_and_fit(metrics={"kin": "mae"}),
        r"compile: metrics: .*'kin'. Did you mean 'kind'",
    ),
    Row(
        "three factors",
        compile_and_fit(loss_weights=[1, 2, 3]),
        rf"compile: loss_weights is a list of 3, but .*{NAMED}",
    ),
    Row(
        "NaN as factor", compile_and_fit(loss_weights=[1, np.nan]), r"loss_weights: expected finite numbers", ValueError
    ),
    Row(
        "one metric object for both",
        lambda m: m.compile("sgd", TWO_LOSSES, metrics=[metrics.Mean()] * 2),
        r"compile: metric 'mean' is given twice.*one object for each",
    ),
    Row(
        "weights of another name",
        fit_heads(sample_weight={"kin": YES_NO}),
        r"sample_weight: .*'kin'. Did you mean 'kind'",
    ),
    Row(
        "three arrays of weights",
        fit_heads(sample_weight=[YES_NO] * 3),
        rf"sample_weight is a list of 3, but .*{NAMED}",
    ),
    Row(
        "a negative weight for one",
        fit_heads(sample_weight={"kind": YES_NO - 1}),
        r"sample_weight\['kind'\]: row 0 is -1 .*expected numbers >= 0",
    ),
    Row(
        "class weights without the output's name",
        fit_heads(class_weight={0: 1.0, 1: 2.0}),
        r"class_weight: y holds 2 targets.*whose classes.*by output name.*'kind': \{0: 1.0",
        ValueError,
    ),
    Row(
        "class weights of another name", fit_heads(class_weight={"kin": {0: 1}}), r"no target 'kin'.*'kind'", ValueError
    ),
    Row(
        "class weights for numbers",
        fit_heads(class_weight={"price": "balanced"}),
        r"class_weight\['price'\] needs class labels in y\['price'\]: row 0",
        ValueError,
    ),
]
OUTPUTS = [
    replace(row, model=row.model or (nameless if "without names" in row.what else two_heads), good=TWO_TARGETS)
    for row in OUTPUTS
]
OUTPUTS = [replace(row, mend=row.mend or (lambda m: m.compile("sgd", list(TWO_LOSSES.values())))) for row in OUTPUTS]

RGB = np.zeros((4, 6, 6, 3), np.float32)
IMAGE_LAYERS = [
    Row(
        "grey images without a channel axis",
        lambda m: layers.Conv2D(4, 3)(np.zeros((2, 6, 6), np.float32)),
        r"\(batch, height, width, channels\).*received \(None, 6, 6\).*x\[..., None\]",
        ValueError,
    ),
    Row(
        "a kernel larger than the image",
        lambda m: layers.Conv2D(4, 7)(RGB),
        r"output would be empty.*\(6, 6\) is too small.*\(7, 7\).*padding=\"same\"",
        ValueError,
    ),
    Row(
        "channels that the groups do not divide",
        lambda m: layers.Conv2D(4, 3, groups=2)(RGB),
        r"3 channels .* groups=2",
        ValueError,
    ),
    Row(
        "causal padding of images",
        lambda m: layers.Conv2D(4, 3, padding="causal"),
        r"\"causal\" exists in Conv1D alone.*ZeroPadding1D",
        ValueError,
    ),
    Row(
        "a pool larger than the image",
        lambda m: layers.MaxPool2D(8)(RGB),
        r"pool_size=\(8, 8\) is larger.*\(4, 6, 6, 3\)",
        ValueError,
    ),
    Row(
        "images of several sizes",
        lambda m: layers.CenterCrop(4, 4)([RGB[0], RGB[0, :5]]),
        r"images of one shape.*\(5, 6, 3\), \(6, 6, 3\).*Resizing",
        ValueError,
    ),
    Row(
        "boxes in an unknown format",
        lambda m: layers.RandomFlip()(
            {"images": RGB, "bounding_boxes": {"boxes": np.zeros((4, 1, 4)), "labels": np.zeros((4, 1))}}
        ),
        r"pass bounding_box_format, one of",
        ValueError,
    ),
    Row(
        "MixUp of class numbers",
        lambda m: layers.MixUp()({"images": RGB, "labels": np.zeros(4, np.int32)}),
        r"mixture of class numbers is no class.*one_hot",
        ValueError,
    ),
    Row(
        "an unknown fill_mode",
        lambda m: layers.RandomRotation(0.1, fill_mode="reflekt"),
        r"Did you mean 'reflect'",
        ValueError,
    ),
]

EXPORT = [
    Row("a model without weights", lambda m: m.export("model"), "no weights yet.*Input", NotBuiltError, model=unbuilt),
    Row(
        "an unknown extension",
        lambda m: m.export("model.onx"),
        r"'\.onx' stands for no.*Did you mean '\.onnx'",
        ValueError,
    ),
    Row(
        "an unknown format",
        lambda m: m.export("model", format="litert"),
        "format: expected one of.*'litert'",
        ValueError,
    ),
    Row(
        "a format that the extension contradicts",
        lambda m: m.export("model.onnx", format="stablehlo"),
        "ends in '.onnx', and format='stablehlo'",
        ValueError,
    ),
    Row(
        "a layer that ONNX cannot hold",
        lambda m: m.export("model.onnx"),
        r"cannot write these layers.*'mine' \(Lambda\).*onnx_emitter",
        LaminaError,
        model=lambda: stack(
            layers.Lambda(lambda x: x.at[0].set(0), name="mine"),
            out(3, "softmax"),
            loss="sparse_categorical_crossentropy",
        ),
    ),
    Row(
        "a signature without a shape",
        lambda m: m.export("model", input_signature=["float32"]),
        "input_signature: expected arrays.*received 'float32'",
        ValueError,
    ),
]

CALLBACKS = [
    Row(
        "a misspelt monitor",
        fit(callbacks=[callbacks.EarlyStopping("acuracy")]),
        r"EarlyStopping: monitor: 'acuracy' is not among.*which are accuracy, loss\. Did you mean 'accuracy'\?",
        ValueError,
    ),
    Row(
        "the monitor val_loss without validation",
        fit(callbacks=[callbacks.ReduceLROnPlateau()]),
        r"ReduceLROnPlateau: monitor: 'val_loss'.*no validation: pass validation_data.*or monitor 'loss'",
        ValueError,
    ),
    Row(
        "a validation that never comes",
        fit(callbacks=[callbacks.EarlyStopping()], validation_split=0.2, validation_freq=5),
        r"No epoch of it is validated \(validation_freq=5\)",
        ValueError,
    ),
    Row(
        "factor=1",
        lambda m: callbacks.ReduceLROnPlateau(factor=1),
        r"ReduceLROnPlateau: factor: expected a number above 0 and below 1, received 1\.",
        ValueError,
    ),
    Row(
        "patience=-1",
        lambda m: callbacks.EarlyStopping(patience=-1),
        r"EarlyStopping: patience: expected a whole number >= 0, received -1\.",
        ValueError,
    ),
    Row(
        "a learning rate out of sight",
        fit(callbacks=[callbacks.ReduceLROnPlateau("loss")]),
        r"ReduceLROnPlateau: optax_optimizer: the learning rate is inside the transformation",
        ValueError,
        model=lambda: compiled_with(optax.sgd(0.1)),
    ),
    Row(
        "a number as schedule",
        lambda m: callbacks.LearningRateScheduler(0.1),
        r"LearningRateScheduler: schedule: expected a function such as.*received 0\.1",
        TypeError,
    ),
    Row(
        "averages that the optimizer does not keep",
        fit(callbacks=[callbacks.SwapEMAWeights()]),
        r"SwapEMAWeights: expected an optimizer that keeps averages, such as Adam\(use_ema=True\)",
        ValueError,
    ),
    Row(
        "a hook that does not exist",
        lambda m: callbacks.LambdaCallback(on_epoch_finish=print),
        r"Unknown hook of LambdaCallback: 'on_epoch_finish'",
        LaminaError,
    ),
    Row(
        "a table in a folder that does not exist",
        fit(callbacks=[callbacks.CSVLogger("no/folder/log.csv")]),
        r"CSVLogger: filename: 'no/folder/log\.csv' cannot be written: there is no folder 'no/folder'",
        FileNotFoundError,
    ),
    Row(
        "two characters as separator",
        lambda m: callbacks.CSVLogger("log.csv", ", "),
        r"CSVLogger: separator: expected one character such as ';', received ', '",
        ValueError,
    ),
    Row(
        "a server without http",
        lambda m: callbacks.RemoteMonitor("localhost:9000"),
        r"RemoteMonitor: root: expected an address such as 'http://localhost:9000', received 'localhost:9000'",
        ValueError,
    ),
]

CHECKPOINTS = [
    Row(
        "a number as the folder of a run",
        fit(resume=5),
        r"fit: resume: expected a str or pathlib\.Path, received int: 5",
        ValueError,
    ),
    Row(
        "two folders for one run",
        fit(callbacks=[callbacks.BackupAndRestore("first")], resume="second"),
        r"fit: a run has one folder of checkpoints, received \['first', 'second'\]",
        ValueError,
    ),
    Row(
        "a checkpoint every 0 steps",
        lambda m: callbacks.BackupAndRestore("run", save_freq=0),
        r"BackupAndRestore: save_freq: expected a whole number >= 1, received 0\.",
        ValueError,
    ),
    Row(
        "a placeholder that the logs do not have",
        fit(callbacks=[callbacks.ModelCheckpoint("best-{acuracy:.2f}")]),
        r"\{acuracy\} is not among.*epoch, batch, accuracy, loss\. Did you mean 'accuracy'\?",
        ValueError,
    ),
    Row(
        "a placeholder without a name",
        lambda m: callbacks.ModelCheckpoint("best-{}"),
        r"a placeholder needs a name, such as \{epoch\}",
        ValueError,
    ),
    Row(
        "a format that numbers do not have",
        lambda m: callbacks.ModelCheckpoint("best-{val_loss:03d}"),
        r"a placeholder cannot be filled: Unknown format code 'd'",
        ValueError,
    ),
    Row(
        "a name of weights for a whole model",
        lambda m: callbacks.ModelCheckpoint("best.weights.h5"),
        r"is the name of a file of weights alone\. Pass save_weights_only=True",
        ValueError,
    ),
    Row(
        "the best validation every 100 batches",
        lambda m: callbacks.ModelCheckpoint("best", save_best_only=True, save_freq=100),
        r"'val_loss' is not known after 100 batches.*Use 'loss', or save_freq=\"epoch\"",
        ValueError,
    ),
]

TABLE: dict[str, list[Row]] = {
    "Labels": LABELS,
    "Inputs": INPUTS,
    "Loss and last layer": PAIRS,
    "Arguments of fit, evaluate and predict": ARGUMENTS,
    "Weights of samples and classes": WEIGHTS,
    "Validation data": VALIDATION,
    "Iterables of batches": ITERABLES,
    "Several outputs": OUTPUTS,
    "Order of calls": ORDER,
    "compile and optimizers": COMPILE,
    "Callbacks": CALLBACKS,
    "Checkpoints": CHECKPOINTS,
    "Layers": LAYERS,
    "Export": EXPORT,
}

# Layers called by themselves: they run operation by operation, so small programs may be compiled before the check.
CALLS = {"Images": IMAGE_LAYERS}

# What only shows while training runs: the weights are then those of the last finished step.
MIDWAY = [
    Row("an error in the user's generator", fit(failing, None), r"the user's own", KeyError),
    Row(
        "a generator that ends early",
        lambda m: m.fit(iter([(X, Y)] * 3), steps_per_epoch=2, epochs=2, verbose=0),
        r"ended after 1 of 2 batches.*function that returns a new one",
        ValueError,
    ),
    Row(
        "batches that change their width",
        fit(batches((X, Y), (X[:, :2], Y)), None),
        r"batch 2: x has.*\(2,\)",
        ValueError,
    ),
    Row(
        "NaN in a later batch",
        fit(batches((X, Y), (changed(X, (2, 0), np.nan), Y)), None),
        r"x in batch 2: row 2, column 0 is nan",
        ValueError,
    ),
    Row("a label out of range in a later batch", fit(batches((X, Y), (X, Y + 1)), None), r"y in batch 2: row 2 is 3"),
]

WARNINGS = [
    Row(
        "pixels from 0 to 255",
        fit(PIXELS, batch_size=60),
        r"x of shape \(60, 6, 6, 3\) looks like pixels.*'sequential'.*Rescaling\(1 / 255\)",
        UserWarning,
        image_classifier,
    ),
    Row(
        "one-hot rows that do not sum to 1",
        fit(y=changed(ONE_HOT, (4, 2), 1)),
        r"y: categorical_crossentropy expects rows that sum to 1.*1 of 60 do not.*binary_crossentropy",
        UserWarning,
        categorical,
    ),
    Row(
        "accuracy of binary logits",
        fit(y=YES_NO),
        r"metric 'accuracy' counts outputs above 0.5.*BinaryCrossentropy\(from_logits=True\).*threshold=0",
        UserWarning,
        lambda: stack(out(1), loss=losses.BinaryCrossentropy(from_logits=True), metrics=["accuracy"]),
        good=(X, YES_NO),
    ),
    Row(
        "mse on softmax and class labels",
        fit(y=ONE_HOT),
        r"loss 'mean_squared_error' on class labels.*'out' \(Dense, 3 units, softmax\).*categorical_crossentropy",
        UserWarning,
        lambda: stack(out(3, "softmax"), loss="mse"),
    ),
    Row(
        "a class that only the validation data have",
        fit(X[Y < 2], Y[Y < 2], validation_data=(X, Y)),
        r"the training data have no row of class 2, but validation_data have.*train_test_split",
        UserWarning,
    ),
    Row(
        "a class that the validation data lack",
        fit(validation_data=(X[Y < 2], Y[Y < 2])),
        r"validation_data have no row of class 2, but the training data have.*train_test_split",
        UserWarning,
    ),
    Row(
        "sorted rows and validation_split",
        fit(X, np.sort(Y), validation_split=0.3),
        r"validation_split holds out the last 18 of 60 rows.*no row of class .*shuffle",
        UserWarning,
    ),
]
