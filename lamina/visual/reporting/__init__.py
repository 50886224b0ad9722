"""The report: one HTML file on a model and what it does with test data, which opens anywhere without a network.

    report.py -> outcomes.py (what came out) -> sections.py, costs.py, repeating.py -> page.py (HTML)

Read `report.py` first.
"""

from lamina.visual.reporting.report import report

__all__ = ["report"]
