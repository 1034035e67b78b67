"""What the demonstration shows after the summary: how the fleet grew, what disappeared, what to try next. Pure."""

import re
import shlex
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import plotext
from rich.table import Table

from inventory.serving.listening import PAGES_ADDRESS
from inventory.terminal import words
from inventory.terminal.display import shown
from inventory.terminal.table import Column, table
from inventory.views.rows import BackupLifetime, FleetSizeOnDay
from inventory.vocabulary import GoneReason

_COMMANDS = ("report --list", "report missed_backups", "show db-01", "check")
_OWN_ACCOUNT = ("config --sample > inventory.toml", "sync --dry-run", "sync")

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
"""Questions that SQLite answers by itself about the file of a demonstration."""

_PLOT_COLUMNS = 78
_PLOT_LINES = 10
_MOST_LABELS = 5


def history(days: Sequence[FleetSizeOnDay], backups: Sequence[BackupLifetime]) -> Iterator[str | Table]:
    """Draw how the fleet grew, and list what disappeared; lines and tables, one below the other."""
    yield f"\nStored in total, GB, over {len(days)} days\n"
    yield _plot(days)
    expired = sum(backup.gone_reason == GoneReason.EXPIRED for backup in backups)
    yield f"\nWhat disappeared: {expired} backups that expired, as they should, and these:\n"
    yield _ends(backups)


def _ends(backups: Iterable[BackupLifetime]) -> Table:
    """Lay out what disappeared for other reasons than its retention, by Droplet, reason and day; the oldest first."""
    found: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    for backup in backups:
        if backup.gone_at and backup.gone_reason and backup.gone_reason != GoneReason.EXPIRED:
            found[f"{backup.gone_at:%Y-%m-%d}", backup.droplet, backup.gone_reason].append(backup.size_gigabytes)
    columns = (
        Column("Droplet", may_fold=True),
        Column("why", may_fold=True),
        Column("day"),
        Column("backups", is_figure=True),
        Column("size", is_figure=True),
    )
    return table(
        columns,
        (
            (shown(droplet), words.reason(reason), day, str(len(sizes)), words.size(sum(sizes)))
            for (day, droplet, reason), sizes in sorted(found.items())
        ),
    )


def _plot(rows: Sequence[FleetSizeOnDay]) -> str:
    """Draw the gigabytes of all Droplets over the days, as lines of text."""
    labelled = sorted({round(part * (len(rows) - 1) / (_MOST_LABELS - 1)) for part in range(_MOST_LABELS)})
    plotext.clear_figure()
    plotext.theme("clear")
    plotext.frame(False)  # noqa: FBT003 - plotext has no other way
    plotext.plotsize(_PLOT_COLUMNS, _PLOT_LINES)
    plotext.plot(range(len(rows)), [row.size_gigabytes for row in rows], marker="braille")
    plotext.xticks(labelled, [f"{rows[each].day.day} {rows[each].day:%b}" for each in labelled])
    # plotext writes escape sequences even without colours.
    text = re.sub(r"\x1b\[[0-9;]*m", "", plotext.build())
    return "\n".join(line.rstrip() for line in text.splitlines())


def next_steps(path: Path, program: str) -> str:
    """Write commands to copy: about this file, in SQL, with the user's own account, and for a browser."""
    file, called = shlex.quote(str(path)), shlex.quote(program)
    commands = "".join(f"  INVENTORY_DATABASE_URL={file} {called} {each}\n" for each in _COMMANDS)
    queries = "".join(f'sqlite3 -box {file} "\n{query}"\n\n' for query in QUERIES)
    own_account = "".join(f"  {called} {each}\n" for each in _OWN_ACCOUNT)
    return (
        f"\nAll of it is in {path}. Ask more:\n\n{commands}\nOr with SQL:\n\n{queries}"
        f"Next, with your own account (a token with the scope droplet:read is enough):\n\n{own_account}"
        f"\nTo see the demonstration in a browser, run this and open http://{PAGES_ADDRESS}/\n\n"
        f"  INVENTORY_DATABASE_URL={file} {called} pages\n"
    )
