"""Which store a journal is for: its URL in a form that can be compared and that gives no password away."""

from __future__ import annotations

import os
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from plugin_core.stores.addresses import is_remote, is_server, remote_address, server_address
from plugin_core.stores.aws.address import is_sagemaker, sagemaker_address

_SQLITE: Final = "sqlite:///"


def public_url(url: str) -> str:
    """The URL of a store, made absolute and without its password.

    Of a database on a server it is the place alone: whoever may write there can bring a journal in.
    """
    if is_server(url):
        return server_address(url).name
    if is_sagemaker(url):
        return sagemaker_address(url).place
    if is_remote(url):
        return remote_address(url).name
    if url.startswith(_SQLITE):
        path, question, query = url.removeprefix(_SQLITE).partition("?")
        return f"{_SQLITE}{os.path.realpath(path)}{question}{query}"
    parts = urlsplit(url)
    if parts.password is None:
        return url
    user, _, host = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{user.partition(':')[0]}@{host}"))


def is_for(journal_url: str, store_url: str) -> bool:
    """Whether a journal whose header names ``journal_url`` belongs in the store at ``store_url``."""
    return journal_url == public_url(store_url)
