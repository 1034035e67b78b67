"""Tables at the widths of terminals: what goes first, and what is always shown whole."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.terminal.console import plain
from inventory.terminal.table import Column, table

COLUMNS = (
    Column("Droplet"),
    Column("backup id", is_figure=True),
    Column("created", goes=1),
    Column("why", may_fold=True, goes=2),
    Column("last seen", goes=2),
)
ROWS = [
    ("web-1.example.com", "178316311", "2026-04-11 12:05Z", "the policy was changed by hand, twice", "5 minutes ago"),
    ("db", "178316312", "2026-04-10 12:05Z", "-", "1 day ago"),
]
WHOLE = """\
Droplet            backup id  created            why                                    last seen
web-1.example.com  178316311  2026-04-11 12:05Z  the policy was changed by hand, twice  5 minutes ago
db                 178316312  2026-04-10 12:05Z  -                                      1 day ago
"""
SCREENS = {
    40: """\
Droplet            backup id
web-1.example.com  178316311
db                 178316312
Left out at 40 columns: created, why,
last seen.
""",
    60: """\
Droplet            backup id  created
web-1.example.com  178316311  2026-04-11 12:05Z
db                 178316312  2026-04-10 12:05Z
Left out at 60 columns: why, last seen.
""",
    80: """\
Droplet            backup id  created            why               last seen
web-1.example.com  178316311  2026-04-11 12:05Z  the policy was    5 minutes ago
                                                 changed by hand,
                                                 twice
db                 178316312  2026-04-10 12:05Z  -                 1 day ago
""",
    120: WHOLE,
    200: WHOLE,
}


@pytest.mark.parametrize("columns", SCREENS)
def test_a_narrow_terminal_does_without_secondary_columns_and_says_which(columns: int) -> None:
    assert plain(table(COLUMNS, ROWS), columns=columns) == SCREENS[columns]


def test_what_stays_is_shown_whole_even_if_it_is_wider_than_the_terminal() -> None:
    name = "a-name-" * 9
    text = plain(table((Column("Droplet"), Column("size", is_figure=True)), [(name, "12 GB")]), columns=40)
    assert text.splitlines()[1] == f"{name}  12 GB"


@given(
    names=st.lists(st.text("abc-.", min_size=1, max_size=70), min_size=1, max_size=4),
    words=st.text("de ", max_size=90),
    columns=st.integers(20, 200),
)
def test_a_name_is_never_broken_nor_left_out(names: list[str], words: str, columns: int) -> None:
    laid_out = (Column("why", may_fold=True, goes=1), Column("Droplet"), Column("what", may_fold=True))
    text = plain(table(laid_out, [(words, name, words) for name in names]), columns=columns)
    shown = text.split()
    assert all(name in shown for name in names)
