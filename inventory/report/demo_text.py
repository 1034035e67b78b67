"""What the demonstration shows of a fleet: how it is now, how it grew, and what disappeared. Pure."""

import re
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import plotext
from rich.table import Table

from inventory.display import shown
from inventory.report import words

FLEET = """\
SELECT d.name AS droplet, coalesce(p.plan, 'off') AS plan, count(b.id) AS kept,
       max(b.created_at) AS newest,
       round(total(b.size_gigabytes), 1) AS gigabytes
  FROM droplets AS d
  LEFT JOIN backup_policies AS p ON p.droplet_id = d.id AND p.valid_to IS NULL
  LEFT JOIN backups AS b ON b.droplet_id = d.id AND b.gone_at IS NULL
 WHERE d.gone_at IS NULL
 GROUP BY d.id ORDER BY gigabytes DESC"""

GROWTH = """\
SELECT day, sum(backups) AS backups, round(sum(size_gigabytes), 1) AS gigabytes
  FROM droplet_days GROUP BY day ORDER BY day"""

ENDS = """\
SELECT d.name AS droplet, b.gone_reason AS why, date(b.gone_at) AS day,
       count(*) AS backups, round(sum(b.size_gigabytes), 1) AS gigabytes
  FROM backups AS b JOIN droplets AS d ON d.id = b.droplet_id
 WHERE b.gone_reason <> 'expired'
 GROUP BY d.id, b.gone_reason, date(b.gone_at) ORDER BY day"""

_PLOT_COLUMNS = 78
_PLOT_LINES = 10
_MOST_LABELS = 5


def fleet(rows: Sequence[Sequence[Any]], now: datetime) -> Table:
    """Show a row a Droplet: what is kept of it, and the newest."""
    table = _table("Droplet", "plan", "kept", "newest", "stored")
    for name, plan, backups, newest, gigabytes in rows:
        made = words.instant(datetime.fromisoformat(f"{newest}+00:00"), now) if newest else "-"
        table.add_row(shown(name), shown(plan), str(backups), made, words.size(gigabytes))
    return table


def ends(rows: Sequence[Sequence[Any]]) -> Table:
    """Show what disappeared out of the ordinary, and why."""
    table = _table("Droplet", "why", "day", "backups", "size")
    for name, why, day, backups, gigabytes in rows:
        table.add_row(shown(name), words.reason(why), day, str(backups), words.size(gigabytes))
    return table


def _table(*headers: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="bold")
    for header in headers:
        table.add_column(header, justify="right" if header in ("kept", "stored", "backups", "size") else "left")
    return table


def plot(rows: Sequence[Sequence[Any]]) -> str:
    """Draw the gigabytes of all Droplets over the days, as lines of text."""
    days = [date.fromisoformat(day) for day, _, _ in rows]
    labelled = sorted({round(part * (len(days) - 1) / (_MOST_LABELS - 1)) for part in range(_MOST_LABELS)})
    plotext.clear_figure()
    plotext.theme("clear")
    plotext.frame(False)  # noqa: FBT003 - its way to say so
    plotext.plotsize(_PLOT_COLUMNS, _PLOT_LINES)
    plotext.plot(range(len(days)), [gigabytes for _, _, gigabytes in rows], marker="braille")
    plotext.xticks(labelled, [f"{days[each].day} {days[each]:%b}" for each in labelled])
    # plotext says "no colour" with an escape sequence too.
    text = re.sub(r"\x1b\[[0-9;]*m", "", plotext.build())
    return "".join(f"{line.rstrip()}\n" for line in text.splitlines())
