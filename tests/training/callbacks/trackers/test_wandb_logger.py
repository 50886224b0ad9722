"""WandbLogger with the real wandb, offline; its file is read record by record. Skipped where it is not installed."""

from __future__ import annotations

import json
import struct
import time
from pathlib import Path

import pytest

from lamina.callbacks import LambdaCallback, WandbLogger
from tests.training.callbacks.helpers import line
from tests.training.helpers import regression_data

wandb = pytest.importorskip("wandb", reason="Weights & Biases is an extra: pip install wandb")
wandb_internal_pb2 = pytest.importorskip("wandb.proto.wandb_internal_pb2")

X, Y = regression_data(40)
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")


def records(folder: Path):
    """The records of the runs in a folder, once the process of wandb's that writes them has written all."""
    files = sorted(folder.glob("wandb/offline-run-*/run-*.wandb"))
    for _ in range(300):
        found = list(read(files))
        if sum(record.WhichOneof("record_type") == "exit" for record in found) == len(files):
            return found
        time.sleep(0.1)
    raise AssertionError("a run has no end")


def read(files: list[Path]):
    """The records in files: LevelDB's log format, a header of 7 bytes, blocks of 32 KiB."""
    for file in files:
        data, place, part = file.read_bytes(), 7, b""
        while place + 7 <= len(data):
            left = 32768 - place % 32768
            if left < 7:
                place += left
                continue
            length, kind = struct.unpack_from("<HB", data, place + 4)
            part += data[place + 7 : place + 7 + length]
            place += 7 + length
            if kind in (1, 4):  # whole, or the last of several
                record = wandb_internal_pb2.Record()
                record.ParseFromString(part)
                part = b""
                yield record


def history(folder: Path):
    """The rows that were logged."""
    rows = []
    for record in records(folder):
        if record.WhichOneof("record_type") == "history":
            items = ((item.nested_key[0] if item.nested_key else item.key, item) for item in record.history.item)
            rows.append({name: json.loads(item.value_json) for name, item in items if not name.startswith("_")})
    return rows


def config(folder: Path):
    """The config, as it was updated last."""
    values = {}
    for record in records(folder):
        for source in (record.config, record.run.config):
            values |= {item.key or item.nested_key[0]: json.loads(item.value_json) for item in source.update}
    return values


def test_config_epochs_summary_and_model_are_in_the_files_of_the_run(tmp_path):
    callback = WandbLogger("digits", "first", "offline", str(tmp_path), {"data": "v2"}, save_model=True)
    fitted = line().fit(X, Y, epochs=3, verbose=0, validation_split=0.2, callbacks=[callback]).history
    rows = history(tmp_path)
    assert rows == [{"epoch": e, **{name: values[e] for name, values in fitted.items()}} for e in range(3)]
    told = config(tmp_path)
    assert (told["data"], told["epochs"], told["loss"], told["optimizer"]) == ("v2", 3, "mse", "SGD")
    (files,) = tmp_path.glob("wandb/offline-run-*/files")
    assert "Trainable params: 5" in (files / "model_summary.txt").read_text(encoding="utf-8")
    assert (files / "model.keras").stat().st_size > 0
    assert wandb.run is None


def test_an_open_run_is_used_and_left_open(tmp_path):
    with wandb.init(project="digits", mode="offline", dir=tmp_path) as run:
        line().fit(X, Y, epochs=2, verbose=0, callbacks=[WandbLogger()])
        assert wandb.run is run
    assert [row["epoch"] for row in history(tmp_path)] == [0, 1]


def test_a_resumed_training_goes_on_in_its_run(tmp_path):
    fit = {"epochs": 3, "verbose": 0, "resume": tmp_path / "resume"}
    crash = LambdaCallback(on_epoch_begin=lambda epoch, logs: epoch == 2 and {}["stop"])
    callbacks = [WandbLogger("digits", mode="offline", folder=str(tmp_path)) for _ in range(2)]
    with pytest.raises(KeyError):
        line().fit(X, Y, callbacks=[callbacks[0], crash], **fit)
    line().fit(X, Y, callbacks=[callbacks[1]], **fit)
    assert callbacks[0].run_id == callbacks[1].run_id
    assert sorted(row["epoch"] for row in history(tmp_path)) == [0, 1, 2]
    exits = [r.exit.exit_code for r in records(tmp_path) if r.WhichOneof("record_type") == "exit"]
    assert sorted(exits) == [0, 1]


def test_an_unknown_mode_is_refused():
    with pytest.raises(ValueError, match=r"WandbLogger: mode: expected one of .*'offline'.* received 'of line'"):
        WandbLogger(mode="of line")
