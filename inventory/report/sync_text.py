"""The result of a sync for people: what happened, one line each, then how the sync ended. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import groupby

from rich.table import Table
from rich.text import Text

from inventory.sync.result import BackupEvent, DropletReport, SyncReport
from inventory.terminal import words
from inventory.terminal.display import shown
from inventory.terminal.table import TEXT, WORD, table
from inventory.vocabulary import BackupChange, GoneReason, Outcome, RunStatus

_MOST_LINES = 20

_FAILED_STYLE = "bold red"
_NOTABLE_STYLE = "yellow"

# How outcomes are called that are not the error of one request.
_OUTCOMES = {
    Outcome.INCOMPLETE: "INCOMPLETE",
    Outcome.HELD: "HELD",
    Outcome.NOT_FOUND: "NOT FOUND",
    Outcome.UNPROVEN: "NOT FOUND",
}
_STATUS_STYLES = {RunStatus.COMPLETE: "bold green", RunStatus.PARTIAL: "bold yellow", RunStatus.BUSY: "bold"}


def facts(report: SyncReport, *, is_verbose: bool) -> Table:
    """Lay out what happened to single Droplets and is not routine: Droplet, event, when or how much, and why."""
    found: list[tuple[str | Text, ...]] = [
        (f"  {shown(droplet.name or str(droplet.droplet_id))}", Text(what, style=style), amount, shown(why))
        for droplet in report.droplets
        for what, style, amount, why in _facts_of(droplet, report.finished_at, is_verbose=is_verbose)
    ]
    most = len(found) if is_verbose else _MOST_LINES
    rows = found[:most]
    if found[most:]:
        rows.append((f"  and {len(found) - most} more", "", "", "--verbose and --json list them all"))
    return table((WORD, WORD, TEXT, TEXT), rows)


def _facts_of(droplet: DropletReport, now: datetime, *, is_verbose: bool) -> Iterator[tuple[str, str, str, str]]:
    """Give each event, its style, when or how much, and why."""
    if droplet.is_gone:
        yield "GONE", _FAILED_STYLE, "Droplet", "destroyed: not found twice in a row"
    elif droplet.outcome not in (Outcome.COMPLETE, Outcome.GONE):
        kept = f"kept as of {words.instant(droplet.kept_as_of, now)}" if droplet.kept_as_of else "never looked at yet"
        yield _OUTCOMES.get(droplet.outcome, "FAILED"), _FAILED_STYLE, kept, _why_failed(droplet)
    for (event, gone_reason), group in groupby(droplet.events, key=_kind):
        backups = list(group)
        is_routine = event == BackupChange.APPEARED or gone_reason == GoneReason.EXPIRED
        if event == BackupChange.CHANGED:
            yield from ((event, "", words.instant(each.created_at, now), _change(each)) for each in backups)
        elif is_verbose or not is_routine:
            style = "" if is_routine else _NOTABLE_STYLE
            yield event, style, _amount(backups, now), _why(gone_reason, droplet.plan_before)


def _why_failed(droplet: DropletReport) -> str:
    why = droplet.error or droplet.outcome
    return f"{why}; gone if the next sync finds the same" if droplet.outcome == Outcome.NOT_FOUND else why


def _kind(event: BackupEvent) -> tuple[BackupChange, GoneReason | None]:
    return event.event, event.reason


def _amount(backups: Sequence[BackupEvent], now: datetime) -> str:
    """Say which backup if there is one, otherwise how many, and their size."""
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
    """Say in a few lines how a sync ended, what changed, and what is left of the rate limit."""
    yield from _figures(report)
    if report.error and not _is_explained_by_droplets(report):
        yield _why_ended(report)


def _figures(report: SyncReport) -> Iterator[Text]:
    complete, selected = report.counts["droplets_complete"], report.droplets_selected
    of = f"{complete} of {words.count(selected, 'Droplet')}" if selected is not None else "no Droplet looked at"
    prefix = "DRY RUN, nothing written. " if report.is_dry_run else ""
    head = Text(prefix) + Text(f"{report.status.upper()}:", style=_STATUS_STYLES.get(report.status, _FAILED_STYLE))
    yield head + f" {of}. {_changes(report)}"
    left = report.rate_limit_remaining
    budget = f", {left:,} left this hour" if left is not None else ""
    proven = report.counts["droplets_proven"]
    saved = f" ({words.count(proven, 'Droplet')} proven unchanged without one)" if proven else ""
    yield Text(f"{words.count(report.requests, 'request')}{saved}{budget}.{_who_comes_first(report)}")


def _why_ended(report: SyncReport) -> Text:
    return Text(f"Why: {shown(report.error or '')}")


def brief(reports: Iterable[SyncReport]) -> str:
    """Give the results of several accounts' syncs in a few lines, as the body of a ping."""
    return "\n".join(line for report in reports for line in _brief(report))


def _brief(report: SyncReport) -> Iterator[str]:
    yield f'account "{report.account}"'
    yield from (line.plain for line in _figures(report))
    for droplet in _not_looked_at(report)[:_MOST_LINES]:
        yield f"  {shown(droplet.name or str(droplet.droplet_id))}: {shown(_why_failed(droplet))}"
    if report.error:
        yield _why_ended(report).plain


def _is_explained_by_droplets(report: SyncReport) -> bool:
    """Tell whether every Droplet without a look has a line of its own, which says why."""
    return len(_not_looked_at(report)) == (report.droplets_selected or 0) - report.counts["droplets_complete"]


def _not_looked_at(report: SyncReport) -> list[DropletReport]:
    return [each for each in report.droplets if each.outcome not in (Outcome.COMPLETE, Outcome.GONE)]


def _changes(report: SyncReport) -> str:
    counts = report.counts
    changes = [(counts[f"backups_{word}"], word) for word in ("appeared", "changed", "returned", "held")]
    expired, ended = counts["backups_expired"], counts["backups_ended"]
    if expired == ended:
        changes.append((expired, "expired"))
    else:
        changes.append((ended, f"ended ({expired:,} expired)" if expired else "ended"))
    phrases = [f"{number:,} {what}" for number, what in changes if number]
    return ", ".join(phrases) + "." if phrases else "Nothing changed."


def _who_comes_first(report: SyncReport) -> str:
    names = [each.name or str(each.droplet_id) for each in _not_looked_at(report)]
    if not names:
        return ""
    who = shown(names[0]) if len(names) == 1 else words.count(len(names), "Droplet")
    return f" {who} {'comes' if len(names) == 1 else 'come'} first next time."


def failure(report: SyncReport, *, token_source: str) -> str:
    """Say why a sync failed as a whole, what stays stored, and what to do."""
    last = report.last_complete_at
    sentences = [f'account "{report.account}": {(report.error or "").rstrip(".")}.']
    if report.failure == Outcome.UNAUTHORIZED:
        sentences.append(f"It was read from {token_source}. Replace it, then run: inventory sync.")
    before = [f"last complete sync {words.instant(last, report.finished_at)}"] if last else []
    if not last and report.run_id is not None:  # else nobody has read whether there was one
        before = ["no sync was complete yet"]
    stays = [] if report.kept else [_what_stays(report)]
    if rest := "; ".join(before + stays):
        sentences.append(f"{rest[0].upper()}{rest[1:]}.")
    return " ".join(sentences)


def _what_stays(report: SyncReport) -> str:
    is_news = any(number for name, number in report.counts.items() if name.startswith("backups_"))
    return "what was written stays" if is_news and not report.is_dry_run else "what is stored stays as it was"


def accepted(droplets: Iterable[DropletReport]) -> Iterator[str]:
    """List what is about to be recorded as gone because the user accepts it."""
    for droplet in droplets:
        ends = [event for event in droplet.events if event.event == BackupChange.ENDED]
        name = shown(droplet.name or str(droplet.droplet_id))
        sizes = words.size(sum(each.size_gigabytes for each in ends))
        yield f"accepting as gone: {name}, {words.count(len(ends), 'backup')}, {sizes}"
