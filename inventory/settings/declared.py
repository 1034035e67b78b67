"""Every setting, declared once: name, type, default and description. Help, sample and checks are made from it.

`INVENTORY_` and the name in capitals is its variable; those of ONLY_IN_A_FILE have none.
"""

from collections import Counter
from datetime import date
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    FilePath,
    PlainValidator,
    Secret,
    StringConstraints,
    TypeAdapter,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from inventory.judging.rules import KINDS, Exemption, Rules, Severity
from inventory.model import Selection
from inventory.network.access import DIGITALOCEAN, Origin, Token
from inventory.notifying.hours import DigestTime, Quiet
from inventory.settings import formats, hours, judging

DatabaseUrl = Secret[Annotated[str, AfterValidator(formats.read_database_url)]]
NotifyUrl = Secret[Annotated[str, AfterValidator(formats.read_notify_url)]]
PingUrl = Secret[Annotated[str, AfterValidator(formats.read_ping_url)]]
Droplets = Annotated[Selection, PlainValidator(formats.read_selection)]
SecretPath = Annotated[str, BeforeValidator(formats.read_secret_path)]
Certificates = Annotated[FilePath, BeforeValidator(formats.read_path)]
Findings = Annotated[Rules, PlainValidator(judging.read_findings)]
Schedule = Annotated[float | str, PlainValidator(formats.read_schedule)]
ListenAddress = Annotated[str, AfterValidator(formats.read_listen_address)]
HostName = Annotated[
    str,
    StringConstraints(strip_whitespace=True, to_lower=True, pattern="^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$"),
]
AccountName = Annotated[str, StringConstraints(pattern="^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
NAME_RULE = "a name has 1 to 64 letters, digits, dots, dashes and underscores, and begins with a letter or digit"


class _Declared(BaseModel):
    # Only WrittenSettings is ever validated; to build a schema for each of its parts would slow down every start.
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, defer_build=True)


class AccountTable(_Declared):
    """One account. The top level of the file, and the environment, speak of the one named `default`."""

    token: Token | None = Field(
        default=None,
        examples=["dop_v1_..."],
        description="API token; needs only the scope droplet:read, with what DigitalOcean adds to it. Of several "
        "accounts, write each in a table [accounts.NAME].",
    )
    token_file: SecretPath | None = Field(
        default=None,
        examples=["/etc/inventory/token"],
        description="File that holds the token alone, on one line; better than token, and wins over it.",
    )
    droplets: Droplets = Field(
        default="all",
        validate_default=True,
        description="Which Droplets: all, or ids and tag:NAME separated by commas (in a file also a list).",
    )
    group: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)] | None = Field(
        default=None,
        examples=["acme"],
        description="Whose the account is, such as a client who has several.",
    )


def _with_a_token(table: AccountTable) -> AccountTable:
    if table.token is None and table.token_file is None:
        raise ValueError("has neither token_file nor token")
    return table


class ExemptionTable(_Declared):
    """One finding that somebody knows of, until a day."""

    finding: Annotated[str, AfterValidator(judging.read_finding)] = Field(
        description="Its name, or its whole line as inventory check prints it, which also says whose it is."
    )
    droplet: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)] | None = Field(
        default=None, coerce_numbers_to_str=True, description="Name or id of the Droplet."
    )
    tag: Annotated[str, AfterValidator(judging.read_tag)] | None = Field(
        default=None, description="Or a tag: all Droplets that have it."
    )
    account: str | None = Field(default=None, description="Or the account, where the finding concerns no Droplet.")
    until: date = Field(description="The last day it holds, UTC.")
    reason: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)] = Field(
        description="Why, for whoever reads it later."
    )

    _split_line = model_validator(mode="before")(judging.split_line)

    @model_validator(mode="after")
    def _names_one_subject(self) -> Self:
        is_of_account = KINDS[self.finding].is_of_account
        wanted, named = ("account", [self.account]) if is_of_account else ("droplet or tag", [self.droplet, self.tag])
        given = [each for each in (self.droplet, self.tag, self.account) if each is not None]
        if len(given) != 1 or given[0] not in named:
            raise ValueError(f"{self.finding} needs {wanted}, and nothing else, to say whose it is")
        return self

    def exemption(self) -> Exemption:
        """Give the value that judges."""
        return Exemption(**self.model_dump())


PRINTED = "print"
"""The name under which is stored what `inventory notify --print` printed."""


class NotifyTable(_Declared):
    """One channel that is told what is new, worse or solved."""

    name: AccountName = Field(description="What it is called; a renamed one is a new one.")
    url: NotifyUrl | None = Field(default=None, description="Where messages go, as Apprise writes it; a secret.")
    url_file: SecretPath | None = Field(
        default=None, description="File that holds the URL alone, on one line, read when it is used; in place of url."
    )
    on: tuple[Literal["critical", "unknown", "warning"], ...] | None = Field(
        default=None, description="Severities that are told; all three if not given, but none beside a digest."
    )
    accounts: tuple[str, ...] = Field(default=(), description="Patterns of account names, such as acme-*; all if none.")
    groups: tuple[str, ...] = Field(default=(), description="Patterns of groups of accounts; all accounts if none.")
    tags: tuple[str, ...] = Field(default=(), description="Patterns of tags of Droplets; all Droplets if none.")
    quiet: Annotated[Quiet, PlainValidator(hours.read_quiet)] | None = Field(
        default=None, description='Hours that only critical and unknown may disturb, as "22:00-07:00 Europe/Berlin".'
    )
    digest: Annotated[DigestTime, PlainValidator(hours.read_digest)] | None = Field(
        default=None, description='When a summary is sent, also when all is well, as "Mon 07:00 Europe/Berlin".'
    )
    allow_private: bool = Field(
        default=False, description="Whether addresses of private networks are allowed, and http to this machine."
    )

    @property
    def severities(self) -> tuple[Severity, ...]:
        """Those that are told of, each when it comes."""
        return self.on if self.on is not None else () if self.digest else ("critical", "unknown", "warning")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if (self.url is None) == (self.url_file is None):
            raise ValueError("needs url_file or url, and not both")
        if self.on == ():
            raise ValueError("on names no severity; leave it out for all three")
        if self.name == PRINTED:
            raise ValueError(f'"{PRINTED}" is what inventory notify --print is called; choose another name')
        if self.digest and self.tags:
            raise ValueError("a digest is of whole accounts; write tags in another channel")
        return self


def _with_names_of_their_own(tables: tuple[NotifyTable, ...]) -> tuple[NotifyTable, ...]:
    number = Counter(each.name for each in tables)
    if twice := sorted(name for name, times in number.items() if times > 1):
        raise ValueError(f"several are called {', '.join(twice)}")
    return tables


class Behaviour(_Declared):
    """Settings that are used as they are written."""

    api_url: Origin = Field(
        default=DIGITALOCEAN,
        description="Where the API is, and the only place that gets the token; http for this machine only.",
    )
    ca_file: Certificates | None = Field(
        default=None,
        examples=["/etc/ssl/certs/proxy.pem"],
        description="Certificates (PEM) to trust in place of the usual ones, behind an inspecting proxy.",
    )
    requests_per_second: Annotated[float, AfterValidator(formats.check_rate)] = Field(
        default=4,
        validate_default=True,
        ge=0,
        le=1_000,
        allow_inf_nan=False,
        description="How fast the API is asked, in requests a second; 0 = no limit but DigitalOcean's own.",
    )
    accounts_at_once: int = Field(
        default=8,
        ge=1,
        le=256,
        description="How many accounts are synced at the same time; each goes by the limits of its own token.",
    )
    auto_migrate: bool = Field(
        default=True, description="Whether sync may upgrade the database by itself; else: inventory db upgrade."
    )
    run_deadline_minutes: float = Field(
        default=55,
        validate_default=True,
        gt=0,
        le=10_080,
        allow_inf_nan=False,
        description="After how many minutes a run stops as partial; the next goes on where it stopped.",
    )
    schedule: Schedule = Field(
        default=60.0,
        description='When syncs are due: every so many minutes, or a cron expression in UTC such as "17 * * * *". The '
        "daemon goes by it; where cron starts them, it says when one is overdue.",
    )
    http: ListenAddress = Field(
        default="127.0.0.1:8080",
        description='Where the daemon answers /livez, /readyz and /metrics: ADDRESS:PORT, or "off".',
    )
    http_hosts: Annotated[tuple[HostName, ...], BeforeValidator(formats.separate)] = Field(
        default=(),
        description="Names by which others may ask the daemon, beside those of this machine; anyone else is refused.",
    )
    pages: Literal["loopback", "on", "off"] = Field(
        default="loopback",
        description="Whether the daemon serves pages for a browser at http: only where that is a loopback address, or "
        '"on" for any, behind a proxy that lets people in, or "off".',
    )
    public_url: Annotated[str, AfterValidator(formats.read_public_url)] | None = Field(
        default=None,
        examples=["https://backups.example.com"],
        description="Where people reach the pages; messages to channels then link to them.",
    )
    droplet_metrics: int = Field(
        default=200,
        ge=0,
        le=10_000,
        description="How many Droplets, those with the oldest newest backup first, have a metric each, and how many "
        "findings on Droplets, the worst first; 0 = none.",
    )
    account_metrics: int = Field(
        default=500,
        ge=0,
        le=10_000,
        description="How many accounts, those with the worst findings first, have metrics each; 0 = none.",
    )


class WrittenSettings(Behaviour, AccountTable, BaseSettings):
    """All that the file and the environment may say, as it is written."""

    # Keys have one spelling; variables are read by the types of their settings, not as JSON.
    model_config = SettingsConfigDict(
        env_prefix="INVENTORY_", case_sensitive=True, enable_decoding=False, validate_default=False
    )

    database_url: DatabaseUrl = Field(
        default="inventory.db",
        validate_default=True,
        description="SQLite file, or postgresql://USER:PASSWORD@HOST/NAME; relative paths start at the working "
        "directory.",
    )
    database_url_file: SecretPath | None = Field(
        default=None,
        examples=["/etc/inventory/database_url"],
        description="File that holds the database URL alone, on one line; wins over database_url.",
    )
    ping_url: PingUrl | None = Field(
        default=None,
        examples=["https://hc-ping.com/..."],
        description="Told of each run's start, success or failure, as healthchecks.io has it; who knows the URL can "
        "forge that.",
    )
    ping_url_file: SecretPath | None = Field(
        default=None,
        examples=["/etc/inventory/ping_url"],
        description="File that holds the ping URL alone, on one line; wins over ping_url.",
    )
    accounts_directory: Annotated[str, BeforeValidator(formats.read_path)] | None = Field(
        default=None,
        examples=["/etc/inventory/accounts"],
        description="Directory of more accounts, a file each: NAME.toml with the keys of a table [accounts.NAME], "
        "NAME.token with the token alone, or both.",
    )
    accounts: dict[AccountName, Annotated[AccountTable, AfterValidator(_with_a_token)]] = Field(
        default={}, description="Several accounts, each a table [accounts.NAME] of token or token_file, and droplets."
    )
    findings: Findings = Field(
        default=Rules(),
        description="How badly a finding counts, where not as docs/checks.md has it: critical, unknown, warning or "
        'counted (no more than that). For Droplets with a tag in [findings."tag:NAME"], for one by its id in '
        "[findings.ID]; the id wins over tags, of tags the worst counts.",
    )
    exemptions: tuple[ExemptionTable, ...] = Field(
        default=(),
        description="Findings that somebody knows of, each [[exemptions]] with finding, whose it is (droplet, by name "
        "or id, or tag), until when, and the reason. A line of inventory check can be pasted: finding = 'LINE'.",
    )

    notify: Annotated[tuple[NotifyTable, ...], AfterValidator(_with_names_of_their_own)] = Field(
        default=(),
        description="Who is told what is new, worse or solved by inventory notify, each [[notify]] with name and "
        "url_file (or url); on, accounts, groups and tags say of which findings, quiet when not to be disturbed, and "
        "digest when a summary comes.",
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the library's signature
        init_settings: PydanticBaseSettingsSource,
        *_args: object,
        **_others: object,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Use the `sources` passed, the nearest first, or else the values passed; never the process's environment."""
        sources: tuple[PydanticBaseSettingsSource, ...] = init_settings().get("sources", (init_settings,))
        return sources


ACCOUNT_NAME: TypeAdapter[str] = TypeAdapter(AccountName)
"""Reads the name of an account."""

DEFAULT_ACCOUNT = "default"
"""The account that the environment and the top level of the file speak of."""

ONLY_IN_A_FILE = ("accounts", "findings", "exemptions", "notify")
"""Settings that are tables."""

VARIABLES = {name: f"INVENTORY_{name.upper()}" for name in WrittenSettings.model_fields if name not in ONLY_IN_A_FILE}
"""The environment variable of each setting that has one."""

SECRETS = ("token", "database_url", "ping_url")
"""Settings whose values are never shown."""
