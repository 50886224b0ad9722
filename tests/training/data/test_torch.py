"""PyTorch's tensors, data sets and loaders as input; PyTorch is no dependency, so these run where it is installed."""

from __future__ import annotations

import numpy as np
import pytest

from lamina.training.data import Stream, as_arrays, is_stream

torch = pytest.importorskip("torch")

ROWS = [[1.5, -2.0], [3.0, 0.25]]


def loader(count: int):
    """A loader of `count` batches of 4 rows that hold the batch's number."""
    batches = [(torch.full((4, 2), float(i)), torch.full((4,), i)) for i in range(count)]
    return torch.utils.data.DataLoader(batches, batch_size=None)


def numbers(epoch) -> list[int]:
    return [int(batch.y[0]) for batch in epoch]


@pytest.mark.parametrize(
    "tensor",
    [
        torch.tensor(ROWS, dtype=torch.float64),
        torch.tensor(ROWS, dtype=torch.bfloat16),
        torch.tensor(ROWS, requires_grad=True),
        torch.nn.Parameter(torch.tensor(ROWS)),
        torch.tensor(ROWS).to_sparse(),
    ],
    ids=["float64", "bfloat16", "grad", "parameter", "sparse"],
)
def test_tensors_of_every_kind_become_the_same_float32_array(tensor):
    found = as_arrays(tensor, "x")
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, ROWS)


def test_integer_tensors_become_32_bits_and_floats_are_not_copied():
    assert as_arrays(torch.tensor([1, 2]), "y").dtype == np.int32
    tensor = torch.ones(3, 2)
    assert np.shares_memory(as_arrays(tensor, "x"), tensor.numpy())


def test_loaders_are_streams_and_tensors_are_not():
    assert is_stream(loader(2))
    assert not is_stream(torch.ones(1))


def test_a_loader_starts_again_at_each_epoch_and_goes_on_with_steps():
    stream = Stream(loader(3))
    assert [numbers(stream.epoch()) for _ in range(2)] == [[0, 1, 2]] * 2
    stream = Stream(loader(5), 3)
    assert [numbers(stream.epoch()) for _ in range(3)] == [[0, 1, 2], [3, 4, 0], [1, 2, 3]]


def test_a_dataset_is_told_to_use_a_loader():
    text = r"^x: a torch Dataset yields single samples. Wrap it into torch.utils.data.DataLoader"
    with pytest.raises(ValueError, match=text):
        Stream(torch.utils.data.TensorDataset(torch.ones(3)))


def test_a_loader_of_samples_is_read_batch_by_batch():
    data = torch.utils.data.TensorDataset(torch.arange(10.0)[:, None], torch.arange(10))
    stream = Stream(torch.utils.data.DataLoader(data, batch_size=4))
    assert stream.batches_per_epoch == 3
    assert [batch.y.tolist() for batch in stream.epoch()] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
