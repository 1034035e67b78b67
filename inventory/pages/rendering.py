"""Templates into pages: their environment, and the one style sheet, which a page's policy admits by its hash."""

from base64 import b64encode
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from inventory.report import rows_text
from inventory.terminal.display import shown
from inventory.terminal.document import iso


def render(template: str, **content: Any) -> bytes:  # noqa: ANN401 - whatever the template shows
    """Fill a template of the directory `templates`."""
    # A name may hold half of a character, which UTF-8 cannot write.
    return _environment().get_template(template).render(**content).encode("utf-8", "replace")


@cache
def policy() -> str:
    """Give the content security policy of every page: its one style, its forms, and nothing else."""
    digest = b64encode(sha256(_style().encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


@cache
def _style() -> str:
    sheets = (("inventory.report", "page.css"), ("inventory.pages", "site.css"))
    return "".join(files(package).joinpath("templates", name).read_text("utf-8") for package, name in sheets)


@cache
def _environment() -> Environment:
    def visible(value: Any) -> Any:  # noqa: ANN401 - whatever a template shows
        return shown(value) if isinstance(value, str) and not isinstance(value, Markup) else value

    environment = Environment(
        loader=PackageLoader("inventory.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=visible,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"moment": rows_text.moment, "iso": iso}
    environment.globals |= {"style": Markup(_style())}  # noqa: S704 - our own text
    return environment
