import tomllib
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.settings.lines import Keys, lines_of

TEXT = '''\
# [not] a = "table"
a = 1
b.c.d = 2 # [
x = """
[not]
a = "
"""

y = [1, # ]
  "]",
  [2]]
[accounts.a]
token = 'x#['
[accounts."b.c"]
token = """"q""""
droplets = \'\'\'
a = 1\'\'\'
[[exemptions]]
finding = "x"

  [[exemptions]]
finding = "y"
[tail]
k = {m = 1, n = {o = 2}}
last = "\\"["'''


def test_each_key_has_its_line() -> None:
    assert lines_of(TEXT) == {
        ("a",): 2,
        ("b",): 3,
        ("b", "c"): 3,
        ("b", "c", "d"): 3,
        ("x",): 4,
        ("y",): 9,
        ("y", "0"): 9,
        ("y", "1"): 9,
        ("y", "2"): 9,
        ("y", "2", "0"): 9,
        ("accounts",): 12,
        ("accounts", "a"): 12,
        ("accounts", "a", "token"): 13,
        ("accounts", "b.c"): 14,
        ("accounts", "b.c", "token"): 15,
        ("accounts", "b.c", "droplets"): 16,
        ("exemptions",): 18,
        ("exemptions", "0"): 18,
        ("exemptions", "0", "finding"): 19,
        ("exemptions", "1"): 21,
        ("exemptions", "1", "finding"): 22,
        ("tail",): 23,
        ("tail", "k"): 24,
        ("tail", "k", "m"): 24,
        ("tail", "k", "n"): 24,
        ("tail", "k", "n", "o"): 24,
        ("tail", "last"): 25,
    }


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing", "a=1\r\nb=2\r\n", 'a = "\u2028"\nb = 2', "a = 1\n\n\nb = 2"])
def test_ends_of_lines_are_those_of_toml(text: str) -> None:
    expected = {(line[0],): number for number, line in enumerate(text.split("\n"), 1) if line[:1] in {"a", "b"}}
    assert lines_of(text) == expected


def by_hand(text: str) -> dict[Keys, int]:
    """Find the line of each key as slowly as that can be: the one after the longest beginning that lacks it."""
    lines = text.split("\n")
    found: dict[Keys, int] = {}
    last_whole = 0
    for number in range(1, len(lines) + 1):
        try:
            beginning = tomllib.loads("\n".join(lines[:number]))
        except tomllib.TOMLDecodeError:
            continue
        for keys in _paths(beginning, ()):
            found.setdefault(keys, last_whole + 1)
        last_whole = number
    return found


def _paths(value: object, above: Keys) -> Iterator[Keys]:
    if isinstance(value, dict):
        inside = list(value.items())
    else:
        inside = [(str(number), each) for number, each in enumerate(value)] if isinstance(value, list) else []
    for key, below in inside:
        yield (*above, key)
        yield from _paths(below, (*above, key))


VALUES = st.sampled_from(
    ["1", '"a]"', "'[['", '"\\""', '"""\n[a]\nb = "x"\n"""', "'''\n''x'''", "[]", "[1,\n# ]\n2]", "[\n  [1],\n  [2]\n]"]
)
COMMENTS = st.sampled_from(["", " # ]", ' # """', "\n", "\n# [a]\n#"])


@st.composite
def documents(draw: st.DrawFn) -> str:
    text = ""
    for number in range(draw(st.integers(0, 6))):
        header = draw(
            st.sampled_from(["", f"[t{number}]\n", f"[t.u{number}]\n", "[[list]]\n", f"  [ 'x.y{number}' ]\n"])
        )
        text += header
        for key in draw(st.lists(st.sampled_from(["a", "b.c", '"d e"']), unique=True)):
            name = key if header else f"top{number}.{key}"
            text += f"{name} = {draw(VALUES)}{draw(COMMENTS)}\n"
    return text


@given(documents())
def test_lines_are_those_found_the_slow_way(text: str) -> None:
    tomllib.loads(text)
    assert lines_of(text) == by_hand(text)
