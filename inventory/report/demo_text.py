"""What the demonstration shows beside the summary: how the fleet grew, and what disappeared. Pure."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

import plotext
from rich.table import Table

from inventory.terminal import words
from inventory.terminal.display import shown
from inventory.views.rows import BackupLifetime, FleetSizeOnDay
from inventory.vocabulary import GoneReason

QUERIES = (
    """\
SELECT droplet, plan, backups, expected_backups, newest_backup_at, verdict
  FROM droplet_retention ORDER BY droplet""",
    """\
SELECT droplet, gone_reason AS why, date(gone_at) AS day, count(*) AS backups,
       round(sum(size_gigabytes), 1) AS gigabytes
  FROM backup_lifetimes WHERE gone_reason <> 'expired'
 GROUP BY droplet_id, why, day ORDER BY day""",
    """\
SELECT month, round(sum(estimated_usd), 2) AS estimated_usd,
       round(sum(as_daily_usd), 2) AS if_all_were_daily_usd
  FROM monthly_cost GROUP BY month ORDER BY month""",
)
"""What can be asked of the file with SQLite alone."""

_PLOT_COLUMNS = 78
_PLOT_LINES = 10
_MOST_LABELS = 5


def ends(backups: Iterable[BackupLifetime]) -> Table:
    """Show what disappeared out of the ordinary, and why, by Droplet, reason and day, in the order of days."""
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="bold")
    for header in ("Droplet", "why", "day", "backups", "size"):
        table.add_column(header, justify="right" if header in ("backups", "size") else "left")
    found: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    for backup in backups:
        if backup.gone_at and backup.gone_reason and backup.gone_reason != GoneReason.EXPIRED:
            found[f"{backup.gone_at:%Y-%m-%d}", backup.droplet, backup.gone_reason].append(backup.size_gigabytes)
    for (day, droplet, reason), sizes in sorted(found.items()):
        table.add_row(shown(droplet), words.reason(reason), day, str(len(sizes)), words.size(sum(sizes)))
    return table


def plot(rows: Sequence[FleetSizeOnDay]) -> str:
    """Draw the gigabytes of all Droplets over the days, as lines of text."""
    labelled = sorted({round(part * (len(rows) - 1) / (_MOST_LABELS - 1)) for part in range(_MOST_LABELS)})
    plotext.clear_figure()
    plotext.theme("clear")
    plotext.frame(False)  # noqa: FBT003 - its way to say so
    plotext.plotsize(_PLOT_COLUMNS, _PLOT_LINES)
    plotext.plot(range(len(rows)), [row.size_gigabytes for row in rows], marker="braille")
    plotext.xticks(labelled, [f"{rows[each].day.day} {rows[each].day:%b}" for each in labelled])
    # plotext says "no colour" with an escape sequence too.
    text = re.sub(r"\x1b\[[0-9;]*m", "", plotext.build())
    return "".join(f"{line.rstrip()}\n" for line in text.splitlines())
