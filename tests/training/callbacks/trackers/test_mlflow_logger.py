"""MLflowLogger with the real MLflow and a store of files; skipped where it is not installed."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from lamina.callbacks import LambdaCallback, MLflowLogger
from tests.training.callbacks.helpers import line
from tests.training.helpers import regression_data

mlflow = pytest.importorskip("mlflow", reason="MLflow is an extra: pip install mlflow-skinny")

X, Y = regression_data(40)
pytestmark = pytest.mark.filterwarnings("ignore:.*filesystem.*:FutureWarning")  # MLflow about its store of files


@pytest.fixture
def store(tmp_path, monkeypatch):
    """Address of a store of files."""
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    return (tmp_path / "runs").as_uri()


def runs(store, experiment):
    client = mlflow.MlflowClient(store)
    return client, client.search_runs([client.get_experiment_by_name(experiment).experiment_id])


def test_parameters_epochs_summary_and_model_are_in_the_store(store, tmp_path):
    callback = MLflowLogger("digits", "first", store, {"data": "v2"}, {"who": "me"}, save_model=True)
    history = line().fit(X, Y, epochs=3, verbose=0, validation_split=0.2, callbacks=[callback]).history
    client, (run,) = runs(store, "digits")
    assert (run.info.run_name, run.info.status, run.data.tags["who"]) == ("first", "FINISHED", "me")
    params = run.data.params
    assert (params["data"], params["epochs"], params["loss"], params["optimizer"]) == ("v2", "3", "mse", "SGD")
    for name, values in history.items():
        logged = sorted((m.step, m.value) for m in client.get_metric_history(run.info.run_id, name))
        assert logged == list(enumerate(values))
    assert {file.path for file in client.list_artifacts(run.info.run_id)} == {"model.keras", "model_summary.txt"}
    summary = client.download_artifacts(run.info.run_id, "model_summary.txt", str(tmp_path))
    assert "Trainable params: 5" in Path(summary).read_text(encoding="utf-8")


def test_a_crash_is_failed_and_a_resumed_training_goes_on_in_its_run(store, tmp_path):
    fit = {"epochs": 3, "verbose": 0, "resume": tmp_path / "resume"}
    crash = LambdaCallback(on_epoch_begin=lambda epoch, logs: epoch == 2 and {}["stop"])
    with pytest.raises(KeyError):
        line().fit(X, Y, callbacks=[MLflowLogger("digits", tracking_uri=store), crash], **fit)
    _, (run,) = runs(store, "digits")
    assert run.info.status == "FAILED"
    line().fit(X, Y, callbacks=[MLflowLogger("digits", tracking_uri=store)], **fit)
    client, (run,) = runs(store, "digits")
    assert run.info.status == "FINISHED"
    assert sorted(m.step for m in client.get_metric_history(run.info.run_id, "loss")) == [0, 1, 2]


def test_an_active_run_is_used_and_left_open(store):
    mlflow.set_tracking_uri(store)
    try:
        with mlflow.start_run() as run:
            line().fit(X, Y, epochs=2, verbose=0, callbacks=[MLflowLogger()])
            assert mlflow.active_run() is run
            assert mlflow.MlflowClient().get_run(run.info.run_id).info.status == "RUNNING"
        assert len(mlflow.MlflowClient().get_metric_history(run.info.run_id, "loss")) == 2
        line().fit(X, Y, verbose=0, callbacks=[MLflowLogger()])  # without one, a run of its own
        assert len(mlflow.MlflowClient().search_runs(["0"])) == 2
    finally:
        mlflow.set_tracking_uri(None)


def test_names_that_mlflow_refuses_and_nan_are_taken(store):
    callback = MLflowLogger("odd", tracking_uri=store, params={"<p>": 1})
    callback.set_model(line())
    callback.on_train_begin()
    callback.on_epoch_begin(0)
    callback.on_epoch_end(0, {"<lambda>": 0.5, "loss": math.nan})
    callback.on_train_end()
    _, (run,) = runs(store, "odd")
    assert run.data.params["_p_"] == "1"
    assert run.data.metrics["_lambda_"] == 0.5
    assert math.isnan(run.data.metrics["loss"])


def test_a_store_that_fails_is_told_once_and_training_goes_on(store, monkeypatch):
    callback = MLflowLogger("down", tracking_uri=store)
    epochs = []

    def fail(epoch, logs):
        def log_batch(*arguments, **keywords):
            raise mlflow.exceptions.MlflowException("no answer")

        monkeypatch.setattr(callback._client, "log_batch", log_batch)

    look = LambdaCallback(on_epoch_begin=fail, on_epoch_end=lambda epoch, logs: epochs.append(epoch))
    with pytest.warns(UserWarning, match=r"MLflow did not take the values of epoch 1 \(no answer\)") as caught:
        line().fit(X, Y, epochs=3, verbose=0, callbacks=[callback, look])
    assert len([w for w in caught if "did not take" in str(w.message)]) == 1
    assert epochs == [0, 1, 2]
