"""The keys of the logs, as Keras makes them."""

from __future__ import annotations


class LogNames:
    """Names that are handed out once each.

    Example:
        >>> names = LogNames()
        >>> [names.of("mae", output) for output in (None, None, "aux")]
        ['mae', 'mae_1', 'aux_mae']
        >>> names.of("mae", None, weighted=True), names.of("mae", "main", weighted=True)
        ('weighted_mae', 'main_mae')
    """

    def __init__(self) -> None:
        self._given: dict[str, int] = {"loss": 1}  # name -> how often it was asked for

    def of(self, name: str, output: str | None, *, weighted: bool = False) -> str:
        """Return the key of a metric: after its output's name, if it has one; a name used before gets a number.

        Args:
            name: The metric's own name.
            output: Name of the output that it belongs to, or None.
            weighted: Whether it is one of `weighted_metrics`: a name that is taken then becomes "weighted_..." first.
        """
        key = _joined(output, name)
        if weighted and key in self._given:
            key = _joined(output, f"weighted_{name}")
        base = key
        while key in self._given:
            key = f"{base}_{self._given[base]}"
            self._given[base] += 1
        self._given[key] = 1
        return key


def _joined(output: str | None, name: str) -> str:
    return name if output is None else f"{output}_{name}"
