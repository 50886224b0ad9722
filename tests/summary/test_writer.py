"""Values, read back by TensorBoard's own reader; what TensorFlow makes of them, from its documentation."""

from __future__ import annotations

import io
import subprocess
import sys
import wave

import jax.numpy as jnp
import numpy as np
import pytest

from lamina import summary
from lamina.summary import _package
from tests.summary.helpers import events, pictures, plugin, series

pytest.importorskip("tensorboard")


@pytest.fixture
def writer(tmp_path):
    with summary.create_file_writer(tmp_path / "a" / "run") as made:
        yield made


def written(writer, tag):
    """The first value of a tag."""
    writer.flush()
    return series(writer.path.parent)[tag][0][1]


@pytest.mark.parametrize("number", [0.5, 2, True, np.float32(0.25), np.int64(-3), jnp.float32(1.5), jnp.bfloat16(2)])
def test_numbers_of_every_kind(writer, number):
    writer.scalar("number", number, step=7)
    writer.flush()
    ((step, value),) = series(writer.path.parent)["number"]
    assert (step, value.shape, value.dtype, value) == (7, (), np.float32, np.float32(number))
    assert plugin(writer.path.parent, "number") == "scalars"


def test_several_numbers_of_one_step_are_one_record(writer):
    before = writer.flush()
    writer.scalars({"a": 1.0, "b": 2.0}, step=1)
    one = writer.flush() - before
    writer.scalar("a", 1.0, step=2)
    writer.scalar("b", 2.0, step=2)
    assert one < writer.flush() - before - one
    assert {tag: [(s, float(v)) for s, v in found] for tag, found in series(writer.path.parent).items()} == {
        "a": [(1, 1.0), (2, 1.0)],
        "b": [(1, 2.0), (2, 2.0)],
    }


@pytest.mark.parametrize(
    ("data", "buckets"), [(np.arange(10.0), 5), (np.random.default_rng(0).normal(size=(30, 4)), None), ([2, 2, 2], 4)]
)
def test_histograms_are_tensorboards(writer, data, buckets):
    from tensorboard.plugins.histogram.summary_v2 import histogram_pb
    from tensorboard.util.tensor_util import make_ndarray

    writer.histogram("h", data, 0, buckets)
    expected = make_ndarray(histogram_pb("h", np.asarray(data), buckets).value[0].tensor)
    np.testing.assert_allclose(written(writer, "h"), expected, rtol=1e-12, atol=1e-12)
    assert plugin(writer.path.parent, "h") == "histograms"


def test_histograms_leave_out_what_is_not_finite(writer):
    writer.histogram("h", [0.0, np.nan, np.inf, 1.0], 0, buckets=2)
    np.testing.assert_array_equal(written(writer, "h"), [[0, 0.5, 1], [0.5, 1, 1]])
    writer.histogram("none", [np.nan], 0, buckets=2)
    np.testing.assert_array_equal(written(writer, "none"), np.zeros((2, 3)))


GREY = np.array([[0, 128], [255, 1]], np.uint8)
WIDE = np.arange(10, dtype=np.uint8).reshape(2, 5)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (GREY, [GREY]),
        (GREY.astype(int), [GREY]),
        (GREY > 100, [[[0, 255], [255, 0]]]),
        (np.stack([GREY] * 5)[..., None], [GREY] * 3),  # at most three
        (np.stack([WIDE] * 5), [WIDE] * 3),
        (np.repeat(GREY[:, :, None], 3, axis=2), [np.repeat(GREY[:, :, None], 3, axis=2)]),
        (np.full((1, 2, 3, 4), 7, np.uint8), [np.full((2, 3, 4), 7)]),
        (np.full((1, 2, 3, 2), 7, np.uint8), [np.full((2, 3, 2), 7)]),
        # tf.image.convert_image_dtype: times 255.5, cut off, clipped
        (jnp.array([[-1.0, 0.0, 0.5], [1.0, 2.0, np.nan]]), [[[0, 0, 127], [255, 255, 0]]]),
    ],
    ids=["uint8", "int", "bool", "4-D", "3-D of many", "RGB", "RGBA", "grey and opacity", "float"],
)
def test_images(writer, data, expected):
    writer.image("i", data, step=0)
    found = pictures(written(writer, "i"))
    assert len(found) == len(expected)
    for picture, wanted in zip(found, expected, strict=True):
        np.testing.assert_array_equal(picture, wanted)
    assert plugin(writer.path.parent, "i") == "images"


def test_texts_are_one_or_a_table(writer):
    writer.text("one", "**bold**", step=0)
    writer.text("table", [["a", "b"], ["c", "ü"]], step=0)
    assert written(writer, "one").item() == b"**bold**"
    assert written(writer, "table").tolist() == [[b"a", b"b"], [b"c", "ü".encode()]]
    assert plugin(writer.path.parent, "one") == "text"


def test_sounds_are_wav(writer):
    writer.audio("beep", np.array([[[-1.0], [0.0], [0.5], [1.0]]], "float32"), 8000, step=0)
    value = written(writer, "beep")
    assert value.shape == (1, 2)
    with wave.open(io.BytesIO(value[0, 0])) as sound:
        assert (sound.getframerate(), sound.getnchannels(), sound.getsampwidth()) == (8000, 1, 2)
        assert np.frombuffer(sound.readframes(4), "<i2").tolist() == [-32768, 0, 16384, 32767]


def test_a_figure_is_a_picture_of_its_size(writer):
    figure = pytest.importorskip("matplotlib.figure").Figure(figsize=(2, 1), dpi=100)
    ax = figure.add_subplot()
    writer.figure("f", figure, step=0)
    writer.figure("of its axes", ax, step=0)
    assert pictures(written(writer, "f"))[0].shape == (100, 200, 4)
    assert pictures(written(writer, "of its axes"))[0].shape == (100, 200, 4)


def test_hparams_are_what_the_plugin_reads(writer):
    from tensorboard.plugins.hparams.metadata import SESSION_START_INFO_TAG, parse_session_start_info_plugin_data

    writer.hparams({"units": np.int64(30), "rate": jnp.float32(0.5), "act": "relu", "bn": True}, trial_id="7")
    writer.flush()
    read = events(writer.path.parent).SummaryMetadata(SESSION_START_INFO_TAG)
    info = parse_session_start_info_plugin_data(read.plugin_data.content)
    assert info.group_name == "7"
    values = info.hparams
    assert (values["units"].number_value, values["rate"].number_value) == (30, 0.5)
    assert (values["act"].string_value, values["bn"].bool_value) == ("relu", True)


def test_the_functions_write_with_the_default_writer(tmp_path):
    assert summary.scalar("nobody", 1.0, step=0) is False
    first, second = (summary.create_file_writer(tmp_path / run) for run in "12")
    with first, second, first.as_default(step=4):
        assert summary.scalar("a", 1.0) is True
        with second.as_default():
            summary.scalar("b", 2.0, step=5)
            with pytest.raises(ValueError, match="step: expected a whole number, received none"):
                summary.scalar("c", 3.0)
        summary.text("d", "e", step=jnp.int32(6))
    found = {run: {tag: v[0][0] for tag, v in series(tmp_path / run).items()} for run in "12"}
    assert found == {"1": {"a": 4, "d": 6}, "2": {"b": 5}}


def test_the_cell_of_the_books(tmp_path):
    """The well-known cell that writes one of each kind, in a folder whose name is the time."""
    tf_summary, get_run_logdir = summary, lambda: tmp_path / "run_2024_07_23-12_17_50"
    test_logdir = get_run_logdir()
    writer = tf_summary.create_file_writer(str(test_logdir))
    with writer.as_default():
        for step in range(1, 3 + 1):
            tf_summary.scalar("my_scalar", np.sin(step / 10), step=step)
            data = (np.random.randn(100) + 2) * step / 100
            tf_summary.histogram("my_hist", data, buckets=50, step=step)
            images = np.random.rand(2, 4, 4, 3) * step / 1000
            tf_summary.image("my_images", images, step=step)
            texts = ["The step is " + str(step), "Its square is " + str(step**2)]
            tf_summary.text("my_text", texts, step=step)
            sine_wave = np.sin(np.arange(100) / 48000 * 2 * np.pi * step)
            audio = np.reshape(sine_wave.astype("float32"), [1, -1, 1])
            tf_summary.audio("my_audio", audio, sample_rate=48000, step=step)
    writer.close()
    found = series(test_logdir)
    assert {tag: [step for step, _ in values] for tag, values in found.items()} == {
        f"my_{kind}": [1, 2, 3] for kind in ("scalar", "hist", "images", "text", "audio")
    }
    assert found["my_scalar"][1][1] == pytest.approx(np.sin(0.2))


def test_values_are_kept_back_until_the_queue_is_full(tmp_path):
    writer = summary.create_file_writer(tmp_path, max_queue=2)
    size = writer.path.stat().st_size
    for step in range(2):
        writer.scalar("a", 1.0, step)
        assert writer.path.stat().st_size == size
    writer.scalar("a", 1.0, 2)
    assert writer.path.stat().st_size > size
    writer.scalar("a", 1.0, 3)
    writer.close()
    writer.close()
    assert [step for step, _ in series(tmp_path)["a"]] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda w: w.scalar("a", [1, 2], 0), r"scalar: 'a': expected one number, received shape \(2,\), dtype int64"),
        (lambda w: w.scalar("a", "high", 0), "scalar: 'a': expected one number, received 'high' of type str"),
        (lambda w: w.scalar("", 1, 0), "name: expected text"),
        (lambda w: w.scalar("a", 1), "step: expected a whole number, received none. Give step="),
        (lambda w: w.scalar("a", 1, 0.5), "step: expected a whole number, received 0.5"),
        (lambda w: w.histogram("a", ["b"], 0), "histogram: 'a': expected numbers"),
        (lambda w: w.histogram("a", [1], 0, buckets=-1), "buckets: expected a whole number >= 0, received -1"),
        (lambda w: w.image("a", np.zeros(3), 0), r"image: 'a': expected \(height, width\).* received shape \(3,\)"),
        (lambda w: w.image("a", np.zeros((1, 2, 2, 5)), 0), r"with 1 to 4 channels, received shape \(1, 2, 2, 5\)"),
        (lambda w: w.image("a", np.zeros((0, 2)), 0), r"expected pixels, received shape \(0, 2\)"),
        (lambda w: w.image("a", [[0, 256]], 0), "whole numbers in 0..255, received dtype int64 from 0 to 256"),
        (lambda w: w.image("a", [["x"]], 0), "floats in 0..1 or whole numbers"),
        (lambda w: w.image("a", GREY, 0, max_outputs=0), "image: max_outputs: expected a whole number >= 1"),
        (lambda w: w.text("a", ["b", 1], 0), "text: 'a': expected text or lists of it, received 1 of type int"),
        (lambda w: w.figure("a", GREY, 0), "figure: 'a': expected a Matplotlib figure or its axes"),
        (lambda w: w.audio("a", np.zeros((3, 1)), 8000, 0), r"audio: 'a': expected \(sounds, frames, channels\)"),
        (lambda w: w.hparams([1]), "hparams: expected a dict"),
        (lambda w: w.hparams({"a": None}), "hparams: 'a': expected a number, a bool or text, received None"),
        (lambda w: summary.create_file_writer(3), "path: expected a str or pathlib.Path, received int"),
        (lambda w: summary.create_file_writer("x", max_queue=-1), "max_queue: expected a whole number >= 0"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_bad_values_are_refused_and_nothing_is_written(writer, write, message):
    size = writer.flush()
    with pytest.raises(ValueError, match=message):
        write(writer)
    assert writer.flush() == size


def test_a_closed_writer_says_so(writer):
    writer.close()
    with pytest.raises(ValueError, match="is closed; make another one"):
        writer.scalar("a", 1.0, 0)


def test_a_file_in_the_way_is_named(tmp_path):
    (tmp_path / "logs").write_text("mine")
    with pytest.raises(
        NotADirectoryError, match=r"lamina.summary: '.*run_1' cannot be a folder of logs: '.*logs' is a"
    ):
        summary.create_file_writer(tmp_path / "logs" / "run_1")
    assert (tmp_path / "logs").read_text() == "mine"


def test_without_tensorboard_the_error_says_what_to_install(monkeypatch, tmp_path):
    def missing(name):
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr(_package, "protocol", missing)
    with pytest.raises(ImportError, match=r'lamina.summary needs TensorBoard. Install it: pip install "lamina\[tensor'):
        summary.create_file_writer(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_tensorflow_is_not_even_looked_for(tmp_path):
    code = f"""if True:
        import sys
        sys.modules["tensorflow"] = None  # importing it is an error
        from lamina import summary
        assert "tensorboard" not in sys.modules  # until it is used
        with summary.create_file_writer({str(tmp_path)!r}) as writer:
            writer.scalar("a", 1.0, 0)
            writer.image("b", [[0.0]], 0)
            writer.histogram("c", [0.0], 0)
            writer.text("d", "e", 0)
            writer.hparams({{"f": 1}})
        assert not any(name.startswith("tensorflow.") for name in sys.modules)
    """
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
    assert set(series(tmp_path)) == {"a", "b", "c", "d", "_hparams_/session_start_info"}


def test_names_of_files_are_in_the_order_of_their_making(tmp_path):
    names = []
    for _ in range(12):
        with summary.create_file_writer(tmp_path) as writer:
            names.append(writer.path.name)
    assert names == sorted(names)
