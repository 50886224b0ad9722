"""`train_on_batch` and `test_on_batch`: one step by hand, on the same programs as `fit`."""

from __future__ import annotations

from typing import Any

import numpy as np

from lamina.training import preflight
from lamina.training.feed import Segment, rows_of
from lamina.training.prepare import as_batch, prepared_program
from lamina.training.program import Batch, Program, as_numbers, in_order, key_data


def train_on_batch(model: Any, x: Any, y: Any, sample_weight: Any, class_weight: Any, return_dict: bool) -> Any:
    """Do one training step; see `Model.train_on_batch`."""
    model.require_compiled("train_on_batch")
    with model.exclusive("train_on_batch"):
        batch, program = _prepare(model, x, y, sample_weight, class_weight)
        preflight.check_loss(model, batch)
        rows = rows_of(batch)
        order = np.arange(rows, dtype=np.int32)
        segment = Segment(batch, order, rows, 0, 1, False)
        seed, done = model.next_step_by_hand()
        state = program.state(program.fresh_metrics())
        state, logs = program.run_train(state, segment, key_data(seed), np.int32(done), np.int32(0), np.int32(1), False)
        program.publish(state)
    return _told(program, as_numbers(logs), return_dict)


def test_on_batch(model: Any, x: Any, y: Any, sample_weight: Any, return_dict: bool) -> Any:
    """Add one batch to the metrics; see `Model.test_on_batch`."""
    model.require_compiled("test_on_batch")
    batch, program = _prepare(model, x, y, sample_weight, None)
    rows = rows_of(batch)
    metrics, logs = program.run_test(program.state([])[:2], program.fresh_metrics(), batch, rows, rows, False)
    program.publish_metrics(metrics)
    return _told(program, as_numbers(logs), return_dict)


def _prepare(model: Any, x: Any, y: Any, sample_weight: Any, class_weight: Any) -> tuple[Batch, Program]:
    batch = as_batch(model, x, y, sample_weight, class_weight)
    preflight.check(model, batch, "", x)
    return batch, prepared_program(model)


def _told(program: Program, logs: dict[str, Any], return_dict: bool) -> Any:
    return logs if return_dict else in_order(program, logs)
