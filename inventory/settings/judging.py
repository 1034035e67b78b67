"""How the settings that judge are read: severities and exemptions. Every problem is told, each with its own place."""

import re
from collections.abc import Iterator, Mapping
from typing import cast

from pydantic import ValidationError
from pydantic_core import InitErrorDetails

from inventory.judging.rules import KINDS, SEVERITIES, Rules, Severity
from inventory.settings.formats import is_id, is_tag
from inventory.terminal.spelling import nearest

_LINE = re.compile(
    rf"\s*(?:(?:CRITICAL|UNKNOWN|WARNING|exempt|expired)\s+)?(\S+)\s+({'|'.join(KINDS)})(?:\s.*)?", re.DOTALL
)


def read_findings(written: object) -> Rules:
    """Read the table `findings`: names with a severity, and tables of the same, each of a tag or a Droplet id."""
    if not isinstance(written, dict):
        raise ValueError("must be a table, [findings]")  # noqa: TRY004 - pydantic wants a ValueError
    tables = {key: value for key, value in written.items() if isinstance(value, dict)}
    everywhere = {key: value for key, value in written.items() if key not in tables}
    problems = [*_wrong_severities((), everywhere), *_wrong_tables(tables)]
    if problems:
        raise ValidationError.from_exception_data("findings", problems)
    return Rules(
        everywhere=everywhere,
        by_tag={key.removeprefix("tag:"): table for key, table in tables.items() if not is_id(key)},
        by_droplet={int(key): table for key, table in tables.items() if is_id(key)},
    )


def write_findings(rules: Rules) -> Iterator[tuple[tuple[str, ...], str]]:
    """Give the keys of each severity that the configuration sets, with the severity."""
    yield from (((name,), severity) for name, severity in rules.everywhere.items())
    tables: Mapping[str, Mapping[str, Severity]] = {
        **{f"tag:{tag}": table for tag, table in rules.by_tag.items()},
        **{str(number): table for number, table in rules.by_droplet.items()},
    }
    for key, table in tables.items():
        yield from (((key, name), severity) for name, severity in table.items())


def _wrong_tables(tables: Mapping[str, Mapping[str, object]]) -> Iterator[InitErrorDetails]:
    for key, table in tables.items():
        if key in KINDS:
            yield _problem((key,), f'write {key} = "SEVERITY" under [findings], or under [findings."tag:NAME"]')
        elif not is_id(key) and not (key.startswith("tag:") and is_tag(key.removeprefix("tag:"))):
            meant = f'; did you mean "tag:{key}"?' if is_tag(key) else ""
            yield _problem((key,), f"is neither the id of a Droplet nor tag:NAME{meant}")
        else:
            yield from _wrong_severities((key,), table)


def _wrong_severities(above: tuple[str, ...], table: Mapping[str, object]) -> Iterator[InitErrorDetails]:
    for name, severity in table.items():
        kind = KINDS.get(name)
        if kind is None:
            yield _problem((*above, name), f"no finding is called so{nearest(name, KINDS)}")
        elif above and kind.is_of_account:
            yield _problem((*above, name), "concerns an account, not a Droplet; it belongs under [findings]")
        elif severity not in SEVERITIES:
            written = f", not {severity!r}" if isinstance(severity, str) else ""
            yield _problem((*above, name), f"write critical, unknown, warning or counted{written}")


def _problem(keys: tuple[str, ...], sentence: str) -> InitErrorDetails:
    return InitErrorDetails(type="value_error", loc=keys, input=None, ctx={"error": ValueError(sentence)})


def split_line(written: object) -> object:
    """Put what a line of `inventory check` says, given as the finding, under the keys of an exemption."""
    line = written.get("finding") if isinstance(written, dict) else None
    match = _LINE.fullmatch(line) if isinstance(line, str) else None
    if match is None:
        return written
    table = cast("dict[str, object]", written)
    if not table.keys().isdisjoint(("droplet", "tag", "account")):
        raise ValueError("finding holds a whole line, which says whose it is; write no droplet, tag or account beside")
    subject, name = match.groups()
    key = "account" if KINDS[name].is_of_account else "tag" if subject.startswith("tag:") else "droplet"
    return {**table, "finding": name, key: subject.removeprefix("tag:") if key == "tag" else subject}


def read_finding(text: str) -> str:
    """Return the name of a finding."""
    if text not in KINDS:
        what_to_write = nearest(text, KINDS) or "; write its name, or its whole line of inventory check"
        raise ValueError(f"no finding is called so{what_to_write}")
    return text


def read_tag(text: str) -> str:
    """Return a tag, written with or without `tag:` before it."""
    tag = text.removeprefix("tag:")
    if not is_tag(tag):
        raise ValueError("is not a tag")
    return tag
