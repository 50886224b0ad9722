"""State, names, seeds, dtypes, configs and errors: what every other room stands on.

Read `variable.py` first: `Variable` and `bind` are how objects and pure functions meet.
"""
