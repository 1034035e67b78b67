import os
from collections.abc import Mapping
from pathlib import Path

import pytest
from pydantic import ValidationError

from inventory.errors import ConfigurationError
from inventory.model import Selection
from inventory.network.access import Token
from inventory.settings.declared import ONLY_IN_A_FILE, VARIABLES, WrittenSettings
from inventory.settings.load import Settings, load

SECRET = "sentinel-secret"
TOKEN = "dop_v1_" + "0123456789abcdef" * 4


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _write(text: str | bytes, name: str = "inventory.toml", mode: int = 0o600) -> Path:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    path.chmod(mode)
    return path


def _load(file: str = "", environ: Mapping[str, str] | None = None, *, needs_token: bool = False) -> Settings:
    if file:
        _write(file)
    return load(environ=environ or {}, needs_token=needs_token)


def _problems(file: str = "", environ: Mapping[str, str] | None = None, *, needs_token: bool = False) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        _load(file, environ, needs_token=needs_token)
    assert caught.value.exit_code == 78
    assert caught.value.__context__ is None
    assert SECRET not in str(caught.value)
    assert TOKEN not in str(caught.value)
    return str(caught.value).splitlines()


# What is in force


def test_nothing_needs_to_be_set_but_a_token(directory: Path) -> None:
    settings = load(environ={"INVENTORY_TOKEN": SECRET})
    (account,) = settings.accounts
    assert (account.name, account.token, account.token_source) == ("default", Token(SECRET), "INVENTORY_TOKEN")
    assert account.droplets == Selection(everything=True)
    assert settings.database_url.get_secret_value() == f"sqlite:///{directory}/inventory.db"
    assert settings.database_source == "the default"
    assert settings.api_url == "https://api.digitalocean.com"
    assert (settings.ca_file, settings.requests_per_second, settings.auto_migrate) == (None, 4, True)
    assert settings.run_deadline_minutes == 55
    assert (settings.config_file, settings.warnings) == (None, ())


def test_environment_wins_over_file_and_file_over_default() -> None:
    settings = _load(
        "requests_per_second = 2\nauto_migrate = false\ndatabase_url = 'a.db'",
        environ={"INVENTORY_REQUESTS_PER_SECOND": "0"},
    )
    assert (settings.requests_per_second, settings.auto_migrate, settings.run_deadline_minutes) == (0, False, 55)
    assert settings.sources["requests_per_second"] == "INVENTORY_REQUESTS_PER_SECOND"
    assert settings.sources["auto_migrate"] == "inventory.toml: auto_migrate"
    assert settings.sources["run_deadline_minutes"] == "the default"
    assert settings.database_source == "inventory.toml: database_url"


@pytest.mark.parametrize("path", ["ca.pem", "~/ca.pem"])
def test_certificates_are_named_by_their_path(directory: Path, path: str) -> None:
    file = _write("certificates", path.replace("~", "home"))
    for settings in (_load(environ={"INVENTORY_CA_FILE": path}), _load(f"ca_file = {path!r}")):
        assert settings.ca_file is not None
        assert settings.ca_file.samefile(file)


def test_an_empty_variable_is_not_set_and_hides_nothing_of_the_file() -> None:
    environ = {"INVENTORY_TOKEN": "", "INVENTORY_DROPLETS": "", "INVENTORY_CONFIG": "", "INVENTORY_CA_FILE": ""}
    settings = _load(f"token = '{SECRET}'\ndroplets = '1'", environ, needs_token=True)
    assert settings.accounts[0].token_source == "inventory.toml: token"
    assert settings.accounts[0].droplets.droplet_ids == {1}


def test_every_setting_but_tables_has_a_variable() -> None:
    assert {*VARIABLES, *ONLY_IN_A_FILE} == set(WrittenSettings.model_fields)
    assert ONLY_IN_A_FILE == ("accounts", "findings", "exemptions", "notify")


def test_settings_are_read_from_nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INVENTORY_HTTP", "off")
    monkeypatch.setenv("HTTP", "off")
    _write("INVENTORY_HTTP=off\nHTTP=off", ".env")
    assert WrittenSettings().http == _load(environ={"HTTP": "off", "inventory_http": "off"}).http == "127.0.0.1:8080"


def test_settings_cannot_be_changed() -> None:
    settings = _load()
    with pytest.raises(ValidationError, match="frozen"):
        settings.schedule = 5.0  # type: ignore[misc]  # as told


def test_host_names_are_read_from_a_text_or_a_list() -> None:
    expected = ("inventory.example", "db-1")
    assert _load(environ={"INVENTORY_HTTP_HOSTS": "Inventory.example, db-1,"}).http_hosts == expected
    assert _load("http_hosts = ['inventory.example', ' DB-1']").http_hosts == expected
    assert _load("http_hosts = ''").http_hosts == ()


def test_thousands_of_accounts_are_read(directory: Path) -> None:
    """By 2,000 accounts, what grows with their square takes longer than a test may."""
    file = "".join(f"[accounts.customer-{n}]\ntoken = 'token-of-{n}'\ndroplets = 'tag:{n}'\n" for n in range(2_000))
    settings = _load(file, needs_token=True)
    assert len(settings.accounts) == 2_000
    assert settings.accounts[-1].droplets_source == "inventory.toml: accounts.customer-1999.droplets"
    assert _problems(f"{file}tokn = 'x'\n") == [
        "inventory.toml:6001: accounts.customer-1999.tokn: unknown key; did you mean token?"
    ]


def test_no_representation_shows_a_secret() -> None:
    settings = load(environ={"INVENTORY_TOKEN": SECRET, "INVENTORY_DATABASE_URL": f"postgres://u:{SECRET}@h/d"})
    assert SECRET not in repr(settings) + str(settings) + repr(settings.accounts)


# Which file


def test_the_first_file_found_is_read_and_what_is_named_comes_before(directory: Path) -> None:
    def deadline(named: str | None = None, **environ: str) -> float:
        return load(Path(named) if named else None, environ, needs_token=False).run_deadline_minutes

    _write("run_deadline_minutes = 1", "home/.config/inventory/inventory.toml")
    assert deadline() == 1
    _write("run_deadline_minutes = 2")
    assert deadline() == 2
    _write("run_deadline_minutes = 3", "c.toml")
    assert deadline(INVENTORY_CONFIG="c.toml") == 3
    _write("run_deadline_minutes = 4", "d.toml")
    assert deadline("d.toml", INVENTORY_CONFIG="c.toml") == 4


def test_a_named_file_must_exist() -> None:
    assert _problems(environ={"INVENTORY_CONFIG": "/nowhere.toml"}) == [
        f"/nowhere.toml: no such file or directory (running as uid {os.getuid()})"
    ]


# Accounts and tokens


@pytest.mark.parametrize(
    ("file", "environ", "expected", "source"),
    [
        ("", {"INVENTORY_TOKEN_FILE": "secret", "INVENTORY_TOKEN": "b"}, "from-file", "secret"),
        ("token = 'c'", {"INVENTORY_TOKEN": "b", "DIGITALOCEAN_TOKEN": "d"}, "b", "INVENTORY_TOKEN"),
        ("token_file = 'secret'", {"INVENTORY_TOKEN": "b"}, "b", "INVENTORY_TOKEN"),
        ("token = 'c'\ntoken_file = 'secret'", {}, "from-file", "secret"),
        ("token = 'c'", {"DIGITALOCEAN_ACCESS_TOKEN": "d"}, "c", "inventory.toml: token"),
        ("", {"DIGITALOCEAN_ACCESS_TOKEN": "d", "DIGITALOCEAN_TOKEN": "e"}, "d", "DIGITALOCEAN_ACCESS_TOKEN"),
        ("", {"DIGITALOCEAN_ACCESS_TOKEN": "", "DIGITALOCEAN_TOKEN": "e"}, "e", "DIGITALOCEAN_TOKEN"),
        ("", {"INVENTORY_TOKEN": "b\r\n"}, "b", "INVENTORY_TOKEN"),
    ],
)
def test_the_token_comes_from_the_first_source(file: str, environ: dict[str, str], expected: str, source: str) -> None:
    _write("from-file\r\n", "secret")
    (account,) = _load(file, environ, needs_token=True).accounts
    assert (account.token, account.token_source) == (Token(expected), source)


def test_tables_are_accounts_beside_the_one_of_the_environment() -> None:
    file = "[accounts.web]\ntoken = 'a'\ndroplets = 'tag:web'\n[accounts.db]\ntoken = 'b'\ndroplets = [1, 'tag:db']\n"
    accounts = _load(file, needs_token=True, environ={"INVENTORY_TOKEN": "c", "INVENTORY_DROPLETS": "5"}).accounts
    assert [(account.name, account.token) for account in accounts] == [
        ("default", Token("c")), ("web", Token("a")), ("db", Token("b")),
    ]  # fmt: skip
    assert accounts[0].droplets.droplet_ids == {5}
    assert accounts[1].droplets == Selection(everything=False, tags=frozenset({"web"}))
    assert accounts[2].droplets == Selection(everything=False, droplet_ids=frozenset({1}), tags=frozenset({"db"}))


def test_the_variables_of_other_tools_are_passed_over_where_the_file_names_accounts() -> None:
    (account,) = _load(
        "[accounts.web]\ntoken = 'a'", needs_token=True, environ={"DIGITALOCEAN_TOKEN": "other"}
    ).accounts
    assert account.name == "web"


def test_without_need_tokens_are_neither_asked_for_nor_read() -> None:
    assert _load().accounts == ()
    (account,) = _load(environ={"INVENTORY_TOKEN_FILE": "/nowhere"}).accounts
    assert (account.token, account.token_source) == (None, "/nowhere")


def test_a_token_file_is_read_again_unless_it_holds_none() -> None:
    path = _write("first", "secret")
    (account,) = _load(environ={"INVENTORY_TOKEN_FILE": "secret"}, needs_token=True).accounts
    assert account.reread() == account
    _write("second\n", "secret")
    assert account.reread().token == Token("second")
    for wrong in ("", "two\nlines", "a blank"):
        _write(wrong, "secret")
        with pytest.raises(ValueError, match=r"empty|lines|characters"):
            account.reread()
    path.unlink()
    with pytest.raises(ValueError, match="no such file"):
        account.reread()


def test_a_token_without_a_file_stays_as_it_was() -> None:
    (account,) = _load(environ={"INVENTORY_TOKEN": "a"}, needs_token=True).accounts
    assert account.reread() is account


@pytest.mark.parametrize(
    ("file", "environ", "expected", "source"),
    [
        ("", {}, None, "the default"),
        ("ping_url = 'https://h/c'", {}, "https://h/c", "inventory.toml: ping_url"),
        ("ping_url = 'https://h/c'", {"INVENTORY_PING_URL": "https://h/b"}, "https://h/b", "INVENTORY_PING_URL"),
        ("ping_url_file = 'secret'", {"INVENTORY_PING_URL": "https://h/b"}, "https://h/b", "INVENTORY_PING_URL"),
        ("ping_url = 'https://h/c'\nping_url_file = 'secret'", {}, "https://h/file", "secret"),
        ("ping_url = 'https://h/c'", {"INVENTORY_PING_URL_FILE": "secret"}, "https://h/file", "secret"),
    ],
)
def test_the_ping_url_is_a_secret_that_can_stand_in_a_file(
    file: str, environ: dict[str, str], expected: str | None, source: str
) -> None:
    _write("https://h/file\n", "secret")
    settings = _load(file, {"INVENTORY_TOKEN": "a", **environ}, needs_token=True)
    assert (settings.ping_url and settings.ping_url.get_secret_value(), settings.sources["ping_url"]) == (
        expected,
        source,
    )
    assert settings.secrets == (("a", expected) if expected else ("a",))


def test_who_needs_no_token_does_not_read_the_ping_url_either() -> None:
    assert _load(environ={"INVENTORY_PING_URL_FILE": "/nowhere"}).ping_url is None


def test_a_missing_token_is_told() -> None:
    (problem,) = _problems(needs_token=True)
    assert problem.startswith("no API token: set INVENTORY_TOKEN_FILE or INVENTORY_TOKEN")


def test_a_missing_token_that_follows_from_another_problem_is_not() -> None:
    (problem,) = _problems(f"tokn = '{SECRET}'", needs_token=True)
    assert "did you mean token?" in problem


# Secret files


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "secret: is empty"),
        (b"\n", "secret: is empty"),
        (SECRET.encode() + b"\nsecond\n", "secret: holds 2 lines; a secret is one line"),
        (SECRET.encode() + b"\n\nthird", "secret: holds 3 lines"),
        (SECRET.encode() + b"\xff", "secret: is not text in UTF-8"),
        (SECRET.encode() * 400, "secret: is larger than 4 kB"),
        (SECRET.encode() + b" ", "secret: the API token contains characters that cannot be part of a token"),
        (SECRET.encode() + b"\0", "secret: the API token contains characters"),
        (SECRET.encode() + "\u2026".encode(), "secret: the API token contains characters"),
    ],
)
def test_a_secret_file_that_holds_something_else_is_refused(content: bytes, expected: str) -> None:
    _write(content, "secret")
    (problem,) = _problems(needs_token=True, environ={"INVENTORY_TOKEN_FILE": "secret"})
    assert problem.startswith(expected)


def test_what_is_no_file_is_refused_without_waiting(directory: Path) -> None:
    os.mkfifo("pipe")
    for path, kind in (("pipe", "a pipe"), (str(directory), "a directory"), ("/dev/zero", "a device")):
        assert _problems(needs_token=True, environ={"INVENTORY_TOKEN_FILE": path}) == [f"{path}: is {kind}, not a file"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_secret_file_that_may_not_be_read_names_the_user() -> None:
    _write(SECRET, "secret", 0o000)
    assert _problems(needs_token=True, environ={"INVENTORY_TOKEN_FILE": "secret"}) == [
        f"secret: permission denied (running as uid {os.getuid()})"
    ]


@pytest.mark.parametrize(("mode", "is_warned"), [(0o600, False), (0o640, False), (0o644, True), (0o602, True)])
def test_a_file_with_a_secret_that_everybody_can_read_is_warned_of(mode: int, *, is_warned: bool) -> None:
    _write(SECRET, "secret", mode)
    _write(f"[accounts.a]\ntoken = '{SECRET}'", "a.toml", mode)
    _write(f"database_url = 'postgres://u:{SECRET}@h/d'", "b.toml", mode)
    _write("auto_migrate = true", "c.toml", mode)

    def warned(**environ: str) -> bool:
        warnings = load(environ=environ, needs_token="INVENTORY_TOKEN_FILE" in environ).warnings
        return any(f"mode {mode:04o}" in warning for warning in warnings)

    assert warned(INVENTORY_TOKEN_FILE="secret") is is_warned
    assert warned(INVENTORY_CONFIG="a.toml") is is_warned
    assert warned(INVENTORY_CONFIG="b.toml") is is_warned
    assert not warned(INVENTORY_CONFIG="c.toml")


def test_the_database_url_can_stand_in_a_file() -> None:
    _write(f"postgres://u:{SECRET}@h/d\n", "secret")
    settings = _load(
        "database_url = 'a.db'", environ={"INVENTORY_DATABASE_URL_FILE": "secret", "INVENTORY_DATABASE_URL": "b.db"}
    )
    assert settings.database_url.get_secret_value() == f"postgresql+psycopg://u:{SECRET}@h/d"
    assert settings.database_source == "secret"


# Every problem, one sentence


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("DATABSE_URL", SECRET, "unknown variable; did you mean INVENTORY_DATABASE_URL?"),
        ("CONFG", "x", "unknown variable; did you mean INVENTORY_CONFIG?"),
        ("DB_URL", "x", "unknown variable; did you mean INVENTORY_DATABASE_URL?"),
        ("API_TOKEN", SECRET, "unknown variable; did you mean INVENTORY_TOKEN?"),
        ("XYZZY", "x", "unknown variable"),
        ("ACCOUNTS", "{}", "unknown variable"),
        ("HTTP_HOSTS", "db-1, *.example", "write the name of a host, not '*.example'"),
        ("HTTP_HOSTS", "host:80", "write the name of a host"),
        ("HTTP_HOSTS", "-x", "write the name of a host"),
        ("REQUESTS_PER_SECOND", "-1", "input should be greater than or equal to 0, not '-1'"),
        ("REQUESTS_PER_SECOND", "nan", "input should be a finite number, not 'nan'"),
        ("REQUESTS_PER_SECOND", "inf", "input should be a finite number"),
        ("RUN_DEADLINE_MINUTES", "0", "input should be greater than 0, not '0'"),
        ("RUN_DEADLINE_MINUTES", "nan", "input should be a finite number"),
        ("RUN_DEADLINE_MINUTES", "soon", "input should be a valid number"),
        ("AUTO_MIGRATE", "maybe", "input should be a valid boolean"),
        ("TOKEN", f"{SECRET} x", "the API token contains characters that cannot be part of a token; check where"),
        ("TOKEN", f"{SECRET}\nx", "the API token contains characters"),
        ("TOKEN", f"{SECRET}\r\nx", "the API token contains characters"),
        ("TOKEN", f"{SECRET}\u2026", "the API token contains characters"),
        ("TOKEN", " ", "the API token contains characters"),
        ("TOKEN", "\n", "the token is empty"),
        ("TOKEN_FILE", f"https://{SECRET}", "is not the path of a file"),
        ("DROPLETS", "1,2,01", "Droplet 1 named more than once"),
        ("DROPLETS", "web-01, 0", '"web-01" is neither an id nor tag:NAME; "0" is neither an id nor tag:NAME'),
        ("DROPLETS", str(2**63), f'"{2**63}" is neither an id'),
        ("DROPLETS", "9" * 5000, '"999'),
        ("DROPLETS", "tag:a b", '"tag:a b" is not a tag'),
        ("DROPLETS", TOKEN, '"[token]" is neither an id'),
        ("DROPLETS", "all,1", '"all" already means every Droplet'),
        ("DROPLETS", " , ", "names no Droplet"),
        ("DATABASE_URL", f"mysql://u:{SECRET}@h/d", "mysql is not supported"),
        ("DATABASE_URL", "file:x.db", "file is not supported"),
        ("DATABASE_URL", "sqlite://", "a database in memory keeps no history"),
        ("DATABASE_URL", ":memory:", "a database in memory"),
        ("DATABASE_URL", "sqlite://a.db", "write sqlite:///PATH"),
        ("DATABASE_URL", "sqlite:///a.db?mode=ro", "write sqlite:///PATH"),
        ("DATABASE_URL", f"postgres://u:{SECRET}@h", "the database URL names no database"),
        ("DATABASE_URL", f"postgres://u:{SECRET}@h:x/d", "the database URL cannot be read"),
        ("DATABASE_URL", f"postgres://h/d?password={SECRET}", "the password belongs before the @"),
        ("DATABASE_URL", "a\x1bb.db", "the database URL contains control characters"),
        ("DATABASE_URL", "\n", "the database URL is empty"),
        ("DATABASE_URL_FILE", f"postgres://u:{SECRET}@h/d", "is not the path of a file"),
        ("API_URL", "http://api.digitalocean.com", "the API base URL must be https"),
        ("API_URL", "http://169.254.169.254", "the API base URL must be https"),
        ("API_URL", "https://169.254.169.254", "the API base URL names no host"),
        ("API_URL", "https://", "the API base URL cannot be read"),
        ("API_URL", "file:///etc/passwd", "the API base URL must be https"),
        ("API_URL", f"https://u:{SECRET}@h", "the API base URL must not contain a user name"),
        ("API_URL", "https://h/v2", "the API base URL must end after the host"),
        ("API_URL", "https://h?x", "the API base URL must end after the host"),
        ("API_URL", "https://h:x", "the API base URL cannot be read"),
        ("API_URL", "https://h\n", "the API base URL contains characters"),
        ("CA_FILE", "/nowhere.pem", "path does not point to a file, not '/nowhere.pem'"),
    ],
)
def test_a_wrong_variable_is_told_by_name_and_without_secrets(name: str, value: str, expected: str) -> None:
    (problem,) = _problems(environ={f"INVENTORY_{name}": value})
    assert problem.startswith(f"INVENTORY_{name}: {expected}")


def test_a_wrong_variable_of_other_tools_is_told_by_its_name() -> None:
    (problem,) = _problems(environ={"DIGITALOCEAN_TOKEN": f"{SECRET} x"})
    assert problem.startswith("DIGITALOCEAN_TOKEN: the API token contains characters")


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("a = ", ":1: is not TOML: invalid value"),
        ("[accounts.a]\ntoken = 'x'\n[accounts.a]", ":3: is not TOML: cannot declare"),
        ("\na = [\n", ":2: is not TOML"),
        ("#" * 1_048_577, ": is larger than 1024 kB"),
        ("a = " + "[" * 20_000, ": is nested too deeply"),
        ("\ninterval = 1", ":2: interval: unknown key"),
        ("\nrequest_per_second = 2", ":2: request_per_second: unknown key; did you mean requests_per_second?"),
        ("[accounts.a]\ntoken='x'\ntoken_fil = 'y'", ":3: accounts.a.token_fil: unknown key; did you mean token_file?"),
        ("[accounts.a]\ntoken='x'\nca_file = 'y'", ":3: accounts.a.ca_file: is no key of an account; it belongs above"),
        ("[acounts.a]\ntoken='x'", ":1: acounts: unknown key; did you mean accounts?"),
        ('"\\u001b[2J\\n" = 1', r":1: \x1b[2J\n: unknown key"),
        ("requests_per_second = -1", ":1: requests_per_second: input should be greater than or equal to 0, not -1"),
        ("ping_url = 'http://h/sentinel-secret'", ":1: ping_url: the ping URL must be https"),
        ("schedule = 'hourly'", ":1: schedule: is neither a number of minutes nor a cron expression"),
        ("http = 'on'", ":1: http: write ADDRESS:PORT"),
        ("run_deadline_minutes = nan", ":1: run_deadline_minutes: input should be a finite number"),
        ("token = ''", ":1: token: the token is empty"),
        (f"token = ['{SECRET}']", ":1: token: input should be a valid string"),
        ("token_file = ''", ":1: token_file: is not the path of a file"),
        ("token_file = 3", ":1: token_file: is not the path of a file"),
        ('token_file = "a\\u0000b"', ":1: token_file: is not the path of a file"),
        (f"token_file = '{TOKEN}'", ":1: token_file: looks like the secret itself; name the file that holds it"),
        (f"token_file = '{'Zx9' * 8}'", ":1: token_file: looks like the secret itself; name the file that holds it"),
        (f"ping_url_file = '{'Zx9' * 8}'", ":1: ping_url_file: looks like the secret itself; name the file"),
        ("database_url = 'postgresql://u:hunter@2@h/d'", ":1: database_url: the database URL holds more than one @"),
        ("database_url = 'postgresql://u:hunt/er@2@h/d'", ":1: database_url: the database URL holds more than one @"),
        (f"token_file = '{'a' * 256}/x'", ":1: token_file: is not the path of a file"),
        ("requests_per_second = 1e-9", ":1: requests_per_second: must be 0, or at least 0.001"),
        ("accounts = 3", ":1: accounts: must be tables, each [accounts.NAME]"),
        ("[[accounts]]\ntoken = 'x'", ":1: accounts: must be tables, each [accounts.NAME]"),
        ("[accounts]\na = 3", ":2: accounts.a: must be a table, [accounts.NAME]"),
        ("[accounts.a]\ndroplets = 'all'", ":1: accounts.a: has neither token_file nor token"),
        ("[accounts.'a b']\ntoken = 'x'", ":1: accounts.a b: a name has 1 to 64 letters"),
        ("\ndroplets = [1,\n 'tag:a', 'tag:a']", ":2: droplets: tag:a named more than once"),
        ("droplets = []", ":1: droplets: names no Droplet"),
        ("droplets = [true]", ":1: droplets: write all, or ids and tag:NAME"),
        ("database_url = ''", ":1: database_url: the database URL is empty"),
        ("db_url = 'x'", ":1: db_url: unknown key; did you mean database_url?"),
        ("TOKEN = 'x'", ":1: TOKEN: unknown key"),
        ("http_hosts = [\n 'a b']", ":1: http_hosts.0: write the name of a host, not 'a b'"),
        ("http_hosts = 3", ":1: http_hosts: input should be a valid tuple, not 3"),
        ("api_url = 3", ":1: api_url: input should be a valid string, not 3"),
        ("ca_file = 3", ":1: ca_file: is not the path of a file"),
        (f"[accounts]\na = '{SECRET}'", ":2: accounts.a: must be a table, [accounts.NAME]"),
        (f"accounts = '{SECRET}'", ":1: accounts: must be tables, each [accounts.NAME]"),
        (f"droplet_metrics = '{SECRET * 8}'", ":1: droplet_metrics: input should be a valid integer"),
    ],
)
def test_a_wrong_key_is_told_by_file_and_line_and_without_secrets(file: str, expected: str) -> None:
    (problem,) = _problems(file)
    assert problem.startswith(f"inventory.toml{expected}")
    assert not any(secret in problem for secret in (SECRET, TOKEN, "Zx9", "hunt", "er@2"))


@pytest.mark.parametrize(
    ("file", "environ", "expected"),
    [
        (
            "[accounts.default]\ntoken = 'x'",
            {"INVENTORY_TOKEN": "y"},
            "inventory.toml:1: accounts.default: INVENTORY_TOKEN already speaks of the account default",
        ),
        (
            f"token = '{SECRET}'\n[accounts.a]\ntoken = '{SECRET}'",
            {},
            "accounts default and a have the same token (inventory.toml: token and inventory.toml: accounts.a.token)",
        ),
        (
            "[accounts.a]\ntoken = 'x'",
            {"INVENTORY_DROPLETS": "1"},
            "INVENTORY_DROPLETS: speaks of the account default, which has no token; write droplets in [accounts.NAME]",
        ),
    ],
)
def test_accounts_that_contradict_each_other_are_told(file: str, environ: dict[str, str], expected: str) -> None:
    _write(file)
    with pytest.raises(ConfigurationError) as caught:
        load(environ=environ)
    assert str(caught.value) == expected


def test_what_is_wrong_with_one_list_hides_nothing_else() -> None:
    assert [
        problem.split(": ")[0]
        for problem in _problems(
            f"[accounts.a]\ntoken = '{SECRET}'\n[accounts.b]\ntoken = '{SECRET}'\n[accounts.c]\n",
            {"INVENTORY_DROPLETS": '["a"', "INVENTORY_HTTP_HOSTS": '["a"', "INVENTORY_HTTP": "on"},
            needs_token=True,
        )
    ] == [
        "INVENTORY_DROPLETS",
        "INVENTORY_HTTP",
        "INVENTORY_HTTP_HOSTS",
        "inventory.toml:5",
        "accounts a and b have the same token (inventory.toml",
    ]


def test_what_stands_in_a_secret_file_is_told_with_its_path_and_what_names_it_wrongly_with_its_own() -> None:
    _write(f"mysql://u:{SECRET}@h/d", "url")
    _write("http://h/x", "ping")
    assert _problems(
        "token_file = ''\n[accounts.a]\ntoken_file = 3\n",
        {"INVENTORY_DATABASE_URL_FILE": "url", "INVENTORY_PING_URL_FILE": "ping"},
        needs_token=True,
    ) == [
        "inventory.toml:1: token_file: is not the path of a file",
        "url: mysql is not supported; write a path, sqlite:PATH or postgresql://USER@HOST/NAME",
        "ping: the ping URL must be https (http for this machine's own addresses only)",
        "inventory.toml:3: accounts.a.token_file: is not the path of a file",
    ]


def test_the_secrets_of_a_farther_source_are_passed_over_as_a_pair() -> None:
    settings = _load(
        "token_file = '/nowhere'\ndatabase_url_file = '/nowhere'\nping_url_file = 3\n",
        {"INVENTORY_TOKEN": "a", "INVENTORY_DATABASE_URL": "b.db", "INVENTORY_PING_URL": "https://h/c"},
        needs_token=True,
    )
    (account,) = settings.accounts
    assert (account.token, account.token_file, account.token_source) == (Token("a"), None, "INVENTORY_TOKEN")
    assert settings.database_source == "INVENTORY_DATABASE_URL"
    assert settings.sources["ping_url"] == "INVENTORY_PING_URL"


def test_all_problems_are_told_at_once() -> None:
    problems = _problems(
        f"requests_per_second = -1\ntoken_file = '/nowhere'\n[accounts.a]\ntoken = '{SECRET} {SECRET}'\nx = 1\n",
        needs_token=True,
        environ={
            "INVENTORY_API_URL": "http://h",
            "INVENTORY_TOKEM": "x",
            "INVENTORY_DATABASE_URL_FILE": "/nowhere.url",
        },
    )
    assert sorted(problem.split(": ")[0] for problem in problems) == [
        "/nowhere", "/nowhere.url", "INVENTORY_API_URL", "INVENTORY_TOKEM",
        "inventory.toml:1", "inventory.toml:4", "inventory.toml:5",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "variable",
    ["INVENTORY_SERVICE_HOST", "INVENTORY_PORT", "INVENTORY_PORT_80_TCP_ADDR", "INVENTORY_DB_SERVICE_PORT_HTTP"],
)
def test_what_kubernetes_sets_for_a_service_of_our_name_is_not_taken_for_a_mistake(variable: str) -> None:
    assert _load(environ={variable: "10.0.0.1"}).accounts == ()
