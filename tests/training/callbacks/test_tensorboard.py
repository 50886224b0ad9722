"""The callback's runs, tags, steps and values, read back by TensorBoard, against the real Keras' callback."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import lamina
from lamina import layers
from lamina.callbacks import CallbackList, LambdaCallback, TensorBoard
from lamina.training.callbacks.tensorboard.weights import picture_of
from tests.summary.helpers import events, pictures, plugin, series
from tests.training.callbacks.helpers import line
from tests.training.helpers import regression_data

pytest.importorskip("tensorboard")

X, Y = regression_data(96)  # six batches of 16, and three of validation
VALIDATION = regression_data(48, seed=1)
OPTIONS = {"histogram_freq": 2, "write_images": True, "write_steps_per_second": True, "update_freq": 3}


def network(library):
    model = library.Sequential(
        [
            library.layers.Input((4,)),
            library.layers.Dense(3, "relu", name="hidden"),
            library.layers.Dense(1, name="out"),
        ],
        name="net",
    )
    model.compile(library.optimizers.SGD(0.05), "mse", metrics=["mae"])
    rng = np.random.default_rng(5)
    model.set_weights([rng.normal(size=weight.shape) for weight in model.get_weights()])
    return model


def trained(model, callback):
    given = {"verbose": 0, "callbacks": [callback]}
    model.fit(X, Y, batch_size=16, epochs=3, shuffle=False, validation_data=VALIDATION, **given)
    model.evaluate(*VALIDATION, batch_size=16, **given)


class Recorder:
    """`tensorflow.summary` for Keras' callback, without TensorFlow: keeps what it is told to write, and when not to."""

    def __init__(self) -> None:
        self.written: dict[tuple[str, str], list[tuple[int, float]]] = {}
        self.run, self.recording = None, lambda: True

    def create_file_writer(self, path):
        recorder, run = self, Path(path).name

        class Writer:
            @contextlib.contextmanager
            def as_default(self, step=None):
                before, recorder.run = recorder.run, run
                yield
                recorder.run = before

            def flush(self):
                pass

            close = flush

        return Writer()

    @contextlib.contextmanager
    def record_if(self, condition):
        before, self.recording = self.recording, condition
        yield
        self.recording = before

    def scalar(self, tag, value, step):
        if self.run is not None and self.recording():
            self.written.setdefault((self.run, tag), []).append((int(step), float(np.mean(np.asarray(value)))))

    histogram = image = scalar


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A training and an evaluation, as TensorBoard reads them: (run, tag) -> (step, value)."""
    folder = tmp_path_factory.mktemp("logs")
    model = network(lamina)
    trained(model, TensorBoard(folder, **OPTIONS))
    read = {run: series(folder / run) for run in ("train", "validation")}
    return folder, model, {(run, tag): values for run, tags in read.items() for tag, values in tags.items()}


def test_runs_tags_steps_and_values_are_those_of_keras(runs):
    import keras

    callback = keras.callbacks.TensorBoard("logs", write_graph=False, **OPTIONS)
    callback._summary_module = recorder = Recorder()
    trained(network(keras), callback)
    found = {key: values for key, values in runs[2].items() if key != ("train", "keras")}
    steps = {key: [step for step, _ in values] for key, values in recorder.written.items()}
    assert {key: [step for step, _ in values] for key, values in found.items()} == steps
    assert len(steps) == 3 + 4 + 4 + 4 + 3  # batches, epochs, validation, histograms, and pictures but of one number
    for key, values in recorder.written.items():
        if not key[1].endswith(("/histogram", "/image", "per_second")):
            ours = [float(value) for _, value in found[key]]
            np.testing.assert_allclose(ours, [value for _, value in values], rtol=2e-5, err_msg=str(key))


def test_histograms_are_those_of_the_weights(runs):
    folder, model, values = runs
    kernel = model.layers[0].kernel
    step, rows = values["train", f"{kernel.path}/histogram"][-1]
    counts, edges = np.histogram(kernel.numpy().astype("float64"), 30)
    assert step == 2
    np.testing.assert_allclose(rows, np.stack([edges[:-1], edges[1:], counts], axis=1), rtol=1e-6, atol=1e-12)
    assert plugin(folder / "train", f"{kernel.path}/histogram") == "histograms"


def test_pictures_of_weights_are_grey_around_zero(runs):
    folder, model, values = runs
    kernel = model.layers[0].kernel.numpy()  # (4, 3): lies on its longer side
    (picture,) = pictures(values["train", "net/hidden/kernel/image"][-1][1])
    expected = np.floor((kernel.T / np.abs(kernel).max() / 2 + 0.5) * 255.5)
    np.testing.assert_allclose(picture, expected, atol=1)
    assert plugin(folder / "train", "net/hidden/kernel/image") == "images"


def test_kernels_of_convolutions_become_tiles_with_a_line_between():
    kernel = np.arange(1, 1 + 3 * 2 * 4 * 5).reshape(3, 2, 4, 5) / 120
    picture = picture_of(kernel)
    assert picture.shape == (1, 4 * 4 - 1, 5 * 3 - 1, 1)
    row, column = 2, 3
    tile = picture[0, row * 4 : row * 4 + 3, column * 3 : column * 3 + 2, 0]
    np.testing.assert_allclose(tile, 0.5 + kernel[:, :, row, column] / 2)
    assert (picture[0, 3::4] == 0.5).all()
    assert picture_of(np.ones((3, 3, 1, 7))).shape == (7, 3, 3, 1)
    assert picture_of(np.ones((3, 3, 40, 50))).shape == (1, 16 * 4 - 1, 16 * 4 - 1, 1)
    assert picture_of(np.ones((2, 2, 2, 2, 2))) is picture_of(np.ones(1)) is None
    np.testing.assert_array_equal(picture_of(np.zeros(3)), np.full((1, 1, 3, 1), 0.5))


def test_by_default_chunks_of_steps_stay_whole(tmp_path):
    callback = TensorBoard(tmp_path)
    assert not CallbackList([callback]).batch_hooks("train")
    chunks = []
    look = LambdaCallback()
    look.steps_done = lambda epoch, first, last, logs: chunks.append((first, last))
    line().fit(X, Y, batch_size=4, epochs=2, verbose=0, callbacks=[callback, look])
    assert len(chunks) < 8  # of 2 * 24 steps
    tags = set(series(tmp_path / "train"))
    assert tags == {"keras", "epoch_loss", "epoch_mae", "epoch_learning_rate"}
    assert not (tmp_path / "validation").exists()


def test_values_of_batches_are_those_that_batch_hooks_see(tmp_path):
    seen = {}
    model, weights = line(), None
    weights = model.get_weights()

    def train(callbacks):
        model.set_weights(weights)
        model.fit(X[:90], Y[:90], batch_size=16, epochs=3, verbose=0, shuffle=False, callbacks=callbacks)

    counted = iter(range(1, 99))
    train([LambdaCallback(on_train_batch_end=lambda batch, logs: seen.__setitem__(next(counted), logs["loss"]))])
    train([TensorBoard(tmp_path, update_freq=4)])  # of 5 batches and a smaller one an epoch
    found = {step: float(value) for step, value in series(tmp_path / "train")["batch_loss"]}
    assert list(found) == [4, 8, 12, 16]
    assert found == pytest.approx({step: np.float32(seen[step]) for step in found}, rel=1e-7)


def test_a_resumed_training_has_each_value_once(tmp_path):
    def run(name, crash_at=None):
        def crash(batch, logs):
            nonlocal batches
            batches += 1
            if batches == crash_at:
                raise KeyError("crash")

        batches = 0
        options = {"resume": lamina.callbacks.BackupAndRestore(tmp_path / f"{name} backup", save_freq=4)}
        options["resume"].delete_checkpoint = False
        callback = TensorBoard(tmp_path / name, update_freq=2, histogram_freq=1)
        given = [callback, LambdaCallback(on_train_batch_end=crash)]
        network(lamina).fit(
            X, Y, batch_size=16, epochs=4, verbose=0, validation_data=VALIDATION, callbacks=given, **options
        )

    lamina.utils.set_random_seed(1)
    run("whole")
    lamina.utils.set_random_seed(1)
    for crash_at in (5, 11, 2):  # behind a checkpoint; in the third epoch; right after going on
        with pytest.raises(KeyError, match="crash"):
            run("resumed", crash_at)
    run("resumed")
    for part in ("train", "validation"):
        whole, resumed = (series(tmp_path / name / part) for name in ("whole", "resumed"))
        assert set(whole) == set(resumed)
        for tag, values in whole.items():
            assert [step for step, _ in values] == [step for step, _ in resumed[tag]], tag
            for (_, expected), (_, value) in zip(values, resumed[tag], strict=True):
                if tag != "keras":  # which has names with numbers
                    np.testing.assert_array_equal(value, expected, err_msg=tag)
    assert len(series(tmp_path / "resumed" / "train")["batch_loss"]) == 12


def test_a_resumed_training_may_write_into_another_folder(tmp_path):
    fit = {"batch_size": 16, "verbose": 0, "resume": tmp_path / "resume"}
    model = line()
    model.fit(X, Y, epochs=2, callbacks=[TensorBoard(tmp_path / "1", update_freq=4)], **fit)
    line().fit(X, Y, epochs=3, callbacks=[TensorBoard(tmp_path / "2", update_freq=4)], **fit)
    first, second = (series(tmp_path / run / "train") for run in "12")
    assert [step for step, _ in first["epoch_loss"]] == [0, 1]
    assert [step for step, _ in second["epoch_loss"]] == [2]
    assert [step for step, _ in second["batch_loss"]] == [16]
    assert "keras" in second


def test_event_files_that_were_cut_are_told(tmp_path):
    fit = {"batch_size": 16, "verbose": 0, "resume": tmp_path / "resume"}
    line().fit(X, Y, epochs=1, callbacks=[TensorBoard(tmp_path / "logs")], **fit)
    (file,) = (tmp_path / "logs" / "train").iterdir()
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.warns(UserWarning, match=r"TensorBoard: train/events.* was changed or deleted since the training"):
        line().fit(X, Y, epochs=2, callbacks=[TensorBoard(tmp_path / "logs")], **fit)


class Own(lamina.Model):
    def __init__(self):
        super().__init__(name="own")
        self.first, self.second = layers.Dense(2, name="first"), layers.Dense(2, name="second")
        self.inner = lamina.Sequential([layers.Dense(1, name="last")], name="inner")

    def call(self, x):
        return self.inner(self.first(x) + self.second(x))


def graph_model():
    x = lamina.Input((4,), name="x")
    inner = lamina.Sequential([lamina.Input((2,)), layers.Dense(3, name="deep")], name="inner")
    joined = layers.Concatenate(name="joined")([inner(layers.Dense(2, name="first")(x)), x])
    return lamina.Model(x, layers.Dense(1, name="out")(joined), name="graph")


def test_the_graph_of_layers_is_the_one_that_tensorboard_draws_for_keras(tmp_path):
    from tensorboard.plugins.graph.keras_util import keras_model_to_graph_def

    model = graph_model()
    model.compile("sgd", "mse")
    model.fit(X, Y, verbose=0, callbacks=[TensorBoard(tmp_path)])
    ((step, text),) = series(tmp_path / "train")["keras"]
    assert (step, plugin(tmp_path / "train", "keras")) == (0, "graph_keras_model")
    drawn = {node.name: list(node.input) for node in keras_model_to_graph_def(json.loads(text.item())).node}
    assert drawn["graph/joined"] == ["graph/inner/deep", "graph/x"]
    assert drawn["graph/out"] == ["graph/joined"]


@pytest.mark.parametrize("kind", ["graph", "own", "lambda"])
def test_graphs_of_all_models_are_written_as_nodes(kind, tmp_path):
    twice = layers.Lambda(lambda x: x * 2, name="twice")
    models = {"graph": graph_model, "own": Own}
    model = models[kind]() if kind in models else lamina.Sequential([layers.Input((4,)), twice, layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(X, Y, verbose=0, callbacks=[TensorBoard(tmp_path)])
    read = events(tmp_path / "train")
    assert ("keras" in read.Tags()["tensors"]) == (kind == "graph")
    nodes = {node.name: node for node in read.Graph().node}
    inputs = {name: sorted(node.input) for name, node in nodes.items()}
    if kind == "graph":
        assert inputs["joined"] == ["inner/deep", "x"]
        assert inputs["inner/deep"] == ["first"] or inputs["inner/deep"][0].startswith("inner/input")
    elif kind == "own":
        assert inputs["inner/last"] == ["first", "second"]
        assert (nodes["first"].op, nodes["first"].attr["gives"].s) == ("Dense", b"(None, 2)")
        (shape,) = nodes["first"].attr["_output_shapes"].list.shape
        assert [dim.size for dim in shape.dim] == [-1, 2]
    else:
        assert inputs["dense"] == ["twice"]


def test_no_graph_where_none_is_asked_for(tmp_path):
    line().fit(X, Y, verbose=0, callbacks=[TensorBoard(tmp_path, write_graph=False)])
    assert set(series(tmp_path / "train")) == {"epoch_loss", "epoch_mae", "epoch_learning_rate"}


def words():
    model = lamina.Sequential(
        [layers.Input((2,), dtype="int32"), layers.Embedding(5, 3, name="words"), layers.Flatten(), layers.Dense(1)]
    )
    model.compile("sgd", "mse")
    return model


def test_embeddings_are_what_the_projector_reads(tmp_path):
    from google.protobuf import text_format
    from tensorboard.plugins.projector import ProjectorConfig
    from tensorboard.plugins.projector.projector_plugin import _read_tensor_tsv_file

    (tmp_path / "labels.tsv").write_text("a\nb\nc\nd\ne\n")
    model = words()
    callback = TensorBoard(tmp_path, embeddings_freq=2, embeddings_metadata={"words": "labels.tsv"})
    x = np.arange(20).reshape(10, 2) % 5
    model.fit(x, x.sum(axis=1), epochs=3, verbose=0, callbacks=[callback])
    config = ProjectorConfig()
    text_format.Parse((tmp_path / "train" / "projector_config.pbtxt").read_text(), config)
    found = [(entry.tensor_name.split("/")[-1], entry.tensor_path) for entry in config.embeddings]
    stem = model.layers[0].path.replace("/", "_")
    assert found == [("words (epoch 2)", f"{stem}-2.tsv"), ("words (epoch 0)", f"{stem}-0.tsv")]
    table = _read_tensor_tsv_file(str(tmp_path / "train" / found[0][1]))
    np.testing.assert_array_equal(table, model.layers[0].embeddings.numpy())
    assert (tmp_path / "train" / config.embeddings[0].metadata_path).read_text() == "a\nb\nc\nd\ne\n"


def test_a_profile_is_where_the_plugin_looks_and_has_the_steps(tmp_path):
    import jax

    line().fit(X, Y, batch_size=8, epochs=2, verbose=0, callbacks=[TensorBoard(tmp_path, profile_batch=(15, 20))])
    (file,) = tmp_path.glob("train/plugins/profile/*/*.xplane.pb")
    names = [
        (event.name, dict(event.stats))
        for plane in jax.profiler.ProfileData.from_file(str(file)).planes
        for part in plane.lines
        for event in part.events
    ]
    assert next(stats["step_num"] for name, stats in names if name == "train") == 15
    with pytest.raises(RuntimeError):
        jax.profiler.stop_trace()  # it does not run any more


def test_a_profile_that_cannot_be_made_is_told(tmp_path):
    import jax

    with pytest.warns(UserWarning, match=r"had 6 batches, and profile_batch=\(100, 200\) begins at 100"):
        line().fit(X, Y, batch_size=16, verbose=0, callbacks=[TensorBoard(tmp_path / "1", profile_batch=(100, 200))])
    told = pytest.warns(UserWarning, match="profile_batch: the profiler did not start")
    with jax.profiler.trace(str(tmp_path / "mine")), told:
        line().fit(X, Y, batch_size=16, verbose=0, callbacks=[TensorBoard(tmp_path / "2", profile_batch=2)])
    assert len(list(tmp_path.glob("mine/plugins/profile/*/*.xplane.pb"))) == 1


@pytest.mark.parametrize("given", [0, 3, (2, 4), [2, 4], "2,4", "3"])
def test_forms_of_profile_batch(given, tmp_path):
    profile = TensorBoard(tmp_path, profile_batch=given)._profile
    assert (profile.first, profile.last) in ((0, 0), (3, 3), (2, 4))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"update_freq": "epochs"}, "update_freq: expected 'epoch', 'batch' or a whole number >= 1, received 'epochs'"),
        ({"update_freq": 0}, "update_freq: expected 'epoch', 'batch' or a whole number >= 1, received 0"),
        ({"update_freq": None}, "update_freq: expected 'epoch', 'batch' or a whole number >= 1, received None"),
        ({"histogram_freq": -1}, "histogram_freq: expected a whole number >= 0, received -1"),
        ({"histogram_freq": 0.5}, "histogram_freq: expected a whole number >= 0, received 0.5"),
        ({"embeddings_freq": True}, "embeddings_freq: expected a whole number >= 0, received True"),
        ({"profile_batch": -1}, r"profile_batch: expected the number of a batch, from 1.*\(100, 200\).*received -1"),
        ({"profile_batch": (5, 2)}, r"received \(5, 2\)"),
        ({"profile_batch": (0, 2)}, r"received \(0, 2\)"),
        ({"profile_batch": (1, 2, 3)}, r"received \(1, 2, 3\)"),
        ({"profile_batch": "first"}, "received 'first'"),
        ({"profile_batch": 2.5}, "received 2.5"),
        ({"profile_batch": None}, "received None"),
        ({"log_dir": 3}, "TensorBoard: log_dir: expected a str or pathlib.Path, received int"),
        ({"log_dir": ""}, "TensorBoard: log_dir: expected the name of a file"),
    ],
    ids=lambda value: repr(value) if isinstance(value, dict) else "",
)
def test_bad_arguments_are_refused_when_it_is_made(arguments, message):
    with pytest.raises(ValueError, match=f"^TensorBoard: .*{message.removeprefix('TensorBoard: ')}"):
        TensorBoard(**arguments)


def test_bad_names_and_files_of_embeddings_are_refused_before_training(tmp_path):
    model, x = words(), np.zeros((4, 2), int)
    fit = {"verbose": 0, "x": x, "y": x[:, 0]}
    make = {"log_dir": tmp_path, "embeddings_freq": 1}
    with pytest.raises(ValueError, match=r"embeddings_metadata: no Embedding layer named 'word' .*Did you mean 'w"):
        model.fit(**fit, callbacks=[TensorBoard(**make, embeddings_metadata={"word": "labels.tsv"})])
    with pytest.raises(FileNotFoundError, match=r"embeddings_metadata: there is no file '.*'. Write it first"):
        model.fit(**fit, callbacks=[TensorBoard(**make, embeddings_metadata="labels.tsv")])
    assert int(model.optimizer.iterations) == 0


def test_a_file_in_the_place_of_the_folder_is_told_when_it_is_made(tmp_path):
    (tmp_path / "logs").write_text("mine")
    with pytest.raises(NotADirectoryError, match=r"TensorBoard: log_dir: .* cannot be a folder of logs: .* is a file"):
        TensorBoard(tmp_path / "logs" / "run_1")


def test_folders_of_older_runs(tmp_path):
    model, fit = line(), {"x": X, "y": Y, "verbose": 0}
    callback = TensorBoard(tmp_path)
    model.fit(**fit, callbacks=[callback])
    model.fit(**fit, callbacks=[callback])  # the same object: meant so
    model.fit(**fit, epochs=3, initial_epoch=2, callbacks=[TensorBoard(tmp_path)])  # going on
    model.fit(**fit, callbacks=[TensorBoard(tmp_path / "run_2")])  # a fresh sub-folder
    with pytest.warns(UserWarning, match=r"log_dir: '.*' has 3 event file\(s\) of earlier trainings.*Give each"):
        model.fit(**fit, callbacks=[TensorBoard(tmp_path)])
    assert {step for step, _ in series(tmp_path / "train")["epoch_loss"]} == {0, 2}


def test_without_tensorboard_the_error_says_what_to_install(monkeypatch, tmp_path):
    from lamina.summary import _package

    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(_package, "protocol", missing)
    with pytest.raises(ImportError, match=r'^TensorBoard needs TensorBoard.* pip install "lamina\[tensorboard\]"'):
        TensorBoard(tmp_path / "logs")


def test_optimizers_of_every_kind_tell_their_rate_if_they_have_one(tmp_path):
    import optax

    from lamina.optimizers import SGD, LossScaleOptimizer, OptaxOptimizer
    from lamina.optimizers.schedules import ExponentialDecay

    made = [OptaxOptimizer(optax.sgd(0.1)), LossScaleOptimizer(SGD(0.25)), SGD(ExponentialDecay(0.5, 6, 0.5))]
    for number, optimizer in enumerate(made):
        callback = TensorBoard(tmp_path / str(number), write_graph=False)
        callback.set_model(SimpleNamespace(optimizer=optimizer))
        callback.on_train_begin()
        callback.on_epoch_begin(0)
        callback.on_epoch_end(0, {"loss": 1.0, "not a number": [1, 2]})
        callback.on_train_end()
    found = [series(tmp_path / str(number) / "train") for number in range(3)]
    assert [set(tags) for tags in found] == [{"epoch_loss"}, *[{"epoch_loss", "epoch_learning_rate"}] * 2]
    assert [float(tags["epoch_learning_rate"][0][1]) for tags in found[1:]] == [0.25, 0.5]


def test_an_evaluation_that_fails_leaves_closed_files(tmp_path):
    fail = LambdaCallback(on_test_begin=lambda logs: {}["fail"])
    with pytest.raises(KeyError):
        line().evaluate(X, Y, verbose=0, callbacks=[TensorBoard(tmp_path), fail])
    assert not (tmp_path / "validation").exists()
