"""What a backup policy says: what can be believed, and nothing of what cannot be (R13)."""

import json
import string
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventory.digitalocean.decode import decode_policies, decode_policy
from inventory.model import BackupPolicy
from tests.faults.documents import policy

SENT = {"plan": "weekly", "weekday": "SUN", "hour": 4, "window_length_hours": 4, "retention_period_days": 28}
READ = BackupPolicy(is_enabled=True, plan="weekly", weekday="SUN", hour=4, window_length_hours=4, retention_days=28)

# What stands in for a number, and says nothing as a retention or as a window.
NO_NUMBER = [0, -1, 2**31 - 1, 10_000_000, 10**30, 1.5, 7.0, "7", True, [], {}, float("inf")]


def read(**changes: object) -> tuple[BackupPolicy, str | None]:
    return decode_policy(json.dumps({"policy": policy(7, backup_policy={**SENT, **changes})}).encode(), 7)


@pytest.mark.parametrize(
    ("name", "attribute", "says_nothing"),
    [
        ("retention_period_days", "retention_days", [*NO_NUMBER, 3_651]),
        ("window_length_hours", "window_length_hours", [*NO_NUMBER, 169]),
        ("hour", "hour", [each for each in NO_NUMBER if each != 0 or each is False] + [24]),
    ],
)
def test_a_number_that_cannot_be_true_is_unknown_and_named(
    name: str, attribute: str, says_nothing: list[object]
) -> None:
    for sent in says_nothing:
        found, doubt = read(**{name: sent})
        assert (getattr(found, attribute), doubt) == (None, f"{name} cannot be true"), sent


def test_what_is_missing_or_null_is_unknown_without_a_word() -> None:
    nothing = BackupPolicy(is_enabled=True)
    assert read(**dict.fromkeys(SENT)) == (nothing, None)
    body = json.dumps({"policy": policy(7, backup_policy={})}).encode()
    assert decode_policy(body, 7) == (nothing, None)


@pytest.mark.parametrize(("least", "most"), [(1, 3_650)])
def test_a_retention_within_ten_years_is_taken(least: int, most: int) -> None:
    assert read(retention_period_days=least)[0].retention_days == least
    assert read(retention_period_days=most) == (replace(READ, retention_days=most), None)


@pytest.mark.parametrize("word", ["WED", "wed", "Wed", "Wednesday", "WEDNESDAY", " wednesday "])
def test_the_english_names_of_days_are_read_without_case(word: str) -> None:
    assert read(weekday=word)[0].weekday == "WED"


@pytest.mark.parametrize("word", ["mittwoch", "we", "wednes", "WEDN", "3"])
def test_other_words_for_a_day_are_kept_as_they_came(word: str) -> None:
    assert read(weekday=word) == (replace(READ, weekday=word), None)


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("Daily", "daily"),
        ("WEEKLY", "weekly"),
        ("Intra_Daily_4H", "intra_daily_4h"),
        ("Gold", "Gold"),
        ("every 4h", "every 4h"),
    ],
)
def test_known_plans_are_read_without_case(sent: str, kept: str) -> None:
    assert read(plan=sent)[0].plan == kept


def test_one_policy_that_says_nothing_leaves_the_others_alone() -> None:
    policies = {"1": policy(1), "2": policy(2, backup_policy={**SENT, "retention_period_days": 0})}
    page = decode_policies(json.dumps({"policies": policies, "meta": {"total": 2}}).encode())
    assert page.values.keys() == {1, 2}
    assert page.doubts == {2: "retention_period_days cannot be true"}
    assert page.malformed == {}


words = st.text(string.printable, max_size=5)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | words,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(words, inner, max_size=2),
)


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(SENT, json_values)))
def test_whatever_is_sent_a_policy_is_read_and_can_be_believed(sent: dict[str, object]) -> None:
    found, _ = decode_policy(json.dumps({"policy": policy(7, backup_policy=sent)}).encode(), 7)
    assert found.is_enabled
    assert found.retention_days is None or 1 <= found.retention_days <= 3_650
    assert found.window_length_hours is None or 1 <= found.window_length_hours <= 168
    assert found.hour is None or 0 <= found.hour <= 23
