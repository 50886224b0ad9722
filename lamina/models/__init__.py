"""Models: layers with `compile`, `fit`, `evaluate`, `predict` and `summary`. Read `model.py` first."""

from lamina.models.model import Model
from lamina.models.sequential import Sequential

__all__ = ["Model", "Sequential"]
