"""`lamina doctor`: what is installed, what JAX computes on, where things are kept, and what should be put right."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import lamina

REQUIRED = ("jax", "jaxlib", "numpy", "optax", "ml-dtypes", "rich", "scikit-learn", "pooch")
OPTIONAL = {
    "matplotlib": 'pictures: pip install "lamina[plots]"',
    "tensorboard": 'logs for TensorBoard: pip install "lamina[tensorboard]"',
    "pyarrow": 'lamina train: pip install "lamina[tables]"',
    "optuna": 'lamina.tuner: pip install "lamina[tune]"',
    "onnx": 'export to ONNX: pip install "lamina[export]"',
    "orbax-checkpoint": 'state of many devices: pip install "lamina[orbax]"',
    "pandas": "data frames: pip install pandas",
}
_GPU_PLUGINS = ("jax-cuda13-plugin", "jax-cuda12-plugin")
_DRIVER = Path("/proc/driver/nvidia/version")
_CUDA_13 = 580  # first driver that runs CUDA 13, https://docs.jax.dev/en/latest/installation.html


@dataclass
class Report:
    """Lines to read, advice to follow, and whether lamina cannot work at all.

    Example:
        >>> print(Report(["lamina 0.1.0"], ["Do this."]))
        lamina 0.1.0
        <BLANKLINE>
        advice
          - Do this.
    """

    lines: list[str] = field(default_factory=list)
    advice: list[str] = field(default_factory=list)
    broken: bool = False

    def __str__(self) -> str:
        advice = [f"  - {line}" for line in self.advice] or ["  Everything is in order."]
        return "\n".join([*self.lines, "", "advice", *advice])

    def row(self, name: str, value: str) -> None:
        """Add an indented line of two columns."""
        self.lines.append(f"  {name:<20}  {value}")


def examine() -> Report:
    """Look at everything; takes as long as JAX needs to start.

    Example:
        >>> report = examine()
        >>> report.lines[0].startswith("lamina 0.1.0, Python 3.")
        True
    """
    system = f"Python {platform.python_version()}, {platform.system()} {platform.release()} {platform.machine()}"
    report = Report([f"lamina {lamina.__version__}, {system}, {os.cpu_count()} CPU cores"])
    for heading, look in (
        ("packages", _packages),
        ("devices", _devices),
        ("compilation cache", _compilation_cache),
        ("data", _data),
    ):
        report.lines += ["", heading]
        look(report)
    return report


def _packages(report: Report) -> None:
    for name in REQUIRED:
        version = _version(name)
        report.row(name, version or "missing")
        if version is None:
            report.broken = True
            report.advice.append(f"{name} is missing: pip install {name}")
    for name, way in OPTIONAL.items():
        report.row(name, _version(name) or f"not installed ({way})")
    for name in filter(_version, _GPU_PLUGINS):
        report.row(name, _version(name) or "")


def _devices(report: Report) -> None:
    try:
        import jax

        devices, backend = jax.devices(), jax.default_backend()
    except Exception as error:  # noqa: BLE001 - whatever keeps JAX from starting is what the user wants to know
        report.broken = True
        report.row("none", f"JAX does not start: {error}")
        report.advice.append("Install JAX anew: pip install --upgrade --force-reinstall jax jaxlib")
        return
    for device in devices:
        report.row(f"{device.platform}:{device.id}", device.device_kind)
    plugin = next(filter(_version, _GPU_PLUGINS), None)
    report.advice += gpu_advice(backend, nvidia_driver(), plugin, os.environ)


def nvidia_driver() -> int | None:
    """Major version of the NVIDIA driver on this machine, 0 if it does not say, None without such a GPU."""
    try:
        found = re.search(r"\s(\d{3,})\.\d+", _DRIVER.read_text())
        return int(found[1]) if found else 0
    except OSError:
        return 0 if shutil.which("nvidia-smi") else None


def gpu_advice(backend: str, driver: int | None, plugin: str | None, environ: Mapping[str, str]) -> Iterator[str]:
    """What to do about an NVIDIA GPU that JAX does not use.

    Args:
        backend: What JAX computes on: "cpu", "gpu", "tpu".
        driver: Major version of the NVIDIA driver, 0 if unknown, None without a GPU.
        plugin: Name of the installed package that lets JAX use the GPU, or None.
        environ: Environment variables.

    Example:
        >>> list(gpu_advice("cpu", 535, None, {}))
        ['An NVIDIA GPU is here, but JAX computes on the CPU: pip install --upgrade "jax[cuda12]"']
        >>> list(gpu_advice("gpu", 535, "jax-cuda12-plugin", {}))
        []
    """
    if driver is None or backend != "cpu":
        return
    start = "An NVIDIA GPU is here, but JAX computes on the CPU"
    hidden = [name for name in ("JAX_PLATFORMS", "JAX_PLATFORM_NAME") if "cpu" in environ.get(name, "")]
    hidden += [name for name in ("CUDA_VISIBLE_DEVICES",) if environ.get(name) in ("", "-1")]
    if hidden:
        yield f"{start}, as {hidden[0]}={environ[hidden[0]]} says; unset it to use the GPU."
    elif sys.platform == "win32":
        yield f"{start}: JAX uses NVIDIA GPUs on Linux only. Install lamina under WSL2."
    elif plugin:
        yield (
            f"{start}, although {plugin} {_version(plugin)} is installed: its version must be that of jaxlib "
            f"({_version('jaxlib')}), and the driver recent enough (this one: {driver or 'unknown'}; CUDA 13 needs "
            f"{_CUDA_13} or newer). JAX_LOGGING_LEVEL=DEBUG shows why it did not start."
        )
    else:
        yield f'{start}: pip install --upgrade "jax[cuda{12 if 0 < driver < _CUDA_13 else 13}]"'


def _compilation_cache(report: Report) -> None:
    try:
        from lamina.training import compilation
    except ImportError:
        return  # reported under devices
    compilation.enable_cache()
    folder = compilation.cache_folder()
    if folder:
        _folder(report, Path(folder))
        return
    report.row("off", "")
    if os.environ.get("LAMINA_COMPILATION_CACHE") != "off":
        report.advice.append(
            "Compiled programs are not kept, because the cache folder cannot be made: set LAMINA_CACHE to a folder "
            "that you may write to, and the first epoch starts sooner."
        )


def _data(report: Report) -> None:
    from lamina.datasets._files import cache_folder

    named = os.environ.get("LAMINA_DATA")
    if named and Path(named).expanduser().is_dir():
        folder = Path(named).expanduser()
        report.row("LAMINA_DATA", f"{folder} with {', '.join(sorted(p.name for p in folder.iterdir())) or 'nothing'}")
    elif named:
        report.row("LAMINA_DATA", f"{named}, which is no folder")
        report.advice.append(f"LAMINA_DATA names {named}, which is no folder: correct it or unset it.")
    else:
        report.row("LAMINA_DATA", "not set (data sets are downloaded when first used)")
    _folder(report, cache_folder())


def _folder(report: Report, folder: Path) -> None:
    """A row with the folder, its number of files and their size."""
    files = [path for path in folder.rglob("*") if path.is_file()] if folder.is_dir() else []
    size = sum(path.stat().st_size for path in files)
    contents = f"{len(files):,} file{'s' * (len(files) > 1)}, {size / 2**20:.1f} MiB" if files else "empty"
    report.row(contents, str(folder))


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
