"""Who listens on a runtime's port, and careful reading of what its API answers."""

from __future__ import annotations

from typing import Any, Iterable, NamedTuple, Optional

from ...facts.fact import Fact, Unknown
from ...host.host import Host, Listener
from ..surroundings import Surroundings

FORWARDERS = frozenset(
    (
        "docker-proxy", "rootlessport", "rootlesskit", "slirp4netns", "pasta", "conmon", "wslrelay.exe",
        "com.docker.backend.exe", "com.docker.backend", "gvproxy", "svchost.exe",
    )
)  # fmt: skip
"""Programs that hand a container's or WSL's port on: the server behind them may be the one that we look for."""
_EVERYWHERE = ("0.0.0.0", "::", "*")  # noqa: S104 - compared with, not bound to
_REACHABLE = (*_EVERYWHERE, "127.0.0.1", "::ffff:127.0.0.1", "localhost")
_MAX_TEXT = 500
"""Characters kept of a text in a reply."""


class PortState(NamedTuple):
    port: int
    """Where it listens, else where it should."""
    address: Fact[str]
    """As bound; absent if nobody listens or another program does."""
    taken_by: Fact[str]
    may_ask: bool
    """The listener is the runtime's own, or its owner cannot be seen."""
    is_own: bool
    """The listener is known to be the runtime's own."""

    def address_if(self, answered: bool) -> Fact[str]:
        """The address if the listener is the runtime's own by its process, or as its answer showed."""
        return self.address if self.is_own or answered or self.address is None else self._foreign()

    def taken_by_if(self, answered: bool) -> Fact[str]:
        """Who else listens there; nobody if the runtime answered."""
        return None if answered else self.taken_by

    def _foreign(self) -> Fact[str]:
        return self.taken_by if isinstance(self.taken_by, Unknown) else None


def port_state(around: Surroundings, pids: Iterable[int], wanted: int, strict: bool = False) -> PortState:
    """``pids``: of the runtime's server processes; ``wanted``: the port that it is set to use.
    ``strict``: an app whose processes listen on other ports for purposes of their own, which do not count."""
    listeners = around.listeners
    if isinstance(listeners, Unknown):
        return PortState(wanted, listeners, listeners, False, False)
    known = set(pids)
    mine = [one for one in listeners or () if one.pid in known and (not strict or one.port == wanted)]
    if mine:
        port = wanted if any(one.port == wanted for one in mine) else mine[0].port
        return PortState(port, _widest([one for one in mine if one.port == port]), None, True, True)
    there = [one for one in listeners or () if one.port == wanted]
    if not there:
        return PortState(wanted, None, None, False, False)
    unseen = [one for one in there if one.pid is None or (one.process or "").lower() in FORWARDERS]
    if unseen:
        return PortState(wanted, _widest(unseen), Unknown("the listener belongs to another user"), True, False)
    return PortState(wanted, None, there[0].process or f"process {there[0].pid}", False, False)


def _widest(listeners: list[Listener]) -> str:
    addresses = [one.address for one in listeners]
    return next((one for one in _EVERYWHERE if one in addresses), addresses[0])


class Api:
    """GETs on one local port. After one that is not answered in time no more are sent."""

    def __init__(self, host: Host, state: PortState) -> None:
        self._host = host
        self._port = state.port
        self.error: Fact[str] = None
        """Why it did not answer, as of the first that failed; None while all is well."""
        self._open = state.may_ask
        if self._open and isinstance(state.address, str) and state.address not in _REACHABLE:
            self._fail(f"it listens on {state.address} alone, not on 127.0.0.1")

    def _fail(self, why: str) -> None:
        self.error = self.error or why
        self._open = False

    def get(self, path: str) -> Any:
        """The body of a reply with status 200; None otherwise."""
        if not self._open:
            return None
        reply = self._host.http_get(self._port, path)
        if reply is None:
            self._fail(f"port {self._port} refused the connection")
        elif isinstance(reply, Unknown):
            self._fail(reply.unknown)
        elif reply.status == 200:
            return reply.body
        elif reply.status in (401, 403):
            self.error = self.error or "it asks for an API key"
        else:
            self.error = self.error or f"{path} answered with status {reply.status}"
        return None

    @property
    def answered(self) -> bool:
        return self._open and self.error is None


# --- values inside a reply: it comes from a program that we do not control --------------------


def at(body: Any, *keys: str) -> Any:
    """The value under these keys of nested objects; None where one is missing."""
    for key in keys:
        if not isinstance(body, dict):
            return None
        body = body.get(key)
    return body


def text_at(body: Any, *keys: str) -> Optional[str]:
    value = at(body, *keys)
    return value[:_MAX_TEXT] if isinstance(value, str) and value else None


def whole_at(body: Any, *keys: str) -> Optional[int]:
    """A whole number that is not negative."""
    value = at(body, *keys)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def items_at(body: Any, *keys: str) -> list[Any]:
    """At most 200 elements of a list; empty if there is none."""
    value = at(body, *keys)
    return value[:200] if isinstance(value, list) else []
