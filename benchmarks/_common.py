"""What every benchmark shares: the two cases and their data, the machine in words, tables."""

from __future__ import annotations

import csv
import gzip
import importlib.metadata
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
BATCH_SIZE = 32
SEED = 42


@dataclass(frozen=True)
class Case:
    """A network and its data; every peer builds the same one."""

    name: str
    input_shape: tuple[int, ...]
    widths: tuple[int, ...]  # units of each Dense layer; relu between them
    classify: bool  # softmax and cross-entropy with SGD, else linear and squared error with Adam
    learning_rate: float

    def score(self, predictions: np.ndarray, y: np.ndarray) -> float:
        """Accuracy of class scores, or root mean squared error of values."""
        if self.classify:
            return float((predictions.argmax(axis=1) == y).mean())
        return float(np.sqrt(np.mean((predictions.reshape(-1) - y) ** 2)))

    @property
    def score_name(self) -> str:
        return "test accuracy" if self.classify else "test RMSE"


CASES = {
    "housing": Case("housing", (8,), (50, 50, 50, 1), classify=False, learning_rate=1e-3),
    "fashion-mnist": Case("fashion-mnist", (28, 28), (300, 100, 10), classify=True, learning_rate=0.01),
}


@dataclass(frozen=True)
class Data:
    """Training and test rows: x float32; y int32 classes or float32 values."""

    x: np.ndarray
    y: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray


def load(case: Case) -> Data:
    """Read the case's real data from LAMINA_DATA, else from ../shared/data beside the repository."""
    folder = Path(os.environ.get("LAMINA_DATA") or ROOT.parent / "shared" / "data")
    return _fashion_mnist(folder / "fashion-mnist") if case.classify else _housing(folder / "california-housing")


def _fashion_mnist(folder: Path) -> Data:
    """The notes' split: the first 55,000 images train, the other 5,000 are left out, 10,000 test; pixels / 255."""

    def read(name: str, header: int) -> np.ndarray:
        with gzip.open(folder / name) as file:
            return np.frombuffer(file.read(), np.uint8, offset=header)

    def images(name: str, rows: int) -> np.ndarray:
        return read(name, 16).reshape(-1, 28, 28)[:rows] / np.float32(255)

    return Data(
        images("train-images-idx3-ubyte.gz", 55_000),
        read("train-labels-idx1-ubyte.gz", 8)[:55_000].astype(np.int32),
        images("t10k-images-idx3-ubyte.gz", 10_000),
        read("t10k-labels-idx1-ubyte.gz", 8).astype(np.int32),
    )


def _housing(folder: Path) -> Data:
    """scikit-learn's eight features from the raw table, and the notes' two splits: 11,610 rows train, 5,160 test."""
    from sklearn.model_selection import train_test_split

    with open(folder / "cal_housing.data") as file:
        rows = csv.reader(file)
        names = next(rows)
        column = dict(zip(names, np.array(list(rows), dtype=float).T, strict=True))
    households = column["households"]
    x = np.stack(
        [
            column["median_income"],
            column["housing_median_age"],
            column["total_rooms"] / households,
            column["total_bedrooms"] / households,
            column["population"],
            column["population"] / households,
            column["latitude"],
            column["longitude"],
        ],
        axis=1,
    ).astype(np.float32)
    y = (column["median_house_value"] / 100_000).astype(np.float32)
    x_full, x_test, y_full, y_test = train_test_split(x, y, random_state=SEED)
    x_train, _, y_train, _ = train_test_split(x_full, y_full, random_state=SEED)
    return Data(x_train, y_train, x_test, y_test)


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; the first column is text, the others are numbers."""
    lines = [header, ["---"] + ["---:"] * (len(header) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def machine() -> str:
    """The machine and the versions of everything that is compared, in one sentence each."""
    cpu = next(
        (line.split(":")[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
        platform.processor() or platform.machine(),
    )
    memory = next((int(line.split()[1]) / 2**20 for line in _lines("/proc/meminfo") if line.startswith("MemTotal")), 0)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    names = ["lamina", "jax", "jaxlib", "keras", "tensorflow", "torch", "scikit-learn", "numpy"]
    versions = ", ".join(f"{name} {version}" for name in names if (version := _version(name)))
    return (
        f"Machine: {cpu}, {cores} cores, {memory:.0f} GiB, {platform.system()}.\n"
        f"Versions: Python {platform.python_version()}, {versions}."
    )


def peak_mib() -> float:
    """Most memory that this process ever held, MiB."""
    for line in _lines("/proc/self/status"):
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    import resource

    unit = 2**20 if platform.system() == "Darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def held_mib() -> float:
    """Memory that this process holds now, MiB; its peak where the system does not tell."""
    for line in _lines("/proc/self/status"):
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return peak_mib()


def _lines(path: str) -> list[str]:
    return Path(path).read_text().splitlines() if os.path.exists(path) else []


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
