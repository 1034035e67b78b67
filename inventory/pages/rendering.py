"""Templates into pages of the site: one style sheet, which a page's policy admits by its hash."""

from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment

from inventory.report import page

_PACKAGE = "inventory.pages"


def render(template: str, **content: Any) -> bytes:  # noqa: ANN401 - whatever the template shows
    """Fill a template of the directory `templates`."""
    # A name may hold half of a character, which UTF-8 cannot write.
    return _environment().get_template(template).render(**content).encode("utf-8", "replace")


@cache
def policy() -> str:
    """Give the content security policy of every page: its one style, its forms, and nothing else."""
    source = page.source(_style())
    return f"default-src 'none'; style-src '{source}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"


@cache
def _style() -> str:
    return page.style() + files(_PACKAGE).joinpath("templates", "site.css").read_text("utf-8")


@cache
def _environment() -> Environment:
    return page.environment(_style(), _PACKAGE)
