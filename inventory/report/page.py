"""A self-contained HTML file: no script, nothing loaded from elsewhere, and no name in it becomes markup."""

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


def render(template: str, **content: Any) -> Iterator[str]:  # noqa: ANN401 - whatever the template shows
    """Fill a template of the directory `templates`, and give the page in pieces."""
    return _environment().get_template(template).generate(**content)


@cache
def _environment() -> "Environment":
    # Loading it takes time that only a page is worth.
    from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415
    from markupsafe import Markup  # noqa: PLC0415

    def visible(value: Any) -> Any:  # noqa: ANN401 - whatever a template shows
        return shown(value) if isinstance(value, str) and not isinstance(value, Markup) else value

    environment = Environment(
        loader=PackageLoader("inventory.report"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = files("inventory.report").joinpath("templates", "page.css").read_text("utf-8")
    digest = b64encode(sha256(style.encode()).digest()).decode()
    environment.filters |= {"moment": rows_text.moment, "iso": iso}
    environment.globals |= {"style": Markup(style), "style_source": f"sha256-{digest}"}  # noqa: S704 - our own text
    return environment
