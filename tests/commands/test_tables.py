"""`lamina train`, `predict` and `evaluate`: exit codes, what is written, and one line about what is wrong."""

from __future__ import annotations

import datetime
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas
import pytest
from pyarrow import parquet

from lamina import cli, tables
from lamina.tables import reading


def visits(rows: int = 120) -> pandas.DataFrame:
    """Who buys: those from Rome with a low income, and those from elsewhere with a high one."""
    rng = np.random.default_rng(0)
    city, income = rng.choice(["Rome", "Bonn", "Oslo"], rows), np.exp(rng.normal(10, 1, rows)).round(2)
    return pandas.DataFrame(
        {
            "key": [f"{i:05d}k" for i in range(rows)],
            "when": [datetime.date(2024, 1, 1) + datetime.timedelta(days=int(d)) for d in rng.integers(0, 500, rows)],
            "city": city,
            "income": income,
            "bought": np.where((city == "Rome") != (income > 22000), "yes", "no"),
        }
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A model of `visits`, with the table beside it."""
    base = tmp_path_factory.mktemp("tables")
    visits().to_csv(base / "visits.csv", index=False, sep=";")
    arguments = ["train", str(base / "visits.csv"), "--target", "bought", "--epochs", "25", "-o", str(base / "model")]
    assert cli.main(arguments) == 0
    return base


def test_train_writes_data_scores_and_code(folder):
    written = {path.name for path in (folder / "model").iterdir()}
    assert written >= {"model.keras", "table.json", "scores.json", "train.py", "report.html"}
    result = json.loads((folder / "model" / "scores.json").read_text())
    assert result["rows"] == {"training": 84, "validation": 18, "test": 18}
    assert result["classes"] == ["no", "yes"]
    assert result["left_out"] == {"key": "nearly each of its texts is another one"}
    assert result["scores"]["accuracy"] > result["baselines"]["no features"]["accuracy"]


def test_the_code_beside_the_model_trains_the_same_model(folder):
    done = subprocess.run([sys.executable, folder / "model" / "train.py"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    expected = json.loads((folder / "model" / "scores.json").read_text())["scores"]
    printed = dict(line.split(": ") for line in done.stdout.strip().split("\n")[-len(expected) :])
    assert {name: float(value) for name, value in printed.items()} == pytest.approx(expected, rel=1e-4)


def test_predictions_stand_beside_the_table_in_every_format(folder, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(reading, "_PART", 1 << 10)  # several parts
    model, table = str(folder / "model"), str(folder / "visits.csv")
    for name in ("out.csv", "out.parquet", "out.arrow"):
        assert cli.main(["predict", model, table, "-o", str(tmp_path / name)]) == 0
    assert capsys.readouterr().err.count("120 rows predicted, written to ") == 3
    made = pandas.read_csv(tmp_path / "out.csv")
    pandas.testing.assert_frame_equal(made[list(visits())], pandas.read_csv(table, sep=";"))
    assert (made["prediction"] == made["bought"]).mean() > 0.7
    assert list(made)[-3:] == ["prediction", "probability of no", "probability of yes"]
    np.testing.assert_allclose(made["probability of no"] + made["probability of yes"], 1, rtol=1e-5)
    expected = tables.load(model).predict(tables.read(table)).to_pandas()
    pandas.testing.assert_frame_equal(made[list(expected)], expected, check_dtype=False, rtol=1e-5)
    assert parquet.read_table(tmp_path / "out.parquet").column("prediction").to_pylist() == list(made["prediction"])
    assert tables.read(tmp_path / "out.arrow").num_rows == 120


def test_only_predictions_as_json_lines_on_standard_output(folder):
    command = [sys.executable, "-m", "lamina", "predict", folder / "model", folder / "visits.csv", "--only", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "120 rows predicted.\n")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(rows) == 120
    assert rows[0].keys() == {"prediction", "probability of no", "probability of yes"}


def test_tune_searches_and_trains_with_the_best_settings(folder, tmp_path, capsys):
    arguments = ["tune", str(folder / "visits.csv"), "--target", "bought", "--epochs", "2", "-o", str(tmp_path / "m")]
    assert cli.main([*arguments, "--trials", "1"]) == 0
    assert cli.main([*arguments, "--trials", "2"]) == 0
    out = capsys.readouterr().out
    assert out.count("Trial 1 of") == 1  # the second search goes on
    settings = re.search(r"best of 2 trials: hidden=(\[.*\]), dropout=(.*), learning_rate=(.*)", out)
    code = (tmp_path / "m" / "train.py").read_text()
    assert f"for units in {settings[1]}:" in code
    assert f"Dropout({settings[2]})" in code
    assert f"Adam({settings[3]})" in code
    widths = [layer.units for layer in tables.load(tmp_path / "m").network.layers if hasattr(layer, "units")]
    assert str(widths[:-1]) == settings[1]


def test_evaluate_prints_the_scores(folder, capsys):
    arguments = ["evaluate", str(folder / "model"), str(folder / "visits.csv")]
    assert cli.main(arguments) == 0
    assert "accuracy" in capsys.readouterr().out
    assert cli.main([*arguments, "--json"]) == 0
    scores = json.loads(capsys.readouterr().out)
    assert scores == pytest.approx(tables.load(folder / "model").evaluate(visits()), rel=1e-6)


def test_an_unknown_category_is_told_and_predicted(folder, tmp_path, capsys):
    other = visits(20).assign(city="Paris")
    other.to_csv(tmp_path / "new.csv", index=False)
    assert cli.main(["predict", str(folder / "model"), str(tmp_path / "new.csv"), "-o", str(tmp_path / "out.csv")]) == 0
    expected = "lamina predict: column 'city': unknown in training, so of no effect: 'Paris'\n20 rows predicted, "
    assert capsys.readouterr().err.startswith(expected)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda frame: frame.drop(columns="income"), "the column 'income' is missing. Its columns: 'key', 'when'"),
        (
            lambda frame: frame.assign(income="much"),
            "In CSV column #3: CSV conversion error to double: invalid value 'much'",
        ),
        (lambda frame: frame.assign(when="yesterday"), "column 'when' cannot be read as date"),
        (
            lambda frame: frame.assign(prediction=1),
            "has a column 'prediction' already; --only writes predictions alone",
        ),
        (lambda frame: frame.head(0), None),
    ],
    ids=["missing", "text", "date", "taken", "empty"],
)
def test_a_table_that_does_not_fit_leaves_one_line_and_no_file(folder, tmp_path, capsys, change, text):
    change(visits(20)).to_csv(tmp_path / "new.csv", index=False)
    code = cli.main(["predict", str(folder / "model"), str(tmp_path / "new.csv"), "-o", str(tmp_path / "out.csv")])
    error = capsys.readouterr().err
    if text is None:
        assert (code, error) == (2, f"lamina predict: {tmp_path / 'new.csv'}: the table has no rows.\n")
    else:
        assert code == 2
        assert error.startswith("lamina predict: ")
        assert text in error
        assert error.count("\n") == 1
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize(
    ("content", "arguments", "text"),
    [
        (None, [], "no such file"),
        ("", [], "the file is empty"),
        ("a,b\n", [], "the table has 2 columns and no rows"),
        ("a,y\n" + "1,2\n" * 30, ["--target", "z"], "the column 'z' is missing"),
        ("a,y\n" + "1,2\n" * 30, [], "the target 'y' is '2' in every row"),
        ("a;y\n" + "1;2\n3;4\n" * 10, ["--delimiter", ","], "the delimiter ',' makes one column, ';' makes 2"),
        (
            "a,y\n" + "".join(f"{i if i else 'ten'},{i % 2}\n" for i in range(30)),
            [],
            "column 'a' mixes numbers and text: 'ten'",
        ),
        ("a,y\n" + "1,2\n3,4\n" * 10, ["--drop", "b"], "the column 'b' is missing"),
        ("a,y\n" + "1,2\n3,4\n" * 10, ["--task", "regression", "--drop", "a"], "no column to learn from is left"),
    ],
)
def test_bad_training_data_get_one_line_and_exit_code_2(tmp_path, capsys, content, arguments, text):
    file = tmp_path / "t.csv"
    if content is not None:
        file.write_text(content)
    target = [] if "--target" in arguments else ["--target", "y"]
    assert cli.main(["train", str(file), *target, "-o", str(tmp_path / "model"), "--json", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("lamina train: ")
    assert text in captured.err
    assert captured.err.count("\n") == 1
    assert not (tmp_path / "model").exists()


def test_folders_that_are_none_of_ours_are_left_alone(folder, tmp_path, capsys):
    (tmp_path / "notes.txt").write_text("mine")
    table = str(folder / "visits.csv")
    assert cli.main(["train", table, "--target", "bought", "-o", str(tmp_path)]) == 2
    assert "holds other things than a model" in capsys.readouterr().err
    assert cli.main(["predict", str(tmp_path), table]) == 2
    assert "not a model's folder: it has no table.json" in capsys.readouterr().err
    assert cli.main(["predict", str(folder / "model"), table, "-o", str(tmp_path / "out.xlsx")]) == 2
    assert "--out: unknown ending '.xlsx'. Known: .csv, .parquet, .arrow, .feather" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
