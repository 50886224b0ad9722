"""save_weights and load_weights: names and formats, all or nothing, what does not fit."""

from __future__ import annotations

from typing import Any

import h5py
import numpy as np
import pytest
import safetensors.numpy

import lamina
from lamina import layers
from lamina.core.errors import FileError, NotBuiltError
from lamina.saving import load_weights, save_weights


def network(*more: Any, seed: int = 0) -> Any:
    lamina.utils.set_random_seed(seed)
    return lamina.Sequential(
        [layers.Input((3,)), layers.Dense(4), layers.BatchNormalization(), *more, layers.Dense(2, name="out")]
    )


def assert_same_weights(first: Any, second: Any) -> None:
    for a, b in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("w", "w.weights.h5"),
        ("w.weights.h5", "w.weights.h5"),
        ("w.h5", "w.h5"),
        ("w.keras", "w.weights.h5"),
        ("w.ckpt", "w.ckpt"),
        ("w.safetensors", "w.safetensors"),
        ("w.weights.json", "w.weights.json"),
    ],
)
def test_any_name_will_do_and_what_is_in_the_file_decides(tmp_path, given, written):
    model, other = network(seed=1), network(seed=2)
    path = model.save_weights(tmp_path / given)
    assert path == tmp_path / written
    other.load_weights(path if path.suffix == ".json" else path.rename(tmp_path / "renamed"))
    assert_same_weights(other, model)


def test_a_whole_model_gives_its_weights_too(tmp_path):
    model, other = network(seed=1), network(seed=2)
    other.load_weights(model.save(tmp_path / "m"))
    assert_same_weights(other, model)


def test_the_optimizer_goes_with_the_weights_where_there_is_one(tmp_path):
    x, y = np.ones((4, 3)), np.ones((4, 2))
    model, same, plain, another = (network(seed=s) for s in range(4))
    for compiled, optimizer in ((model, "adam"), (same, "adam"), (another, "sgd")):
        compiled.compile(optimizer, "mse")
    model.fit(x, y, verbose=0)
    for kind in ("w.weights.h5", "w.safetensors"):
        path = model.save_weights(tmp_path / kind)
        same.load_weights(path)
        for a, b in zip(same.optimizer.variables, model.optimizer.variables, strict=True):
            np.testing.assert_array_equal(a.value, b.value)
        plain.load_weights(path)
        with pytest.warns(UserWarning, match="state of the optimizer was not loaded, since it was saved by another"):
            another.load_weights(path)
        for loaded in (same, plain, another):
            assert_same_weights(loaded, model)


def test_nothing_changes_when_one_array_does_not_fit(tmp_path):
    path = network(seed=1).save_weights(tmp_path / "w")
    other = lamina.Sequential(
        [layers.Input((3,)), layers.Dense(4), layers.BatchNormalization(), layers.Dense(3, name="out")]
    )
    before = other.get_weights()
    with pytest.raises(FileError, match=r"'sequential_1/out/kernel' has shape \(4, 3\), the file has shape") as caught:
        other.load_weights(path)
    assert caught.value.where == "layers/dense_1/vars/0"
    assert "skip_mismatch=True" in str(caught.value)
    for a, b in zip(other.get_weights(), before, strict=True):
        np.testing.assert_array_equal(a, b)
    with pytest.warns(UserWarning, match="these parts do not fit the model and were not loaded: layers/dense_1"):
        other.load_weights(path, skip_mismatch=True)
    np.testing.assert_array_equal(other.get_weights()[0], network(seed=1).get_weights()[0])
    np.testing.assert_array_equal(other.get_weights()[-2], before[-2])


def test_layers_too_many_and_too_few_are_named(tmp_path):
    path = network(layers.Dense(2)).save_weights(tmp_path / "w")
    with pytest.raises(FileError, match=r"the model has no layer for 2 stored arrays") as caught:
        network().load_weights(path)
    assert caught.value.where == "layers/dense_2"
    path = network().save_weights(tmp_path / "w")
    with pytest.raises(FileError, match=r"expected 2 arrays of shapes \[\(2, 2\), \(2,\)\], the file has none"):
        network(layers.Dense(2)).load_weights(path)


def test_layers_can_be_found_by_name(tmp_path):
    path = network(seed=1).save_weights(tmp_path / "w")
    other = lamina.Sequential([layers.Input((4,)), layers.Dense(2, name="new"), layers.Dense(2, name="out")])
    bigger = lamina.Sequential([layers.Input((4,)), layers.Dense(4, name="new"), layers.Dense(2, name="out")])
    before = bigger.get_weights()
    with pytest.warns(UserWarning, match="not loaded"):
        bigger.load_weights(path, by_name=True)
    np.testing.assert_array_equal(bigger.get_weights()[2], network(seed=1).get_weights()[-2])
    np.testing.assert_array_equal(bigger.get_weights()[0], before[0])
    with pytest.warns(UserWarning, match=r"'sequential_1/out/kernel' has shape \(2, 2\)"):
        other.load_weights(path, by_name=True)


@pytest.mark.parametrize("kind", ["float64", "float16"])
def test_floats_of_other_sizes_are_taken_and_other_kinds_are_refused(tmp_path, kind):
    model = network(seed=1)
    for dtype, fits in ((kind, True), ("int32", False), ("bool", False)):
        path = tmp_path / f"{dtype}.weights.h5"
        with h5py.File(model.save_weights(tmp_path / "w")) as old, h5py.File(path, "w") as new:

            def put(name, item, new=new, dtype=dtype):
                if hasattr(item, "shape"):
                    new[name] = item[()].astype(dtype)

            old.visititems(put)
        if fits:
            network().load_weights(path)
        else:
            with pytest.raises(FileError, match=f"is float32, the file has {dtype}"):
                network().load_weights(path)


def test_safetensors_are_named_by_paths_and_read_by_others(tmp_path):
    model = network(seed=1)
    path = model.save_weights(tmp_path / "w.safetensors")
    arrays = safetensors.numpy.load_file(path)
    assert set(arrays) == {v.path for v in model.weights}
    np.testing.assert_array_equal(arrays["sequential/out/kernel"], model.get_weights()[-2])
    safetensors.numpy.save_file({name: array + 1 for name, array in arrays.items()}, tmp_path / "theirs.safetensors")
    model.load_weights(tmp_path / "theirs.safetensors")
    np.testing.assert_array_equal(arrays["sequential/out/kernel"] + 1, model.get_weights()[-2])
    safetensors.numpy.save_file({**arrays, "extra": np.ones(2)}, tmp_path / "more.safetensors")
    with pytest.raises(FileError, match=r"the file has \['extra'\]"):
        model.load_weights(tmp_path / "more.safetensors")


def test_shards_of_another_save_are_refused(tmp_path):
    size = 60 / 2**30
    index = network(seed=1).save_weights(tmp_path / "w.weights.json", max_shard_size=size)
    old = (tmp_path / "w_00000.weights.h5").read_bytes()
    network(seed=2).save_weights(index, max_shard_size=size)
    (tmp_path / "w_00000.weights.h5").write_bytes(old)
    model = network(seed=3)
    with pytest.raises(FileError, match="not the file that the index names: its checksum differs"):
        model.load_weights(index)
    (tmp_path / "w_00000.weights.h5").unlink()
    with pytest.raises(FileNotFoundError):
        model.load_weights(index)
    index.write_text('{"weight_map": {"/vars": "../secret.h5"}}')
    with pytest.raises(FileError, match=r"names the file '\.\./secret\.h5', which is no plain name"):
        model.load_weights(index)
    with pytest.raises(ValueError, match=r"max_shard_size: .* alone takes"):
        model.save_weights(index, max_shard_size=1 / 2**30)


def test_a_model_without_weights_is_told_to_be_built(tmp_path):
    path = network().save_weights(tmp_path / "w")
    raw = lamina.Sequential([layers.Dense(2)])
    for call in (lambda: load_weights(raw, path), lambda: save_weights(raw, tmp_path / "x")):
        with pytest.raises(NotBuiltError, match="has no weights yet"):
            call()


def test_a_layer_that_stores_its_state_itself_is_asked_and_put_back_when_it_fails(tmp_path):
    class Table(layers.Layer):
        fails = False

        def build(self, input_shape):
            self.row = self.add_weight((3,), "ones", name="row")

        def call(self, inputs):
            return inputs * self.row

        def save_own_variables(self, store):
            store["doubled"] = self.row.numpy() * 2

        def load_own_variables(self, store):
            self.row.assign(store["doubled"] / 2)
            if self.fails:
                raise RuntimeError("half way")

    model = lamina.Sequential([layers.Input((3,)), layers.Dense(3), Table()])
    model.layers[1].row.assign([1.0, 2.0, 3.0])
    path = model.save_weights(tmp_path / "w")
    other = lamina.Sequential([layers.Input((3,)), layers.Dense(3), Table()])
    other.load_weights(path)
    assert_same_weights(other, model)
    Table.fails = True
    fresh = lamina.Sequential([layers.Input((3,)), layers.Dense(3), Table()])
    before = fresh.get_weights()
    with pytest.raises(FileError, match="RuntimeError: half way"):
        fresh.load_weights(path)
    for a, b in zip(fresh.get_weights(), before, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", ["w.weights.h5", "m.h5"])
def test_a_file_that_lies_alone_is_refused_when_a_byte_of_it_or_its_end_is_lost(tmp_path, name):
    model = network()
    path = model.save(tmp_path / name) if name == "m.h5" else model.save_weights(tmp_path / name)
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    for place in [*range(len(whole) - 90, len(whole)), *rng.integers(0, len(whole), 100)]:
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << int(rng.integers(8))]) + whole[place + 1 :])
        with pytest.raises(FileError):
            model.load_weights(path)
    path.write_bytes(whole[: whole.rindex(b"lamina sha256")])
    with pytest.raises(FileError):
        model.load_weights(path)
