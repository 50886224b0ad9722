"""Columns and the numbers that a network reads instead: one class for each kind, fitted to a column of training data.

Each has `fit(name, values)`, `transform(values)` -> (rows, width) float32, the names of these features, and a config of
plain data. What was missing in training gets a feature of its own; what is missing or unknown only later is neutral.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from lamina.tables.errors import pyarrow

MOST_CATEGORIES = 64
MOST_WORDS = 300
TYPES = ("bool", "int64", "double", "string")  # of categories and classes, as a text file's reader finds them
_FURTHEST = 10.0  # standard deviations from the mean; what is further away is moved there
_DAY = 86_400.0  # seconds


def floats(values: Any) -> np.ndarray:
    """A numeric column as (rows,) float64, NaN where it is missing or infinite."""
    pa = pyarrow()
    array = pa.compute.cast(values, pa.float64(), safe=False).to_numpy(zero_copy_only=False).astype(np.float64)
    return np.where(np.isfinite(array), array, np.nan)


def strings(values: Any) -> Any:
    """A column as text, with its missing values."""
    pa = pyarrow()
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    return values if pa.types.is_string(values.type) else pa.compute.cast(values, pa.string())


def type_name(values: Any) -> str:
    """PyArrow's name, one of `TYPES`, of the type by which a text file gives the same values again."""
    return str(values.type) if str(values.type) in TYPES else "string"


@dataclass(frozen=True)
class NumberColumn:
    """A number as its distance from the mean in standard deviations: z = (x - mean) / deviation, within -10 to 10.

    `log`: of log(1 + x), for amounts that are spread over magnitudes. Missing values get the median, and, if training
    data had some, a second feature that is 1 for them.
    """

    kind: ClassVar[str] = "number"
    name: str
    median: float
    mean: float
    deviation: float
    log: bool = False
    missing: bool = False

    @classmethod
    def fit(cls, name: str, values: Any) -> NumberColumn:
        """Measure a column."""
        x = floats(values)
        known = x[~np.isnan(x)]
        log = bool(known.min() >= 0 and _skewness(known) > 3)
        median = float(np.median(known))
        filled = np.where(np.isnan(x), median, x)
        filled = np.log1p(filled) if log else filled
        return cls(name, median, float(filled.mean()), float(filled.std()) or 1.0, log, len(known) < len(x))

    def transform(self, values: Any) -> np.ndarray:
        """Return (rows, 1 or 2) float32."""
        x = floats(values)
        lost = np.isnan(x)
        x = np.where(lost, self.median, x)
        if self.log:
            x = np.log1p(np.maximum(x, 0))
        z = np.clip((x - self.mean) / self.deviation, -_FURTHEST, _FURTHEST)
        return np.stack([z, lost] if self.missing else [z], axis=1).astype(np.float32)

    @property
    def features(self) -> list[str]:
        """Names of the features."""
        return [self.name, f"{self.name} is missing"][: 1 + self.missing]


@dataclass(frozen=True)
class CategoryColumn:
    """A category as 1 in its own feature and 0 in the others (one-hot); the rare ones of training data share one."""

    kind: ClassVar[str] = "category"
    name: str
    categories: tuple[str, ...]
    type: str = "string"  # PyArrow's name of the type that they were read as
    other: bool = False
    missing: bool = False

    @classmethod
    def fit(cls, name: str, values: Any) -> CategoryColumn:
        """Count the categories of a column; those seen once, or after the 64 most frequent, are rare."""
        text = strings(values)
        counted = sorted(
            (
                (entry["values"], entry["counts"])
                for entry in text.value_counts().to_pylist()
                if entry["values"] is not None
            ),
            key=lambda pair: (-pair[1], pair[0]),
        )
        kept = [value for value, count in counted[:MOST_CATEGORIES] if count > 1] or [counted[0][0]]
        return cls(name, tuple(sorted(kept)), type_name(values), len(kept) < len(counted), text.null_count > 0)

    def transform(self, values: Any) -> np.ndarray:
        """Return (rows, categories + other + missing) float32."""
        pa, text, width = pyarrow(), strings(values), len(self.categories)
        index = pa.compute.index_in(text, value_set=pa.array(self.categories, pa.string()))
        index = pa.compute.fill_null(index, width).to_numpy(zero_copy_only=False).copy()
        index[text.is_null().to_numpy(zero_copy_only=False)] = width + 1
        keep = [*range(width), *([width] if self.other else []), *([width + 1] if self.missing else [])]
        return np.eye(width + 2, dtype=np.float32)[index][:, keep]

    def unknown(self, values: Any) -> list[str]:
        """The values that training data did not have; none if it had rare ones, which these then count as."""
        if self.other:
            return []
        found = strings(values).unique().drop_null().to_pylist()
        return sorted(set(found) - set(self.categories))

    @property
    def features(self) -> list[str]:
        """Names of the features."""
        names = [f"{self.name} = {category}" for category in self.categories]
        return names + [f"{self.name} is rare"] * self.other + [f"{self.name} is missing"] * self.missing


@dataclass(frozen=True)
class DateColumn:
    """A date or time as days since 1970, standardized, and sine and cosine of the part of its year, week and day."""

    kind: ClassVar[str] = "date"
    name: str
    mean: float
    deviation: float
    hours: bool = False

    CYCLES: ClassVar[dict[str, float]] = {"year": 365.2425, "week": 7.0, "day": 1.0}  # days

    @classmethod
    def fit(cls, name: str, values: Any) -> DateColumn:
        """Measure a column."""
        days = _days(values)
        known = days[~np.isnan(days)]
        return cls(name, float(known.mean()), float(known.std()) or 1.0, bool((known % 1 != 0).any()))

    def transform(self, values: Any) -> np.ndarray:
        """Return (rows, 5 or 7) float32, 0 where the date is missing."""
        days = _days(values)
        parts = [np.clip((days - self.mean) / self.deviation, -_FURTHEST, _FURTHEST)]
        for length in list(self.CYCLES.values())[: 2 + self.hours]:
            angle = 2 * math.pi * (days % length) / length
            parts += [np.sin(angle), np.cos(angle)]
        return np.nan_to_num(np.stack(parts, axis=1)).astype(np.float32)

    @property
    def features(self) -> list[str]:
        """Names of the features."""
        cycles = list(self.CYCLES)[: 2 + self.hours]
        return [self.name, *(f"{self.name}, {wave} of the {cycle}" for cycle in cycles for wave in ("sine", "cosine"))]


@dataclass(frozen=True)
class TextColumn:
    """A text as its words' TF-IDF: of the 300 words that most texts hold; scikit-learn's `TfidfVectorizer`."""

    kind: ClassVar[str] = "text"
    name: str
    words: tuple[str, ...]
    weights: tuple[float, ...]

    @classmethod
    def fit(cls, name: str, values: Any) -> TextColumn:
        """Count the words of a column."""
        vectorizer = _vectorizer(max_features=MOST_WORDS)
        vectorizer.fit(strings(values).fill_null("").to_pylist())
        words = vectorizer.get_feature_names_out()
        return cls(name, tuple(map(str, words)), tuple(map(float, vectorizer.idf_)))

    def transform(self, values: Any) -> np.ndarray:
        """Return (rows, words) float32."""
        vectorizer = _vectorizer(vocabulary=list(self.words))
        vectorizer.idf_ = np.asarray(self.weights)
        return vectorizer.transform(strings(values).fill_null("").to_pylist()).toarray().astype(np.float32)

    @property
    def features(self) -> list[str]:
        """Names of the features."""
        return [f"{self.name}: {word}" for word in self.words]


KINDS: dict[str, Any] = {kind.kind: kind for kind in (NumberColumn, CategoryColumn, DateColumn, TextColumn)}


def _vectorizer(**options: Any) -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer

    return TfidfVectorizer(sublinear_tf=True, strip_accents="unicode", **options)


def _skewness(x: np.ndarray) -> float:
    deviation = x.std()
    return float(((x - x.mean()) ** 3).mean() / deviation**3) if deviation else 0.0


def _days(values: Any) -> np.ndarray:
    """A column of dates or times as days since 1970, (rows,) float64, NaN where it is missing."""
    pa = pyarrow()
    if pa.types.is_string(values.type):  # of a text file that is read again, in ISO 8601
        values = pa.compute.cast(values, pa.timestamp("ns"))
    milliseconds = pa.compute.cast(pa.compute.cast(values, pa.timestamp("ms"), safe=False), pa.int64())
    return milliseconds.to_numpy(zero_copy_only=False).astype(np.float64) / 1000 / _DAY
