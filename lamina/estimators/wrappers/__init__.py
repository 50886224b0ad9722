"""scikit-learn estimators of any lamina model: a function that builds one, or a compiled model.

`routing.py` reads names such as `model__units` and `optimizer__learning_rate`; `building.py` makes the model of a fit;
`base.py` is what classifier and regressor share. Read `base.py` first.
"""
