"""Settings of image layers: strengths, ranges of values, windows."""

from __future__ import annotations

import numpy as np
import pytest

from lamina.layers.preprocessing.images._settings import change_range, check_value_range, factor_range
from lamina.layers.preprocessing.images._window import largest_window, surrounding_window


@pytest.mark.parametrize(
    ("factor", "lowest", "expected"),
    [
        *((0.2, -1, (-0.2, 0.2)), (-0.2, -1, (-0.2, 0.2)), (0.2, 0, (0, 0.2)), (0, 0, (0, 0))),
        *(((0.1, 0.5), -1, (0.1, 0.5)), ([0.5, -0.1], -1, (-0.1, 0.5)), (np.float32(0.5), -1, (-0.5, 0.5))),
    ],
)
def test_a_strength_is_a_range(factor, lowest, expected):
    assert factor_range(factor, lowest, 1, "factor", "Layer") == expected


@pytest.mark.parametrize("wrong", [1.5, -1.5, (0, 2), (1, 0, 1), (), "a", None, True, float("nan"), (0, "b")])
def test_bad_strengths_are_refused(wrong):
    with pytest.raises(ValueError, match=r"Layer: factor: expected a number or a pair .* from -1 to 1, received"):
        factor_range(wrong, -1, 1, "factor", "Layer")


@pytest.mark.parametrize("wrong", [1, (0,), (0, 0), (1, 0), ("a", "b"), None, (0, 1, 2)])
def test_bad_ranges_of_values_are_refused(wrong):
    with pytest.raises(ValueError, match=r"Layer: value_range: expected \(lowest, highest\).*received"):
        check_value_range(wrong, "Layer")


def test_ranges_of_values_are_mapped_onto_each_other():
    assert check_value_range([0, 1], "Layer") == (0, 1)
    values = np.array([-1.0, 0, 1])
    np.testing.assert_allclose(change_range(values, (-1, 1), (0, 255)), [0, 127.5, 255])
    assert change_range(values, [0, 1], (0, 1)) is values


@pytest.mark.parametrize("target", [(1, 1), (3, 7), (10, 4), (100, 1)], ids=str)
@pytest.mark.parametrize("size", [(8, 8), (5, 13), (1, 1), (40, 3)], ids=str)
def test_windows_have_the_proportions_and_are_centred(size, target):
    inner, outer = largest_window(size, target), surrounding_window(size, target)
    assert min(inner.top, inner.left) >= 0
    assert inner.top + inner.height <= size[0]
    assert inner.left + inner.width <= size[1]
    assert inner.height == size[0] or inner.width == size[1]
    assert abs(2 * inner.top + inner.height - size[0]) <= 1
    assert abs(2 * inner.left + inner.width - size[1]) <= 1
    assert outer.height == size[0] - 2 * outer.top >= size[0]
    assert outer.width == size[1] - 2 * outer.left >= size[1]
    assert outer.height == size[0] or outer.width == size[1]
    for window in (inner, outer):  # up to a pixel or two, which whole numbers cost
        tall, wide = window.height * target[1], window.width * target[0]
        assert abs(tall - wide) <= 2 * max(target) or min(window[2:]) == 1
