"""Multi-layer perceptrons as scikit-learn estimators, with its numbers.

`base.py` is what classifier and regressor share: a fit goes from there to `training.py` (epochs, when to stop) and on
to the steps of an epoch, which are done by NumPy (`numpy_steps.py`) where little is to be done and by one compiled
program (`jax_steps.py`) where there is much. `network.py` says what both compute. Read `network.py` first.
"""
