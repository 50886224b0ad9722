"""Models: layers with `compile`, `fit`, `evaluate`, `predict` and `summary`. Read `model.py` first."""

from lamina.models.architecture import model_from_json
from lamina.models.cloning import clone_model
from lamina.models.functional import Functional
from lamina.models.model import Model
from lamina.models.sequential import Sequential

__all__ = ["Functional", "Model", "Sequential", "clone_model", "model_from_json"]
