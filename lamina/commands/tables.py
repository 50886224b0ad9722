"""`lamina train`, `predict` and `evaluate`: tables in, a model's folder, predictions or scores out."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lamina
from lamina.commands.arguments import whole_number

SCORES, SCRIPT, REPORT, TUNING = "scores.json", "train.py", "report.html", "tuning"


def add_train_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `lamina train`."""
    parser.add_argument("data", metavar="DATA", help="a .csv, .tsv, .parquet, .arrow or .feather file")
    parser.add_argument("--target", required=True, metavar="COLUMN", help="the column to predict")
    parser.add_argument("-o", "--out", default="model", metavar="DIR", help="folder for the model; default: model")
    parser.add_argument(
        "--task", choices=("classification", "regression"), help="default: found by the column's values"
    )
    parser.add_argument(
        "--epochs", type=whole_number(1), default=200, metavar="N", help="most passes over the data; default: 200"
    )
    for option, what in (("drop", "leave a column out"), ("category", "read a column as categories, such as postcodes"),
                         ("text", "read a column by its words")):  # fmt: skip
        parser.add_argument(f"--{option}", action="append", default=[], metavar="COLUMN", help=f"{what}; repeatable")
    parser.add_argument(
        "--seed", type=whole_number(0, 2**32 - 1), default=42, metavar="N", help="of everything random; default: 42"
    )
    add_reading_arguments(parser)


def add_tune_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `lamina tune`."""
    add_train_arguments(parser)
    parser.add_argument("--trials", type=whole_number(1), default=20, metavar="N", help="networks to try; default: 20")
    parser.add_argument(
        "--timeout", type=whole_number(1), metavar="SECONDS", help="after which no further trial begins; default: none"
    )


def add_reading_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of all commands that read a table."""
    parser.add_argument("--delimiter", metavar="C", help="between columns; default: found in the first lines")
    parser.add_argument(
        "--missing", action="append", default=[], metavar="TEXT", help="a further sign for no value; repeatable"
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")


def add_predict_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `lamina predict`."""
    parser.add_argument("model", metavar="DIR", help="a folder that `lamina train` wrote")
    parser.add_argument("data", metavar="DATA", help="a table with the same columns; it may be larger than memory")
    parser.add_argument("-o", "--out", metavar="FILE", help=".csv, .parquet or .arrow; default: CSV to standard output")
    parser.add_argument("--only", action="store_true", help="write the predictions without the table's own columns")
    add_reading_arguments(parser)


def add_evaluate_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `lamina evaluate`."""
    parser.add_argument("model", metavar="DIR", help="a folder that `lamina train` wrote")
    parser.add_argument("data", metavar="DATA", help="a table with the same columns and the target")
    add_reading_arguments(parser)


def train(options: argparse.Namespace) -> int:
    """Train on a table, print the scores beside two baselines, write the model's folder."""
    folder, table, kinds, say = _begin(options)
    return _train(options, folder, table, kinds, say, {})


def tune(options: argparse.Namespace) -> int:
    """Search for the network's width, depth, dropout and learning rate, then train with the best."""
    from lamina import tables, tuner

    folder, table, kinds, say = _begin(options)
    prepared = tables.prepare(
        table, options.target, task=options.task, drop=options.drop, kinds=kinds, seed=options.seed
    )
    x, y = prepared.data["training"]
    search = tuner.BayesianOptimization(
        lambda hp: tables.network(x.shape[1], prepared.target, **_settings(hp)),
        "val_loss",
        max_trials=options.trials,
        seed=options.seed,
        directory=folder,
        project_name=TUNING,
        keep_models=0,
        verbose=0 if options.json else 1,
    )
    search.search(
        x,
        y,
        batch_size=tables.training.batch_size(len(x)),
        epochs=options.epochs,
        validation_data=prepared.data["validation"],
        callbacks=tables.training.stopping(),
        timeout=options.timeout,
    )
    best = search.get_best_hyperparameters()
    if not best:
        reasons = [trial.message for trial in search.oracle.trials.values() if trial.message]
        raise tables.TableError(f"no trial came to an end: {reasons[-1] if reasons else 'give it more --timeout'}.")
    settings = _settings(best[0])
    say(f"best of {len(search.oracle.trials)} trials: {', '.join(f'{k}={v}' for k, v in settings.items())}")
    return _train(options, folder, table, kinds, say, settings)


def _settings(hp: Any) -> dict[str, Any]:
    """What `lamina tune` searches, as `tables.network` takes it."""
    depth = hp.Int("layers", 1, 4, default=2)
    width = hp.Int("units", 32, 256, step=2, sampling="log", default=128)
    return {
        "hidden": [width] * depth,
        "dropout": hp.Float("dropout", 0.0, 0.4, step=0.1),
        "learning_rate": hp.Float("learning_rate", 1e-4, 1e-2, sampling="log", default=1e-3),
    }


def _begin(options: argparse.Namespace) -> tuple[Path, Any, dict[str, str], Any]:
    """The folder, the table, the kinds of columns that were named, and what prints."""
    from lamina import tables

    say = _silent if options.json else print
    folder = _folder(options.out)
    table = tables.read(options.data, delimiter=options.delimiter, missing=options.missing)
    say(f"{options.data}: {table.num_rows:,} rows, {table.num_columns} columns")
    return folder, table, dict.fromkeys(options.category, "category") | dict.fromkeys(options.text, "text"), say


def _train(
    options: argparse.Namespace, folder: Path, table: Any, kinds: dict[str, str], say: Any, settings: dict[str, Any]
) -> int:
    """Train with the settings of a network, tell, and write everything."""
    from lamina import tables
    from lamina.commands.script import script

    trained = tables.train(
        table,
        options.target,
        task=options.task,
        epochs=options.epochs,
        drop=options.drop,
        kinds=kinds,
        seed=options.seed,
        verbose=0 if options.json else "auto",
        **settings,
    )
    for line in _told(trained):
        say(line)
    model = trained.model
    model.info |= {"missing": options.missing, "epochs": len(trained.history.epoch)}
    model.save(folder)
    result = _result(trained)
    (folder / SCORES).write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    (folder / SCRIPT).write_text(script(options, kinds, settings), encoding="utf-8")
    missing = _report(trained, options, folder / REPORT)
    say(f"\nwritten to {folder}: {', '.join(sorted(path.name for path in folder.iterdir()))}")
    if missing:
        say(missing)
    say(f"next: lamina predict {folder} NEW.csv -o predictions.csv")
    if options.json:
        print(json.dumps({"folder": str(folder), **result}, indent=1))
    return 0


def _report(trained: Any, options: argparse.Namespace, path: Path) -> str:
    """Write the report on the test rows; return what is to be told if Matplotlib is not installed."""
    model, test = trained.model, trained.parts["test"]
    target = model.target
    try:
        model.network.report(
            model.preprocessing.transform(test),
            target.encode(test.column(target.name)),
            path,
            history=trained.history,
            class_names=target.classes or None,
            task=target.task,
            feature_names=model.preprocessing.features,
            unit=target.name,
            title=f"{target.name}, from {Path(options.data).name}",
            seed=options.seed,
        )
    except ImportError as error:
        return f"no {path.name}: {error}"
    return ""


def predict(options: argparse.Namespace) -> int:
    """Predict a table part by part, and write each part at once."""
    from lamina import tables

    model = tables.load(options.model)
    rows, unknown = 0, defaultdict[str, set[str]](set)
    with _writer(options.out, options.json) as write:
        for part in _parts(model, options):
            for column, found in model.preprocessing.unknown(part).items():
                unknown[column].update(found[:1000])
            made = model.predict(part)
            write(made if options.only else _beside(part, made))
            rows += part.num_rows
        if not rows:
            raise tables.TableError(f"{options.data}: the table has no rows.")
    for column, values in unknown.items():
        named = tables.errors.quoted(sorted(values), 3)
        print(f"lamina predict: column {column!r}: unknown in training, so of no effect: {named}", file=sys.stderr)
    print(f"{rows:,} rows predicted{f', written to {options.out}' if options.out else ''}.", file=sys.stderr)
    return 0


def evaluate(options: argparse.Namespace) -> int:
    """Print a model's scores on a table."""
    from lamina import tables

    model = tables.load(options.model)
    scores = model.evaluate_parts(_parts(model, options))
    if options.json:
        print(json.dumps(scores, indent=1))
    else:
        print("\n".join(_table({options.data: scores})))
    return 0


def _parts(model: Any, options: argparse.Namespace) -> Iterator[Any]:
    """The table part by part, of the types that the model was trained with."""
    import pyarrow

    from lamina import tables

    types = model.preprocessing.types
    if options.command == "evaluate":
        types |= {model.target.name: pyarrow.type_for_alias(model.target.type)}
    missing = [*model.info.get("missing", ()), *options.missing]
    return tables.read_in_parts(options.data, types, delimiter=options.delimiter, missing=missing)


def _beside(part: Any, made: Any) -> Any:
    """Predictions beside the table's columns."""
    from lamina.tables import TableError

    taken = [name for name in made.column_names if name in part.column_names]
    if taken:
        raise TableError(f"the table has a column {taken[0]!r} already; --only writes predictions alone.")
    for name in made.column_names:
        part = part.append_column(name, made.column(name))
    return part


@contextlib.contextmanager
def _writer(out: str | None, as_json: bool) -> Iterator[Any]:
    """Give a function that writes a table behind those before; the file appears when all is written."""
    import pyarrow
    import pyarrow.csv
    import pyarrow.parquet

    from lamina.core.errors import closest_match
    from lamina.files import replacing
    from lamina.tables import TableError

    kinds = {
        ".csv": pyarrow.csv.CSVWriter,
        ".parquet": pyarrow.parquet.ParquetWriter,
        ".arrow": pyarrow.ipc.new_file,
        ".feather": pyarrow.ipc.new_file,
    }
    suffix = Path(out).suffix.lower() if out else ".csv"
    if suffix not in kinds:
        raise TableError(f"--out: unknown ending {suffix!r}.{closest_match(suffix, kinds)} Known: {', '.join(kinds)}.")
    with contextlib.ExitStack() as stack:
        stream = stack.enter_context(replacing(out)) if out else sys.stdout.buffer
        opened: list[Any] = []

        def write(table: Any) -> None:
            if as_json and not out:
                for row in table.to_pylist():
                    stream.write(json.dumps(row, default=str).encode() + b"\n")
                return
            if not opened:
                opened.append(stack.enter_context(kinds[suffix](stream, table.schema)))
            opened[0].write_table(table)

        yield write
        # Arrow's writers put the end behind the last part, before the file takes its place.


def _folder(out: str) -> Path:
    """The folder for a model, which must be new, empty, or hold an older one."""
    from lamina.tables import TableError
    from lamina.tables.model import TABLE

    folder = Path(out).expanduser()
    if folder.exists() and not folder.is_dir():
        raise TableError(f"--out: {folder} is a file; expected a folder.")
    names = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    if names - {TUNING} and TABLE not in names:
        raise TableError(f"--out: {folder} holds other things than a model. Name a new folder.")
    return folder


def _told(trained: Any) -> Iterator[str]:
    """Lines about a training for people."""
    target, prepare = trained.model.target, trained.model.preprocessing
    what = f"{len(target.classes)} classes" if target.task == "classification" else "a number"
    yield f"\npredicted: {target.name}, {what} ({target.task})"
    kinds = [column.kind for column in prepare.columns]
    counted = ", ".join(f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds))
    yield f"from: {len(kinds)} columns ({counted}), {len(prepare.features)} features"
    for name, reason in prepare.dropped.items():
        yield f"left out: {name!r}, as {reason}"
    if trained.without_target:
        yield f"left out: {trained.without_target:,} rows without {target.name!r}"
    rows = ", ".join(f"{part.num_rows:,} {name}" for name, part in trained.parts.items())
    yield f"rows: {rows}\n"
    yield from _table({"lamina": trained.scores, **trained.baselines})


def _table(columns: dict[str, dict[str, float]]) -> Iterator[str]:
    """Scores as lines of text, models beside each other."""
    names = list(next(iter(columns.values())))
    width = max(map(len, [*names, "score"]))
    widths = [max(len(name), 11) for name in columns]
    yield "  ".join([" " * width, *(f"{name:>{w}}" for name, w in zip(columns, widths, strict=True))])
    for name in names:
        numbers = [f"{column[name]:>{w}.5g}" for column, w in zip(columns.values(), widths, strict=True)]
        yield "  ".join([f"{name:<{width}}", *numbers])


def _result(trained: Any) -> dict[str, Any]:
    target = trained.model.target
    return {
        "lamina": lamina.__version__,
        "target": target.name,
        "task": target.task,
        "classes": list(target.classes),
        "rows": {name: part.num_rows for name, part in trained.parts.items()},
        "left_out": trained.model.preprocessing.dropped,
        "epochs": len(trained.history.epoch),
        "scores": trained.scores,
        "baselines": trained.baselines,
    }


def _silent(*_: Any) -> None:
    """Say nothing, where standard output holds JSON alone."""
