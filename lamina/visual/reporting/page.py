"""The HTML of a report: every text that goes in is escaped here; nothing is loaded from elsewhere, no script runs."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_DPI = 144  # dots per inch of pictures: sharp on phones
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"  # the browser refuses everything else

_STYLE = """
:root{--ink:#222;--faint:#666;--line:#e2e4e8;--accent:#0072B2;--back:#f5f6f8}
*{box-sizing:border-box}
body{margin:0;background:var(--back);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif}
main{max-width:1080px;margin:0 auto;padding:0 16px 48px}
header{background:#1F3B57;color:#fff;padding:28px 16px}
header>div{max-width:1080px;margin:0 auto;padding:0 16px}
h1{margin:0;font-size:1.7rem;line-height:1.2;overflow-wrap:anywhere}
header p{margin:.4rem 0 0;opacity:.85;overflow-wrap:anywhere}
nav{display:flex;flex-wrap:wrap;gap:4px 18px;padding:14px 0 0}
nav a{color:var(--accent);text-decoration:none}
nav a:hover{text-decoration:underline}
section{background:#fff;border:1px solid var(--line);border-radius:10px;padding:18px 20px;margin:16px 0}
h2{margin:0 0 10px;font-size:1.2rem;overflow-wrap:anywhere}
h3{margin:18px 0 6px;font-size:1rem;overflow-wrap:anywhere}
p{margin:.4rem 0;overflow-wrap:anywhere}
.note{color:var(--faint);font-size:.9rem}
.facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:10px;margin:0}
.facts div{background:var(--back);border-radius:8px;padding:10px 12px}
.facts dt{color:var(--faint);font-size:.85rem;overflow-wrap:anywhere}
.facts dd{margin:0;font-size:1.15rem;font-weight:600;overflow-wrap:anywhere}
.scroll{overflow:auto;max-width:100%}
.tall{max-height:720px}
.pictures{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,300px),1fr));gap:12px 20px;margin-top:16px}
figure{margin:0;min-width:0}
figure img{max-width:100%;height:auto;display:block}
figure.wide img{max-width:none}
@media (min-width:700px){figure.wide img{max-width:100%}}
table{border-collapse:collapse;font-size:.92rem;font-variant-numeric:tabular-nums}
th,td{padding:4px 12px 4px 0;text-align:left;vertical-align:top}
thead th{color:var(--faint);font-weight:500;border-bottom:1px solid var(--ink)}
tbody tr+tr td,tbody tr+tr th{border-top:1px solid var(--line)}
tbody th{font-weight:500;min-width:6.5em;max-width:22em;overflow-wrap:break-word}
td.number,th.number{text-align:right}
pre{background:var(--back);border-radius:8px;padding:12px;margin:8px 0;overflow:auto;max-height:420px;font-size:.82rem;
line-height:1.35}
details summary{cursor:pointer;color:var(--accent);margin:.4rem 0}
svg{display:block;margin:0 auto}
footer{color:var(--faint);font-size:.85rem;text-align:center}
@media (max-width:600px){table{font-size:.82rem}th,td{padding-right:8px}section{padding:14px}}
@media print{section{break-inside:avoid}nav{display:none}.scroll,.tall,pre{max-height:none;overflow:visible}}
"""


def text(value: Any) -> str:
    """A text in HTML: what has a meaning there becomes harmless, what is not printable goes.

    Example:
        >>> text("<b> & 'x'")
        '&lt;b&gt; &amp; &#x27;x&#x27;'
    """
    return html.escape("".join(c if c.isprintable() or c == "\n" else " " for c in str(value)))


def paragraph(value: Any, note: bool = False) -> str:
    """A paragraph; a note is pale and small."""
    return f"<p{_class('note', note)}>{text(value)}</p>"


def heading(value: Any) -> str:
    """A heading inside of a section."""
    return f"<h3>{text(value)}</h3>"


def facts(pairs: Iterable[tuple[Any, Any]]) -> str:
    """Names and values as small cards."""
    cards = "".join(f"<div><dt>{text(name)}</dt><dd>{text(value)}</dd></div>" for name, value in pairs)
    return f'<dl class="facts">{cards}</dl>'


def table(columns: Sequence[Any], rows: Iterable[Sequence[Any]], names_first: bool = True) -> str:
    """A table that scrolls by itself where it is too wide; numbers stand right.

    Args:
        columns: Heads.
        rows: Lists of texts and numbers, as long as `columns`.
        names_first: Whether the first of each row is its name.
    """
    rows = [list(row) for row in rows]
    right = [bool(rows) and all(_is_number(row[place]) for row in rows) for place in range(len(columns))]
    head = "".join(f"<th{_class('number', right[i])}>{text(column)}</th>" for i, column in enumerate(columns))
    body = []
    for row in rows:
        cells = []
        for place, value in enumerate(row):
            kind = "th" if names_first and place == 0 else "td"
            cells.append(f"<{kind}{_class('number', right[place])}>{text(value)}</{kind}>")
        body.append(f"<tr>{''.join(cells)}</tr>")
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{"".join(body)}</tbody></table></div>'


def _class(name: str, wanted: bool) -> str:
    return f' class="{name}"' if wanted else ""


def _is_number(value: Any) -> bool:
    said = str(value).strip()
    return not said or said[0].isdigit() or (said[0] in "-+." and said[1:2].isdigit())


def picture(figure: Figure, alt: str, *, wide: bool = False) -> str:
    """A figure as an image in the page itself; a wide one keeps its size on a phone and scrolls."""
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=_DPI)
    data = base64.b64encode(stream.getvalue()).decode()
    width, height = (round(96 * inches) for inches in figure.get_size_inches())
    image = f'<img src="data:image/png;base64,{data}" width="{width}" height="{height}" alt="{text(alt)}">'
    inner = f'<div class="scroll">{image}</div>' if wide else image
    return f"<figure{_class('wide', wide)}>{inner}</figure>"


def pictures(images: Iterable[str]) -> str:
    """Pictures beside each other, as many as there is room for."""
    return f'<div class="pictures">{"".join(images)}</div>'


def scrolling(markup: str) -> str:
    """Markup in a box of its own, which scrolls."""
    return f'<div class="scroll tall">{markup}</div>'


def lines(code: str) -> str:
    """Program text."""
    return f"<pre>{text(code)}</pre>"


def folded(title: Any, markup: str) -> str:
    """Markup that a click unfolds."""
    return f"<details><summary>{text(title)}</summary>{markup}</details>"


def document(title: str, subtitle: str, sections: Sequence[tuple[str, str]], foot: str) -> str:
    """The whole page.

    Args:
        title, subtitle, foot: Texts.
        sections: Title and markup of each.
    """
    links = "".join(f'<a href="#part{i}">{text(name)}</a>' for i, (name, _) in enumerate(sections))
    body = "\n".join(
        f'<section id="part{i}"><h2>{text(name)}</h2>{markup}</section>' for i, (name, markup) in enumerate(sections)
    )
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<link rel="icon" href="data:,">
<title>{text(title)}</title>
<style>{_STYLE}</style>
</head>
<body>
<header><div><h1>{text(title)}</h1><p>{text(subtitle)}</p></div></header>
<main>
<nav>{links}</nav>
{body}
<footer>{text(foot)}</footer>
</main>
</body>
</html>
"""
