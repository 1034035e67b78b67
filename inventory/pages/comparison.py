"""Two moments side by side: what changed between them, as each was known then. Pure, but for reading."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import sqlalchemy as sa

from inventory.errors import UsageError
from inventory.judging.evidence import inspect
from inventory.judging.verdict import Finding, Verdict
from inventory.pages.reading import Page, Reading
from inventory.report import check_text, details_text, rows_table
from inventory.report.details import is_routine
from inventory.report.fleet_sizes import add_up
from inventory.store.droplet_records import PolicyRecord, policies_since
from inventory.terminal import moments, words
from inventory.views.queries import Question, ask
from inventory.views.rows import DropletSize, Event, KnownDroplet

_USUAL = timedelta(days=7)
_SECOND = timedelta(seconds=1)
_MOST = 200


@dataclass(frozen=True, slots=True)
class Side:
    """One Droplet that existed and was selected at a moment.

    Attributes:
        backups: None if nobody had looked yet, like `size_gigabytes`.
        policy: In words; empty if none was known.
    """

    droplet: KnownDroplet
    backups: int | None = None
    size_gigabytes: float | None = None
    policy: str = ""


class Difference(NamedTuple):
    """What changed for one Droplet, all in words; its backups and sizes are those of both moments."""

    droplet: str
    droplet_id: int
    what: Sequence[str]
    backups: str
    sizes: str
    change: str


class Line(NamedTuple):
    """A figure of all Droplets at both moments, and the change, in words."""

    what: str
    before: str
    after: str
    change: str


def page(reading: Reading) -> Page:
    """Read two moments: the page's own, and the earlier one that is asked for, else a week before."""
    begin = moments.read("before", reading.asked.before or None, reading.today) or reading.now - _USUAL
    if begin >= reading.now:
        raise UsageError("the moment to compare with is not earlier than that of the page")
    question = reading.question()
    before, after = (_sides(reading.connection, replace(question, now=at)) for at in (begin, reading.now))
    gone = {each.droplet_id for each in ask(reading.connection, KnownDroplet, question) if each.gone_at}
    found = differences(before, after, gone)
    was, is_now = (_verdict(reading, question, at) for at in (begin, reading.now))
    events = ask(reading.connection, Event, replace(question, since=begin + _SECOND))
    unusual = [each for each in events if not is_routine(each)]
    return Page(
        "comparison.html",
        "Comparison",
        {
            "before": begin,
            "is_known": bool(before),
            "lines": [*totals(before, after), _line("Findings", len(was.findings), len(is_now.findings))],
            "findings": [("New findings", only_in(is_now, was)), ("No longer found", only_in(was, is_now))],
            "most": _MOST,
            "differences": found[:_MOST],
            "changed": len(found),
            "alike": len(before.keys() | after.keys()) - len(found),
            "counts": sorted(Counter(map(_what, events)).items(), key=lambda each: (-each[1], each[0])),
            "events": unusual[:_MOST],
            "has_more": len(unusual) > _MOST,
            "details": rows_table.details,
        },
    )


def _verdict(reading: Reading, question: Question, at: datetime) -> Verdict:
    """Judge a moment, by what was known then."""
    judging, accounts = reading.judging, question.accounts
    ids = question.droplet_ids
    return inspect(reading.connection, at, judging.rules, judging.exemptions, accounts=accounts, droplet_ids=ids)


def only_in(one: Verdict, other: Verdict) -> list[check_text.Line]:
    """Give the findings of one moment that the other has not, by their name and what they concern."""
    others = {_key(finding) for finding in other.findings}
    findings = tuple(finding for finding in one.findings if _key(finding) not in others)
    return list(check_text.rows(replace(one, findings=findings, exempted=(), expired=())))


def _key(finding: Finding) -> tuple[str, str, int | None]:
    return finding.name, finding.account, finding.droplet_id


def _sides(connection: sa.Connection, question: Question) -> dict[int, Side]:
    """Read the Droplets of a moment, by id."""
    droplets = ask(connection, KnownDroplet, question)
    sizes = {row.droplet_id: row for row in ask(connection, DropletSize, question)}
    policies = dict(policies_since(connection, question.droplet_ids, question.now - _SECOND, question.now))
    return {
        each.droplet_id: _side(each, sizes.get(each.droplet_id), policies.get(each.droplet_id))
        for each in droplets
        if each.is_current
    }


def _side(droplet: KnownDroplet, size: DropletSize | None, policy: PolicyRecord | None) -> Side:
    in_words = details_text.policy_words(policy) if policy else ""
    if size is None:
        return Side(droplet, policy=in_words)
    return Side(droplet, size.backups, size.size_gigabytes, in_words)


def totals(before: Mapping[int, Side], after: Mapping[int, Side]) -> Iterator[Line]:
    """Sum up both moments."""
    for what, count in (("Droplets", len), ("Backups", _backups)):
        yield _line(what, count(before), count(after))
    had, has = _stored(before), _stored(after)
    yield Line("Stored", words.size(had), words.size(has), words.change(has - had))


def _line(what: str, was: int, is_now: int) -> Line:
    return Line(what, f"{was:,}", f"{is_now:,}", f"{is_now - was:+,}")


def _backups(sides: Mapping[int, Side]) -> int:
    return sum(each.backups or 0 for each in sides.values())


def _stored(sides: Mapping[int, Side]) -> float:
    return add_up(each.size_gigabytes or 0.0 for each in sides.values())


def differences(before: Mapping[int, Side], after: Mapping[int, Side], gone: Collection[int]) -> list[Difference]:
    """Say what changed for each Droplet: those that came, went or were altered first, then by change of size."""
    found = (
        _difference(droplet_id, before.get(droplet_id), after.get(droplet_id), is_gone=droplet_id in gone)
        for droplet_id in before.keys() | after.keys()
    )
    return [each for _, each in sorted(filter(None, found))]


def _difference(
    droplet_id: int, old: Side | None, new: Side | None, *, is_gone: bool
) -> tuple[tuple[bool, float], Difference] | None:
    """Give what changed, behind what it is sorted by; None if nothing did."""
    what = list(_altered(old, new, is_gone=is_gone))
    names = [side.droplet.droplet for side in (old, new) if side]
    backups, sizes = zip(_figures(old), _figures(new), strict=True)
    change = (sizes[1] or 0.0) - (sizes[0] or 0.0)
    if not what and not change and backups[0] == backups[1]:
        return None
    grown = words.change(change) if change else ""
    texts = _pair(backups, str), _pair(sizes, words.size), grown
    return (not what, -abs(change)), Difference(names[-1], droplet_id, what, *texts)


def _figures(side: Side | None) -> tuple[int | None, float | None]:
    return (side.backups, side.size_gigabytes) if side else (None, None)


def _altered(old: Side | None, new: Side | None, *, is_gone: bool) -> Iterator[str]:
    if old is None:
        yield "came"
    elif new is None:
        yield "gone" if is_gone else "no longer selected"
    else:
        values = {
            "name": (old.droplet.droplet, new.droplet.droplet),
            "size": (old.droplet.size_slug, new.droplet.size_slug),
            "region": (old.droplet.region, new.droplet.region),
            "status": (old.droplet.status, new.droplet.status),
            "policy": (old.policy, new.policy),
        }
        for what, (was, is_now) in values.items():
            if was != is_now:
                yield f"{what}: {was or 'unknown'} → {is_now or 'unknown'}"


def _pair(values: Sequence[Any], form: Callable[[Any], str]) -> str:
    was, is_now = ("-" if value is None else form(value) for value in values)
    return was if was == is_now else f"{was} → {is_now}"


def _what(event: Event) -> str:
    reason = f" ({words.reason(event.gone_reason)})" if event.gone_reason else ""
    return f"{rows_table.as_words(event.event)}{reason}"
