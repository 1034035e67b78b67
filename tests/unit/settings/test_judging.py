"""How badly findings count, and which somebody knows of, as a file says it."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from inventory.errors import ConfigurationError
from inventory.judging.rules import KINDS, Exemption, Rules
from inventory.settings.load import Settings, load

WHOLE = 'until = 2027-01-31\nreason = "moves with the old shop"\n'
LINE = "WARNING  web-04   missed-backup     Sun 22 Nov 04:00-08:00Z; newest of 14 Nov"


def loaded(directory: Path, text: str) -> Settings:
    path = directory / "x.toml"
    path.write_text(text, encoding="utf-8")
    return load(path, {}, needs_token=False)


def problems(directory: Path, text: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        loaded(directory, text)
    return [line.removeprefix(f"{directory}/") for line in str(caught.value).splitlines()]


def exempted(directory: Path, text: str) -> Exemption:
    (exemption,) = loaded(directory, f"[[exemptions]]\n{text}\n{WHOLE}").exemptions
    return exemption


def test_without_a_word_all_is_judged_by_default(tmp_path: Path) -> None:
    settings = loaded(tmp_path, "")
    assert (settings.rules, settings.exemptions) == (Rules(), ())


def test_severities_are_of_all_of_a_tag_or_of_a_droplet(tmp_path: Path) -> None:
    text = """
        [findings]
        unprotected = "warning"
        sync-overdue = "critical"
        [findings."tag:env:prod"]
        missed-backup = "critical"
        [findings.3164444]
        size-anomaly = "counted"
        missed-backup = "unknown"
    """
    assert loaded(tmp_path, text).rules == Rules(
        everywhere={"unprotected": "warning", "sync-overdue": "critical"},
        by_tag={"env:prod": {"missed-backup": "critical"}},
        by_droplet={3164444: {"size-anomaly": "counted", "missed-backup": "unknown"}},
    )


@pytest.mark.parametrize("name", KINDS)
def test_every_finding_has_a_severity_to_be_written_and_an_exemption(name: str, tmp_path: Path) -> None:
    assert loaded(tmp_path, f'findings.{name} = "critical"').rules.everywhere == {name: "critical"}
    key = "account" if KINDS[name].is_of_account else "droplet"
    assert exempted(tmp_path, f'finding = "{name}"\n{key} = "x"').finding == name


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('finding = "missed-backup"\ndroplet = "old-01"', {"droplet": "old-01"}),
        ('finding = "missed-backup"\ndroplet = 3164444', {"droplet": "3164444"}),
        ('finding = "missed-backup"\ntag = "env:test"', {"tag": "env:test"}),
        ('finding = "missed-backup"\ntag = "tag:test"', {"tag": "test"}),
        (f"finding = '{LINE}'", {"droplet": "web-04"}),
        (f"finding = '''\n{LINE}\n'''", {"droplet": "web-04"}),
        ("finding = 'web-04 missed-backup'", {"droplet": "web-04"}),
        ("finding = 'WARNING missed-backup missed-backup at dawn'", {"droplet": "missed-backup"}),
        ("finding = 'exempt  tag:test  missed-backup  until 2026-01-31, \"known\"'", {"tag": "test"}),
    ],
)
def test_an_exemption_names_a_droplet_or_a_tag(text: str, expected: dict[str, str], tmp_path: Path) -> None:
    assert exempted(tmp_path, text) == Exemption(
        "missed-backup", date(2027, 1, 31), "moves with the old shop", **expected
    )


def test_an_exemption_of_an_account_names_it(tmp_path: Path) -> None:
    written = exempted(tmp_path, 'finding = "sync-held"\naccount = "web"')
    pasted = exempted(tmp_path, "finding = 'UNKNOWN  web  sync-held  since Fri 20 Nov 09:00Z'")
    assert written == pasted == Exemption("sync-held", date(2027, 1, 31), "moves with the old shop", account="web")


def test_all_that_is_wrong_is_told_at_once_each_with_its_line_and_the_nearest_name(tmp_path: Path) -> None:
    text = f"""\
[findings]
missed-bakup = "warning"
unprotected = "warn"
size-anomaly = 3
[findings.missed-backup]
severity = "critical"
[findings.prod]
missed-backup = "critical"
[findings."tag:prod"]
sync-held = "critical"
too-few-backup = "critical"
[[exemptions]]
finding = "missed-backup"
dropet = "x"
{WHOLE}
[[exemptions]]
finding = "mised-backup"
droplet = true
until = "soon"
reason = " "
[[exemptions]]
finding = "missed-backup"
{WHOLE}
[[exemptions]]
finding = "missed-backup"
droplet = "x"
tag = "y"
{WHOLE}
[[exemptions]]
finding = "sync-held"
droplet = "x"
{WHOLE}
[[exemptions]]
finding = '{LINE}'
droplet = "x"
{WHOLE}
[[exemptions]]
finding = '{LINE}'
until = 2027-01-31T04:00:00Z
"""
    needs = "missed-backup needs droplet or tag, and nothing else, to say whose it is"
    assert problems(tmp_path, text) == [
        "x.toml:2: findings.missed-bakup: no finding is called so; did you mean missed-backup?",
        "x.toml:3: findings.unprotected: write critical, unknown, warning or counted, not 'warn'",
        "x.toml:4: findings.size-anomaly: write critical, unknown, warning or counted",
        (
            'x.toml:5: findings.missed-backup: write missed-backup = "SEVERITY" under [findings], or under '
            '[findings."tag:NAME"]'
        ),
        'x.toml:7: findings.prod: is neither the id of a Droplet nor tag:NAME; did you mean "tag:prod"?',
        "x.toml:10: findings.tag:prod.sync-held: concerns an account, not a Droplet; it belongs under [findings]",
        "x.toml:11: findings.tag:prod.too-few-backup: no finding is called so; did you mean too-few-backups?",
        "x.toml:14: exemptions.0.dropet: unknown key; did you mean droplet?",
        "x.toml:19: exemptions.1.finding: no finding is called so; did you mean missed-backup?",
        "x.toml:20: exemptions.1.droplet: input should be a valid string, not True",
        "x.toml:21: exemptions.1.until: write a day, such as 2027-01-31, not 'soon'",
        "x.toml:22: exemptions.1.reason: string should have at least 1 character, not ' '",
        f"x.toml:23: exemptions.2: {needs}",
        f"x.toml:28: exemptions.3: {needs}",
        "x.toml:35: exemptions.4: sync-held needs account, and nothing else, to say whose it is",
        (
            "x.toml:41: exemptions.5: finding holds a whole line, which says whose it is; write no droplet, tag or "
            "account beside"
        ),
        "x.toml:49: exemptions.6.until: write a day, such as 2027-01-31",
        "x.toml:47: exemptions.6.reason: is missing",
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("findings = 3", "x.toml:1: findings: must be a table, [findings]"),
        ("exemptions = 3", "x.toml:1: exemptions: must be tables, each [[exemptions]], not 3"),
        ("exemptions = [3]", "x.toml:1: exemptions.0: must be a table, [[exemptions]], not 3"),
        (
            f"[[exemptions]]\nfinding = 'x'\ndroplet = 'x'\n{WHOLE}",
            (
                "x.toml:2: exemptions.0.finding: no finding is called so; write its name, or its whole line of "
                "inventory check"
            ),
        ),
        ("[exemptions]", "x.toml:1: exemptions: must be tables, each [[exemptions]]"),
    ],
)
def test_what_is_no_table_or_no_finding_is_told(text: str, problem: str, tmp_path: Path) -> None:
    assert problems(tmp_path, text) == [problem]


@pytest.mark.parametrize(
    ("environment", "hours"),
    [
        ({}, None),
        ({"INVENTORY_SCHEDULE": "30"}, 1),
        ({"INVENTORY_SCHEDULE": "17 * * * *"}, 2),
        ({"INVENTORY_SCHEDULE": "17 3 * * sun"}, 170),
    ],
    ids=["nobody said one", "every so many minutes", "every hour", "every week"],
)
def test_a_sync_is_overdue_by_the_schedule_where_one_is_set(environment: dict[str, str], hours: float | None) -> None:
    overdue_after = load(None, environment, needs_token=False).rules.sync_overdue_after
    assert overdue_after == (None if hours is None else timedelta(hours=hours))


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("61 * * * *", "is no cron expression: "),
        ("0 0 31 2 *", "never comes"),
    ],
)
def test_a_schedule_that_means_nothing_is_told_with_its_place(written: str, why: str, tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, f'schedule = "{written}"')
    assert problem.startswith(f'x.toml:1: schedule: "{written}" {why}')
