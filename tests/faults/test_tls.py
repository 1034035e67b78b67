"""Row 14: whom the client trusts. Row 15: the environment has no say in it."""

import ssl
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from inventory.errors import ConfigurationError, HostileAnswerError, TransientError
from inventory.network.transport import trusting
from tests.faults.byte_server import ByteServer, answer
from tests.faults.conftest import TOKEN, Ask, Connect

Serve = Callable[..., ByteServer]


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return path


@pytest.fixture
def serve(authority: trustme.CA) -> Iterator[Serve]:
    with ExitStack() as stack:

        def serve(name: str = "127.0.0.1", *, expired: bool = False, only: ssl.TLSVersion | None = None) -> ByteServer:
            until = datetime.now(UTC) - timedelta(days=1) if expired else None
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            authority.issue_cert(name, not_after=until).configure_cert(context)
            if only:
                context.set_ciphers("ALL:@SECLEVEL=0")
                _allow_old(context, only)
            server = stack.enter_context(ByteServer(context))
            server.script(answer({}))
            return server

        yield serve


def _allow_old(context: ssl.SSLContext, version: ssl.TLSVersion) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = version


def test_row_14_ca_file_makes_it_work(serve: Serve, connect: Connect, ca_file: Path) -> None:
    server = serve()
    client = connect(server.url, ca_file=ca_file)
    assert [client.get("/"), client.get("/")] == [b"{}", b"{}"]
    assert server.connections == 1


def test_row_14_ca_file_is_trusted_in_place_of_the_usual_authorities(ca_file: Path, authority: trustme.CA) -> None:
    trusted = trusting(ca_file).get_ca_certs(binary_form=True)
    assert trusted == [ssl.PEM_cert_to_DER_cert(authority.cert_pem.bytes().decode())]
    assert len(trusting(None).get_ca_certs(binary_form=True)) > 20


def test_all_clients_share_one_context_while_the_file_is_the_same(
    ca_file: Path, authority: trustme.CA, tmp_path: Path
) -> None:
    replaced = tmp_path / "authorities.pem"
    replaced.write_bytes(ca_file.read_bytes())
    before = trusting(replaced)
    assert trusting(replaced) is before
    replaced.unlink()
    authority.create_child_ca().cert_pem.write_to_path(replaced)
    assert trusting(replaced) is not before


def test_bytes_behind_an_answer_are_never_the_next_answer_over_tls(
    serve: Serve, connect: Connect, ca_file: Path
) -> None:
    server = serve()
    server.script(answer({"number": 1}) + answer({"number": "stale"}), path="/first")
    server.script(answer({"number": 2}), path="/second")
    client = connect(server.url, ca_file=ca_file)
    assert [client.get("/first"), client.get("/second")] == [b'{"number": 1}', b'{"number": 2}']
    assert server.connections == 2


def test_row_14_unknown_authority(serve: Serve, connect: Connect, error_of: Ask) -> None:
    client = connect(serve().url)
    error = error_of(lambda: client.get("/"))
    assert isinstance(error, HostileAnswerError)
    assert str(error) == (
        "127.0.0.1 presented a certificate that is not trusted (unable to get local issuer certificate). "
        "Behind an inspecting proxy? Set ca_file."
    )
    assert client.requests == 1, "asking again would not help"


def test_row_14_self_signed(connect: Connect, error_of: Ask) -> None:
    with ByteServer(_self_signed()) as server:
        error = error_of(lambda: connect(server.url).get("/"))
    assert isinstance(error, HostileAnswerError)
    assert "certificate that is not trusted (self-signed certificate" in str(error)
    assert server.heads == []


def _self_signed() -> ssl.SSLContext:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with authority.cert_pem.tempfile() as certificate, authority.private_key_pem.tempfile() as key:
        context.load_cert_chain(certificate, key)
    return context


def test_row_14_expired(serve: Serve, connect: Connect, error_of: Ask, ca_file: Path) -> None:
    error = error_of(lambda: connect(serve(expired=True).url, ca_file=ca_file).get("/"))
    assert isinstance(error, HostileAnswerError)
    assert "certificate that is not trusted (certificate has expired)" in str(error)


def test_row_14_wrong_host(serve: Serve, connect: Connect, error_of: Ask, ca_file: Path) -> None:
    error = error_of(lambda: connect(serve("example.org").url, ca_file=ca_file).get("/"))
    assert isinstance(error, HostileAnswerError)
    assert "certificate is not valid for '127.0.0.1'" in str(error)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_row_14_old_protocol(
    serve: Serve, connect: Connect, error_of: Ask, ca_file: Path, version: ssl.TLSVersion
) -> None:
    server = serve(only=version)
    error = error_of(lambda: connect(server.url, ca_file=ca_file).get("/"))
    assert str(error).startswith("cannot speak TLS with 127.0.0.1 (")
    assert server.heads == []


def test_row_14_server_without_tls(connect: Connect, server: ByteServer, error_of: Ask) -> None:
    server.script(answer({}))
    error = error_of(lambda: connect(server.url.replace("http:", "https:"), timeout_seconds=0.2).get("/"))
    assert isinstance(error, TransientError)
    assert server.heads == []


@pytest.mark.parametrize(
    ("text", "message"),
    [(None, "cannot be read (no such file or directory)"), ("no certificate", "holds no certificate in PEM form")],
)
def test_row_14_unusable_ca_file(connect: Connect, tmp_path: Path, text: str | None, message: str) -> None:
    path = tmp_path / "ca.pem"
    if text:
        path.write_text(text)
    with pytest.raises(ConfigurationError, match="ca_file") as caught:
        connect("https://127.0.0.1", ca_file=path)
    assert str(caught.value).endswith(message)


def test_row_15_authorities_of_the_environment_are_not_trusted(
    serve: Serve, connect: Connect, error_of: Ask, ca_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(ca_file))
    monkeypatch.setenv("SSL_CERT_DIR", str(ca_file.parent))
    error = error_of(lambda: connect(serve().url).get("/"))
    assert "not trusted" in str(error)


def test_row_15_proxies_and_netrc_are_ignored(
    connect: Connect, server: ByteServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (netrc := tmp_path / "netrc").write_text("machine 127.0.0.1 login eve password hers\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with ByteServer() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        server.script(answer({}))
        connect().get("/")
    assert proxy.connections == 0
    assert f"Authorization: Bearer {TOKEN}".encode() in server.heads[0]
