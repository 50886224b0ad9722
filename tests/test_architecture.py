"""Dependencies point one way: .importlinter says which, and import-linter checks it."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("contract", ["rooms", "cycles"])
def test_rooms_import_only_from_below_and_never_in_circles(contract):
    pytest.importorskip("importlinter")
    check = f"lint_imports('.importlinter', limit_to_contracts=('{contract}',), no_cache=True, no_logo=True)"
    code = f"import sys; from importlinter.cli import lint_imports; sys.exit({check})"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def test_init_files_hold_a_docstring_and_imports_only():
    imports = (ast.Import, ast.ImportFrom)
    busy = []
    for file in ROOT.glob("lamina/*/**/__init__.py"):
        first, *rest = ast.parse(file.read_text()).body
        assert isinstance(first, ast.Expr), f"{file} has no docstring"
        for node in rest:
            names = isinstance(node, ast.Assign) and not any(isinstance(n, ast.Call) for n in ast.walk(node))
            types = isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING" and not node.orelse
            hidden = types and all(isinstance(inner, imports) for inner in node.body)  # of what is loaded later
            if not (isinstance(node, imports) or names or hidden):
                busy.append(f"{file.relative_to(ROOT)}:{node.lineno}")
    assert busy == []
