"""`inventory notify --print`: print what is new, worse or solved since it was last printed."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from inventory.errors import EXIT_BUSY, EXIT_COMPLETE, EXIT_FAILED
from inventory.notifying.telling import Message, due, tell
from inventory.notifying.wording import lines
from inventory.process.clock import utc_now
from inventory.process.streams import lost_answer
from inventory.rounds.verdict import read
from inventory.settings.declared import PRINTED
from inventory.settings.load import load
from inventory.store import notices, opening
from inventory.terminal.console import complain, print_table
from inventory.terminal.display import shown
from inventory.terminal.table import TEXT, WORD, table


def run(config_file: Path | None, *, now: datetime | None = None) -> int:
    """Print what changed since the last time, note that it was printed, and return the exit code.

    Raises:
        InventoryError: The settings or the database are not usable; what is new is printed by the next.
    """
    settings = load(config_file, needs_token=False)
    now = now or utc_now().replace(microsecond=0)
    with opening.to_write(settings.database_url.get_secret_value(), settings.database_source) as database:
        verdict = read(database, settings, settings.judged_accounts, now)
        state = notices.begin(database, PRINTED, verdict, now)
        if state is None:
            complain("another inventory notify --print is at work. Nothing was printed; it prints what is new.")
            return EXIT_BUSY
        messages = due(state.known, verdict)
        _print(messages)
        if lost_answer():
            # `exits` says why; what nobody could read is printed by the next.
            return EXIT_FAILED
        notices.finish(database, PRINTED, replace(state, known=tell(state.known, messages, now)), now)
    return EXIT_COMPLETE


def _print(messages: Sequence[Message]) -> None:
    rows = (
        (line.change.upper(), line.severity, shown(line.subject), line.finding, shown(line.what))
        for line in lines(messages)
    )
    if messages:
        print_table(table((WORD, WORD, WORD, WORD, TEXT), rows))
