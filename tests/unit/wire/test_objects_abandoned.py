"""A client that goes away in the middle of an answer is not read for any longer."""

import asyncio
from pathlib import Path

from kit.wire import ADMIN

from plugin_core.stores import open_blobs, open_store
from plugin_core.wire.caller import CALLER
from plugin_core.wire.s3.app import object_api

SIZE = 64 << 20


def scope(method, path):
    return {
        "type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": b"",
        "headers": [], CALLER: ADMIN,
    }  # fmt: skip


async def asked(api, method, path, messages):
    """What an app answers to a request whose messages come one after the other, and then no more."""
    coming, sent = iter(messages), []

    async def receive():
        return next(coming, None) or await asyncio.Future()

    async def send(message):
        sent.append(message)
        await asyncio.sleep(0)

    await api(scope(method, path), receive, send)
    return sent


def request(body=b""):
    return {"type": "http.request", "body": body, "more_body": False}


async def test_an_abandoned_download_is_not_read_to_its_end(tmp_path: Path):
    store, blobs = open_store(f"sqlite:///{tmp_path / 'record.db'}"), open_blobs((tmp_path / "blobs").as_uri())
    api = object_api(store.objects, blobs, staging=tmp_path / "staging")
    await asked(api, "PUT", "/team", [request()])
    await asked(api, "PUT", "/team/large", [request(bytes(SIZE))])
    whole = await asked(api, "GET", "/team/large", [request()])
    assert sum(len(message.get("body", b"")) for message in whole) == SIZE

    sent = await asked(api, "GET", "/team/large", [request(), {"type": "http.disconnect"}])
    assert sum(len(message.get("body", b"")) for message in sent) < SIZE // 4
    store.close()
