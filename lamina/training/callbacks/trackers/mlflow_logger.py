"""`MLflowLogger`: a training as a run of MLflow."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lamina.core import errors
from lamina.training.callbacks.trackers._tracker import Plain, TrackerCallback, required

_LONGEST = 6000  # characters of a parameter, which is MLflow's own bound


class MLflowLogger(TrackerCallback):
    """Log a training to MLflow: parameters, the values of each epoch, the model's summary.

    Without any argument, a run that is active (`mlflow.start_run()`) is used and left open. Otherwise a run of its own
    is made and ended: FINISHED, FAILED, or KILLED by Ctrl-C. After `fit(resume=...)` it goes on in the same run. A
    server that fails while training runs is told of once, in a warning, and does not stop it.

    Args:
        experiment: Name of the experiment, made where it is missing. Default None: MLflow's current one.
        run_name: Name of the run. Default None: MLflow makes one up.
        tracking_uri: Address of the server or folder of the store. Default None: MLflow's own setting.
        params: Dict of further parameters. Default None.
        tags: Dict of tags. Default None.
        save_model: Whether the trained model becomes an artifact, `model.keras`. Default False.

    Raises:
        ImportError: MLflow is not installed (`mlflow` or `mlflow-skinny`).

    Differs from Keras: there is nothing like it.

    Example:
        >>> callback = MLflowLogger("digits", params={"data": "v2"})  # doctest: +SKIP
        >>> model.fit(x, y, callbacks=[callback])  # doctest: +SKIP
    """

    def __init__(
        self,
        experiment: str | None = None,
        run_name: str | None = None,
        tracking_uri: str | None = None,
        params: Mapping[str, Any] | None = None,
        tags: Mapping[str, str] | None = None,
        save_model: bool = False,
    ) -> None:
        super().__init__(params, save_model)
        self._mlflow = required("mlflow", "MLflowLogger", "mlflow")
        self.experiment, self.run_name, self.tracking_uri = experiment, run_name, tracking_uri
        self.tags = dict(tags or {})
        self._client: Any = None
        self._borrowed = self._warned = False

    def start(self, params: dict[str, Plain]) -> None:
        """Open a run and send the parameters."""
        mlflow = self._mlflow
        self._client = mlflow.MlflowClient(self.tracking_uri)
        active = None if self.experiment or self.run_name or self.tracking_uri else mlflow.active_run()
        self._borrowed, self._warned = active is not None, False
        if active is not None:
            self.run_id = active.info.run_id
        elif self.run_id is None:
            run = self._client.create_run(self._experiment_id(), run_name=self.run_name)
            self.run_id = run.info.run_id
        else:
            self._client.update_run(self.run_id, status="RUNNING")
        known = self._client.get_run(self.run_id).data.params  # a parameter cannot be set twice
        sent = [
            mlflow.entities.Param(_allowed(name), str(value)[:_LONGEST])
            for name, value in params.items()
            if _allowed(name) not in known
        ]
        tags = [mlflow.entities.RunTag(name, str(value)) for name, value in self.tags.items()]
        self._client.log_batch(self.run_id, params=sent, tags=tags)

    def _experiment_id(self) -> str:
        if self.experiment is None:
            return self._mlflow.tracking.fluent._get_experiment_id() if self.tracking_uri is None else "0"
        found = self._client.get_experiment_by_name(self.experiment)
        return self._client.create_experiment(self.experiment) if found is None else found.experiment_id

    def log(self, values: dict[str, float], epoch: int) -> None:
        """Send the values of an epoch, at the step of its number."""
        now = int(time.time() * 1000)
        metric = self._mlflow.entities.Metric
        metrics = [metric(_allowed(name), float(value), now, epoch) for name, value in values.items()]
        try:
            self._client.log_batch(self.run_id, metrics=metrics)
        except (OSError, self._mlflow.exceptions.MlflowException) as error:
            if not self._warned:
                self._warned = True
                errors.warn_user(
                    f"MLflowLogger: MLflow did not take the values of epoch {epoch + 1} ({error}). Training goes on, "
                    "and so do the attempts; there will be no further warning."
                )

    def text(self, name: str, text: str) -> None:
        """Send a text as an artifact."""
        self._client.log_text(self.run_id, text, name)

    def file(self, path: Path) -> None:
        """Send a file as an artifact."""
        self._client.log_artifact(self.run_id, str(path))

    def end(self, status: str) -> None:
        """End the run, unless it is the user's."""
        if not self._borrowed:
            self._client.set_terminated(self.run_id, status.upper())


def _allowed(name: str) -> str:
    """A name with "_" in the place of the characters that MLflow refuses."""
    return re.sub(r"[^\w.\-/ ]", "_", name)
