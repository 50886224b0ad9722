"""Models: layers with `compile`, `fit`, `evaluate`, `predict` and `summary`. Read `model.py` first."""

from typing import TYPE_CHECKING

from lamina.models._names import __getattr__ as __getattr__
from lamina.models.architecture import model_from_json
from lamina.models.cloning import clone_model
from lamina.models.functional import Functional
from lamina.models.model import Model
from lamina.models.sequential import Sequential

if TYPE_CHECKING:
    from lamina.saving import load_model, save_model

__all__ = ["Functional", "Model", "Sequential", "clone_model", "load_model", "model_from_json", "save_model"]
