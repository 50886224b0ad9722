"""lamina beside its peers: speed and memory on real data, every peer in its own process, in alternating rounds.

`python -m benchmarks` runs everything and prints Markdown tables. Read `training.py` first: it asks the main question.
`peers/` holds the same two networks written for each library, `_harness.py` runs them in turn.
"""
