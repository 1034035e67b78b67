"""`inventory notify --print`: what is new, worse or solved since it last printed, for cron's mail."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from inventory.errors import EXIT_BUSY, EXIT_COMPLETE, EXIT_FAILED
from inventory.judging.evidence import inspect
from inventory.notifying.telling import Message, due, tell
from inventory.notifying.wording import lines
from inventory.process.clock import utc_now
from inventory.process.streams import lost_answer
from inventory.settings.load import load
from inventory.store import notices, opening
from inventory.terminal.console import complain, print_table
from inventory.terminal.display import shown
from inventory.terminal.table import TEXT, WORD, table

_PRINTED = "print"


def run(config_file: Path | None, *, now: datetime | None = None) -> int:
    """Print what changed since the last time, note that it was printed, and return the exit code.

    Raises:
        InventoryError: The settings or the database are not usable; what is new is printed by the next.
    """
    settings = load(config_file, needs_token=False)
    now = now or utc_now().replace(microsecond=0)
    with opening.to_write(settings.database_url.get_secret_value(), settings.database_source) as database:
        with database.reading() as connection:
            verdict = inspect(connection, now, settings.rules, settings.exemptions, accounts=settings.judged_accounts)
        known = notices.begin(database, _PRINTED, verdict)
        if known is None:
            complain("another inventory notify --print is at work. Nothing was printed; it prints what is new.")
            return EXIT_BUSY
        messages = due(known, verdict)
        _print(messages)
        if lost_answer():
            # `exits` says why; what nobody could read is printed by the next.
            return EXIT_FAILED
        notices.finish(database, _PRINTED, tell(known, messages, now), now)
    return EXIT_COMPLETE


def _print(messages: Sequence[Message]) -> None:
    if messages:
        print_table(
            table(
                (WORD, WORD, WORD, WORD, TEXT),
                (
                    (line.change.upper(), line.severity, shown(line.subject), line.finding, shown(line.what))
                    for line in lines(messages)
                ),
            )
        )
