"""Progress: what a terminal, a notebook and a pipe show in the end, and how often anything is drawn."""

from __future__ import annotations

import fcntl
import io
import itertools
import os
import re
import struct
import subprocess
import sys
import termios
import textwrap
import threading
import types

import pytest

from lamina.training import _display
from lamina.training.progress import make_progress

LOGS = {"accuracy": 0.6862, "loss": 0.9684}
BOTH = {**LOGS, "val_accuracy": 0.8304, "val_loss": 0.5021}
BAR = "━" * 20


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Screen:
    """What a terminal of some width shows after a stream of text: enough of one for what Rich sends."""

    def __init__(self, width: int) -> None:
        self.width, self.rows, self.row, self.column = width, [[]], 0, 0
        self.cursor_visible = True

    def feed(self, data: str) -> Screen:
        for token in re.findall(r"\x1b\[[?\d;]*[A-Za-z]|[\s\S]", data):
            self._take(token)
        return self

    def _take(self, token: str) -> None:
        if token == "\r":
            self.column = 0
        elif token == "\n":
            self._down()
        elif token in ("\x1b[?25l", "\x1b[?25h"):
            self.cursor_visible = token.endswith("h")
        elif re.fullmatch(r"\x1b\[\d*A", token):
            self.row = max(0, self.row - int(token[2:-1] or 1))
        elif token == "\x1b[2K":
            self.rows[self.row] = []
        elif re.fullmatch(r"\x1b\[[\d;]*m", token):
            return
        else:
            assert not token.startswith("\x1b"), f"unexpected control sequence {token!r}"
            self._put(token)

    def _down(self) -> None:
        self.row += 1
        if self.row == len(self.rows):
            self.rows.append([])

    def _put(self, character: str) -> None:
        if self.column == self.width:  # wraps when the next character comes, as terminals do
            self.column = 0
            self._down()
        row = self.rows[self.row]
        row.extend(" " * (self.column + 1 - len(row)))
        row[self.column] = character
        self.column += 1

    def lines(self) -> list[str]:
        return ["".join(row).rstrip() for row in self.rows]


class Terminal:
    """A pseudo-terminal in the place of `sys.stdout`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, width: int = 200, encoding: str = "utf-8") -> None:
        self.master, slave = os.openpty()
        self.stdout = os.fdopen(slave, "w", encoding=encoding)
        self.width = width
        monkeypatch.setattr(sys, "stdout", self.stdout)
        monkeypatch.setenv("COLUMNS", str(width))
        monkeypatch.setenv("TERM", "xterm-256color")
        for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
            monkeypatch.delenv(name, raising=False)
        self._chunks: list[bytes] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        while True:
            try:
                chunk = os.read(self.master, 65536)
            except OSError:  # the other end is closed
                return
            if not chunk:
                return
            self._chunks.append(chunk)

    def text(self) -> str:
        """Everything that was written; ends the terminal."""
        self.stdout.close()
        self._reader.join()
        os.close(self.master)
        return b"".join(self._chunks).decode()

    def screen(self) -> Screen:
        return Screen(self.width).feed(self.text())


@pytest.fixture
def clock() -> Clock:
    return Clock()


def run_epochs(verbose, mode="fit", *, clock, epochs=2, steps=1719, chunk=100, seconds=0.2, logs=BOTH):
    """Drive a progress as the loop does: chunks of `chunk` steps, each `seconds` long, then validation."""
    progress = make_progress(verbose, mode, clock=clock)
    with progress:
        progress.begin(epochs)
        for epoch in range(epochs):
            progress.begin_epoch(epoch, epochs, steps)
            for step in [*range(chunk, steps, chunk), steps]:
                clock.now += seconds
                progress.update(step, LOGS)
            clock.now += 0.25
            progress.end_epoch(steps, logs)
        progress.end()


# Lines: files, pipes, CI, verbose=2


@pytest.mark.parametrize("verbose", ["auto", 1, 2])
def test_pipe_gets_one_line_an_epoch_without_control_codes(capsys, clock, verbose):
    run_epochs(verbose, clock=clock)
    result = "1719/1719 - 4s - 2ms/step - accuracy: 0.6862 - loss: 0.9684 - val_accuracy: 0.8304 - val_loss: 0.5021"
    assert capsys.readouterr().out == f"Epoch 1/2 - {result}\nEpoch 2/2 - {result}\n"


@pytest.mark.parametrize(("mode", "logs"), [("evaluate", LOGS), ("predict", {})])
def test_pipe_gets_one_line_for_an_evaluation_or_a_prediction(capsys, clock, mode, logs):
    run_epochs("auto", mode, clock=clock, epochs=1, steps=10, chunk=1, logs=logs)
    values = " - accuracy: 0.6862 - loss: 0.9684" if logs else ""
    assert capsys.readouterr().out == f"10/10 - 2s - 200ms/step{values}\n"


def test_stdout_is_looked_up_when_a_line_is_printed(clock):
    progress = make_progress(2, clock=clock)
    progress.begin_epoch(0, 1, 1)
    stream = io.StringIO()
    previous, sys.stdout = sys.stdout, stream
    try:
        progress.end_epoch(1, {})
    finally:
        sys.stdout = previous
    assert stream.getvalue().startswith("1/1 - ")


def test_verbose_2_prints_lines_on_a_terminal_too(monkeypatch, clock):
    terminal = Terminal(monkeypatch)
    run_epochs(2, clock=clock)
    text = terminal.text()
    assert "\x1b" not in text
    assert text.count("\r\n") == 2


def test_without_a_stdout_nothing_breaks(monkeypatch, clock):
    monkeypatch.setattr(sys, "stdout", None)
    run_epochs("auto", clock=clock)


def test_verbose_0_prints_nothing_on_a_terminal(monkeypatch, clock):
    terminal = Terminal(monkeypatch)
    run_epochs(0, clock=clock)
    make_progress(0).message("compiling ...")
    assert terminal.text() == ""


def test_rich_is_imported_for_a_live_line_only():
    code = """
        import sys
        from lamina.training.progress import make_progress
        for verbose in (0, 2, "auto"):
            with make_progress(verbose) as progress:
                progress.begin(1)
                progress.begin_epoch(0, 1, 5)
                progress.update(5, {})
                progress.end_epoch(5, {})
        assert not {"rich", "IPython"} & set(sys.modules)
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True, capture_output=True)


@pytest.mark.parametrize("verbose", [3, -1, None, "loud", 0.5])
def test_unknown_verbose_is_refused(verbose):
    with pytest.raises(ValueError, match=r"evaluate: verbose: expected one of \['auto', 0, 1, 2\], received "):
        make_progress(verbose, "evaluate")


def test_unknown_mode_is_refused_with_the_closest():
    with pytest.raises(ValueError, match=r"mode: expected one of .* Did you mean 'predict'\?"):
        make_progress(1, "predicts")


# Terminal


def test_terminal_shows_title_and_finished_line_of_each_epoch(monkeypatch, clock):
    terminal = Terminal(monkeypatch)
    run_epochs("auto", clock=clock)
    screen = terminal.screen()
    # The notes' own output, with 4 s for 3 s.
    line = f"1719/1719 {BAR} 4s 2ms/step - accuracy: 0.6862 - loss: 0.9684 - val_accuracy: 0.8304 - val_loss: 0.5021"
    assert screen.lines() == ["Epoch 1/2", line, "Epoch 2/2", line, ""]
    assert screen.cursor_visible


def test_single_epoch_has_no_title_as_in_keras(monkeypatch, clock):
    terminal = Terminal(monkeypatch)
    run_epochs(1, "evaluate", clock=clock, epochs=1, steps=10, chunk=1, logs=LOGS)
    assert terminal.screen().lines() == [f"10/10 {BAR} 2s 200ms/step - accuracy: 0.6862 - loss: 0.9684", ""]


def test_quick_prediction_shows_its_line_without_a_live_display(monkeypatch, clock):
    terminal = Terminal(monkeypatch)
    run_epochs("auto", "predict", clock=clock, epochs=1, steps=1, seconds=0.051, logs={})
    text = terminal.text()
    assert Screen(200).feed(text).lines() == [f"1/1 {BAR} 0s 51ms/step", ""]
    assert "\x1b[2K" not in text


def test_running_line_shows_part_of_the_bar_and_the_time_left(monkeypatch, clock):
    terminal = Terminal(monkeypatch)
    progress = make_progress(1, clock=clock)
    progress.begin_epoch(0, 30, 1000)
    clock.now += 1.0
    progress.update(100, LOGS)
    clock.now += 2.0
    progress.update(300, LOGS)  # 200 steps in 2 s after the first 100; 700 left
    snapshot = f" 300/1000 {BAR} 7s 10ms/step - accuracy: 0.6862 - loss: 0.9684"
    progress.close()
    assert terminal.screen().lines() == ["Epoch 1/30", snapshot, ""]


def test_running_line_never_wraps_and_the_finished_one_is_whole(monkeypatch, clock):
    terminal = Terminal(monkeypatch, width=80)
    progress = make_progress(1, clock=clock)
    progress.begin_epoch(0, 2, 1719)
    for step in range(100, 1700, 100):
        clock.now += 0.2
        progress.update(step, BOTH)
    progress.close()
    progress.begin_epoch(1, 2, 1719)
    clock.now += 3
    progress.end_epoch(1719, BOTH)
    lines = terminal.screen().lines()
    assert lines[0] == "Epoch 1/2"
    assert lines[1].startswith("1600/1719 0s 2ms/step - accuracy: 0.6862 - loss: 0.9684 - val_acc")
    assert lines[1].endswith("…")
    assert len(lines[1]) == 80
    assert lines[2] == "Epoch 2/2"
    whole = f"1719/1719 {BAR} 3s 2ms/step - accuracy: 0.6862 - loss: 0.9684 - val_accuracy: 0.8304 - val_loss: 0.5021"
    assert "".join(line.ljust(80) for line in lines[3:5]).rstrip() == whole


@pytest.mark.parametrize(("width", "bar"), [(120, 20), (80, 20), (70, 14), (57, 1), (56, 0), (40, 0)])
def test_the_bar_gives_way_to_the_values(width, bar):
    snapshot = _display.Snapshot("", 1719, 1719, 3.2, 0.0018, LOGS, over=True)
    text = "".join(piece for piece, _ in snapshot.bar(width))
    assert text.count("━") == bar
    assert text.replace("━", "").replace("  ", " ") == "1719/1719 3s 2ms/step - accuracy: 0.6862 - loss: 0.9684"
    assert len(text) <= max(width, 55)


def test_terminal_is_drawn_ten_times_a_second_at_most(monkeypatch, clock):
    terminal = Terminal(monkeypatch)
    progress = make_progress(1, clock=clock)
    progress.begin_epoch(0, 2, 100_000)
    for step in range(1, 100_001):
        clock.now += 0.0001  # ten seconds in all
        progress.update(step, LOGS)
    progress.end_epoch(100_000, LOGS)
    assert 90 <= terminal.text().count("us/step") <= 102


def test_unknown_number_of_steps(monkeypatch, clock):
    terminal = Terminal(monkeypatch)
    progress = make_progress(1, clock=clock)
    for epoch in range(2):
        progress.begin_epoch(epoch, 2, None)
        clock.now += 1.7
        progress.update(17, LOGS)
        if epoch == 0:
            progress.close()
    progress.end_epoch(17, LOGS)
    values = "2s 100ms/step - accuracy: 0.6862 - loss: 0.9684"
    assert terminal.screen().lines() == ["Epoch 1/2", f"17/Unknown {values}", "Epoch 2/2", f"17/17 {BAR} {values}", ""]


def test_message_shows_until_the_first_steps(monkeypatch, clock):
    terminal = Terminal(monkeypatch)
    progress = make_progress(1, clock=clock)
    progress.begin_epoch(0, 2, 10)
    progress.message("compiling ...")
    clock.now += 2
    progress.update(10, {})
    progress.end_epoch(10, {})
    text = terminal.text()
    until_then = text[: text.index("compiling ...") + len("compiling ...")]
    assert Screen(200).feed(until_then).lines() == ["Epoch 1/2", "compiling ..."]
    assert Screen(200).feed(text).lines() == ["Epoch 1/2", f"10/10 {BAR} 2s 200ms/step", ""]


def test_message_before_the_first_epoch_makes_room_for_it(monkeypatch, clock):
    terminal = Terminal(monkeypatch)
    progress = make_progress(1, clock=clock)
    progress.message("compiling ...")
    progress.begin_epoch(0, 2, 10)
    progress.close()
    assert terminal.screen().lines() == ["Epoch 1/2", ""]


def test_message_is_nothing_in_a_pipe(capsys):
    make_progress("auto").message("compiling ...")
    assert capsys.readouterr().out == ""


def test_what_callbacks_print_stays_above_the_live_line(monkeypatch, clock):
    terminal = Terminal(monkeypatch)
    progress = make_progress(1, clock=clock)
    progress.begin_epoch(0, 2, 10)
    clock.now += 1
    progress.update(5, {})
    print("from a callback")
    print("no newline", end="")
    clock.now += 1
    progress.update(10, {})
    progress.end_epoch(10, {})
    print("after")
    expected = ["Epoch 1/2", "from a callback", "no newline", f"10/10 {BAR} 2s 200ms/step", "after", ""]
    assert terminal.screen().lines() == expected


def test_stderr_in_a_file_stays_there_while_a_line_is_live(monkeypatch, clock):
    terminal = Terminal(monkeypatch)
    errors = io.StringIO()
    monkeypatch.setattr(sys, "stderr", errors)
    with make_progress(1, clock=clock) as progress:
        progress.begin_epoch(0, 2, 10)
        clock.now += 1
        progress.update(5, {})
        print("warning", file=sys.stderr)
    assert errors.getvalue() == "warning\n"
    assert "warning" not in terminal.text()


def interrupted(progress, clock: Clock) -> None:
    with progress:
        progress.begin(2)
        progress.begin_epoch(0, 2, 10)
        clock.now += 1
        progress.update(5, {})
        raise KeyboardInterrupt


def test_exception_leaves_the_terminal_whole(monkeypatch, clock):
    terminal = Terminal(monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        interrupted(make_progress(1, clock=clock), clock)
    assert sys.stdout is terminal.stdout
    print("after")
    screen = terminal.screen()
    assert screen.lines() == ["Epoch 1/2", f" 5/10 {BAR} 1s 200ms/step", "after", ""]
    assert screen.cursor_visible


def test_a_second_fit_prints_lines_while_the_first_has_the_terminal(monkeypatch, clock):
    terminal = Terminal(monkeypatch)
    first, second = make_progress(1, clock=clock), make_progress(1, clock=clock)
    first.begin_epoch(0, 2, 10)
    clock.now += 1
    first.update(5, {})
    second.begin_epoch(0, 3, 4)
    clock.now += 1
    second.update(4, {})
    second.end_epoch(4, {"loss": 0.5})
    first.end_epoch(10, {})
    second.begin_epoch(1, 3, 4)
    clock.now += 1
    second.update(2, {})
    second.end_epoch(4, {})
    lines = terminal.screen().lines()
    assert lines[:2] == ["Epoch 1/2", "Epoch 1/3 - 4/4 - 1s - 250ms/step - loss: 0.5000"]
    assert lines[2].startswith("10/10 ━")
    assert lines[3] == "Epoch 2/3"
    assert lines[4].startswith("4/4 ━")


def test_fits_in_many_threads_lose_no_epoch(monkeypatch):
    terminal = Terminal(monkeypatch)

    def work(epochs: int) -> None:
        run_epochs(1, clock=Clock(), epochs=epochs, steps=40, chunk=4, logs={"loss": float(epochs)})

    threads = [threading.Thread(target=work, args=(epochs,)) for epochs in range(11, 17)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sys.stdout is terminal.stdout
    lines = terminal.screen().lines()
    for epochs in range(11, 17):
        assert sum("40/40" in line and f"loss: {epochs}.0000" in line for line in lines) == epochs


def test_lines_appear_above_a_live_display_of_the_users(monkeypatch, clock):
    from rich.console import Console
    from rich.live import Live

    terminal = Terminal(monkeypatch)
    with Live("the user's table", console=Console(), auto_refresh=False) as live:
        live.refresh()
        run_epochs(1, clock=clock, logs={})
    expected = [*(f"Epoch {epoch}/2 - 1719/1719 - 4s - 2ms/step" for epoch in (1, 2)), "the user's table", ""]
    assert terminal.screen().lines() == expected


@pytest.mark.parametrize("variable", [("TERM", "dumb"), ("TTY_INTERACTIVE", "0")])
def test_terminal_that_cannot_move_its_cursor_gets_lines(monkeypatch, clock, variable):
    terminal = Terminal(monkeypatch)
    monkeypatch.setenv(*variable)
    run_epochs(1, clock=clock)
    text = terminal.text()
    assert "\x1b" not in text
    assert text.count("\n") == 2


def test_terminal_without_unicode_gets_an_ascii_bar(monkeypatch, clock):
    terminal = Terminal(monkeypatch, width=60, encoding="ascii")
    run_epochs(1, clock=clock, logs={})
    assert terminal.screen().lines()[1] == f"1719/1719 {'=' * 20} 4s 2ms/step"


def test_colours_are_off_where_the_user_says_so(monkeypatch, clock):
    terminal = Terminal(monkeypatch)
    monkeypatch.setenv("NO_COLOR", "1")
    run_epochs(1, clock=clock)
    assert not re.search(r"\x1b\[[\d;]*3[0-7]m", terminal.text())


CHILD = """
    import os, signal, time
    from lamina.training.progress import make_progress
    with make_progress("auto") as progress:
        progress.begin(2)
        for epoch in range(2):
            progress.begin_epoch(epoch, 2, 10)
            progress.message("compiling ...")
            progress.update(5, {"loss": 0.5})
            if epoch == 1:
                os.kill(os.getpid(), signal.SIGINT)
                time.sleep(5)
            progress.end_epoch(10, {"loss": 0.25})
"""


def test_interrupted_process_leaves_its_real_terminal_whole():
    master, slave = os.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    environment = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR")}
    child = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(CHILD)],
        stdin=slave,
        stdout=slave,
        stderr=subprocess.PIPE,
        env={**environment, "TERM": "xterm", "PYTHONUTF8": "1"},
    )
    _, errors = child.communicate(timeout=60)
    text = os.read(master, 65536).decode()
    os.close(slave)
    os.close(master)
    screen = Screen(100).feed(text)
    assert b"KeyboardInterrupt" in errors
    assert screen.cursor_visible
    lines = screen.lines()
    assert lines[0] == "Epoch 1/2"
    assert re.fullmatch(rf"10/10 {BAR} 0s \d+[mu]s/step - loss: 0.2500", lines[1])
    assert lines[2:] == ["Epoch 2/2", "compiling ...", ""]


# Notebook


class Kernel:
    """An IPython with a kernel, as far as progress sees one: its outputs, and when and how much was written."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
        self.clock = clock
        self.outputs: list[str] = []
        self.written = 0
        self.times: list[float] = []
        ipython = types.ModuleType("IPython")
        ipython.get_ipython = lambda: types.SimpleNamespace(kernel=object())
        ipython.display = types.ModuleType("IPython.display")
        ipython.display.display = self.display
        monkeypatch.setitem(sys.modules, "IPython", ipython)
        monkeypatch.setitem(sys.modules, "IPython.display", ipython.display)

    def display(self, bundle, *, raw, display_id):
        assert raw
        assert display_id is True
        self.outputs.append("")
        index = len(self.outputs) - 1

        def update(bundle, *, raw):
            assert raw
            self.outputs[index] = bundle["text/plain"]
            self.written += len(bundle["text/plain"].encode())
            self.times.append(self.clock.now)

        update(bundle, raw=True)
        return types.SimpleNamespace(update=update)


def test_notebook_has_one_output_a_fit_and_a_line_an_epoch(monkeypatch, capsys, clock):
    kernel = Kernel(monkeypatch, clock)
    run_epochs("auto", clock=clock, epochs=3, logs=LOGS)
    values = "accuracy: 0.6862 - loss: 0.9684"
    assert kernel.outputs == [f"Epoch 3/3 1719/1719 {BAR} 4s 2ms/step - {values}"]
    assert capsys.readouterr().out == "".join(
        f"Epoch {e}/3 - 1719/1719 - 4s - 2ms/step - {values}\n" for e in (1, 2, 3)
    )


@pytest.mark.parametrize("seconds", [0.00001, 0.002, 0.1])
def test_notebook_writes_less_than_50_kB_in_an_epoch_of_100_000_updates(monkeypatch, capsys, clock, seconds):
    kernel = Kernel(monkeypatch, clock)
    progress = make_progress("auto", clock=clock)
    progress.begin(30)
    progress.begin_epoch(0, 30, 100_000)
    for step in range(1, 100_001):
        clock.now += seconds
        progress.update(step, LOGS)
    progress.end_epoch(100_000, BOTH)
    progress.end()
    assert kernel.written + len(capsys.readouterr().out) < 50_000
    drawings = kernel.times[:-1]  # the last is the end's
    gaps = [later - earlier for earlier, later in itertools.pairwise(drawings)]
    assert all(gap > 0.0999 for gap in gaps)
    assert len(drawings) > 8


def test_notebook_with_quick_epochs_is_drawn_ten_times_a_second_at_most(monkeypatch, clock):
    kernel = Kernel(monkeypatch, clock)
    progress = make_progress("auto", clock=clock)
    progress.begin(1000)
    for epoch in range(1000):
        progress.begin_epoch(epoch, 1000, 10)
        clock.now += 0.01
        progress.update(10, LOGS)
        progress.end_epoch(10, LOGS)
    assert 90 <= len(kernel.times) <= 102


def test_quick_evaluation_in_a_notebook_is_one_line(monkeypatch, capsys, clock):
    kernel = Kernel(monkeypatch, clock)
    run_epochs("auto", "evaluate", clock=clock, epochs=1, steps=4, chunk=4, seconds=0.05, logs=LOGS)
    assert kernel.outputs == []
    assert capsys.readouterr().out == "4/4 - 0s - 12ms/step - accuracy: 0.6862 - loss: 0.9684\n"


def test_slow_evaluation_in_a_notebook_is_one_output(monkeypatch, capsys, clock):
    kernel = Kernel(monkeypatch, clock)
    run_epochs("auto", "evaluate", clock=clock, epochs=1, steps=40, chunk=1, logs=LOGS)
    assert kernel.outputs == [f"40/40 {BAR} 8s 200ms/step - accuracy: 0.6862 - loss: 0.9684"]
    assert capsys.readouterr().out == ""


def test_interrupted_notebook_keeps_the_last_bar(monkeypatch, clock):
    kernel = Kernel(monkeypatch, clock)
    with pytest.raises(KeyboardInterrupt):
        interrupted(make_progress("auto", clock=clock), clock)
    assert kernel.outputs == [f"Epoch 1/2  5/10 {BAR} 1s 200ms/step"]


def test_notebook_interrupted_in_a_later_epoch_shows_that_epoch(monkeypatch, clock):
    kernel = Kernel(monkeypatch, clock)
    with make_progress("auto", clock=clock) as progress:
        for epoch in range(2):
            progress.begin_epoch(epoch, 2, 10)
            clock.now += 1
            progress.update(5 + epoch, {})
            if epoch == 0:
                progress.end_epoch(10, {})
    assert kernel.outputs == [f"Epoch 2/2  6/10 {BAR} 0s 167ms/step"]


def test_ipython_without_a_kernel_is_no_notebook(monkeypatch, capsys, clock):
    kernel = Kernel(monkeypatch, clock)
    sys.modules["IPython"].get_ipython = lambda: object()
    run_epochs("auto", clock=clock)
    assert kernel.outputs == []
    assert capsys.readouterr().out.count("\n") == 2


def test_real_ipython_shows_and_updates_one_output(monkeypatch, capsys, clock):
    pytest.importorskip("IPython")
    from IPython.core.displaypub import CapturingDisplayPublisher
    from IPython.core.interactiveshell import InteractiveShell

    publisher = CapturingDisplayPublisher()
    shell = types.SimpleNamespace(kernel=object(), display_pub=publisher)
    monkeypatch.setattr(InteractiveShell, "initialized", lambda: True)
    monkeypatch.setattr(InteractiveShell, "instance", lambda: shell)
    monkeypatch.setattr("IPython.get_ipython", lambda: shell)
    run_epochs("auto", clock=clock)
    assert [output["update"] for output in publisher.outputs] == [False] + [True] * (len(publisher.outputs) - 1)
    assert len({output["transient"]["display_id"] for output in publisher.outputs}) == 1
    assert publisher.outputs[-1]["data"]["text/plain"].startswith("Epoch 2/2 1719/1719 ━")


# Formats, against the real Keras' own progress bar


def keras_line(step_seconds: float, steps: int, logs: dict[str, float], monkeypatch) -> str:
    """The finished line that Keras 3.15 prints after `steps` steps of `step_seconds`."""
    os.environ.setdefault("KERAS_BACKEND", "jax")
    from keras.src.utils import io_utils, progbar

    clock = Clock()
    monkeypatch.setattr(progbar.time, "time", clock)
    printed: list[str] = []
    monkeypatch.setattr(io_utils, "print_msg", lambda message, line_break=True: printed.append(message))
    bar = progbar.Progbar(steps, stateless_metrics=set())
    for step in range(1, steps + 1):
        clock.now += step_seconds
        bar.update(step, list(logs.items()), finalize=step == steps)
    monkeypatch.undo()
    return re.sub(r"\x1b\[\d+m|[\x08\r\n]", "", printed[-1])


@pytest.mark.parametrize(
    ("seconds", "steps", "logs"),
    [
        (0.0017, 1719, BOTH),
        (0.000972, 363, {"RootMeanSquaredError": 0.5235, "loss": 0.2742}),
        (1.6, 3, {"loss": 0.0}),
        (0.051, 1, {"loss": 1.0e-3}),
        (0.5, 9, {"loss": 9.9e-4, "negative": -12.25, "tiny": -3e-7, "huge": 1.5e9}),
        (30.0, 500, {"nan": float("nan"), "infinite": float("inf")}),
    ],
)
def test_finished_line_is_that_of_keras(monkeypatch, seconds, steps, logs):
    expected = keras_line(seconds, steps, logs, monkeypatch)
    clock = Clock()
    progress = make_progress(2, clock=clock)
    progress.begin_epoch(0, 1, steps)
    for step in range(1, steps + 1):
        clock.now += seconds
        progress.update(step, {})
    shown: list[_display.Snapshot] = []
    monkeypatch.setattr(_display.Lines, "finish", lambda self, snapshot: shown.append(snapshot))
    progress.end_epoch(steps, logs)
    assert "".join(text for text, _ in shown[0].bar()) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0, "0s"), (59.9, "59s"), (60, "1:00"), (3599, "59:59"), (3600, "1:00:00"), (93784, "26:03:04")],
)
def test_remaining_time(seconds, expected):
    assert _display.remaining_time(seconds) == expected


def test_an_array_among_the_logs_shows_as_its_mean_and_text_as_it_is():
    assert _display.number([0.25, 0.75]) == "0.5000"
    assert _display.number("warm-up") == "warm-up"
