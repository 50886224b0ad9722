"""Parameters with a destination: `model__units=32` is the argument `units` of the function that builds the model."""

from __future__ import annotations

from typing import Any

from lamina.core.errors import closest_match

DESTINATIONS = ("model", "compile", "optimizer", "loss", "metrics", "callbacks", "fit", "predict")


def routed(parameters: dict[str, Any], destination: str) -> dict[str, Any]:
    """The parameters of a destination, without its name.

    Example:
        >>> routed({"model__units": 3, "fit__epochs": 2, "epochs": 1}, "model")
        {'units': 3}
    """
    start = destination + "__"
    return {name.removeprefix(start): value for name, value in parameters.items() if name.startswith(start)}


def check(estimator: str, names: list[str], known: list[str], arguments: list[str] | None) -> None:
    """Check that every parameter goes somewhere.

    Args:
        estimator: Name of the estimator's class, for the message.
        names: Names of the parameters that are not the constructor's own.
        known: The constructor's own, for a hint.
        arguments: What the function that builds the model takes; None: anything.
    Raises:
        ValueError: a name without a destination that the function does not take, or with an unknown one.
    """
    for name in names:
        destination, _, rest = name.partition("__")
        if rest and destination in DESTINATIONS:
            if destination == "model" and arguments is not None and rest not in arguments:
                raise ValueError(
                    f"{estimator}: {name}: the function that builds the model takes {arguments}, not {rest!r}."
                    f"{closest_match(rest, arguments)}"
                )
        elif rest or (arguments is not None and name not in arguments):
            hint = closest_match(name, [*known, *(arguments or [])])
            raise ValueError(
                f"{estimator}: unknown parameter {name!r}.{hint} Parameters of parts are named after them: "
                f"{', '.join(part + '__…' for part in DESTINATIONS)}."
            )
