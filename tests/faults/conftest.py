import logging
import traceback
from collections.abc import Callable, Iterator

import pytest

from inventory.digitalocean.client import Client
from inventory.errors import ApiError
from inventory.network.access import Origin, Token
from tests.faults.byte_server import ByteServer

TOKEN = "dop_v1_" + "7" * 64

Ask = Callable[[Callable[[], object]], ApiError]
Connect = Callable[..., Client]


@pytest.fixture
def server() -> Iterator[ByteServer]:
    with ByteServer() as server:
        yield server


@pytest.fixture
def connect(server: ByteServer) -> Iterator[Connect]:
    """Make clients that try again at once."""
    clients: list[Client] = []

    def connect(url: str | None = None, **settings: object) -> Client:
        quick = {"requests_per_second": 0.0, "timeout_seconds": 10.0, "retry_wait_seconds": 0.0, **settings}
        clients.append(Client(Token(TOKEN), origin=Origin(url or server.url), **quick))  # type: ignore[arg-type]  # as told
        return clients[-1]

    yield connect
    for client in clients:
        client.close()


@pytest.fixture
def client(connect: Connect) -> Client:
    return connect()


@pytest.fixture
def error_of(caplog: pytest.LogCaptureFixture) -> Ask:
    """Return the error that a question ends with; the token is nowhere in it, nor in the logs (R9)."""
    caplog.set_level(logging.DEBUG)

    def ask(question: Callable[[], object]) -> ApiError:
        with pytest.raises(ApiError) as caught:
            question()
        told = "".join(traceback.format_exception(caught.value)) + repr(caught.value) + caplog.text
        assert TOKEN not in told
        return caught.value

    return ask
