"""CSVLogger: appending, resuming after crashes, faults. tests/parity/test_callbacks.py has Keras' files."""

from __future__ import annotations

import csv
import inspect
import re
from pathlib import Path

import keras
import numpy as np
import pytest

from lamina.callbacks import CSVLogger, LambdaCallback, ReduceLROnPlateau
from tests.training.callbacks.helpers import line
from tests.training.helpers import regression_data

X, Y = regression_data(60)
HEADER = b"epoch,loss,val_loss\r\n"


def write(logger, epochs, start=0, begin=True, end=True, **more):
    """Write made-up epochs."""
    if begin:
        logger.on_train_begin()
    for epoch in range(start, start + epochs):
        logger.on_epoch_end(epoch, {"loss": epoch / 4, **more})
    if end:
        logger.on_train_end()


def rows(*epochs) -> bytes:
    return HEADER + b"".join(b"%d,%r,NA\r\n" % (epoch, epoch / 4) for epoch in epochs)


# What is in the file


def test_each_row_is_there_as_soon_as_its_epoch_is_over(tmp_path):
    file = tmp_path / "log.csv"
    sizes = []
    look = LambdaCallback(on_epoch_end=lambda epoch, logs: sizes.append(len(file.read_bytes().splitlines())))
    line().fit(X, Y, epochs=3, verbose=0, callbacks=[CSVLogger(file), look])
    assert sizes == [2, 3, 4]


def test_values_are_those_of_the_history_to_the_last_digit(tmp_path):
    file = tmp_path / "log.csv"
    callbacks = [ReduceLROnPlateau("loss"), CSVLogger(file)]
    history = line().fit(X, Y, epochs=3, verbose=0, validation_split=0.2, callbacks=callbacks).history
    with file.open(newline="") as lines:
        table = list(csv.DictReader(lines))
    assert {name: [float(row[name]) for row in table] for name in history} == history
    assert [row["epoch"] for row in table] == ["0", "1", "2"]


def test_without_append_an_older_file_is_replaced_when_the_first_row_comes(tmp_path):
    file = tmp_path / "log.csv"
    file.write_bytes(b"older, of another kind")
    logger = CSVLogger(file)
    logger.on_train_begin()
    assert file.read_bytes() == b"older, of another kind"
    write(logger, 2, begin=False)
    assert file.read_bytes() == rows(0, 1)
    write(CSVLogger(file), 0)
    assert file.read_bytes() == b""


def test_append_goes_on_in_the_columns_of_the_file(tmp_path):
    file = tmp_path / "log.csv"
    write(CSVLogger(file, append=True), 2)
    logger = CSVLogger(file, append=True)
    logger.on_train_begin()
    logger.on_epoch_end(2, {"val_loss": 7, "loss": 0.5})
    logger.on_train_end()
    assert file.read_bytes() == rows(0, 1) + b"2,0.5,7\r\n"


def test_append_begins_a_new_line_after_a_row_without_an_end(tmp_path):
    file = tmp_path / "log.csv"
    file.write_bytes(rows(0)[:-2])
    write(CSVLogger(file, append=True), 1, start=1)
    assert file.read_bytes() == rows(0, 1)


def test_rows_that_another_process_appends_stay(tmp_path):
    file = tmp_path / "log.csv"
    logger = CSVLogger(file, append=True)
    write(logger, 1, end=False)
    write(CSVLogger(file, append=True), 1, start=7)
    write(logger, 1, start=1, begin=False)
    assert file.read_bytes() == rows(0, 7, 1)
    assert logger.get_state()["size"] == file.stat().st_size


def test_a_name_that_comes_later_is_told_once(tmp_path):
    logger = CSVLogger(tmp_path / "log.csv")
    write(logger, 1, end=False)
    with pytest.warns(UserWarning, match=r"CSVLogger: f1 came first in epoch 2 and has no column in '.*log\.csv'"):
        logger.on_epoch_end(1, {"loss": 0.25, "f1": 1})
    logger.on_epoch_end(2, {"loss": 0.5, "f1": 1})
    assert (tmp_path / "log.csv").read_bytes() == rows(0, 1, 2)


# Resuming


class Crash(RuntimeError):
    pass


def crash(at, hook="on_epoch_end"):
    def fail(number, logs):
        if number == at:
            raise Crash

    return LambdaCallback(**{hook: fail})


@pytest.mark.parametrize("append", [False, True])
@pytest.mark.parametrize("hook", ["on_epoch_begin", "on_epoch_end"])
def test_after_a_crash_and_resume_the_file_is_that_of_one_run(hook, append, tmp_path):
    files = tmp_path / "whole.csv", tmp_path / "resumed.csv"
    if append:
        for file in files:
            write(CSVLogger(file), 1, mae=0.5)
    fit = {"epochs": 5, "verbose": 0, "validation_split": 0.2}
    line().fit(X, Y, callbacks=[CSVLogger(files[0], append=append)], **fit, resume=tmp_path / "a")
    for at in (2, 3):
        callbacks = [CSVLogger(files[1], append=append), crash(at, hook)]
        with pytest.raises(Crash):
            line().fit(X, Y, callbacks=callbacks, **fit, resume=tmp_path / "b")
    for _ in range(2):  # and once more when it has ended
        line().fit(X, Y, callbacks=[CSVLogger(files[1], append=append)], **fit, resume=tmp_path / "b")
        assert files[1].read_bytes() == files[0].read_bytes()
    assert len(files[0].read_bytes().splitlines()) == 6 + append


def test_state_cuts_off_the_rows_of_epochs_that_are_run_again(tmp_path):
    file = tmp_path / "log.csv"
    first = CSVLogger(file)
    write(first, 3, end=False)
    state = first.get_state()
    write(first, 2, start=3, begin=False)
    second = CSVLogger(file)
    second.on_train_begin()
    second.set_state(state)
    write(second, 2, start=3, begin=False)
    assert file.read_bytes() == rows(0, 1, 2, 3, 4)


def test_state_before_the_first_row_begins_anew(tmp_path):
    file = tmp_path / "log.csv"
    first = CSVLogger(file)
    first.on_train_begin()
    state = first.get_state()
    write(first, 2, begin=False)
    second = CSVLogger(file)
    second.on_train_begin()
    second.set_state(state)
    write(second, 1, begin=False)
    assert file.read_bytes() == rows(0)


@pytest.mark.parametrize("change", [lambda file: file.unlink(), lambda file: file.write_bytes(b"epoch,acc\r\n0,1\r\n")])
def test_a_file_that_changed_meanwhile_is_told_and_begun_anew(change, tmp_path):
    file = tmp_path / "log.csv"
    first = CSVLogger(file)
    write(first, 3)
    change(file)
    second = CSVLogger(file)
    second.on_train_begin()
    with pytest.warns(UserWarning, match=r"log\.csv' does not begin with the 52 bytes that the training had written"):
        second.set_state(first.get_state())
    write(second, 1, start=3, begin=False)
    assert file.read_bytes() == rows(3)


# What goes wrong


@pytest.mark.parametrize("separator", ["", ";;", "\n", '"', None])
def test_a_separator_that_is_no_character_is_refused(separator):
    with pytest.raises(ValueError, match=r"CSVLogger: separator: expected one character such as ';', received"):
        CSVLogger("log.csv", separator)


def test_a_missing_folder_is_told_before_training(tmp_path):
    file = tmp_path / "runs" / "log.csv"
    with pytest.raises(FileNotFoundError, match=r"log\.csv' cannot be written: there is no folder '.*runs'\. Make it"):
        line().fit(X, Y, verbose=0, callbacks=[CSVLogger(file)])


def test_a_folder_in_the_place_of_the_file_is_told_before_training(tmp_path):
    with pytest.raises(IsADirectoryError, match=re.escape(str(tmp_path))):
        line().fit(X, Y, verbose=0, callbacks=[CSVLogger(tmp_path)])


def test_append_to_another_kind_of_file_is_refused_before_training(tmp_path):
    file = tmp_path / "notes.txt"
    file.write_text("Dear diary")
    with pytest.raises(ValueError, match=r"notes\.txt' does not begin with a header of CSVLogger's, .* 'Dear diary'"):
        line().fit(X, Y, verbose=0, callbacks=[CSVLogger(file, append=True)])
    assert file.read_text() == "Dear diary"


@pytest.mark.parametrize("known", [True, False])
def test_append_without_a_column_for_a_value_is_refused(known, tmp_path):
    file = tmp_path / "log.csv"
    write(CSVLogger(file), 1)
    epochs = []
    look = LambdaCallback(on_epoch_end=lambda epoch, logs: epochs.append(epoch))
    callbacks = [CSVLogger(file, append=True), look] if known else [look, CSVLogger(file, append=True)]
    message = r"has the columns epoch, loss, val_loss, and this training also gives mae\. Use another file"
    with pytest.raises(ValueError, match=message):
        line().fit(X, Y, verbose=0, callbacks=callbacks)
    assert epochs == [] if known else [0]
    assert file.read_bytes() == rows(0)


def test_a_full_disk_names_the_file_and_leaves_whole_rows(tmp_path, monkeypatch):
    file = tmp_path / "log.csv"
    logger = CSVLogger(file)
    write(logger, 2, end=False)
    opened = Path.open

    def short(self, *arguments, **keywords):
        handle = opened(self, *arguments, **keywords)

        class Short:
            def __enter__(self):
                return self

            def __exit__(self, *error):
                handle.close()

            def __getattr__(self, name):
                return getattr(handle, name)

            def write(self, data):
                return handle.write(data[:3])

        return Short()

    monkeypatch.setattr(Path, "open", short)
    with pytest.raises(OSError, match=r"No space left on device: '.*log\.csv'") as caught:
        logger.on_epoch_end(2, {"loss": 0.5})
    assert caught.value.filename == str(file)
    monkeypatch.undo()
    assert file.read_bytes() == rows(0, 1)


def test_arrays_and_text_of_ones_own_are_cells(tmp_path):
    file = tmp_path / "log.csv"
    logger = CSVLogger(file, ";")
    write(logger, 1, text="a;b", matrix=np.arange(3))
    with file.open(newline="") as lines:
        (row,) = csv.DictReader(lines, delimiter=";")
    assert (row["text"], row["matrix"], row["loss"]) == ("a;b", '"[0, 1, 2]"', "0.0")


def test_arguments_are_those_of_keras():
    ours, theirs = (inspect.signature(c.__init__).parameters for c in (CSVLogger, keras.callbacks.CSVLogger))
    assert [(p.name, p.default) for p in ours.values()] == [(p.name, p.default) for p in theirs.values()]
