"""`TrackerCallback`: what is sent to a tracker and when; a subclass says how."""

from __future__ import annotations

import importlib
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lamina.training.callbacks.base import Callback, Logs

Plain = str | int | float | bool | None


class TrackerCallback(Callback):
    """Base of the loggers: one run of a tracker for one training.

    A subclass has `start`, `log`, `text`, `file` and `end`. The run starts with the first epoch, so that a training
    that is resumed (`fit(resume=...)`) goes on in the run that it had.

    Args:
        params: Further parameters of the run, or None.
        save_model: Whether the trained model goes to the tracker, as `model.keras`. Default False.
    """

    def __init__(self, params: Mapping[str, Any] | None, save_model: bool) -> None:
        self.run_params = dict(params or {})
        self.save_model = save_model
        self.run_id: str | None = None
        self._started = False
        self._outside: BaseException | None = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Begin a new run, with the first epoch."""
        self.run_id, self._started = None, False
        self._outside = sys.exception()  # `fit` may be called while an error is being handled

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Start the run and send what the training is, unless that was done."""
        if self._started:
            return
        self._started = True
        self.start({**described(self.model, self.params or {}), **self.run_params})
        lines: list[str] = []
        self.model.summary(print_fn=lines.append)
        self.text("model_summary.txt", "\n".join(lines))

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Send the epoch's numbers."""
        self.log({name: v for name, v in (logs or {}).items() if isinstance(v, (int, float))}, epoch)

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Send the model, if asked for, and end the run: finished, failed or killed."""
        if not self._started:
            return
        self._started = False
        error = sys.exception()
        failed = error is not None and error is not self._outside
        if self.save_model and not failed:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "model.keras"
                self.model.save(path)
                self.file(path)
        self.end("killed" if isinstance(error, KeyboardInterrupt) and failed else "failed" if failed else "finished")

    def get_state(self) -> dict[str, Any]:
        """Return the tracker's name of the run, as text."""
        return {"run_id": self.run_id}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Go on in a run; call it after `on_train_begin`."""
        self.run_id = state["run_id"]

    def start(self, params: dict[str, Plain]) -> None:
        """Open the run, that of `run_id` if there is one, else a new one; set `run_id`; send the parameters."""
        raise NotImplementedError

    def log(self, values: dict[str, float], epoch: int) -> None:
        """Send the values of an epoch."""
        raise NotImplementedError

    def text(self, name: str, text: str) -> None:
        """Send a text as a file of the run."""
        raise NotImplementedError

    def file(self, path: Path) -> None:
        """Send a file, which is deleted afterwards."""
        raise NotImplementedError

    def end(self, status: str) -> None:
        """Close the run as "finished", "failed" or "killed"."""
        raise NotImplementedError


def described(model: Any, params: Mapping[str, Any]) -> dict[str, Plain]:
    """What a training is: model, loss, metrics, the optimizer's settings, epochs and steps."""
    compiled = model._compile_config
    told = {
        "lamina": sys.modules["lamina"].__version__,  # importing it from below would make a circle
        "model": model.name,
        "parameters": model.count_params(),
        "epochs": params.get("epochs"),
        "steps": params.get("steps"),
        "loss": _called(compiled.get("loss")),
        "metrics": _called(compiled.get("metrics")),
        "optimizer": type(model.optimizer).__name__,
    }
    try:
        settings = model.optimizer.get_config()
    except TypeError:  # made of functions, such as a transformation of Optax
        settings = {}
    for name, value in settings.items():
        told[f"optimizer.{name}"] = value if isinstance(value, (str, int, float, bool)) else _called(value)
    return {name: value for name, value in told.items() if value is not None}


def _called(thing: Any) -> str | None:
    """A name for a loss, a metric, a schedule, or a nest of them."""
    if thing is None or isinstance(thing, str):
        return thing
    if isinstance(thing, Mapping):
        if "class_name" in thing:
            return str(thing["class_name"])
        return ", ".join(f"{key}: {_called(value)}" for key, value in thing.items())
    if isinstance(thing, (list, tuple)):
        return ", ".join(str(_called(item)) for item in thing)
    return str(getattr(thing, "name", None) or getattr(thing, "__name__", None) or type(thing).__name__)


def required(package: str, owner: str, extra: str) -> Any:
    """Import the package of a tracker, or say how to install it."""
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise ImportError(f"{owner} needs {package}. Install it: pip install 'lamina[{extra}]'") from error
