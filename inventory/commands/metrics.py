"""`inventory metrics`: the metrics that the daemon serves to Prometheus, read from the database, for use with cron."""

import sys
from pathlib import Path

from inventory.errors import EXIT_COMPLETE
from inventory.judging.evidence import inspect
from inventory.process.clock import utc_now
from inventory.report.metrics import Most, render
from inventory.report.replacing import replacing
from inventory.settings.load import load
from inventory.store import opening
from inventory.store.notices import undelivered
from inventory.store.snapshot import read_snapshot

# node_exporter runs as another user.
_MODE = 0o644


def run(config_file: Path | None, *, output: Path | None, label: str | None) -> int:
    """Write the metrics to stdout, or replace the file `output` by them in one step.

    A `label` names the database in every one of them, which sets them apart from those of another database.

    Raises:
        DatabaseError: It cannot be read; the file stays as it was, and alerts see that its figures are old.
        ConfigurationError: The settings are wrong, or the file cannot be written.
    """
    settings = load(config_file, needs_token=False)
    with (
        opening.to_read(settings.database_url.get_secret_value(), settings.database_source) as database,
        database.reading() as connection,
    ):
        judged = settings.judged_accounts
        now = utc_now()
        snapshot = read_snapshot(connection, now, most_droplets=settings.droplet_metrics, names=judged)
        channels = undelivered(connection, settings.channels, now)
        verdict = inspect(connection, now, settings.rules, settings.exemptions, accounts=judged, channels=channels)
    most = Most(settings.account_metrics, settings.droplet_metrics)
    text = render(snapshot, verdict, most, is_database_up=True, database=label)
    if output is None:
        sys.stdout.write(text.decode())
    else:
        with replacing(output, mode=_MODE) as file:
            file.write(text.decode())
    return EXIT_COMPLETE
