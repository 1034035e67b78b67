"""What befalls PostgreSQL, and the way to it, in the middle of a sync: it is said truly, and the next sync goes on."""

from collections.abc import Callable

import pytest

from inventory.store import deadline
from inventory.store.engine import Database
from tests.end_to_end.conftest import Ended, Run, Served
from tests.end_to_end.stored import check_live, empty, free, state
from tests.faults.proxy import DatabaseProxy
from tests.postgres import Cluster

pytestmark = [pytest.mark.slow, pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)]

UNKNOWN = "Whether the last write was kept is not known; the next sync finds out."


@pytest.fixture(autouse=True)
def _configured(environment: Callable[[Served], None], account: Served) -> None:
    environment(account)


@pytest.fixture
def sync_through(
    run: Run, postgres: Cluster, database: Database, monkeypatch: pytest.MonkeyPatch
) -> Callable[[DatabaseProxy], Ended]:
    """Sync by way of a proxy, by a driver that waits for answers for a third of a second."""
    monkeypatch.setattr(deadline.Connection, "answer_seconds", 0.3)

    def sync(proxy: DatabaseProxy) -> Ended:
        url = database.url.set(host="127.0.0.1", port=proxy.port, query={})
        with proxy, pytest.MonkeyPatch.context() as settings:
            settings.setenv("INVENTORY_DATABASE_URL", url.render_as_string(hide_password=False))
            return run("sync", "--quiet")

    return sync


@pytest.mark.parametrize("is_carried_out", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("is_silent", [False, True], ids=["cut", "black hole"])
def test_a_commit_without_an_answer_is_said_to_be_unknown_and_the_next_sync_finds_out(
    run: Run,
    account: Served,
    postgres: Cluster,
    database: Database,
    sync_through: Callable[[DatabaseProxy], Ended],
    *,
    is_carried_out: bool,
    is_silent: bool,
) -> None:
    """At each COMMIT of a first sync: of the lease, of the account, of the looks, of the end."""
    assert run("sync", "--quiet").code == 0
    undisturbed = state(database)
    socket = postgres.socket
    at = 0
    while True:
        at += 1
        empty(database)
        proxy = DatabaseProxy(socket, b"COMMIT\0", at=at, is_carried_out=is_carried_out, is_silent=is_silent)
        ended = sync_through(proxy)
        if proxy.statements < at:
            break
        assert (ended.code, UNKNOWN in ended.err, "Traceback" in ended.err) == (1, True, False), ended.err
        free(database.url)
        again = run("sync", "--quiet")
        assert (again.code, again.err) == (0, "")
        check_live(account, state(database))
        assert state(database) == undisturbed
    assert ended.code == 0
    assert at == 5


@pytest.mark.parametrize("is_silent", [False, True], ids=["cut", "black hole"])
def test_a_way_that_breaks_in_a_transaction_leaves_nothing_of_it(
    run: Run,
    account: Served,
    postgres: Cluster,
    database: Database,
    sync_through: Callable[[DatabaseProxy], Ended],
    *,
    is_silent: bool,
) -> None:
    proxy = DatabaseProxy(postgres.socket, b"COPY backup_versions", at=1, is_carried_out=True, is_silent=is_silent)
    ended = sync_through(proxy)
    assert (ended.code, "Nothing more was changed" in ended.err, "Traceback" in ended.err) == (1, True, False)
    assert state(database)["droplets"] == []
    free(database.url)
    assert run("sync", "--quiet").code == 0
    check_live(account, state(database))
