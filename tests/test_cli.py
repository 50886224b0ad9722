"""The command line: exit codes, what goes where, and how little `--help` needs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import lamina
from lamina import cli, demo, doctor


def lamina_process(*arguments: str, program: str = "-m lamina", **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *program.split(), *arguments], capture_output=True, text=True, **options)


def test_version_is_printed_by_module_and_by_script() -> None:
    expected = f"lamina {lamina.__version__}\n"
    assert lamina_process("--version").stdout == expected
    script = Path(sys.executable).parent / "lamina"
    if script.exists():
        assert subprocess.run([script, "--version"], capture_output=True, text=True, check=True).stdout == expected


def test_help_and_version_import_nothing_heavy() -> None:
    program = (
        "import sys; from lamina.cli import COMMANDS, main\n"
        "assert [main(a) for a in (['--version'], ['--help'], *([c, '--help'] for c in COMMANDS))] == [0] * 11\n"
        "heavy = {'jax', 'numpy', 'sklearn', 'matplotlib', 'rich', 'optax', 'pyarrow'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (0, "")


def test_help_has_every_command_and_examples(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--help"]) == 0
    text = capsys.readouterr().out
    assert "examples:" in text
    for name, command in cli.COMMANDS.items():
        assert re.search(rf"^    {name} ", text, re.MULTILINE)
        assert cli.main([name, "--help"]) == 0
        own = capsys.readouterr().out
        assert f"examples:\n  lamina {name}" in own
        assert command.help in " ".join(own.split())


def test_demo_help_has_every_demo_with_its_epochs(capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["demo", "--help"])
    text = capsys.readouterr().out
    for name, one in demo.DEMOS.items():
        assert re.search(rf"^  {name} +{re.escape(one.what)}; {one.epochs} epochs$", text, re.MULTILINE)


def test_no_command_prints_the_help_to_stderr_and_fails(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "lamina doctor" in captured.err


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["demos"], "invalid choice: 'demos'"),
        (["demo", "digit"], "unknown demo 'digit'. Did you mean 'digits'? Known: digits, fashion-mnist, housing"),
        (["demo", "--epochs", "0"], "--epochs: expected a whole number of 1 or more, received '0'"),
        (["demo", "--epochs", "1.5"], "--epochs: expected a whole number of 1 or more, received '1.5'"),
        (["demo", "--seed", "-1"], "--seed: expected"),
        (
            ["demo", "--seed", "4294967296"],
            "--seed: expected a whole number from 0 to 4294967295, received '4294967296'",
        ),
        (["demo", "--fast"], "unrecognized arguments: --fast"),
    ],
)
def test_wrong_arguments_exit_with_2_and_say_why(
    arguments: list[str], text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert text in captured.err


def test_demo_gets_its_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []
    monkeypatch.setattr(cli, "run_demo", lambda *args, **options: seen.append((*args, options)))
    assert cli.main(["demo"]) == 0
    assert cli.main(["demo", "Fashion_MNIST", "--epochs", "3", "--seed", "7", "--out", "here"]) == 0
    assert seen == [
        ("digits", {"epochs": None, "seed": 42, "out": "lamina-demo"}),
        ("fashion-mnist", {"epochs": 3, "seed": 7, "out": "here"}),
    ]


def test_ctrl_c_exits_with_130_and_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*args: Any, **options: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "run_demo", interrupted)
    assert cli.main(["demo"]) == 130
    assert capsys.readouterr() == ("", "lamina demo: stopped by Ctrl-C.\n")


def test_reader_that_goes_away_is_no_error() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "lamina", "doctor"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    process.stdout.close()
    _, errors = process.communicate()
    assert (process.returncode, errors) == (141, "")


@pytest.mark.parametrize(("broken", "code"), [(False, 0), (True, 1)])
def test_doctor_exits_with_1_only_when_something_is_broken(
    broken: bool, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(doctor, "examine", lambda: doctor.Report(["findings"], ["advice to follow"], broken))
    assert cli.main(["doctor"]) == code
    assert "advice to follow" in capsys.readouterr().out
