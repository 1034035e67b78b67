"""What a database refuses because of the values, whenever and wherever they are written."""

import sqlalchemy as sa

# A trigger's own error, and a limit of the server: a text that is too long for an index, say.
# https://www.postgresql.org/docs/current/errcodes-appendix.html
_POSTGRESQL_CODES = ("P0001", "54000")


def is_refusal(error: sa.exc.DBAPIError) -> bool:
    """Tell whether the values were refused; never so for a lock, a full disk or a lost connection."""
    if error.connection_invalidated:
        return False
    is_of_values = isinstance(error, sa.exc.DataError | sa.exc.IntegrityError)
    return is_of_values or getattr(error.orig, "sqlstate", None) in _POSTGRESQL_CODES


def why_refused(error: sa.exc.DBAPIError) -> str:
    """Give the database's own words; further lines of PostgreSQL's quote the values."""
    return str(error.orig).strip().partition("\n")[0]
