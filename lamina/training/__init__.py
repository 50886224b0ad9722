"""Training: from what `fit` is given to the compiled steps, and back to logs.

Read `loop.py` (epochs), then `program.py` (the step, where the gradient is). Data come in by `data/` and `feed.py`.
"""
