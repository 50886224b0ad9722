"""What all tests share: Keras on JAX, caches of their own, a fresh session for each test, the real data where it is."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from zlib import crc32

import pytest

# Before Keras, Matplotlib, JAX or lamina is imported by any test.
os.environ["KERAS_BACKEND"] = "jax"
os.environ["MPLBACKEND"] = "Agg"
os.environ.pop("JAX_COMPILATION_CACHE_DIR", None)
os.environ.pop("LAMINA_COMPILATION_CACHE", None)
# A shell that runs the tests in the background lets them ignore Ctrl-C, which their child processes would inherit.
signal.signal(signal.SIGINT, signal.default_int_handler)
_cache = os.environ["LAMINA_CACHE"] = tempfile.mkdtemp(prefix="lamina-tests-")

GRIDS = tuple(f"tests/{room}/" for room in ("layers", "losses", "metrics", "ops", "optimizers", "parity"))

# XLA's own values of three options. Programs that run once need not run fast: with the quick values, compiling them
# takes less than half of the time. An XLA that does not know one of the options says so and stops.
USUAL = {
    "xla_backend_optimization_level": 3,
    "xla_cpu_use_fusion_emitters": True,
    "xla_cpu_parallel_codegen_split_count": 32,
}
QUICK = " ".join(f"--{option}={value}" for option, value in zip(USUAL, (0, "false", 1), strict=True))
# Where long runs train, models are compiled as users' models are.
OPTIMIZED = ("tests/faults/", "tests/notes/")

_programs: list[str] = []  # compiled since JAX's caches were emptied


def pytest_configure(config: pytest.Config) -> None:
    """Compile quickly, except for `--grid`; count the programs."""
    import jax

    given = os.environ.get("XLA_FLAGS", "")
    if not config.getoption("--grid") and QUICK not in given:
        os.environ["XLA_FLAGS"] = f"{QUICK} {given}".strip()
    jax.monitoring.register_event_duration_secs_listener(_count)
    _share_contexts()


def _share_contexts() -> None:
    """Let all programs of a thread be written in one MLIR context: JAX makes one for each, of 1 MB and some time."""
    from jax._src.interpreters import mlir
    from jax._src.lib.mlir import ir

    make, known = mlir.make_ir_context, threading.local()

    def context() -> object:
        if ir.Context.current is not None:  # a program that runs while another one is written
            return make()
        if not hasattr(known, "context"):
            known.context = make()
        return known.context

    mlir.make_ir_context = context


def _count(event: str, duration: float, **_: object) -> None:
    if event == "/jax/core/compile/backend_compile_duration":
        _programs.append(event)


@pytest.fixture(scope="module", autouse=True)
def light_garbage_collection() -> None:
    _collect_garbage()


@pytest.fixture(autouse=True)
def few_programs() -> None:
    """Empty JAX's caches now and then: each program takes memory, and 4 of the 65,530 mappings of a process."""
    if len(_programs) > 1500:
        import jax

        jax.clear_caches()
        _programs.clear()
        _collect_garbage()


def _collect_garbage() -> None:
    """Leave what stands after it (tests, programs) out of later collections, which Keras asks for in each test."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def compiler(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compile models, and those of child processes, as users' models are in the rooms of `OPTIMIZED`."""
    if request.node.nodeid.startswith(OPTIMIZED):
        from lamina.training import compilation

        chosen = compilation.compiler_options
        monkeypatch.setattr(compilation, "compiler_options", lambda size: USUAL | (chosen(size) or {}))
        monkeypatch.setenv("XLA_FLAGS", os.environ.get("XLA_FLAGS", "").removeprefix(QUICK).strip())


def pytest_unconfigure() -> None:
    shutil.rmtree(_cache, ignore_errors=True)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--grid", action="store_true", help="every combination of the parameters of each test")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Thin out the grids of cases, which would take half an hour; `--grid` (`make grid`) runs them in full.

    Of a test with several parameters, those cases stay in which a value of one of them occurs for the first time: each
    is tested, but not each with each other. Of lists of more than 24 cases in the rooms of `GRIDS` every sixth stays,
    in each test another sixth.
    """
    if config.getoption("--grid") or any("::" in argument for argument in config.args):
        return
    seen: dict[str, set[tuple[int, str]]] = {}
    count: dict[str, int] = {}
    for item in items:
        count[_test(item)] = count.get(_test(item), 0) + 1
    kept, left_out = [], []
    for item in items:
        case = getattr(item, "callspec", None)
        names = case._idlist if case is not None else [""]  # one for each `parametrize`
        known = seen.setdefault(_test(item), set())
        number, new = len(known) + crc32(_test(item).encode()), set(enumerate(names)) - known
        known |= new
        long = count[_test(item)] > 24 and item.nodeid.startswith(GRIDS)
        (kept if new and not (long and number % 6) else left_out).append(item)
    items[:] = kept
    config.hook.pytest_deselected(items=left_out)


def _test(item: pytest.Item) -> str:
    return item.nodeid.partition("[")[0]


@pytest.fixture(autouse=True)
def fresh_session() -> Iterator[None]:
    """Start the automatic names and the random numbers anew; put the float type and the policy back afterwards."""
    from lamina.core import dtypes, naming, random

    naming.clear_session()
    random.set_random_seed(0)
    settings = dict(dtypes._settings)
    yield
    dtypes._settings.update(settings)


def _data_folder() -> Path | None:
    """LAMINA_DATA, or the folder shared/data beside the checkout."""
    given = os.environ.get("LAMINA_DATA")
    folder = Path(given).expanduser() if given else Path(__file__).parents[2] / "shared" / "data"
    return folder if folder.is_dir() else None


@pytest.fixture
def real_data(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder with the real data sets, which lamina.datasets then reads (LAMINA_DATA)."""
    folder = _data_folder()
    if folder is None:
        pytest.skip("no real data: set LAMINA_DATA to the folder that holds it")
    monkeypatch.setenv("LAMINA_DATA", str(folder))
    return folder


@pytest.fixture
def fashion_mnist_folder(real_data: Path) -> Path:
    """The folder with Fashion-MNIST's four files."""
    folder = real_data / "fashion-mnist"
    if not folder.is_dir():
        pytest.skip(f"no Fashion-MNIST in {real_data.name}: expected the folder fashion-mnist in LAMINA_DATA")
    return folder


@pytest.fixture
def housing_file(real_data: Path) -> Path:
    """The table of California housing."""
    file = real_data / "california-housing" / "cal_housing.data"
    if not file.is_file():
        pytest.skip(f"no California housing in {real_data.name}: expected california-housing/cal_housing.data")
    return file
