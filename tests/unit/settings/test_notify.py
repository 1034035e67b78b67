"""`[[notify]]`: every mistake at once, and no URL is ever shown."""

from pathlib import Path

import pytest

from inventory.errors import ConfigurationError
from inventory.report import settings_text
from inventory.settings.load import load

SECRET = "T0000-not-to-be-shown"


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "inventory.toml"
    path.write_text(text)
    path.chmod(0o600)
    return path


def test_a_channel_is_read_and_its_url_masked(tmp_path: Path) -> None:
    text = f'[[notify]]\nname = "ops"\nurl = "slack://{SECRET}"\non = ["critical"]\naccounts = ["acme-*"]\n'
    settings = load(written(tmp_path, text), {}, needs_token=False)
    (channel,) = settings.notify
    assert (channel.name, channel.on, channel.accounts, channel.allow_private) == (
        "ops",
        ("critical",),
        ("acme-*",),
        False,
    )
    document = settings_text.document(settings, ())
    assert document["settings"]["notify.1"]["value"] == "ops: **********"
    assert SECRET not in str(document) + repr(settings)
    assert f"slack://{SECRET}" in settings.secrets


def test_every_mistake_is_told_at_once_and_no_url(tmp_path: Path) -> None:
    tables = [
        f'name = "a"\nurl = "jsons://host/{SECRET}?Redirect=yes&verify=no"',
        f'name = "b"\nurl = "two://x {SECRET}"',
        'name = "c"',
        'name = "print"\nurl_file = "x"',
        'name = "d"\nurl_file = "x"\nallow_privat = true',
        'name = "e"\nurl_file = "x"\non = ["severe"]',
        'name = "f"\nurl_file = "x"\nquiet = "22:00-07:00 Europe/Berln"',
        'name = "g"\nurl_file = "x"\nquiet = "22:00-24:00 UTC"',
        'name = "h"\nurl_file = "x"\nquiet = "22:00-07:00"',
        'name = "i"\nurl_file = "x"\nquiet = "22:00-07:00 localtime"',
        'name = "j"\nurl_file = "x"\nquiet = "22:00-07:00 +01:00"',
        'name = "k"\nurl_file = "x"\nquiet = "07:00-07:00 UTC"',
        'name = "l"\nurl_file = "x"\ndigest = "Monday 07:00 UTC"',
        'name = "m"\nurl_file = "x"\ndigest = "Mon 07:00 MEZ"',
        'name = "n"\nurl_file = "x"\ndigest = "Mon 07:00 UTC"\ntags = ["prod"]',
        'name = "o"\nurl_file = "x"\non = []',
        'name = "p"\nurl_file = "x"\ngroups = "acme"',
    ]
    with pytest.raises(ConfigurationError) as raised:
        load(written(tmp_path, "".join(f"[[notify]]\n{table}\n" for table in tables)), {}, needs_token=False)
    told = str(raised.value)
    for sentence in (
        "the URL must not set redirect, verify",
        "is not one URL as Apprise has them",
        "needs url_file or url, and not both",
        "choose another name",
        "unknown key; did you mean allow_private?",
        'notify.6.quiet: "Europe/Berln" is no zone of the IANA, such as Europe/Berlin; did you mean Europe/Berlin?',
        'notify.7.quiet: "24:00" is no time of a day',
        'notify.8.quiet: write hours and a zone, such as "22:00-07:00 Europe/Berlin"',
        'notify.9.quiet: "localtime" is no zone',
        'notify.10.quiet: "+01:00" is no zone',
        "notify.11.quiet: begins when it ends",
        'notify.12.digest: "Monday" is none of Mon, Tue, Wed, Thu, Fri, Sat, Sun',
        'notify.13.digest: "MEZ" is no zone of the IANA',
        "notify.14: a digest is of whole accounts; write tags in another channel",
        "notify.5.on.0: input should be 'critical', 'unknown' or 'warning'",
        "notify.15: on names no severity; leave it out for all three",
        'notify.16.groups: must be a list, such as groups = ["a", "b"]',
    ):
        assert sentence in told
    assert "after validation" not in told
    assert SECRET not in told


@pytest.mark.parametrize("url", ["https://backups.example.com", "http://inventory.lan:8080/here/"])
def test_links_begin_with_the_public_url(tmp_path: Path, url: str) -> None:
    settings = load(written(tmp_path, f'public_url = "{url}"\n'), {}, needs_token=False)
    assert settings.public_url == url.rstrip("/")


@pytest.mark.parametrize(
    "url", ["backups.example.com", "https://me:pass@x/", "https://x/?a=b", "https://x/#a", "ftp://x"]
)
def test_what_links_cannot_begin_with_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(ConfigurationError, match="public_url: write https://HOST"):
        load(written(tmp_path, f'public_url = "{url}"\n'), {}, needs_token=False)


@pytest.mark.parametrize(
    ("keys", "severities"),
    [
        ("", ("critical", "unknown", "warning")),
        ('digest = "Mon 07:00 Europe/Berlin"', ()),
        ('on = ["critical"]\ndigest = "Mon 07:00 Europe/Berlin"', ("critical",)),
    ],
)
def test_a_channel_for_digests_is_told_nothing_else_unless_it_says_so(
    tmp_path: Path, keys: str, severities: tuple[str, ...]
) -> None:
    path = written(tmp_path, f'[[notify]]\nname = "x"\nurl_file = "x"\n{keys}\n')
    (channel,) = load(path, {}, needs_token=False).notify
    assert channel.severities == severities
