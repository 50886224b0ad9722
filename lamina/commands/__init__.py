"""What the sub-commands of `lamina` do, a module for each kind; `lamina/cli.py` has the table of all.

`tables.py`: train, predict, evaluate. `models.py`: summary, export, convert. `script.py`: the Python code that `train`
leaves beside a model. Nothing heavy is imported before a command runs.
"""
