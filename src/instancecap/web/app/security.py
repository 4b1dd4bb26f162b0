"""What stands before every request: who may ask, what may be sent, what the browser may run.

The app listens on loopback, where any page that is open in the same browser can send requests to
it. So a request has to name the app's own host (a page whose name was rebound to 127.0.0.1 names
its own), whatever changes something has to come from the app's own pages and carry the token that
stands in them, and no page of another origin may embed what is served.
"""

from __future__ import annotations

import ipaddress
import secrets
import socket
import time
from base64 import b64decode
from collections.abc import Mapping
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from instancecap.web.app.config import LOOPBACK_NAMES, AppConfig

TOKEN_HEADER = "x-instancecap-token"
UPLOAD_PATH = "/uploads"
SAFE_METHODS = frozenset(["GET", "HEAD"])

HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
        "media-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cache-control": "no-store",
}


WRONG_PASSWORDS = 10
"""That an address may send in a row; then none is looked at for :data:`LOCKED_SECONDS`."""

LOCKED_SECONDS = 60.0


class _TooLarge(Exception):
    """More came than the request may have."""


class Guard:
    """ASGI middleware that answers itself what must not get through."""

    def __init__(self, app: ASGIApp, *, config: AppConfig, token: str) -> None:
        self._app, self._config, self._token = app, config, token
        self._names = LOOPBACK_NAMES | {config.host.lower()}
        if not config.is_local:
            self._names |= {socket.gethostname().lower(), socket.getfqdn().lower()}
        self._wrong: dict[str, tuple[int, float]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":  # there is no websocket here
            return
        headers = Headers(scope=scope)
        started = False

        async def guarded_send(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                given = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    given.setdefault(name, value)
            await send(message)

        limits = self._config.limits
        most = limits.upload_bytes if scope["path"] == UPLOAD_PATH else limits.body_bytes
        address = (scope.get("client") or ("",))[0]
        refusal = self._refusal(scope["method"], headers, address, most)
        if refusal is not None:
            await refusal(scope, receive, guarded_send)
            return
        try:
            await self._app(scope, _limited(receive, most), guarded_send)
        except _TooLarge:
            if not started:
                await _too_large(most)(scope, receive, guarded_send)

    def _refusal(self, method: str, headers: Headers, address: str, most: int) -> Response | None:
        """The answer to a request that does not get through; None for one that does."""
        host = headers.get("host", "")
        if not self._is_ours(host):
            return _refuse(403, f"{host!r} is not this app's address")
        if self._config.auth:
            refusal = self._stranger(headers, address)
            if refusal is not None:
                return refusal
        if not _is_same_origin(method, headers, host):
            return _refuse(403, "requests of other pages are not answered")
        if method not in SAFE_METHODS:
            given = headers.get(TOKEN_HEADER, "")
            if not secrets.compare_digest(given.encode(), self._token.encode()):
                return _refuse(403, "the page is of an earlier start of the app: load it again")
        length = headers.get("content-length", "0")
        if not length.isdecimal():
            return _refuse(400, "content-length is no number")
        return _too_large(most) if int(length) > most else None

    def _stranger(self, headers: Headers, address: str) -> Response | None:
        """The answer to a request without the password; nobody guesses it by trying many."""
        now = time.monotonic()
        self._wrong = {
            one: (count, last)
            for one, (count, last) in self._wrong.items()
            if now - last < LOCKED_SECONDS
        }
        wrong, _ = self._wrong.get(address, (0, now))
        if wrong >= WRONG_PASSWORDS:
            answer = _refuse(429, f"too many wrong passwords: wait {LOCKED_SECONDS:g} s")
            answer.headers["retry-after"] = f"{LOCKED_SECONDS:g}"
            return answer
        if _has_password(headers, self._config.auth):
            self._wrong.pop(address, None)
            return None
        if "authorization" in headers:  # a browser asks without one first
            self._wrong[address] = wrong + 1, now
        answer = _refuse(401, "give the user and password that the app was started with")
        answer.headers["www-authenticate"] = 'Basic realm="instancecap", charset="UTF-8"'
        return answer

    def _is_ours(self, host: str) -> bool:
        try:
            name = (urlsplit(f"//{host}").hostname or "").lower()
        except ValueError:
            return False
        if name in self._names:
            return True
        try:  # no other name can be rebound to an address that is written in numbers
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return not self._config.is_local


def _has_password(headers: Headers, auth: str) -> bool:
    scheme, _, given = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return False
    try:
        return secrets.compare_digest(b64decode(given.strip()), auth.encode())
    except ValueError:  # no base64
        return False


def _is_same_origin(method: str, headers: Mapping[str, str], host: str) -> bool:
    """Whether the app's own page asks, or a person who typed or followed an address."""
    site = headers.get("sec-fetch-site", "same-origin")
    opened = method == "GET" and headers.get("sec-fetch-mode") == "navigate"
    if site not in ("same-origin", "none") and not opened:
        return False
    origin = headers.get("origin")
    return origin is None or (opened and origin == "null") or urlsplit(origin).netloc == host


def _refuse(status: int, why: str) -> Response:
    return JSONResponse({"error": why}, status)


def _too_large(most: int) -> Response:
    return _refuse(413, f"too large: at most {most / 1e6:g} MB are taken")


def _limited(receive: Receive, most: int) -> Receive:
    """What comes in, as long as it is no more than ``most`` bytes; a length may be a lie."""
    taken = 0

    async def limited() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > most:
            raise _TooLarge
        return message

    return limited
