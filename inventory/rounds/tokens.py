"""The files of the accounts, which may change while a daemon runs; what is wrong with one is said once."""

import structlog

from inventory.settings.accounts import AccountSettings

_log: structlog.stdlib.BoundLogger = structlog.get_logger("inventory.sync")


class Tokens:
    """Reads token files again, and logs once why one cannot be used, not in every round."""

    def __init__(self) -> None:
        self._problems: dict[str, str] = {}

    def reread(self, account: AccountSettings) -> AccountSettings:
        """Return the account with the token its file holds now; as it is, where that cannot be read or used."""
        name, file = account.name, account.token_file
        try:
            current = account.reread()
        except ValueError as error:
            if self._problems.get(name) != str(error):
                _log.warning("token.kept", account=name, token_file=file, error=f"{error}; kept the previous token")
            self._problems[name] = str(error)
            return account
        if self._problems.pop(name, None):
            _log.info("token.reread", account=name, token_file=file)
        return current

    def is_new(self, name: str, problem: str) -> bool:
        """Note what is wrong with the account's own file, and tell whether it is said for the first time."""
        is_known = self._problems.get(name) == problem
        self._problems[name] = problem
        return not is_known
