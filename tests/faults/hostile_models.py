"""Whole models in hostile files: valid ones, changed in every place where a loader could be led astray.

`items()` yields (name, bytes, must): "refuse", or "any" where it may load too, as long as nothing else happens. The
test runs all of them in one child process that watches what it does: `python -m tests.faults.hostile_models FOLDER`.
"""

from __future__ import annotations

import copy
import io
import json
import os
import random
import resource
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

Item = tuple[str, bytes, str]
CALLS = ["os.system", "posix.system", "builtins.eval", "eval", "exec", "subprocess.Popen", "subprocess.check_output"]
CALLS += ["os.remove", "shutil.rmtree", "pickle.loads", "marshal.loads", "importlib.import_module", "webbrowser.open"]
CALLS += [
    "keras.utils.get_file",
    "keras.src.utils.python_utils.func_load",
    "keras.config.enable_unsafe_deserialization",
]
CALLS += ["lamina.saving.load_model", "lamina.utils.set_random_seed", "lamina.config.set_floatx", "numpy.load", "open"]
HUGE = [10**9, 10**12, 10**18, 2**63, 10**40, -1, 0, 1e308, "9" * 50, [10**9] * 9, None, True, {"a": 1}]


def base() -> Any:
    """A small model of layers with all kinds of arguments."""
    import lamina
    from lamina import layers

    inputs = layers.Input((8, 8, 2), name="image")
    x = layers.Conv2D(3, 3, activation="relu", kernel_regularizer="l2", name="conv")(inputs)
    x = layers.MaxPooling2D(name="pool")(x)
    x = layers.UpSampling2D(name="up")(x)
    x = layers.ZeroPadding2D(name="pad")(x)
    x = layers.RandomFlip(name="flip")(x)
    x = layers.Flatten(name="flat")(x)
    x = layers.RepeatVector(2, name="repeat")(x)
    x = layers.TimeDistributed(layers.Dense(3, name="inside"), name="steps")(x)
    x = layers.Reshape((6,), name="shape")(x)
    x = layers.BatchNormalization(name="batch")(x)
    x = layers.Activation("tanh", name="act")(x)
    x = lamina.ops.mean(x, axis=-1, keepdims=True) + x
    model = lamina.Model(inputs, layers.Dense(2, name="out")(x), name="net")
    model.compile(lamina.optimizers.Adam(0.01), loss="mse", metrics=["mae"])
    return model


def items() -> Iterator[Item]:
    """All of them, from one saved model."""
    whole = io.BytesIO()
    folder = Path(sys.argv[1])
    whole = folder / "base.keras"
    base().save(whole)
    with zipfile.ZipFile(whole) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(parts["config.json"])
    yield "control", _pack(parts), "load"
    yield from _named_calls(parts, config)
    yield from _code(parts, config)
    yield from _numbers(parts, config)
    yield from _graphs(parts, config)
    yield from _shapes(parts, config)
    yield from _mutations(parts, config, int(os.environ.get("LAMINA_FUZZ", 100)))


def _mutations(parts: dict[str, bytes], config: Any, count: int) -> Iterator[Item]:
    """Configs in which one to three places, picked at random, hold something else, twice, or nothing."""
    rng = random.Random(0)
    values = [*HUGE, "", "relu", "CANARY", [], {}, -1.5, [[[]]], False, *CALLS[:3]]
    for number in range(count):
        changed = copy.deepcopy(config)
        for _ in range(rng.randint(1, 3)):
            ways = list(_ways(changed))
            *parent, key = rng.choice(ways)
            place, kind = _at(changed, tuple(parent)), rng.randint(0, 3)
            if kind == 0:
                place[key] = rng.choice(values)
            elif kind == 1:
                del place[key]
            elif kind == 2:
                place[key] = copy.deepcopy(_at(changed, rng.choice(ways)))
            elif isinstance(place, list):
                place.insert(key, copy.deepcopy(place[key]))
            else:
                place[f"{key}_too"] = place[key]
        yield f"mutation {number}", _pack(parts, changed), "any"


def _ways(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every item of a nest."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in pairs:
        yield (*path, key)
        yield from _ways(item, (*path, key))


def _pack(parts: dict[str, bytes], config: Any = None) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, json.dumps(config) if name == "config.json" and config is not None else data)
    return made.getvalue()


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every dict with a class name, the outermost first."""
    if isinstance(value, dict):
        if "class_name" in value:
            yield path
        for key, item in value.items():
            yield from _places(item, (*path, key))
    elif isinstance(value, list):
        for i, item in enumerate(value):
            yield from _places(item, (*path, i))


def _at(config: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        config = config[key]
    return config


def _named_calls(parts: dict[str, bytes], config: Any) -> Iterator[Item]:
    """Names of functions that do something, in every place where a class or function is named."""
    for number, path in enumerate(_places(config)):
        if "__keras_tensor__" in str(_at(config, path).get("class_name")):
            continue
        call = CALLS[number % len(CALLS)]
        module, _, name = call.rpartition(".")
        for form in (
            {"module": module or "builtins", "class_name": name, "config": {"command": "CANARY"}},
            {"module": module or None, "class_name": "function", "config": name, "registered_name": call},
            {"class_name": "function", "config": call, "registered_name": "function", "module": "builtins"},
        ):
            changed = copy.deepcopy(config)
            _at(changed, path).update({"registered_name": call, **form})
            yield f"call {call} at {'/'.join(map(str, path))}", _pack(parts, changed), "any"


def _code(parts: dict[str, bytes], config: Any) -> Iterator[Item]:
    """Marshalled functions, and Keras' switches."""
    code = {"class_name": "__lambda__", "config": {"value": "4wEAAAAAAAAA", "defaults": None, "closure": None}}
    for keys in (("config", "layers", 1, "config", "activation"), ("compile_config", "loss"), ("config", "layers", 1)):
        changed = copy.deepcopy(config)
        _at(changed, keys[:-1])[keys[-1]] = code
        yield f"lambda in {keys[-1]}", _pack(parts, changed), "any"
    layer = {"module": "keras.layers", "class_name": "Lambda", "registered_name": None}
    for function in (code, "CANARY", {"class_name": "function", "config": "os.system", "module": "os"}):
        changed = copy.deepcopy(config)
        changed["config"]["layers"][1].update(layer, config={"name": "conv", "function": function})
        yield "Lambda layer", _pack(parts, changed), "refuse"
    for kind in ("TorchModuleWrapper", "TFSMLayer", "StringLookup", "JaxLayer", "FlaxLayer", "EquinoxLayer"):
        changed = copy.deepcopy(config)
        settings = {
            "name": "conv",
            "vocabulary": "/etc/passwd",
            "filepath": "/etc",
            "module": "CANARY",
            "call_fn": "eval",
        }
        changed["config"]["layers"][1].update(layer, class_name=kind, config=settings)
        yield f"layer {kind}", _pack(parts, changed), "refuse"
    for kind in ("__typespec__", "__tensor__", "__numpy__", "__bytes__", "__slice__", "__ellipsis__"):
        changed = copy.deepcopy(config)
        value = {"class_name": kind, "config": {"value": [1, "CANARY"], "dtype": "object"}}
        changed["config"]["layers"][1]["config"]["kernel_initializer"] = value
        yield f"special value {kind}", _pack(parts, changed), "any"


def _numbers(parts: dict[str, bytes], config: Any) -> Iterator[Item]:
    """Giant and senseless values for every argument of every layer, and of the optimizer."""
    count = 0
    layers = [("config", "layers", i, "config") for i in range(len(config["config"]["layers"]))]
    for path in [*layers, ("compile_config", "optimizer", "config"), ("compile_config",), ("config",), ()]:
        for key in list(_at(config, path)):
            for step in range(3 if "LAMINA_FUZZ" in os.environ else 1):
                value = HUGE[(count + 5 * step) % len(HUGE)]
                count += 1
                changed = copy.deepcopy(config)
                _at(changed, path)[key] = value
                yield f"{'/'.join(map(str, path))}/{key} = {str(value)[:20]}", _pack(parts, changed), "any"


def _graphs(parts: dict[str, bytes], config: Any) -> Iterator[Item]:
    """Calls that wait for each other, that name what is not there, and too much of everything."""

    def changed(change: Any) -> bytes:
        made = copy.deepcopy(config)
        change(made["config"])
        return _pack(parts, made)

    def history(c: Any, i: int, value: Any) -> None:
        c["layers"][i]["inbound_nodes"][0]["args"][0]["config"]["keras_history"] = value

    for i in (1, 2, 5):
        for value in (
            ["out", 0, 0],
            ["conv", 0, 0],
            ["nowhere", 0, 0],
            ["image", -1, 0],
            ["image", 10**9, 0],
            [],
            7,
            ["image", 0],
        ):
            must = "any" if value == _history(config["config"], i) else "refuse"
            yield f"layer {i} takes {value}", changed(lambda c, i=i, v=value: history(c, i, v)), must
    yield "no layers", changed(lambda c: c.update(layers=[])), "refuse"
    yield "layer twice", changed(lambda c: c["layers"].append(c["layers"][1])), "refuse"
    yield "outputs nowhere", changed(lambda c: c.update(output_layers=[["nowhere", 0, 0]])), "refuse"
    yield "outputs negative", changed(lambda c: c.update(output_layers=["out", -1, -1])), "refuse"
    yield "5,000 layers", changed(lambda c: c["layers"].extend(c["layers"][1:2] * 5_000)), "refuse"
    deep: Any = "end"
    for _ in range(150):
        deep = {"class_name": "Sequential", "module": "keras", "config": {"name": "s", "layers": [deep]}}
    yield "150 models in each other", _pack(parts, deep), "refuse"
    nest = b"[" * 100_000 + b"]" * 100_000
    yield "JSON 100,000 deep", _pack({**parts, "config.json": nest}), "refuse"
    for text in (
        b"",
        b"null",
        b"7",
        b"{",
        b"\xff\xfe",
        b'{"class_name": NaN}',
        b'{"a": 1, "a": 2}',
        b"[" + b"1," * 10**6 + b"1]",
    ):
        yield f"config {text[:20]!r}", _pack({**parts, "config.json": text}), "refuse"
    for name in parts:
        if name != "metadata.json":
            yield f"without {name}", _pack({k: v for k, v in parts.items() if k != name}), "refuse"


def _history(config: Any, layer: int) -> Any:
    return config["layers"][layer]["inbound_nodes"][0]["args"][0]["config"]["keras_history"]


def _shapes(parts: dict[str, bytes], config: Any) -> Iterator[Item]:
    """Arrays that are missing, left over, swapped, of other types and sizes."""
    import h5py

    def changed(change: Any) -> bytes:
        stream = io.BytesIO(parts["model.weights.h5"])
        with h5py.File(stream, "r+") as file:
            change(file)
        return _pack({**parts, "model.weights.h5": stream.getvalue()})

    def put(file: Any, name: str, value: Any) -> None:
        del file[name]
        file[name] = value

    kernel = "layers/conv2d/vars/0"
    for label, value in {
        "rank": np.zeros(54, "f4"), "size": np.zeros((3, 3, 2, 4), "f4"), "swapped": np.zeros((3, 3, 3, 2), "f4"),
        "int": np.zeros((3, 3, 2, 3), "i4"), "complex": np.zeros((3, 3, 2, 3), "c8"), "text": b"CANARY", "scalar": 1.0,
        "bool": np.zeros((3, 3, 2, 3), "?"), "empty": np.zeros((0, 3, 2, 3), "f4"),
    }.items():  # fmt: skip
        yield f"kernel {label}", changed(lambda f, v=value: put(f, kernel, v)), "refuse"
    yield "kernel missing", changed(lambda f: f.__delitem__(kernel)), "refuse"
    yield "all missing", changed(lambda f: f.__delitem__("layers")), "refuse"
    yield "one more", changed(lambda f: f.create_dataset("layers/conv2d/vars/2", data=np.zeros(3, "f4"))), "refuse"
    yield "one elsewhere", changed(lambda f: f.create_dataset("layers/other/vars/0", data=np.zeros(3, "f4"))), "refuse"
    yield "soft link", changed(lambda f: (f.__delitem__(kernel), f.__setitem__(kernel, h5py.SoftLink("/x")))), "refuse"
    link = h5py.ExternalLink("/etc/passwd", "/")
    yield "external link", changed(lambda f: (f.__delitem__(kernel), f.__setitem__(kernel, link))), "refuse"


# The child ------------------------------------------------------------------------------------------------------------


def watch(folder: Path) -> None:
    """Load every item by path, from an open file and into a model; print what happened, a line of JSON each."""
    import builtins
    import subprocess

    import lamina
    from lamina.core.random import next_seed
    from lamina.saving import load_model

    made = list(items())
    target = base()
    called: list[str] = []
    for module, name in ((os, "system"), (os, "remove"), (subprocess, "Popen"), (builtins, "eval")):
        setattr(module, name, lambda *args, _name=name, **kwargs: called.append(_name))
    load_model(folder / "base.keras")
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    weights = [w.tobytes() for w in target.get_weights()]
    for number, (name, data, must) in enumerate(made):
        path = folder / f"{number}.keras"
        path.write_bytes(data)
        lamina.utils.set_random_seed(5)
        expected = (next_seed(), lamina.config.floatx(), sorted(os.listdir(folder)))
        lamina.utils.set_random_seed(5)
        began = time.process_time()
        outcomes = []
        for door, source in ((load_model, path), (load_model, io.BytesIO(data)), (target.load_weights, path)):
            outcomes.append(_outcome(door, source))
        seconds = (time.process_time() - began) / 3
        again = not name.startswith("mutation") or outcomes[0] != "loaded" or _comes_back(load_model, path, folder)
        state = (next_seed(), lamina.config.floatx(), sorted(os.listdir(folder)))
        now = [w.tobytes() for w in target.get_weights()]
        same, weights = now == weights or outcomes[2] == "loaded", now
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory) // 1024
        report = {"name": name, "must": must, "outcomes": outcomes, "seconds": seconds, "megabytes": grown}
        print(
            json.dumps(report | {"called": called, "state": state == expected, "weights": same, "again": again}),
            flush=True,
        )
        path.unlink()
        called.clear()


def _outcome(door: Any, source: Any) -> str:
    """What a door says to a file: "loaded", or the class of the error, and the message where it is no clean one."""
    try:
        door(source)
    except Exception as error:  # noqa: BLE001 - whatever it is goes into the report
        text = str(error)
        clean = len(text) < 2000 and text.isprintable()
        return type(error).__name__ + ("" if clean else f" with an unclean message: {text[:200]!r}")
    return "loaded"


def _comes_back(load_model: Any, path: Path, folder: Path) -> bool:
    """Whether what was loaded saves and loads equal."""
    first = load_model(path)
    second = load_model(first.save(folder / "again.keras"))
    (folder / "again.keras").unlink()
    pairs = zip(first.get_weights(), second.get_weights(), strict=True)
    return all(a.tobytes() == b.tobytes() for a, b in pairs)


if __name__ == "__main__":
    watch(Path(sys.argv[1]))
