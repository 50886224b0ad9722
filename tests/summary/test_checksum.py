"""The checksum of records against the one that TensorBoard reads them with."""

from __future__ import annotations

import numpy as np
import pytest

from lamina.summary._checksum import crc32c, masked_crc


def test_the_standards_own_example():
    assert crc32c(b"123456789") == 0xE3069283  # RFC 3720, of iSCSI, and every catalogue of checksums


@pytest.mark.parametrize("size", [0, 1, 3, 64, 65, 1023, 1024, 1025, 1027, 2051, 5000])
def test_it_is_tensorboards(size):
    stub = pytest.importorskip("tensorboard.compat.tensorflow_stub.pywrap_tensorflow")
    data = np.random.default_rng(size).bytes(size)
    assert masked_crc(data) == stub.masked_crc32c(data)
