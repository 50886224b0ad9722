"""A training with every callback that keeps something, killed and resumed, ends with the bits of one that was not."""

from __future__ import annotations

import numpy as np
import pytest

import lamina
from lamina import layers
from lamina.callbacks import CSVLogger, EarlyStopping, LambdaCallback, ReduceLROnPlateau, SwapEMAWeights
from lamina.optimizers import Adam
from lamina.optimizers.schedules import CosineDecay
from tests.training.helpers import regression_data, same_bits

X, Y = regression_data(60)


def run(folder, name, crash_at=None):
    lamina.utils.set_random_seed(5)
    model = lamina.Sequential([layers.Input((4,)), layers.Dense(6, "relu"), layers.Dropout(0.2), layers.Dense(1)])
    model.compile(Adam(CosineDecay(0.1, 50), use_ema=True, ema_momentum=0.5), "mse", metrics=["mae"])

    def crash(epoch, logs):
        if epoch == crash_at:
            raise KeyError("crash")

    given = [
        ReduceLROnPlateau(patience=0, min_delta=0.3, factor=0.5),
        EarlyStopping(patience=4, min_delta=0.2, restore_best_weights=True),
        SwapEMAWeights(swap_on_epoch=True),
        CSVLogger(folder / f"{name}.csv"),
        LambdaCallback(on_epoch_end=crash),
    ]
    fit = {"batch_size": 16, "epochs": 12, "verbose": 0, "validation_split": 0.2, "resume": folder / name}
    history = model.fit(X, Y, callbacks=given, **fit)
    variables = [v.numpy() for v in [*model.weights, *model.optimizer.variables, model.optimizer.rate_multiplier]]
    kept = (given[0].get_state(), given[1].wait, given[1].best, given[1].best_epoch, given[1].stopped_epoch)
    return variables, history.history, kept, (folder / f"{name}.csv").read_bytes()


@pytest.mark.parametrize("crashes", [(1,), (2, 3)])
def test_a_resumed_training_with_callbacks_is_the_same_bits(crashes, tmp_path):
    variables, history, kept, table = run(tmp_path, "whole")
    assert len(history["loss"]) < 12  # stopped early
    assert float(variables[-1]) < 1  # and the schedule was multiplied
    for epoch in crashes:
        with pytest.raises(KeyError, match="crash"):
            run(tmp_path, "resumed", epoch)
    resumed = run(tmp_path, "resumed")
    assert same_bits(resumed[0], variables)
    assert resumed[1:] == (history, kept, table)
    assert len(np.unique(history["learning_rate"])) == len(history["loss"])
