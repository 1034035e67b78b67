"""What the demonstration shows after the summary: what to try next. Pure."""

import shlex
from pathlib import Path

from inventory.serving.listening import PAGES_ADDRESS

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
