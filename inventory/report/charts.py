"""Charts as SVG, drawn here: no script, no style of their own, and of the same values the same bytes. Pure."""

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from xml.etree.ElementTree import Element

import pygal
from markupsafe import Markup
from pygal.etree import etree
from pygal.style import Style

from inventory.terminal import words
from inventory.terminal.display import shown

# Its finder of map plug-ins is of a kind that Python gave up: every later import would warn of it.
sys.meta_path[:] = [each for each in sys.meta_path if not isinstance(each, pygal.PluginImportFixer)]
# Whether lxml happens to be installed makes no difference.
etree.to_etree()

_WIDTH, _HEIGHT = 640, 240
_MOST_SERIES = 6
_MOST_LABELS = 6
_LONGEST_NAME = 40
_A_YEAR = timedelta(days=365)

# pygal reckons with these sizes; the style sheet of the page sets the same.
_STYLE = Style(label_font_size=11, major_label_font_size=11)
_DROPPED = {"defs", "style", "script"}
_FOR_A_SCRIPT = {"plot tooltip-overlay", "plot text-overlay"}


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart, and the values that it shows as a table.

    Attributes:
        title: What it shows, with the unit.
        columns: The header of the table: nothing, then the names of the series.
        rows: One for each place on the horizontal axis, its name first; values as they are shown. Empty where the
            page has the same values in a table of its own.
    """

    title: str
    svg: Markup
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]

    @property
    def legend(self) -> Sequence[str]:
        """The names of the series, in the order of their colours; empty if there is only one."""
        names = self.columns[1:]
        return names if len(names) > 1 else ()


Series = Mapping[str, Sequence[float | None]]


def stored(title: str, days: Sequence[date], series: Series, *, overlap: bool = False) -> Chart:
    """Draw gigabytes over days, one series on the other; None where a day is not known.

    Series that overlap stand beside each other, the largest alone: one on the other they would show more than there is.
    """
    options = {"dots_size": 4, **_options(words.size)}
    chart = pygal.Line(**options) if overlap else pygal.StackedLine(fill=True, **options)
    shown_series = _largest(series) if overlap else _merged(series)
    return _chart(chart, title, [f"{day.day} {day:%b}" for day in days], shown_series, words.size)


def costs(title: str, months: Sequence[date], series: Series, *, overlap: bool = False) -> Chart:
    """Draw US dollars by month, one series on the other, or beside it as `stored` does."""
    chart = (pygal.Bar if overlap else pygal.StackedBar)(**_options(words.money))
    shown_series = _largest(series) if overlap else _merged(series)
    return _chart(chart, title, [f"{month:%b %Y}" for month in months], shown_series, words.money)


def restore_points(title: str, made: Mapping[str, Sequence[tuple[datetime, float]]]) -> Chart:
    """Draw a dot for each backup: when it was made, and its gigabytes; a series for each state."""
    days = [at for points in made.values() for at, _ in points]
    month = "%b" if max(days) - min(days) < _A_YEAR else "%b %Y"
    options = _options(words.size) | {
        "x_value_formatter": lambda at: f"{at.day} {at.strftime(month)}",
        "show_minor_x_labels": True,  # of times pygal makes no major ones
    }
    chart = pygal.DateTimeLine(stroke=False, dots_size=3, **options)
    for state, points in made.items():
        chart.add(state, list(points))
    return _finished(chart, title, ["", *made], [])


def _options(form: Callable[[float], str]) -> dict[str, Any]:
    return {
        "width": _WIDTH,
        "height": _HEIGHT,
        "margin": 6,
        "margin_right": 24,
        "style": _STYLE,
        "js": (),
        "no_prefix": True,
        "disable_xml_declaration": True,
        # Else a stacked area begins anywhere, and labels end in "…".
        "include_x_axis": True,
        "truncate_label": -1,
        # The page has it, in lines that break where a screen is narrow.
        "show_legend": False,
        "show_minor_x_labels": False,
        "max_scale": 5,
        "min_scale": 3,
        "value_formatter": form,
    }


def _major(labels: Sequence[str]) -> list[str]:
    step = max(-(-len(labels) // _MOST_LABELS), 1)
    return list(labels[::-1][::step])


def _largest(series: Series, most: int = _MOST_SERIES) -> Series:
    """Keep the series that end largest, in their order."""
    kept = sorted(series, key=lambda name: -(series[name][-1] or 0))[:most]
    return {name: values for name, values in series.items() if name in kept}


def _merged(series: Series) -> Series:
    """Keep the series that end largest, and add the others up."""
    if len(series) <= _MOST_SERIES:
        return series
    largest = _largest(series, _MOST_SERIES - 1)
    others = [values for name, values in series.items() if name not in largest]
    total = [_total(each) for each in zip(*others, strict=True)]
    return {**largest, "all others": total}


def _total(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _chart(chart: Any, title: str, labels: Sequence[str], series: Series, form: Callable[[float], str]) -> Chart:  # noqa: ANN401 - pygal has no types
    chart.x_labels = labels
    chart.x_labels_major = _major(labels)
    for name, values in series.items():
        chart.add(shown(name)[:_LONGEST_NAME], list(values))
    rows = [
        [label, *("-" if value is None else form(value) for value in values)]
        for label, *values in zip(labels, *series.values(), strict=True)
    ]
    return _finished(chart, title, ["", *series], rows)


def _finished(chart: Any, title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Chart:  # noqa: ANN401 - as above
    chart.add_xml_filter(lambda root: _made_plain(root, title))
    svg = Markup(chart.render(is_unicode=True))  # noqa: S704 - written by an XML library, which escapes names
    return Chart(title, svg, columns, rows)


def _made_plain(root: Element, title: str) -> Element:
    """Take out what runs, styles, or changes from one making to the next; let values be titles."""
    for parent in list(root.iter()):
        for child in list(parent):
            # Comments, whose tag is a function, hold the day of the making.
            tag: Any = child.tag
            if callable(tag) or tag in _DROPPED or child.get("class") in _FOR_A_SCRIPT:
                parent.remove(child)
        if (titled := _title(parent)) is not None:
            for child in list(parent):
                if child.tag == "desc":
                    parent.remove(child)
            parent.append(titled)
        for name in ("id", "style"):
            parent.attrib.pop(name, None)
    # pygal's own name: the label says what the chart is.
    root.remove(root[0])
    root.set("role", "img")
    root.set("aria-label", title)
    return root


def _title(element: Element) -> Element | None:
    said = {child.get("class"): child.text or "" for child in element if child.tag == "desc"}
    if not said:
        return None
    title = Element("title")
    title.text = ": ".join(filter(None, (said.get("x_label"), said.get("value"))))
    return title
