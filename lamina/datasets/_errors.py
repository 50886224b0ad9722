"""The two ways in which a data set can fail."""

from __future__ import annotations


class DatasetUnavailable(OSError):
    """A file of a data set is neither on this machine nor to be had by download; the message says what to do.

    Example:
        >>> from lamina.datasets import DatasetUnavailable
        >>> issubclass(DatasetUnavailable, OSError)
        True
    """


class DatasetCorrupt(ValueError):
    """A file of a data set is there, but its content is not what the data set's authors published.

    Example:
        >>> from lamina.datasets import DatasetCorrupt
        >>> issubclass(DatasetCorrupt, ValueError)
        True
    """
