"""Token files that change while a daemon runs."""

from pathlib import Path

from structlog.testing import capture_logs

from inventory.model import Selection
from inventory.network.access import Token
from inventory.rounds.tokens import Tokens
from inventory.settings.accounts import AccountSettings


def test_what_is_wrong_with_a_token_file_is_logged_once_and_again_when_it_changes(tmp_path: Path) -> None:
    file = tmp_path / "token"
    account = AccountSettings(
        name="web",
        token=Token("first"),
        token_source=str(file),
        droplets=Selection(everything=True),
        token_file=str(file),
    )
    tokens = Tokens()
    states = [("first", None), ("", "empty"), ("", None), ("one\ntwo", "2 lines"), ("one\ntwo", None), ("third", "")]
    for written, said in [*states, ("third", None), ("", "empty")]:
        file.write_text(written)
        with capture_logs() as records:
            current = tokens.reread(account)
            assert tokens.reread(account) == current
        assert current.token == Token(written if written in ("first", "third") else "first")
        assert [said in record.get("error", "") for record in records] == ([] if said is None else [True]), written
        assert [record["event"] for record in records] == (
            [] if said is None else ["token.kept" if said else "token.reread"]
        )
