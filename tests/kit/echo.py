"""An app that would answer anything: what a gate lets through shows in what it says."""

import asyncio
import json

from plugin_core.server.routes import ROUTE
from plugin_core.wire.caller import CALLER


async def echo(scope, receive, send):
    """Answer anything with the caller and the size of the body; fail, hang or answer late where the path says so."""
    size, more = 0, True
    while more:
        message = await receive()
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
    if scope["path"].endswith("/fail"):
        raise RuntimeError("/etc/secret/path: SELECT * FROM keys")
    if any(name == b"x-flowtrail-hang" for name, _ in scope["headers"]):
        await asyncio.sleep(60)
    caller = scope[CALLER]
    said = {"tenant": caller.tenant, "role": caller.role, "key": caller.key_id, "route": scope[ROUTE], "size": size}
    body = json.dumps(said).encode()
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})
