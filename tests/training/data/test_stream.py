"""Streams: how often the data is read, in which order, and what happens when it ends or changes."""

from __future__ import annotations

import itertools
import threading
import traceback

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
import scipy.sparse

from lamina.training.data import Stream, unpack


def batch(number: int, rows: int = 4):
    return np.full((rows, 2), number, "float32"), np.full(rows, number)


def numbers(batches) -> list[int]:
    return [int(b.x[0, 0]) for b in batches]


def generator(count: int):
    for i in range(count):
        yield batch(i)


class Iterable:
    def __init__(self, count):
        self.count = count

    def __iter__(self):
        return generator(self.count)


class Sized(Iterable):
    def __len__(self):
        return self.count


class Indexed:
    """What Keras calls a PyDataset."""

    def __init__(self, count):
        self.count, self.begun, self.ended = count, 0, 0

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        return batch(index)

    def on_epoch_begin(self):
        self.begun += 1

    def on_epoch_end(self):
        self.ended += 1


class Endless(Indexed):
    num_batches = None


class OldSequence:
    def __getitem__(self, index):
        if index == 3:
            raise IndexError
        return batch(index)


RESTARTING = [
    Iterable,
    Sized,
    Indexed,
    lambda n: [batch(i) for i in range(n)].__iter__,
    lambda n: lambda: generator(n),
]
NAMES = ["iterable", "sized", "indexed", "method", "function"]


@pytest.mark.parametrize("prefetch", [0, 2])
@pytest.mark.parametrize("make", RESTARTING, ids=NAMES)
def test_what_can_be_started_again_starts_again_at_each_epoch(make, prefetch):
    stream = Stream(make(3), prefetch=prefetch)
    assert [numbers(stream.epoch()) for _ in range(3)] == [[0, 1, 2]] * 3
    assert stream.batches_per_epoch == 3


@pytest.mark.parametrize("prefetch", [0, 2])
@pytest.mark.parametrize("make", RESTARTING, ids=NAMES)
def test_with_steps_it_goes_on_and_starts_again_when_exhausted(make, prefetch):
    stream = Stream(make(5), 3, prefetch=prefetch)
    assert stream.batches_per_epoch == 3
    assert [numbers(stream.epoch()) for _ in range(4)] == [[0, 1, 2], [3, 4, 0], [1, 2, 3], [4, 0, 1]]
    assert numbers(Stream(make(2), 5).epoch()) == [0, 1, 0, 1, 0]


@pytest.mark.parametrize("prefetch", [0, 2])
def test_a_generator_goes_on_without_losing_or_repeating_a_batch(prefetch):
    stream = Stream(generator(9), 3, prefetch=prefetch)
    assert [numbers(stream.epoch()) for _ in range(3)] == [[0, 1, 2], [3, 4, 5], [6, 7, 8]]


def test_no_more_of_a_generator_is_read_than_its_epochs_need():
    source = generator(10)
    assert numbers(Stream(source, 4).epoch()) == [0, 1, 2, 3]
    assert next(source)[1][0] == 4


def test_an_endless_generator_serves_any_number_of_steps():
    stream = Stream((batch(i) for i in itertools.count()), 2)
    assert [numbers(stream.epoch()) for _ in range(3)] == [[0, 1], [2, 3], [4, 5]]
    assert Stream(generator(1)).batches_per_epoch is None


def test_a_generator_that_ends_early_is_an_error():
    stream = Stream(generator(5), 3)
    numbers(stream.epoch())
    with pytest.raises(
        ValueError, match=r"^x: the generator ended after 2 of 3 batches, and it can be read only once\. Pass a"
    ):
        numbers(stream.epoch())


def test_a_generator_without_steps_is_one_epoch():
    stream = Stream(generator(3))
    assert numbers(stream.epoch()) == [0, 1, 2]
    with pytest.raises(
        ValueError, match=r"^x: the generator has been read to its end in an earlier epoch, and it can be read"
    ):
        numbers(stream.epoch())


@pytest.mark.parametrize("steps", [None, 2])
@pytest.mark.parametrize("data", [generator(0), Iterable(0), lambda: iter([])])
def test_data_without_batches_is_an_error(data, steps):
    with pytest.raises(ValueError, match=r"^validation_data: the .* yielded no batch. Expected x"):
        numbers(Stream(data, steps, "validation_data").epoch())


def test_a_length_of_zero_is_an_error_at_once():
    with pytest.raises(ValueError, match=r"^x: the Indexed holds no batches \(its length is 0\)"):
        Stream(Indexed(0))


def test_old_sequences_without_a_length_are_read_to_their_end():
    assert numbers(Stream(OldSequence()).epoch()) == [0, 1, 2]


def test_endless_data_needs_steps():
    with pytest.raises(ValueError, match=r"^x never ends: pass the number of batches of an epoch"):
        Stream(Endless(1)).epoch()
    stream = Stream(Endless(1), 2)
    assert [numbers(stream.epoch()), numbers(stream.epoch())] == [[0, 1], [2, 3]]


def test_steps_must_be_whole_and_positive():
    with pytest.raises(ValueError, match=r"^x: steps: expected a whole number >= 1, received 0"):
        Stream(generator(1), 0)


def test_hooks_of_the_data_are_called_around_each_epoch_in_the_main_thread():
    class Growing(Indexed):
        def on_epoch_end(self):
            assert threading.current_thread() is threading.main_thread()
            self.count += 1

    data = Growing(2)
    stream = Stream(data)
    assert [numbers(stream.epoch()) for _ in range(3)] == [[0, 1], [0, 1, 2], [0, 1, 2, 3]]
    assert data.begun == 3


def test_indexed_data_is_read_in_an_order_of_its_seed():
    first, again = (Stream(Indexed(20), seed=7) for _ in range(2))
    orders = [numbers(first.epoch()) for _ in range(2)]
    assert orders == [numbers(again.epoch()) for _ in range(2)]
    assert orders[0] != orders[1]
    assert [sorted(order) for order in orders] == [list(range(20))] * 2


def test_reset_starts_from_the_beginning_even_with_steps():
    stream = Stream(Iterable(5), 3)
    numbers(stream.epoch())
    stream.reset()
    assert numbers(stream.epoch()) == [0, 1, 2]


@pytest.mark.parametrize("make", [generator, *RESTARTING], ids=["generator", *NAMES])
@pytest.mark.parametrize("steps", [None, 3])
def test_peeking_consumes_nothing(make, steps):
    stream = Stream(make(3), steps)
    assert [numbers([stream.peek()])[0] for _ in range(2)] == [0, 0]
    assert numbers(stream.epoch()) == [0, 1, 2]
    if make is not generator:
        assert numbers([stream.peek()]) == [0]
        assert numbers(stream.epoch()) == [0, 1, 2]


def test_leaving_an_epoch_early_starts_the_next_one_anew():
    with Stream(Iterable(9)) as stream:
        for _ in stream.epoch():
            break
        assert numbers(stream.epoch()) == list(range(9))
        next(stream.epoch())
    assert not [thread for thread in threading.enumerate() if thread.name == "lamina-prefetch"]


@pytest.mark.parametrize("prefetch", [0, 2])
def test_the_users_error_arrives_with_its_own_traceback(prefetch):
    def failing():
        yield batch(0)
        {}["my key"]

    epoch = Stream(failing(), prefetch=prefetch).epoch()
    next(epoch)
    with pytest.raises(KeyError, match=r"my key") as caught:
        next(epoch)
    assert traceback.extract_tb(caught.value.__traceback__)[-1].name == "failing"


def test_a_buffer_that_is_filled_again_does_not_change_batches_read_before():
    def refilling():
        buffer, labels = batch(0)
        for i in range(6):
            buffer[:] = labels[:] = i
            yield buffer, labels[::-1]

    batches = list(Stream(refilling()).epoch())
    assert numbers(batches) == list(range(6))
    assert [int(b.y[0]) for b in batches] == list(range(6))


def test_windows_of_a_memory_map_are_read_and_cast(tmp_path):
    data = np.memmap(tmp_path / "x", "float64", "w+", shape=(8, 2))
    found = next(Stream(lambda: (data[i : i + 4] for i in (0, 4))).epoch())
    assert type(found.x) is np.ndarray
    assert found.x.dtype == np.float32


@pytest.mark.parametrize(
    "given",
    [
        np.ones((2, 2)),
        (np.ones((2, 2)),),
        [np.ones((2, 2)), np.ones(2)],
        (jnp.ones((2, 2)), jnp.ones(2), [1, 2]),
        (pd.DataFrame(np.ones((2, 2))), pd.Series([1.0, 1.0])),
        (scipy.sparse.csr_matrix(np.ones((2, 2))), np.ones(2)),
        ([[1, 1], [1, 1]], [1, 1]),
    ],
)
def test_batches_come_in_every_form_that_arrays_do(given):
    found = next(Stream([given].__iter__).epoch())
    np.testing.assert_array_equal(found.x, np.ones((2, 2)))
    parts = given if isinstance(given, list | tuple) else (given,)
    assert (found.y is None) == (len(parts) < 2)
    assert (found.sample_weight is None) == (len(parts) < 3)
    if len(parts) == 3:
        assert found.sample_weight.dtype == np.float32


def test_nests_of_inputs_are_kept():
    found = next(Stream([({"a": np.ones(2), "b": np.ones(2)}, (np.ones(2), np.ones(2)))].__iter__).epoch())
    assert list(found.x) == ["a", "b"]
    assert len(found.y) == 2


X = np.zeros((4, 2), "float32")
CHANGES = [
    (
        (X, X),
        (X[:, :1], X),
        r"batch 2: x has rows of shape \(1,\) and dtype float32; the batches before it had rows of shape \(",
    ),
    ((X, X), (X.astype(int), X), r"batch 2: x has rows of shape \(2,\) and dtype int32; .* dtype float32"),
    ((X, X), (X[:, 0], X), r"batch 2: x has rows of shape \(\)"),
    ((X, X), (X,), "batch 2 holds x; the batches before it held x, y"),
    ((X, X), ({"a": X}, X), r"batch 2 holds x\['a'\], y; the batches before it held x, y"),
    ((X, X), (X, X[:2]), "The arrays have different numbers of rows: x in batch 2 has 4, y in batch 2 has 2"),
    ((X, X), (X[:0], X[:0]), r"x in batch 2 is empty: its shape is \(0, 2\)"),
    ((X, X), (X, ["a"] * 4), "y in batch 2 holds text .*: row 0 is 'a'"),
    ((X, X), (None, X), r"batch 2 has no x \(None\)"),
    ((X, X), (X, X, X, X), r"batch 2: expected x, .*, received a tuple of 4. Several inputs"),
    ((X, X, X[:, 0]), (X, X, np.full(4, np.nan)), "sample_weight in batch 2: row 0 is nan"),
]


@pytest.mark.parametrize(("first", "second", "message"), CHANGES, ids=[message[:30] for *_, message in CHANGES])
def test_a_batch_that_does_not_fit_the_ones_before_is_named(first, second, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        list(Stream([first, second].__iter__).epoch())


def test_messages_name_the_argument_that_the_stream_came_in():
    with pytest.raises(ValueError, match=r"^y in batch 1 of validation_data holds text"):
        list(Stream([(X, ["a"] * 4)].__iter__, None, "validation_data").epoch())


def test_the_number_of_rows_may_change():
    assert [len(b.x) for b in Stream([batch(0), batch(1, rows=3)].__iter__).epoch()] == [4, 3]


def test_unpack_tells_inputs_targets_and_weights():
    assert unpack({"a": 1}) == ({"a": 1}, None, None)
    assert unpack((1,)) == (1, None, None)
    assert unpack([1, 2]) == (1, 2, None)
    assert unpack((1, 2, 3)) == (1, 2, 3)
    with pytest.raises(ValueError, match=r"^validation_data: expected x, .*received a tuple of 4"):
        unpack((1, 2, 3, 4), "validation_data: ")
