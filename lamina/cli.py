"""The command `lamina`: a table of sub-commands, each a few lines here and its work in a module of its own.

`lamina demo` is `demo.py`, `lamina doctor` is `doctor.py`, all others are in `commands/`. Exit codes: 0 done; 1
something is broken; 2 the user can put it right (the reason is one sentence on standard error); 130 Ctrl-C. What takes
time to import, JAX above all, is imported when a command runs, so that `--help` and `--version` wait for nothing.
"""

from __future__ import annotations

import _thread
import argparse
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import FrameType
from typing import Any

import lamina
from lamina.commands import models, tables
from lamina.commands.arguments import whole_number
from lamina.core.errors import LaminaError, closest_match
from lamina.demo import DEMOS, DemoError
from lamina.demo import run as run_demo


@dataclass(frozen=True)
class Command:
    """A sub-command.

    Fields: a line for `lamina --help`, the end of its own help, a function that adds its arguments to a parser, and one
    that runs it and returns the exit code.
    """

    help: str
    epilog: str
    add_arguments: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], int]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    Args:
        argv: Arguments without the program's name. Default None: those of the process.

    Example:
        >>> main(["--version"])
        lamina 0.1.0
        0
    """
    parser = _parser()
    try:
        options = parser.parse_args(argv)
    except SystemExit as stop:  # argparse has said all there is to say
        return int(stop.code or 0)
    if options.command is None:
        parser.print_help(sys.stderr)
        return 2
    ctrl_c = _CtrlC()
    try:
        with ctrl_c:
            code = _run(options)
            sys.stdout.flush()
        return code
    except BrokenPipeError:  # `lamina ... | head`: nobody reads on
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except BaseException as error:
        if not (ctrl_c.pressed or isinstance(error, KeyboardInterrupt)):
            raise
        after_echo = "\n" if sys.stderr.isatty() else ""  # a terminal has just shown ^C
        print(f"{after_echo}lamina {options.command}: stopped by Ctrl-C.", file=sys.stderr)
        return 130


def run() -> None:
    """Run the command line and end the process: what `lamina` and `python -m lamina` start."""
    code = main()
    if code == 130:  # CPython would end by the signal instead, if it came while a library was running text as code
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


class _CtrlC:
    """Inside the context, a Ctrl-C is raised again and again until it arrives, without a word about the lost ones.

    Python swallows what is raised in a hook of the garbage collector, and JAX has one; and modules of C code turn it
    into an ImportError while they are imported.
    """

    def __init__(self) -> None:
        self.pressed = False
        self._timer: threading.Timer | None = None
        self._tell = sys.unraisablehook

    def __enter__(self) -> None:
        self._active = threading.current_thread() is threading.main_thread() and (
            signal.getsignal(signal.SIGINT) is signal.default_int_handler
        )
        if self._active:
            signal.signal(signal.SIGINT, self._handle)
            sys.unraisablehook = self._hear

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self.pressed = True
        self._timer = threading.Timer(0.5, _thread.interrupt_main)
        self._timer.daemon = True
        self._timer.start()
        raise KeyboardInterrupt

    def _hear(self, lost: Any) -> None:
        if not issubclass(lost.exc_type, KeyboardInterrupt):
            self._tell(lost)

    def __exit__(self, *_: Any) -> None:
        if not self._active:
            return
        signal.signal(signal.SIGINT, lambda *_: None)
        if self._timer is not None:
            self._timer.cancel()
            self._timer.join()
        sys.unraisablehook = self._tell
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="lamina",
        description="Neural networks with the Keras-style API that people know, on JAX.",
        epilog="examples:\n  lamina demo\n  lamina train homes.csv --target price\n  lamina predict model new.csv -o "
        "predictions.csv\n  lamina doctor",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"lamina {lamina.__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    for name, command in COMMANDS.items():
        added = commands.add_parser(
            name,
            help=command.help,
            description=command.help,
            epilog=command.epilog,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        command.add_arguments(added)
    return parser


def _add_demo_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "name",
        nargs="?",
        default="digits",
        type=_demo_name,
        metavar="NAME",
        help="one of the demos below; default: digits",
    )
    parser.add_argument("--epochs", type=whole_number(1), metavar="N", help="passes over the training data")
    parser.add_argument(
        "--seed", type=whole_number(0, 2**32 - 1), default=42, metavar="N", help="of everything random; default: 42"
    )
    parser.add_argument(
        "--out", default="lamina-demo", metavar="DIR", help="folder for the pictures; default: lamina-demo"
    )


def _run(options: argparse.Namespace) -> int:
    """Run a command; what the user can put right becomes one sentence on standard error."""
    try:
        return COMMANDS[options.command].run(options)
    except BrokenPipeError:
        raise
    except (DemoError, LaminaError, ImportError, OSError) as error:
        print(f"lamina {options.command}: {' '.join(str(error).split())}", file=sys.stderr)
        return 2


def _demo(options: argparse.Namespace) -> int:
    run_demo(options.name, epochs=options.epochs, seed=options.seed, out=options.out)
    return 0


def _doctor(options: argparse.Namespace) -> int:
    from lamina import doctor

    report = doctor.examine()
    print(report)
    return 1 if report.broken else 0


def _demo_name(text: str) -> str:
    name = text.replace("_", "-").lower()
    if name not in DEMOS:
        raise argparse.ArgumentTypeError(
            f"unknown demo {text!r}.{closest_match(name, DEMOS)} Known: {', '.join(DEMOS)}"
        )
    return name


_DEMOS = "\n".join(f"  {name:<14} {demo.what}; {demo.epochs} epochs" for name, demo in DEMOS.items())
_DEMO_EXAMPLES = "  lamina demo\n  lamina demo fashion-mnist --epochs 5\n  lamina demo housing --out pictures"

COMMANDS = {
    "demo": Command(
        "train a network on real data, print a report, draw pictures",
        f"demos:\n{_DEMOS}\n\nexamples:\n{_DEMO_EXAMPLES}",
        _add_demo_arguments,
        _demo,
    ),
    "train": Command(
        "train a network on a table: finds the task, prepares the columns, scores it beside two baselines",
        "examples:\n  lamina train homes.csv --target price\n"
        "  lamina train homes.csv --target price --drop id -o homes\n"
        "  lamina train visits.parquet --target bought --category postcode --json",
        tables.add_train_arguments,
        tables.train,
    ),
    "tune": Command(
        "search for the best network for a table, then train it; again, it goes on where it was broken off",
        "examples:\n  lamina tune homes.csv --target price\n"
        "  lamina tune homes.csv --target price --trials 50 --timeout 600 -o homes",
        tables.add_tune_arguments,
        tables.tune,
    ),
    "predict": Command(
        "predict the rows of a table",
        "examples:\n  lamina predict model new.csv -o predictions.csv\n  lamina predict model new.csv --only | head",
        tables.add_predict_arguments,
        tables.predict,
    ),
    "evaluate": Command(
        "score a model on a table whose target is known",
        "examples:\n  lamina evaluate model test.csv\n  lamina evaluate model test.csv --json",
        tables.add_evaluate_arguments,
        tables.evaluate,
    ),
    "summary": Command(
        "show the layers of a model's file",
        "examples:\n  lamina summary best.keras\n  lamina summary model --json",
        models.add_summary_arguments,
        models.summary,
    ),
    "export": Command(
        "write a model for ONNX Runtime, for JAX without lamina, or for TensorFlow",
        "examples:\n  lamina export best.keras\n  lamina export best.keras --format stablehlo -o best.stablehlo",
        models.add_export_arguments,
        models.export,
    ),
    "convert": Command(
        "write a model's file, of lamina or Keras, in another format",
        "examples:\n  lamina convert old.h5 new.keras\n  lamina convert best.keras best.safetensors",
        models.add_convert_arguments,
        models.convert,
    ),
    "doctor": Command(
        "show versions, devices, caches, data, and what to put right",
        "examples:\n  lamina doctor",
        lambda parser: None,
        _doctor,
    ),
}
