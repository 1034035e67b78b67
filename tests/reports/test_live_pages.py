"""The pages of the lived history, on both databases: they answer, agree with the reports, and say no more than that."""

import gzip
import json
import re
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta
from html import unescape
from threading import Event

import httpx
import pytest

from inventory import errors
from inventory.errors import DatabaseUnavailableError
from inventory.judging.rules import Rules
from inventory.pages import calendar, droplets, kept
from inventory.pages import site as site_module
from inventory.pages.asked import Asked, address
from inventory.pages.frame import Frame
from inventory.pages.reading import Reading
from inventory.pages.routes import routes
from inventory.pages.site import Answer, Site
from inventory.report import details, details_text
from inventory.report.choosing import reports
from inventory.report.overview import Judging
from inventory.serving.listening import names
from inventory.serving.web import guarded, serve
from inventory.store.droplet_records import versions
from inventory.store.engine import Database
from inventory.store.runs import RunsState
from inventory.views.queries import Question, ask
from inventory.views.rows import (
    BackupLifetime,
    DropletTag,
    DueWindow,
    EmptyWindow,
    KnownDroplet,
    MissedBackup,
    MonthlyCost,
)
from tests.reports.conftest import ENDS_AT, NOW, Run

EARLIER = "2026-03-25T12:00Z"
PLACES = [
    "/",
    "/calendar",
    "/compare",
    "/cost",
    "/cost?by=tag",
    "/reports",
    *(f"/reports/{name}" for name in reports()),
]

_FIGURE = r'<td class="figure">([^<]*)</td>'


@pytest.fixture
def client(lived: Database) -> Iterator[httpx.Client]:
    site = Site(
        lambda: nullcontext(lived), lambda: Judging(Rules(), (), None), clock=lambda: ENDS_AT, patience_seconds=60
    )
    with (
        serve("127.0.0.1:0", guarded(routes(site), names("127.0.0.1:0"))) as serving,
        httpx.Client(base_url=serving.url or "", trust_env=False, timeout=60) as client,
    ):
        yield client


@pytest.fixture
def droplet_id(lived: Database) -> int:
    with lived.reading() as connection:
        return next(each.droplet_id for each in ask(connection, KnownDroplet, Question(ENDS_AT)))


@pytest.mark.slow
def test_every_page_answers(client: httpx.Client, droplet_id: int) -> None:
    past = [f"{place}?as_of={EARLIER}" for place in ("/", "/calendar", "/reports/changes", f"/droplets/{droplet_id}")]
    for place in (*PLACES, f"/droplets/{droplet_id}", *past, "/?as_of=2026-03-01"):
        answer = client.get(place)
        assert answer.status_code == 200, (place, answer.text)
        assert answer.headers["content-security-policy"].startswith("default-src 'none'; style-src 'sha256-")
        assert "<script" not in answer.text
        assert not re.search(r'<(?!meta|link)[^>]+ (style|on\w+|src)="', answer.text)


@pytest.mark.slow
def test_links_lead_to_pages_and_keep_the_moment(client: httpx.Client, droplet_id: int) -> None:
    for place in ("/calendar", "/reports/live_backups", f"/droplets/{droplet_id}"):
        answer = client.get(f"{place}?as_of={EARLIER}")
        links = {unescape(each) for each in re.findall(r'href="([^"#]+)', answer.text)}
        kept = [each for each in links if "as_of=" in each]
        assert len(links) - len(kept) <= 1, "all but the way back to now keep the moment"
        for link in sorted(links)[:: max(len(links) // 3, 1)]:
            assert client.get(answer.url.join(link)).status_code == 200, (place, link)


def test_the_calendar_says_what_the_views_say(lived: Database) -> None:
    days = calendar.days_until(ENDS_AT)
    since = ENDS_AT - timedelta(days=calendar.DAYS - 1)
    question = Question(ENDS_AT, since=since.replace(hour=0, minute=0, second=0))
    with lived.reading() as connection:
        droplets = ask(connection, KnownDroplet, question)
        rows = calendar.read(connection, ENDS_AT, droplets)
        due, empty = ask(connection, DueWindow, question), ask(connection, EmptyWindow, question)
        backups = ask(connection, BackupLifetime, question)
    cells = {(row.droplet.droplet_id, cell.day): cell for row in rows for cell in row.cells}
    assert len(cells) == len(droplets) * len(days)
    missed = {(each.droplet_id, each.window_starts_at.date()) for each in empty if each.verdict == "missed"}
    assert missed
    assert {place for place, cell in cells.items() if cell.state == "missed"} == missed
    made = {(each.droplet_id, each.day) for each in due} - {
        (each.droplet_id, each.window_starts_at.date()) for each in empty
    }
    assert all(cells[place].state == "made" and cells[place].backups for place in made)
    assert sorted(each for cell in cells.values() for each in cell.backups) == sorted(backups), (
        "each backup stands once"
    )
    assert {cell.state for cell in cells.values()} >= {"made", "missed", "none due", "before it existed", "backups off"}


def test_a_page_shows_each_square_with_its_words(client: httpx.Client, lived: Database) -> None:
    page = client.get("/calendar").text
    with lived.reading() as connection:
        rows = calendar.read(connection, ENDS_AT, ask(connection, KnownDroplet, Question(ENDS_AT)))
    squares = Counter(re.findall(r'<td class="(\w)">', page))
    assert squares == Counter(cell.mark for row in rows for cell in row.cells)
    words = re.findall(r'title="([^"]+)"', page)
    assert Counter(words) == Counter(cell.words for row in rows for cell in row.cells)
    # Only names of Droplets are stops of the tab key, not ninety squares each.
    assert all('tabindex="-1"' in link for link in re.findall(r"<td[^>]*><a [^>]*href[^>]*>", page))


@pytest.mark.slow
@pytest.mark.parametrize("when", ["", f"?as_of={EARLIER}"])
def test_the_rows_for_programs_are_those_of_the_command(client: httpx.Client, run: Run, when: str) -> None:
    moment = when.partition("=")[2] or NOW
    for name in ("live_backups", "droplet_retention"):
        asked = client.get(f"/reports/{name}.json{when}").json()
        assert asked["rows"] == json.loads(run("report", name, "--as-of", moment, "--json").out)["rows"]
        assert client.get(f"/reports/{name}.csv{when}").text == run("report", name, "--as-of", moment, "--csv").out


@pytest.mark.usefixtures("run")
def test_a_droplet_is_described_as_the_command_describes_it(
    client: httpx.Client, droplet_id: int, lived: Database
) -> None:
    with lived.reading() as connection:
        found = details.of_droplet(connection, Question(ENDS_AT, droplet_ids=frozenset({droplet_id})))
    page = unescape(client.get(f"/droplets/{droplet_id}").text)
    for each in details_text.droplet_facts(found, ENDS_AT):
        assert f"<dt>{each.what}</dt><dd>{each.words}</dd>" in page or not each.what
    assert '<a href="../">Overview</a> / <a href="../calendar">Calendar</a> / ' in page
    for policy in found.policies:
        assert f"<li>{details_text.policy_words(policy)}, since <time" in page
    with lived.reading() as connection:
        every = versions(connection, droplet_id, ENDS_AT, most=50)
        assert versions(connection, droplet_id, ENDS_AT - timedelta(days=4000), most=50) == []
    assert every
    for version in every:
        assert f"<li>{details_text.version_words(version)}, since <time" in page


def test_droplets_read_together_have_the_pages_of_those_read_alone(lived: Database) -> None:
    with lived.reading() as connection:
        reading = Reading(connection, Asked(), ENDS_AT, ENDS_AT, "", Judging(Rules(), (), None))
        ids = [each.droplet_id for each in ask(connection, KnownDroplet, Question(ENDS_AT))]
        together = droplets.droplet_pages(reading, [*ids, 999])
        assert together.keys() == set(ids)
        frame = Frame("droplets/1", Asked(), ENDS_AT, ENDS_AT, address)
        for droplet_id in ids[::4]:
            alone = droplets.droplet_page(reading, droplet_id)
            assert alone
            assert frame.written(together[droplet_id], "") == frame.written(alone, "")


def test_the_page_of_a_droplet_leads_to_what_was_wrong_before(client: httpx.Client, lived: Database) -> None:
    with lived.reading() as connection:
        missed = ask(connection, MissedBackup, Question(ENDS_AT))
    of_one = [each for each in missed if each.droplet_id == missed[0].droplet_id]
    answer = client.get(f"/droplets/{of_one[0].droplet_id}")
    section = answer.text.partition("<h2>Findings</h2>")[2].partition("</section>")[0]
    assert section.count("<li>") == len(of_one)
    earlier = re.findall(r'<a href="([^"]+)">(\d+) [hd] ago</a>', section)
    assert [int(days) for _, days in earlier] == [24, 7, 30], "90 days ago it was not known"
    week = client.get(answer.url.join(unescape(earlier[1][0])))
    assert f"{ENDS_AT - timedelta(days=7):%Y-%m-%d %H:%M}" in week.text


@pytest.mark.slow
def test_the_past_shows_what_the_report_of_that_moment_shows(client: httpx.Client, run: Run) -> None:
    known = json.loads(run("report", "--as-of", EARLIER, "--json").out)
    page = client.get(f"/?as_of={EARLIER}").text
    assert f"<dd>{known['backups']}</dd>" in page
    assert f"{known['size_gigabytes']:,.1f} GB" in page
    assert "This is the past" in page
    assert "This is the past" not in client.get("/").text


def test_a_comparison_says_of_both_moments_what_the_reports_of_them_say(client: httpx.Client, run: Run) -> None:
    page = unescape(client.get(f"/compare?before={EARLIER}").text)
    then, now = (json.loads(run("report", "--as-of", at, "--json").out) for at in (EARLIER, NOW))
    lines = {
        cells[0]: cells[1:] for cells in re.findall(r'<tr><th scope="row">(\w+)</th>' + _FIGURE * 3 + "</tr>", page)
    }
    assert lines["Droplets"][:2] == (str(then["droplets"]), str(now["droplets"]))
    assert lines["Backups"][:2] == (str(then["backups"]), str(now["backups"]))
    assert lines["Stored"][:2] == tuple(f"{each['size_gigabytes']:,.1f} GB" for each in (then, now))
    rows = json.loads(run("report", "changes", "--since", "2026-03-25T12:00:01Z", "--as-of", NOW, "--json").out)["rows"]
    expected = Counter(each["event"].replace("_", " ") for each in rows)
    counted: Counter[str] = Counter()
    for event, number in re.findall(r"<li>([a-z ]+?)(?: \(.*\))?: (\d+)</li>", page):
        counted[event] += int(number)
    assert counted == expected
    assert "db-01" in page.partition("Out of the ordinary")[2], "it lost a backup"
    wrong = [{(each["name"], each["subject"]) for each in report["findings"]} for report in (then, now)]
    assert lines["Findings"][:2] == tuple(str(len(each["findings"])) for each in (then, now))
    for title, expected_findings in (("New findings", wrong[1] - wrong[0]), ("No longer found", wrong[0] - wrong[1])):
        section = page.partition(f"<h2>{title}</h2>")[2].partition("</section>")[0]
        found = re.findall(r'<th scope="row">(?:<a [^>]*>)?([^<]+)(?:</a>)?</th><td>([a-z-]+)</td>', section)
        assert {(name, subject) for subject, name in found} == expected_findings


def test_costs_are_those_of_the_view_by_account_and_by_tag(client: httpx.Client, lived: Database) -> None:
    with lived.reading() as connection:
        rows = ask(connection, MonthlyCost, Question(ENDS_AT))
        tagged = {each.droplet_id for each in ask(connection, DropletTag, Question(ENDS_AT))}
    for query, ids in (("", None), ("?by=tag", {each.droplet_id for each in rows} - tagged)):
        page = client.get(f"/cost{query}").text
        assert "not an invoice" in page
        for month in {row.month for row in rows}:
            cells = re.search(rf'<th scope="row">{month:%Y-%m}</th>(.*)</tr>', page)
            assert cells
            figures = re.findall(r">([^<]*)</td>", cells[1])
            of_month = [row for row in rows if row.month == month]
            assert figures[0] == f"{sum(row.estimated_usd or 0 for row in of_month):,.2f} USD"
            if ids:
                untagged = sum(row.estimated_usd or 0 for row in of_month if row.droplet_id in ids)
                assert figures[-1] == f"{untagged:,.2f} USD", "the last column is what has no tag"


def test_rows_are_sorted_and_narrowed_by_the_address(client: httpx.Client) -> None:
    def sizes(query: str) -> list[float]:
        cells = re.findall(r'<td class="figure">([\d,.]+) GB</td>', client.get(f"/reports/live_backups{query}").text)
        return [float(each.replace(",", "")) for each in cells]

    smallest_first = sizes("?sort=size_gigabytes")
    assert smallest_first == sorted(smallest_first)
    assert sizes("?sort=-size_gigabytes") == smallest_first[::-1]
    assert 0 < len(sizes("?text=DB-01")) < len(smallest_first)
    assert len(re.findall("<tr>", client.get("/calendar?text=db-01").text)) == 2


@pytest.mark.parametrize(
    ("place", "status", "sentence"),
    [
        ("/nowhere", 404, "There is no such page"),
        ("/calendar/", 404, "There is no such page"),
        ("/droplets/999", 404, "was not known at that moment"),
        (f"/droplets/{2**63 - 1}", 404, "was not known at that moment"),
        (f"/droplets/{2**63}", 404, "There is no such page"),
        ("/droplets/" + 5000 * "9", 404, "There is no such page"),
        ("/droplets/one", 404, "There is no such page"),
        ("/calendar?page=" + 5000 * "9", 400, "This address cannot be answered"),
        ("/reports/nothing", 404, "was not known at that moment"),
        ("/?as_of=soon", 400, "is no moment"),
        ("/calendar?page=9", 400, "the calendar has 1 page"),
        ("/calendar?tag=prod", 400, "no tag &#34;prod&#34; is known"),
        ("/reports/live_backups?sort=nothing", 400, "has no column"),
        ("/cost?by=day", 400, "by account, by group or by tag"),
        ("/compare?before=soon", 400, "is no moment"),
        ("/compare?as_of=2026-03-20&before=2026-03-21", 400, "is not earlier"),
        ("/?x=1", 400, "no parameter"),
    ],
)
def test_what_cannot_be_answered_is_said_in_a_sentence(
    client: httpx.Client, place: str, status: int, sentence: str
) -> None:
    answer = client.get(place)
    assert (answer.status_code, sentence in answer.text) == (status, True), answer.text


def test_every_answer_has_the_headers_and_nothing_can_be_sent(client: httpx.Client) -> None:
    for answer in (
        client.get("/"),
        client.get("/nowhere"),
        client.post("/"),
        client.get("/", headers={"Host": "x.example"}),
    ):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert "set-cookie" not in answer.headers
    assert client.post("/calendar").status_code == 405
    assert client.get("/", headers={"Host": "x.example"}).status_code == 421
    assert client.head("/").status_code == 200


def test_row_81_what_is_written_into_an_address_stays_text_and_bounded(client: httpx.Client, lived: Database) -> None:
    for query in ("page=1000000000", f"text={'x' * 60_000}", "account='; DROP TABLE backups; --", "sort=1;--"):
        assert client.get(f"/reports/live_backups?{query}").status_code == 400, query
    for text in ("' OR 1=1 --", "<script>alert(1)</script>", "{{7*7}}", '"><img src=x onerror=alert(1)>', "%"):
        answer = client.get("/calendar", params={"text": text})
        assert (answer.status_code, "No Droplet is known that fits" in answer.text) == (200, True), text
        assert "<script>alert" not in answer.text
        assert "<img" not in answer.text
        assert text in unescape(answer.text), "it stands in the field, and in what the page is narrowed to"
    with lived.reading() as connection:
        assert ask(connection, BackupLifetime, Question(ENDS_AT, limit=1)), "nothing was dropped"


def test_who_has_a_page_is_not_sent_it_again(client: httpx.Client) -> None:
    answer = client.get("/calendar")
    assert answer.headers["content-encoding"] == "gzip"
    again = client.get("/calendar", headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert client.get("/calendar?text=db", headers={"If-None-Match": answer.headers["etag"]}).status_code == 200


def test_a_page_is_compressed_once_for_those_who_take_it_so(
    client: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = client.get("/")
    calls: list[bytes] = []

    def compress(body: bytes, *_others: int, **_named: int) -> bytes:
        calls.append(body)
        return body

    monkeypatch.setattr(gzip, "compress", compress)
    again, plain = client.get("/"), client.get("/", headers={"Accept-Encoding": "identity"})
    assert (again.headers["content-encoding"], again.text, calls) == ("gzip", first.text, [])
    assert "content-encoding" not in plain.headers
    assert plain.text == first.text
    assert {again.headers["vary"], plain.headers["vary"]} == {"Accept-Encoding"}


def test_fifty_droplets_are_small_when_compressed(client: httpx.Client) -> None:
    page = client.get("/calendar").text
    rows = re.findall(r"<tr><th scope=\"row\">.*?</tr>", page, re.DOTALL)
    # Their own words, fifty times over with other figures, would compress better: this is the upper bound.
    fifty = sum(len(gzip.compress(row.encode())) for row in rows) / len(rows) * 50
    assert fifty < 60_000


def test_two_read_at_once_and_a_third_is_told_to_wait(lived: Database) -> None:
    asked: list[int] = []
    answers: list[Answer] = []

    def reading() -> AbstractContextManager[Database]:
        # Each of the first two asks for another page while it is being read.
        if len(asked) < 2:
            asked.append(1)
            answers.append(site.report("changes" if len(asked) == 1 else "live_backups", {}))
        return nullcontext(lived)

    site = Site(reading, lambda: Judging(Rules(), (), None), clock=lambda: ENDS_AT, patience_seconds=60)
    assert site.reports({}).status == 200
    assert [(each.status, each.again_after) for each in answers] == [(503, 1), (200, None)]


def test_what_takes_long_is_said_to_be_made_and_is_there_soon(lived: Database) -> None:
    may_go_on = Event()

    def reading() -> AbstractContextManager[Database]:
        may_go_on.wait(60)
        return nullcontext(lived)

    site = Site(reading, lambda: Judging(Rules(), (), None), clock=lambda: ENDS_AT, patience_seconds=0.05)
    with (
        serve("127.0.0.1:0", guarded(routes(site), names("127.0.0.1:0"))) as serving,
        httpx.Client(base_url=serving.url or "", trust_env=False, timeout=60) as client,
    ):
        answer = client.get("/reports")
        assert (answer.status_code, answer.headers["refresh"], answer.headers["retry-after"]) == (503, "1", "1")
        assert "This page is being made" in answer.text
        may_go_on.set()
        until = time.monotonic() + 60
        while client.get("/reports").status_code != 200:
            assert time.monotonic() < until


def test_a_page_is_made_once_for_all_until_a_sync_changes_something(
    lived: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept, "FRESH_SECONDS", 0.0)
    runs = [RunsState(1, 0)]
    monkeypatch.setattr(site_module, "state_of_runs", lambda _: runs[0])
    days = [ENDS_AT, ENDS_AT + timedelta(seconds=5), ENDS_AT + timedelta(seconds=10)]
    clock = iter([days[0], days[1], days[2]])
    site = Site(
        lambda: nullcontext(lived), lambda: Judging(Rules(), (), None), clock=lambda: next(clock), patience_seconds=60
    )
    first = site.calendar({})
    assert site.calendar({}) is first
    runs[0] = RunsState(2, 0)
    assert site.calendar({}).tag != first.tag, "it says of which moment it is"


def test_while_a_sync_is_under_way_pages_are_made_with_rests(lived: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "RESTED_TIMES", 1e6)
    monkeypatch.setattr(kept, "RESTED_SECONDS", 600.0)
    running = [0]
    monkeypatch.setattr(site_module, "state_of_runs", lambda _: RunsState(1, running[0]))
    site = Site(
        lambda: nullcontext(lived), lambda: Judging(Rules(), (), None), clock=lambda: ENDS_AT, patience_seconds=60
    )
    assert [site.cost({}).status, site.comparison({}).status] == [200, 200]
    running[0] = 1
    assert site.reports({}).status == 200
    later = site.calendar({"account": "default"})
    assert (later.status, later.again_after) == (503, 1)
    assert later is site.calendar({"text": "web"}), "it is written once for all who ask for the calendar"
    assert later is not site.calendar({"as_of": "2026-03-01T00:00Z"}), "its links keep the moment"
    assert [site.cost({}).status, site.reports({}).status] == [200, 200], "those that were made are there"


def test_what_fails_is_said_and_replaces_nothing(lived: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_connection: object) -> object:
        raise DatabaseUnavailableError("no room", kept=errors.Kept.NOTHING_CHANGED)

    site = Site(
        lambda: nullcontext(lived), lambda: Judging(Rules(), (), None), clock=lambda: ENDS_AT, patience_seconds=60
    )
    first = site.reports({})
    monkeypatch.setattr(kept, "FRESH_SECONDS", 0.0)
    site.cost({})
    monkeypatch.setattr(site_module, "state_of_runs", refuse)
    assert site.calendar({}).status == 503
    assert site.cost({}).status == 503
    assert site.reports({}) is first


def test_sums_are_shown_by_account_group_and_tag(lived: Database) -> None:
    groups = {"default": "acme"}
    site = Site(
        lambda: nullcontext(lived),
        lambda: Judging(Rules(), (), None, groups),
        clock=lambda: ENDS_AT,
        patience_seconds=60,
    )
    for place, make in (("./", site.overview), ("cost", site.cost)):
        by_group = make({"by": "group"}).body.decode()
        assert f'<a href="{place}?by=account">account</a>, <strong>group</strong>' in by_group
        assert "acme" in by_group or place == "./"
        assert "A Droplet counts in each of the tags" in make({"by": "tag"}).body.decode()
        assert make({"group": "acme"}).status == 200
        assert "no group &#34;acm&#34; is known" in make({"group": "acm"}).body.decode()
    assert ", only group acme" in site.calendar({"group": "acme"}).body.decode()
