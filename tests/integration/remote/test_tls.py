"""A record's server behind TLS: its certificate is verified, and its connections are kept."""

import ipaddress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from kit.wire import authorised, serving

from plugin_core.errors import StoreUnavailableError
from plugin_core.stores import open_store
from plugin_core.stores.patience import Patience, Persistence
from plugin_core.stores.remote import RemoteStore
from plugin_core.testing.contract.making import component
from plugin_core.wire.record import record_api


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate of 127.0.0.1 that nobody but its owner vouches for, and its key."""
    folder, now = tmp_path_factory.mktemp("tls"), datetime.now(UTC)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "flowtrail's tests")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    written = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    (folder / "key.pem").write_bytes(written)
    (folder / "certificate.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return folder / "certificate.pem", folder / "key.pem"


@pytest.fixture
def clients(certificate, tmp_path, monkeypatch):
    """The URL of a record behind TLS, and where its requests came from."""
    kept = open_store(f"sqlite:///{tmp_path / 'record.db'}")
    kept.write([component("a")])
    app, seen = authorised(record_api(kept)), []

    async def noted(scope, receive, send):
        seen.append(scope["client"])
        await app(scope, receive, send)

    with serving(noted, ssl_certfile=str(certificate[0]), ssl_keyfile=str(certificate[1])) as url:
        yield url.replace("http:", "flowtrail+https:"), seen
    kept.close()


def test_a_certificate_that_is_vouched_for_is_taken_and_connections_are_kept(clients, certificate, monkeypatch):
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate[0]))
    store = RemoteStore(clients[0])

    assert [store.component("a").name for _ in range(5)] == ["a"] * 5
    assert len(clients[1]) == 5
    assert len(set(clients[1])) == 1
    store.close()


def test_a_certificate_of_nobody_is_refused_before_anything_is_sent(clients, monkeypatch):
    monkeypatch.delenv("AWS_CA_BUNDLE", raising=False)
    store = RemoteStore(clients[0], persistence=Persistence(Patience(failures=1)))

    with pytest.raises(StoreUnavailableError, match="CERTIFICATE_VERIFY_FAILED"):
        store.component("a")
    assert clients[1] == []
