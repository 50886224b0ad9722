"""`python -m lamina` is `lamina`."""

from __future__ import annotations

from lamina.cli import run

if __name__ == "__main__":
    run()
