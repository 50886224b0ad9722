"""Fuzz: valid files with bytes changed or cut off load, or are refused with a `FileError`; nothing else happens.

LAMINA_FUZZ=10000 sets the number of mutated files of each run.
"""

from __future__ import annotations

import functools
import io
import json
import os
import random
from collections import Counter
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from tests.faults.hostile import safetensors, zips
from tests.faults.hostile.bytes_in_file import as_file
from tests.faults.judging import complaints, judged

COUNT = int(os.environ.get("LAMINA_FUZZ", "1000"))
SEED = 2026
BATCH = 500  # files of one process


# --- valid files


def weights(**options: Any) -> bytes:
    """As Keras writes weights."""
    stream = io.BytesIO()
    rng = np.random.default_rng(0)
    with h5py.File(stream, "w", **options) as file:
        for number in range(3):
            for variable in range(2):
                file.create_dataset(f"layers/dense_{number}/vars/{variable}", data=rng.normal(size=(4, 4)).astype("f4"))
        file.create_group("layers/flatten")
    return stream.getvalue()


def legacy() -> bytes:
    """As Keras' older form: attributes with texts; and chunks with all filters."""
    stream = io.BytesIO()
    rng = np.random.default_rng(0)
    with h5py.File(stream, "w") as file:
        file.attrs["model_config"] = json.dumps({"class_name": "Sequential", "config": list(range(50))})
        file.attrs["layer_names"] = [b"dense", b"dense_1"]
        group = file.create_group("model_weights/dense")
        group.attrs["weight_names"] = ["kernel", "bias"]
        filters = {"compression": "gzip", "shuffle": True, "fletcher32": True}
        group.create_dataset("kernel", data=rng.normal(size=(8, 8)).astype("f4"), chunks=(4, 4), **filters)
        group.create_dataset("bias", data=rng.integers(0, 4, 64), compression="lzf", chunks=(16,))
    return stream.getvalue()


def seeds() -> dict[str, bytes]:
    """A valid file for each way of reading; the part before "/" is the door."""
    config = json.dumps({"class_name": "Sequential", "config": {"layers": [{"units": 3, "name": "é"}] * 5}}).encode()
    table = {f"layer/{n}": {"dtype": "F32", "shape": [2, 2], "data_offsets": [16 * n, 16 * n + 16]} for n in range(4)}
    return {
        "hdf5/weights": weights(),
        "hdf5/legacy": legacy(),
        "hdf5/new form": weights(libver="latest"),
        "zip/stored": zips.by_python(config=config, weights=weights()),
        "zip/deflated": zips.by_python(8, config=config * 5, weights=weights()),
        "zip/64 bits": zips.wide_end(),
        "json/config": config,
        "safetensors/four": safetensors.crafted(table | {"__metadata__": {"a": "b"}}, bytes(range(64))),
    }


def mutated(data: bytes, rng: random.Random) -> bytes:
    """The bytes with a few changed, swapped, repeated, left out, or cut off."""
    new = bytearray(data)
    if rng.random() < 0.1:
        return bytes(new[: rng.randrange(len(new))])
    for _ in range(rng.choice([1, 1, 1, 2, 4, 16])):
        if not new:  # all of a short file was left out
            break
        place = rng.randrange(len(new))
        action = rng.random()
        if action < 0.4:
            new[place] = rng.randrange(256)
        elif action < 0.6:
            new[place] ^= 1 << rng.randrange(8)
        elif action < 0.75:
            length = rng.choice([1, 2, 4, 8])
            new[place : place + length] = rng.choice([b"\0", b"\xff", b"\x7f", b"\1"]) * length
        elif action < 0.9:  # another part of the file, as an address or a size may be
            source, length = rng.randrange(len(new)), rng.choice([2, 4, 8, 32])
            new[place : place + length] = new[source : source + length]
        elif action < 0.95:
            del new[place : place + rng.choice([1, 4, 100])]
        else:
            new[place:place] = new[place : place + rng.choice([1, 4, 100])]
    return bytes(new)


def truncated(data: bytes) -> list[bytes]:
    """Cut off after each hundredth, and within the last bytes."""
    lengths = {len(data) * percent // 100 for percent in range(100)} | {len(data) - n for n in range(1, 9)}
    return [data[:length] for length in sorted(lengths)]


# --- opening them in other processes


def run(folder: Path, files: list[tuple[str, bytes]]) -> dict[str, dict[str, Any]]:
    """What came of each file; names begin with the door."""
    found: dict[str, dict[str, Any]] = {}
    for start in range(0, len(files), BATCH):
        place = folder / str(start)
        place.mkdir()
        batch = files[start : start + BATCH]
        found |= judged([(name, as_file(functools.partial(bytes, data), "hostile.bin")) for name, data in batch], place)
    return found


def assert_clean(found: dict[str, dict[str, Any]]) -> Counter[str]:
    """All were loaded or refused, cheaply and without other effects; how many each."""
    wrong = {
        name: problem
        for name, outcome in found.items()
        if outcome["kind"] != "accepted" and (problem := complaints(outcome))
    }
    assert wrong == {}
    assert {name for name, outcome in found.items() if outcome["seen"] or outcome["changes"]} == set()
    return Counter(f"{name.split('#')[0]}: {outcome['kind']}" for name, outcome in found.items())


def test_the_files_are_valid(tmp_path):
    found = run(tmp_path, list(seeds().items()))
    assert {name: outcome["kind"] for name, outcome in found.items()} == dict.fromkeys(seeds(), "accepted")


def test_mutated_files(tmp_path):
    rng = random.Random(SEED)
    valid = list(seeds().items())
    files = []
    for number in range(COUNT):
        name, data = valid[number % len(valid)]
        files.append((f"{name}#{number}", mutated(data, rng)))
    counts = assert_clean(run(tmp_path, files))
    assert counts.total() == COUNT
    for name, _ in valid:  # a mutation that is always refused, or never, tests little
        assert counts[f"{name}: FileError"] > 0


def test_truncated_files(tmp_path):
    files = [(f"{name}#{n}", part) for name, data in seeds().items() for n, part in enumerate(truncated(data))]
    counts = assert_clean(run(tmp_path, files))
    assert {kind for kind in counts if kind.endswith("accepted")} == set()
