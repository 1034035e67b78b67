"""Ask the views, as of now or of another moment, of all Droplets or of some.

The views' own texts are written as common table expressions of the same names, in the order of their dependencies, and
the question follows them. Another `report_clock` in place of the view's makes every view answer as of another moment;
a narrowed `known_droplets`, from which the views start, makes it answer for some Droplets alone, and quickly. Nothing
depends on the views that are stored in the database, nor on whether there are any.
"""

from collections.abc import Collection, Iterator
from datetime import date, datetime, timedelta
from typing import Any, TypeVar, get_type_hints

import sqlalchemy as sa

from inventory.errors import UsageError
from inventory.times import UtcDateTime
from inventory.views.catalog import View, views, with_dependencies
from inventory.views.rows import ROWS

RowT = TypeVar("RowT", bound=tuple[Any, ...])

SINCE = timedelta(days=90)
_ROWS_AT_ONCE = 1000

_TYPES: dict[Any, sa.types.TypeEngine[Any]] = {
    bool: sa.Boolean(),
    int: sa.BigInteger(),
    float: sa.Double(),
    str: sa.Text(),
    date: sa.Date(),
    datetime: UtcDateTime(),
}
