"""The Python code that `lamina train` leaves beside a model: the same table, split, network and scores, to change."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

_SCRIPT = '''"""Trains what `lamina train` trained; change what you like. Run it with: python train.py"""

import lamina
from lamina import tables

table = tables.read({data!r}, delimiter={delimiter!r}, missing={missing!r})
lamina.utils.set_random_seed({seed})

# Rows with a target, split into three parts.
table = table.filter(table.column({target!r}).is_valid())
target = tables.Target.fit({target!r}, table.column({target!r}), task={task!r})
parts = tables.split(table, target, validation=0.15, test=0.15, seed={seed})

# Numbers for the network: fitted to the training rows alone.
prepare = tables.TablePreprocessor(drop={drop!r}, kinds={kinds!r})
prepare.fit(parts["training"].drop_columns([{target!r}]))
data = {{name: (prepare.transform(part), target.encode(part.column({target!r}))) for name, part in parts.items()}}
x, y = data["training"]

model = lamina.Sequential([lamina.layers.Input((x.shape[1],))])
for units in {hidden!r}:
    model.add(lamina.layers.Dense(units, activation="relu", kernel_initializer="he_normal"))
    model.add(lamina.layers.Dropout({dropout!r}))
if target.task == "classification":
    model.add(lamina.layers.Dense(len(target.classes), activation="softmax"))
    loss, metric = "sparse_categorical_crossentropy", "accuracy"
else:  # the last layer gives the target's own unit
    model.add(lamina.layers.Dense(1))
    model.add(lamina.layers.Rescaling(target.deviation, target.mean))
    loss, metric = "mse", "mae"
model.compile(optimizer=lamina.optimizers.Adam({learning_rate!r}), loss=loss, metrics=[metric])
model.fit(
    x,
    y,
    batch_size=tables.training.batch_size(len(x)),
    epochs={epochs},
    validation_data=data["validation"],
    callbacks=[
        lamina.callbacks.EarlyStopping(patience=15, restore_best_weights=True),
        lamina.callbacks.ReduceLROnPlateau(factor=0.5, patience=5),
    ],
)

trained = tables.TableModel(model, prepare, target)
for name, value in trained.evaluate(parts["test"]).items():
    print(f"{{name}}: {{value:.5g}}")
# trained.save("my-model")
'''


def script(options: argparse.Namespace, kinds: dict[str, Any], settings: dict[str, Any]) -> str:
    """Return the code for what `lamina train` was told, with the settings of its network."""
    settings = {"hidden": (128, 64), "dropout": 0.1, "learning_rate": 1e-3} | settings
    return _SCRIPT.format(
        data=str(Path(options.data).expanduser().resolve()),
        delimiter=options.delimiter,
        missing=list(options.missing),
        seed=options.seed,
        target=options.target,
        task=options.task,
        drop=list(options.drop),
        kinds=kinds,
        epochs=options.epochs,
        **settings,
    )
