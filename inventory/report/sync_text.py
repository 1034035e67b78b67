"""What a sync came to, for people: one line a fact, then how it ended. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import groupby

from rich.table import Table
from rich.text import Text

from inventory.sync.result import BackupEvent, DropletReport, SyncReport
from inventory.terminal import words
from inventory.terminal.display import shown
from inventory.terminal.table import TEXT, WORD, Column, table
from inventory.vocabulary import GoneReason, Outcome, RunStatus

_NAME_COLUMNS = 28
_MOST_FACTS = 20

_FAILED_STYLE = "bold red"
_TELLING_STYLE = "yellow"

# What a person calls the outcomes of a look that are no errors of one request.
_OUTCOMES = {
    Outcome.INCOMPLETE: "INCOMPLETE",
    Outcome.HELD: "HELD",
    Outcome.NOT_FOUND: "NOT FOUND",
    Outcome.UNPROVEN: "NOT FOUND",
}
_STATUS_STYLES = {RunStatus.COMPLETE: "bold green", RunStatus.PARTIAL: "bold yellow"}


def facts(report: SyncReport, *, is_verbose: bool) -> Table:
    """Lay out what is worth telling of single Droplets: who, what, when or how much, and why."""
    found: list[tuple[str | Text, ...]] = [
        (f"  {shown(droplet.name or str(droplet.droplet_id))}", Text(what, style=style), amount, shown(why))
        for droplet in report.droplets
        for what, style, amount, why in _facts_of(droplet, report.finished_at, is_verbose=is_verbose)
    ]
    most = len(found) if is_verbose else _MOST_FACTS
    rows = found[:most]
    if found[most:]:
        rows.append((f"  and {len(found) - most} more", "", "", "--verbose and --json list them all"))
    return table((Column(most_columns=_NAME_COLUMNS), WORD, TEXT, TEXT), rows)


def _facts_of(droplet: DropletReport, now: datetime, *, is_verbose: bool) -> Iterator[tuple[str, str, str, str]]:
    """Give what happened, its style, when or how much, and why."""
    if droplet.is_gone:
        yield "GONE", _FAILED_STYLE, "Droplet", "destroyed: not found twice in a row"
    elif droplet.outcome not in (Outcome.COMPLETE, Outcome.GONE):
        kept = f"kept as of {words.instant(droplet.kept_as_of, now)}" if droplet.kept_as_of else "never looked at yet"
        yield _OUTCOMES.get(droplet.outcome, "FAILED"), _FAILED_STYLE, kept, _why_failed(droplet)
    for (event, gone_reason), group in groupby(droplet.events, key=_kind):
        backups = list(group)
        is_routine = event == "appeared" or gone_reason == GoneReason.EXPIRED
        if event == "changed":
            yield from ((event, "", words.instant(each.created_at, now), _change(each)) for each in backups)
        elif is_verbose or not is_routine:
            style = "" if is_routine else _TELLING_STYLE
            yield event, style, _amount(backups, now), _why(gone_reason, droplet.plan_before)


def _why_failed(droplet: DropletReport) -> str:
    why = droplet.error or droplet.outcome
    return f"{why}; gone if the next sync finds the same" if droplet.outcome == Outcome.NOT_FOUND else why


def _kind(event: BackupEvent) -> tuple[str, GoneReason | None]:
    return event.event, event.reason


def _amount(backups: Sequence[BackupEvent], now: datetime) -> str:
    """Say which backup, if it is one, or how many, and how large."""
    one, *others = backups
    which = words.count(len(backups), "backup") if others else words.instant(one.created_at, now)
    return f"{which}, {words.size(sum(each.size_gigabytes for each in backups))}"


def _why(gone_reason: GoneReason | None, plan_before: str | None) -> str:
    if gone_reason is None:
        return ""
    was = f" (plan was {plan_before})" if gone_reason == GoneReason.BACKUPS_DISABLED and plan_before else ""
    return words.reason(gone_reason) + was


def _change(event: BackupEvent) -> str:
    if event.size_gigabytes_before is None:
        return "name, regions or another attribute"
    before, after = (f"{gigabytes:,.2f} GB" for gigabytes in (event.size_gigabytes_before, event.size_gigabytes))
    return f"{before} -> {after}"


def ending(report: SyncReport) -> Iterator[Text]:
    """Say in a few lines how a sync ended, what was routine, and what is left of the rate limit."""
    complete, selected = report.counts["droplets_complete"], report.droplets_selected
    of = f"{complete} of {words.count(selected, 'Droplet')}" if selected is not None else "no Droplet looked at"
    prefix = "DRY RUN, nothing written. " if report.is_dry_run else ""
    head = Text(prefix) + Text(f"{report.status.upper()}:", style=_STATUS_STYLES.get(report.status, _FAILED_STYLE))
    yield head + f" {of}. {_counted(report)}"
    left = report.rate_limit_remaining
    budget = f", {left:,} left this hour" if left is not None else ""
    proven = report.counts["droplets_proven"]
    saved = f" ({words.count(proven, 'Droplet')} proven unchanged without one)" if proven else ""
    yield Text(f"{words.count(report.requests, 'request')}{saved}{budget}.{_who_comes_first(report)}")
    if report.error and not _is_told_by_droplets(report):
        yield Text(f"Why: {shown(report.error)}")


def brief(reports: Iterable[SyncReport]) -> str:
    """Say in a few lines what the syncs of several accounts came to, for whoever is not at the terminal."""
    return "\n".join(line for report in reports for line in _brief(report))


def _brief(report: SyncReport) -> Iterator[str]:
    told = [line.plain for line in ending(report)]
    yield from (f'account "{report.account}"', *told)
    for droplet in _not_looked_at(report)[:_MOST_FACTS]:
        yield f"  {shown(droplet.name or str(droplet.droplet_id))}: {shown(_why_failed(droplet))}"
    if report.error and not told[-1].startswith("Why: "):
        yield f"Why: {shown(report.error)}"


def _is_told_by_droplets(report: SyncReport) -> bool:
    """Tell whether every Droplet that was not looked at has a fact of its own, which says why."""
    return len(_not_looked_at(report)) == (report.droplets_selected or 0) - report.counts["droplets_complete"]


def _not_looked_at(report: SyncReport) -> list[DropletReport]:
    return [each for each in report.droplets if each.outcome not in (Outcome.COMPLETE, Outcome.GONE)]


def _counted(report: SyncReport) -> str:
    counts = report.counts
    told = [f"{counts[f'backups_{word}']:,} {word}" for word in ("appeared", "changed", "returned", "held")]
    expired, ended = counts["backups_expired"], counts["backups_ended"]
    of_them = f" ({expired:,} expired)" if expired else ""
    told += [f"{expired:,} expired"] if expired == ended else [f"{ended:,} ended{of_them}"]
    happened = [each for each in told if not each.startswith("0 ")]
    return ", ".join(happened) + "." if happened else "Nothing changed."


def _who_comes_first(report: SyncReport) -> str:
    names = [each.name or str(each.droplet_id) for each in _not_looked_at(report)]
    if not names:
        return ""
    who = shown(names[0]) if len(names) == 1 else words.count(len(names), "Droplet")
    return f" {who} {'comes' if len(names) == 1 else 'come'} first next time."


def failure(report: SyncReport, *, token_source: str) -> str:
    """Say why a sync failed as a whole, what was kept and what to do."""
    last = report.last_complete_at
    kept = f"last complete sync {words.instant(last, report.finished_at)}" if last else "no sync was complete yet"
    told = [f'account "{report.account}": {(report.error or "").rstrip(".")}.']
    if report.failure == "unauthorized":
        told.append(f"It was read from {token_source}. Mend it, then: inventory sync.")
    if "othing was changed" not in told[0]:
        told.append("What is stored stays as it was.")
    return " ".join([*told, f"({kept[:1].upper()}{kept[1:]}.)"])


def accepted(droplets: Iterable[DropletReport]) -> Iterator[str]:
    """List what is about to be recorded as gone because the user accepted it."""
    for droplet in droplets:
        ends = [event for event in droplet.events if event.event == "ended"]
        name = shown(droplet.name or str(droplet.droplet_id))
        sizes = words.size(sum(each.size_gigabytes for each in ends))
        yield f"accepting as gone: {name}, {words.count(len(ends), 'backup')}, {sizes}"
