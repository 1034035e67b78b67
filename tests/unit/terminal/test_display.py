import pytest

from inventory.terminal.display import hide, redactor, shown

TOKEN = "dop_v1_" + "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("web-01 ünïcode 日本 😀", "web-01 ünïcode 日本 😀"),
        ("\x1b[2J", r"\x1b[2J"),
        ("a\r\nb\tc\0", r"a\r\nb\tc\x00"),
        ("\x7f\x9b31m", r"\x7f\x9b31m"),
        ("gpj.\u202eexe", r"gpj.\u202eexe"),
        ("\u2066x\u2069\u061c\u200f", r"\u2066x\u2069\u061c\u200f"),
        ("a\u2028b", r"a\u2028b"),
        ("\udc80", r"\udc80"),
    ],
)
def test_what_steers_a_terminal_is_shown_as_an_escape(text: str, expected: str) -> None:
    assert shown(text) == expected


@pytest.mark.parametrize("prefix", ["dop", "doo", "dor"])
def test_what_looks_like_a_token_is_hidden_without_being_known(prefix: str) -> None:
    token = f"{prefix}_v1_" + "a" * 64
    assert redactor()(f"Bearer {token}, {token}") == "Bearer [token], [token]"


@pytest.mark.parametrize("text", ['p/w"ö', "p%2Fw%22%C3%B6", r"p/w\"\u00f6"], ids=["as it is", "in a URL", "in JSON"])
def test_a_known_secret_is_hidden_in_every_spelling(text: str) -> None:
    assert redactor(['p/w"ö'])(f"<{text}>") == "<[token]>"


def test_the_longest_secret_is_hidden_first_and_an_empty_one_hides_nothing() -> None:
    assert redactor(["", "abc", "abcdef"])("abcdef abc x") == "[token] [token] x"


def test_other_text_is_left_alone() -> None:
    assert redactor(["secret"])("dop_v1_short, a secre t") == "dop_v1_short, a secre t"


def test_what_this_process_keeps_secret_is_hidden_everywhere_but_a_word_is_not() -> None:
    hide(["correct horse battery", "sync"])
    assert redactor()("sync with correct horse battery, correct%20horse%20battery") == "sync with [token], [token]"
