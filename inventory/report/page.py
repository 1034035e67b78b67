"""Templates into pages: no script, nothing loaded from elsewhere, and no name in them becomes markup."""

from base64 import b64encode
from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from inventory.report import rows_text
from inventory.terminal.display import shown
from inventory.terminal.document import iso

if TYPE_CHECKING:
    from jinja2 import Environment

_PACKAGE = "inventory.report"


def render(template: str, **content: Any) -> Iterator[str]:  # noqa: ANN401 - whatever the template shows
    """Fill a template of the directory `templates` as a self-contained file, and give it in pieces."""
    return _environment().get_template(template).generate(**content)


@cache
def _environment() -> "Environment":
    return environment(style(), _PACKAGE)


@cache
def style() -> str:
    """Give the style sheet that every page begins with."""
    templates = files(_PACKAGE).joinpath("templates")
    return "".join(templates.joinpath(name).read_text("utf-8") for name in ("page.css", "chart.css"))


def environment(style_sheet: str, *packages: str) -> "Environment":
    """Make the environment of the templates of these packages, and of this one, in this order."""
    # Loading it takes time that only a page is worth.
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined  # noqa: PLC0415
    from markupsafe import Markup  # noqa: PLC0415

    def visible(value: Any) -> Any:  # noqa: ANN401 - whatever a template shows
        return shown(value) if isinstance(value, str) and not isinstance(value, Markup) else value

    made = Environment(
        loader=ChoiceLoader([PackageLoader(each) for each in dict.fromkeys((*packages, _PACKAGE))]),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"moment": rows_text.moment, "iso": iso}
    made.globals |= {"style": Markup(style_sheet), "style_source": source(style_sheet)}  # noqa: S704 - our own text
    return made


def source(style_sheet: str) -> str:
    """Name a style sheet as a content security policy does."""
    return f"sha256-{b64encode(sha256(style_sheet.encode()).digest()).decode()}"
