"""What `compile` asked for, resolved against the outputs of the model: losses, their weights, metrics, names in logs.

`Objective` is what the compiled programs call (`compute_loss`, `update`, `results`); read `objective.py` first.
`outputs.py` says which target, weight, loss or metric belongs to which output, for every list, dict or nest of them;
`arguments.py` does so for the arguments of `compile`, `resolve.py` makes objects out of names, `log_names.py` the keys
of the logs.
"""

from __future__ import annotations

from lamina.training.objective.objective import Goal, Objective
from lamina.training.objective.outputs import Outputs, is_nest

__all__ = ["Goal", "Objective", "Outputs", "is_nest"]
