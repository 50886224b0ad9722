"""`lamina demo`: train a network on real data, print a report, draw pictures, write all of it into one HTML file.

Three networks to read and to change: `_digits`, `_fashion_mnist` and `_housing`.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lamina
from lamina.core import errors

Pair = tuple[Any, Any]  # x, y
REPORT = "report.html"


class DemoError(Exception):
    """Something that the user can put right; the text is one sentence that says how."""


@dataclass(frozen=True)
class Demo:
    """What a demo trains on, its epochs, and the function that does it, given epochs and a folder for the pictures."""

    what: str
    epochs: int
    run: Callable[[int, Path], None]


@dataclass(frozen=True)
class Images:
    """Images and labels to learn to classify."""

    title: str
    train: Pair
    validation: Pair
    test: Pair
    class_names: tuple[str, ...]
    colormap: str  # "gray": 0 is black; "gray_r": 0 is white


def run(
    name: str = "digits", *, epochs: int | None = None, seed: int = 42, out: str | os.PathLike[str] = "lamina-demo"
) -> None:
    """Run one of the demos in `DEMOS`.

    Args:
        name: "digits", "fashion-mnist" or "housing". Default "digits".
        epochs: Passes over the training data, int >= 1. Default None: the demo's own number.
        seed: Seed of everything random. Default 42.
        out: Folder for the pictures, made if need be. Default "lamina-demo".
    Raises:
        ValueError: an unknown name.
        DemoError: the data cannot be had, or the folder cannot be written to.
    Example:
        >>> sorted(DEMOS)
        ['digits', 'fashion-mnist', 'housing']
    """
    began = time.perf_counter()
    if name not in DEMOS:
        raise errors.unknown_name("demo", name, DEMOS)
    demo = DEMOS[name]
    folder = _writable(Path(out).expanduser())
    lamina.utils.set_random_seed(seed)
    print(f"lamina {lamina.__version__}: {demo.what}")
    try:
        demo.run(epochs or demo.epochs, folder)
    except (lamina.datasets.DatasetUnavailable, lamina.datasets.DatasetCorrupt) as error:
        raise DemoError(str(error)) from None
    others = " or ".join(f"lamina demo {other}" for other in DEMOS if other != name)
    print(f"\nDone in {time.perf_counter() - began:.1f} s. Next: {others}; the code of all three is {__file__}")


def _digits(epochs: int, folder: Path) -> None:
    """8x8 images of digits, a small network with dropout."""
    digits = lamina.datasets.digits
    (x, y), test = digits.load_data()
    images = Images(
        "Handwritten digits", (x[:-200], y[:-200]), (x[-200:], y[-200:]), test, digits.class_names, "gray_r"
    )
    model = lamina.Sequential(
        [
            lamina.layers.Input(shape=(8, 8)),
            lamina.layers.Rescaling(1 / 16),
            lamina.layers.Flatten(),
            lamina.layers.Dense(256, activation="relu"),
            lamina.layers.Dropout(0.4),
            lamina.layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    _classify(model, images, epochs, folder)


def _fashion_mnist(epochs: int, folder: Path) -> None:
    """28x28 images of clothes, two hidden layers, plain gradient descent."""
    fashion_mnist = lamina.datasets.fashion_mnist
    (x, y), (x_test, y_test) = fashion_mnist.load_data()
    x, x_test = x.astype("float32") / 255, x_test.astype("float32") / 255
    train, validation, test = (x[:-5000], y[:-5000]), (x[-5000:], y[-5000:]), (x_test, y_test)
    images = Images("Fashion-MNIST", train, validation, test, fashion_mnist.class_names, "gray_r")
    model = lamina.Sequential(
        [
            lamina.layers.Input(shape=(28, 28)),
            lamina.layers.Flatten(),
            lamina.layers.Dense(300, activation="relu"),
            lamina.layers.Dense(100, activation="relu"),
            lamina.layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile(optimizer="sgd", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    _classify(model, images, epochs, folder)


def _housing(epochs: int, folder: Path) -> None:
    """House values from eight numbers of a district, three hidden layers."""
    from sklearn.model_selection import train_test_split

    housing = lamina.datasets.fetch_california_housing()
    x_rest, x_test, y_rest, y_test = train_test_split(housing.data, housing.target, random_state=42)
    x_train, x_valid, y_train, y_valid = train_test_split(x_rest, y_rest, random_state=42)
    normalization = lamina.layers.Normalization()
    normalization.adapt(x_train)
    model = lamina.Sequential(
        [
            lamina.layers.Input(shape=x_train.shape[1:]),
            normalization,
            lamina.layers.Dense(50, activation="relu"),
            lamina.layers.Dense(50, activation="relu"),
            lamina.layers.Dense(50, activation="relu"),
            lamina.layers.Dense(1),
        ]
    )
    model.compile(optimizer=lamina.optimizers.Adam(learning_rate=1e-3), loss="mse", metrics=["RootMeanSquaredError"])
    history, seconds = _train(model, (x_train, y_train), (x_valid, y_valid), epochs)
    mse, rmse = model.evaluate(x_test, y_test, verbose=0)
    predicted = model.predict(x_test, verbose=0)[:, 0]
    print(f"\nOn the {len(x_test):,} test districts: MSE {mse:.4f}, RMSE {rmse:.4f} (in 100,000 dollars)")
    for district in range(3):
        guess, truth = 100_000 * predicted[district], 100_000 * y_test[district]
        print(f"  district {district + 1}: predicted ${guess:,.0f}, true ${truth:,.0f}")
    unit = "house value (100,000 dollars)"
    _draw(
        folder,
        {
            "learning_curves.png": lambda path: lamina.visual.learning_curves(history, path=path),
            "predicted_vs_actual.png": lambda path: lamina.visual.predicted_vs_actual(
                y_test, predicted, label=unit, path=path
            ),
            REPORT: lambda path: model.report(
                x_test,
                y_test,
                path,
                history,
                train_data=(x_train, y_train),
                feature_names=housing.feature_names,
                unit=unit,
                title="California housing",
                training_seconds=seconds,
            ),
        },
    )


def _classify(model: Any, images: Images, epochs: int, folder: Path) -> None:
    """Train a classifier, print its report, draw its pictures."""
    from sklearn.metrics import classification_report

    history, seconds = _train(model, images.train, images.validation, epochs)
    x, y = images.test
    _, accuracy = model.evaluate(x, y, verbose=0)
    probabilities = model.predict(x, verbose=0)
    print(f"\nOn the {len(x):,} test images: accuracy {accuracy:.4f}\n")
    predicted = probabilities.argmax(axis=1)
    print(classification_report(y, predicted, target_names=images.class_names, digits=3, zero_division=0))
    _draw(
        folder,
        {
            "learning_curves.png": lambda path: lamina.visual.learning_curves(history, path=path),
            "confusion_matrix.png": lambda path: lamina.visual.confusion_matrix(
                y, probabilities, images.class_names, path=path
            ),
            "worst_mistakes.png": lambda path: lamina.visual.worst_mistakes(
                x, y, probabilities, images.class_names, colormap=images.colormap, path=path
            ),
            REPORT: lambda path: model.report(
                x,
                y,
                path,
                history,
                images.class_names,
                train_data=images.train,
                colormap=images.colormap,
                title=images.title,
                training_seconds=seconds,
            ),
        },
    )


def _train(model: Any, train: Pair, validation: Pair, epochs: int) -> tuple[Any, float]:
    """Train, and return the history and the seconds it took."""
    x, y = train
    print(f"{len(x):,} samples to train on, {len(validation[0]):,} to validate with\n")
    model.summary()
    began = time.perf_counter()
    history = model.fit(x, y, epochs=epochs, validation_data=validation)
    seconds = time.perf_counter() - began
    print(f"\nTrained for {epochs} epoch{'s' * (epochs > 1)} in {seconds:.1f} s, compilation included")
    return history, seconds


def _draw(folder: Path, pictures: dict[str, Callable[[Path], Any]]) -> None:
    """Write the pictures and the report, and say where they are."""
    try:
        for name, draw in pictures.items():
            draw(folder / name)
    except ImportError as error:
        print(f"No pictures: {error}")
    except OSError as error:
        raise DemoError(f"the pictures could not be written into {folder} ({error.strerror or error}).") from None
    else:
        print(f"Pictures in {folder.resolve()}:")
        for name in pictures:
            print(f"  {name}" if name != REPORT else f"All of it in one page: {folder.resolve() / name}")


def _writable(folder: Path) -> Path:
    """The folder, made if need be, and tried out before anything takes time."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError as error:
        raise DemoError(
            f"cannot write into the folder {folder} ({error.strerror or error}); choose another with --out DIR."
        ) from None


DEMOS = {
    "digits": Demo("handwritten digits of 8x8 pixels, no download", 20, _digits),
    "fashion-mnist": Demo("Fashion-MNIST, clothes of 28x28 pixels", 30, _fashion_mnist),
    "housing": Demo("California housing, values of houses from eight numbers", 20, _housing),
}
