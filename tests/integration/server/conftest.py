"""A gate over real HTTP in front of an app that says who it was told is asking, and would answer anything."""

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from kit.echo import echo
from kit.signing import Sender
from kit.wire import serving

from plugin_core.server.audit import AuditLog
from plugin_core.server.figures import Figures
from plugin_core.server.gate import Rules, protected
from plugin_core.server.keyring import KeyRing
from plugin_core.server.keys import Keys
from plugin_core.stores import open_keys
from plugin_core.wire.caller import Role

SECRET = b"the servers' own secret, which is long enough"


@dataclass
class Server:
    url: str
    keys: Keys
    ring: KeyRing
    audit: AuditLog
    folder: Path
    senders: dict[str, Sender] = field(default_factory=dict)

    def sender(self, role: Role, **options) -> Sender:
        made = self.keys.create(role, **options)
        self.ring.read()
        return Sender(self.url, made.key.id, made.secret)


@pytest.fixture(scope="module")
def rules() -> Rules:
    """What a module's tests may replace."""
    return Rules()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, rules: Rules):
    folder = tmp_path_factory.mktemp("server")
    store = open_keys(f"sqlite:///{folder / 'record.db'}")
    keys = Keys(store, SECRET)
    ring, audit = KeyRing(keys), AuditLog(folder, SECRET)
    app = protected(echo, keys=ring, rules=rules, audit=audit, figures=Figures())
    with serving(app) as url:
        made = Server(url, keys, ring, audit, folder)
        made.senders = {
            "nobody": Sender(url),
            **{role.value: made.sender(role) for role in Role},
            "other tenant": made.sender(Role.WRITER, tenant="other"),
            "expired": made.sender(Role.ADMIN, lifetime=timedelta(microseconds=1)),
            "revoked": made.sender(Role.ADMIN),
            "stranger": Sender(url, "FTAAAAAAAAAAAAAAAAAA", "a secret"),
        }
        keys.revoke(made.senders["revoked"].key)
        ring.read()
        yield made
    audit.close()
    store.close()
