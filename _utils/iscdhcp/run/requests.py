"""
Requests for a restart that come as events: what they may say, who may make them, how often.

Everything in an event is untrusted: any minion may send any tag with any content. So a request is
data that is compared with what is known, and never a part of a name, a command or a template.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import IscDhcpError
from ..words import clock

#: Seconds between two restarts of a pair by request, unless the master's configuration says more.
INTERVAL = 900.0
#: Characters that a value may have.
LONGEST = 200
#: What a request may say.
FIELDS = ("pair", "why")
#: Characters of templates, YAML and shells; no name in a request needs them.
_FORBIDDEN = frozenset("{}%$`<>|&;*?!#\\\"'[]=~^")


class Refused(IscDhcpError):
    """A request that is not followed, and why."""


@dataclass(frozen=True)
class Request:
    """A request that is well formed; whether it is followed is another question."""

    sender: str
    pair: str
    why: str


def shown(value: Any) -> str:
    """Return a value so that it can stand in a log: short, printable, on one line."""
    text = ascii(value) if isinstance(value, str) else f"a {type(value).__name__}"
    return text if len(text) <= 60 else f"{text[:57]}... ({len(text)} characters)"


def parse(event: Any) -> Request:
    """
    Return the request that an event is.

    event
        What the reactor got: ``id`` of the sender, which the master has set, and ``data``.

    Raises :class:`Refused` for anything but short, plain words in known fields.
    """
    if not isinstance(event, Mapping):
        raise Refused(f"a request is an event, not {shown(event)}")
    sender = event.get("id")
    if not isinstance(sender, str) or not sender:
        raise Refused("a request has to come from a minion: the event has no id")
    name = _word("id", sender)
    if event.get("size"):
        raise Refused(f"the request of {name} is too large ({shown(str(event['size']))} bytes)")
    data = event.get("data")
    if not isinstance(data, Mapping):
        raise Refused(f"the request of {name} has no data: send {{'pair': NAME}}")
    # Salt adds fields of its own (__pub_jid and the like).
    fields = {key: data[key] for key in data if not str(key).startswith("__pub_")}
    unknown = [key for key in fields if key not in FIELDS]
    if unknown:
        raise Refused(
            f"the request of {name} says {shown(unknown[0])}; it may say {' and '.join(FIELDS)}"
        )
    pair, why = fields.get("pair"), fields.get("why")
    if pair is None:
        # Salt's event.send turns data that is no dictionary into an empty one: that asks nothing.
        raise Refused(f"the request of {name} names no pair: send {{'pair': NAME}}")
    return Request(
        sender=name,
        pair=_word(f"pair in the request of {name}", pair),
        why="" if why is None else _word(f"why in the request of {name}", why),
    )


def pending_server(event: Any) -> tuple[str, bool]:
    """
    Return whose restart became pending, or no longer is, by the beacon's event.

    event
        What the reactor got of ``salt/beacon/MINION/dhcp_failover/pending_restart``.

    Raises :class:`Refused` for anything else.
    """
    if not isinstance(event, Mapping) or not isinstance(event.get("id"), str):
        raise Refused("this is no event of the beacon: it has no id")
    sender = _word("id", event["id"])
    if not isinstance(event.get("active"), bool):
        raise Refused(f"the event of {sender} does not say whether a restart is pending")
    # Time stamps of files prove no change: only what was marked counts.
    return sender, event["active"] and event.get("cause") == "marked"


def not_marked(server: str, facts: Mapping[str, Any]) -> str | None:
    """
    Return why a server has no restart that somebody wants, or ``None``.

    server
        Its minion id.
    facts
        ``dhcpd.status``'s. Files that were changed or touched are no wish: somebody may be at them.
    """
    found = facts.get("pending_restart")
    if not found:
        return f"no restart is pending on {server}"
    if not found.get("marked"):
        return f"no restart is marked as pending on {server}, though {found.get('reason')}"
    return None


def _word(what: str, value: Any) -> str:
    if not isinstance(value, str):
        raise Refused(f"{what}: {shown(value)} is no text")
    if len(value) > LONGEST:
        raise Refused(f"{what} is too long ({len(value)} characters)")
    bad = sorted(one for one in set(value) if one in _FORBIDDEN or not one.isprintable())
    if bad or not value.strip():
        raise Refused(f"{what}: {shown(value)} is no plain text")
    return value


@dataclass(frozen=True)
class Rules:
    """
    Who may ask for which pairs, and how often.

    ``allow`` has the minions; the pairs that each may name, or ``None`` for all. ``interval`` is
    in seconds.
    """

    allow: Mapping[str, tuple[str, ...] | None]
    interval: float = INTERVAL

    @classmethod
    def read(cls, settings: Any) -> Rules:
        """
        Return the rules in the master's configuration, ``dhcp_failover: requests:``.

        settings
            ``allow`` (a list of minion ids, or of ``{id: [pairs]}``) and ``interval`` (seconds).

        Raises :class:`Refused` for a configuration that is not understood: nobody may ask then.
        """
        where = "dhcp_failover:requests in the master's configuration"
        if settings is None:
            settings = {}
        if not isinstance(settings, Mapping) or set(settings) - {"allow", "interval"}:
            raise Refused(f"{where} has to have allow and interval, and nothing else")
        allow: dict[str, tuple[str, ...] | None] = {}
        listed = settings.get("allow") or []
        if isinstance(listed, Mapping):
            listed = [{key: value} for key, value in listed.items()]
        if not isinstance(listed, (list, tuple)):
            raise Refused(f"{where}: allow has to be a list of minion ids")
        for one in listed:
            if isinstance(one, str):
                allow[one] = None
            elif isinstance(one, Mapping) and len(one) == 1:
                ((minion, pairs),) = one.items()
                pairs = [pairs] if isinstance(pairs, str) else pairs
                if not isinstance(pairs, (list, tuple)):
                    raise Refused(f"{where}: allow: the pairs of {minion} have to be a list")
                allow[str(minion)] = tuple(str(pair) for pair in pairs)
            else:
                raise Refused(f"{where}: allow has to be a list of minion ids or {{id: [pairs]}}")
        interval = settings.get("interval", INTERVAL)
        if isinstance(interval, bool) or not isinstance(interval, (int, float)) or interval < 0:
            raise Refused(f"{where}: interval has to be seconds")
        return cls(allow, float(interval))

    def check_sender(self, sender: str) -> None:
        """Raise :class:`Refused` if ``sender`` may ask for nothing."""
        if sender not in self.allow:
            raise Refused(
                f"{sender} may not ask for a restart: it is not in dhcp_failover:requests:allow "
                "of the master's configuration"
            )

    def check_pair(self, sender: str, names: tuple[str, ...]) -> None:
        """Raise :class:`Refused` if ``sender`` may not ask for the pair of these names."""
        self.check_sender(sender)
        pairs = self.allow[sender]
        if pairs is not None and not set(pairs) & set(names):
            raise Refused(
                f"{sender} may not ask for a restart of {names[0]}, only of {', '.join(pairs)}"
            )


def not_now(
    pair: str,
    now: float,
    interval: float,
    last: float | None = None,
    running: str | None = None,
    held: str | None = None,
) -> str | None:
    """
    Return why a pair is not restarted now although it may be, or ``None``.

    last
        When its last restart began or ended, epoch seconds.
    running
        Who restarts it now.
    held
        Who holds it, as a sentence.
    """
    if held:
        return held
    if running:
        return f"{pair} is being restarted already by {running}"
    if last is not None and 0 <= now - last < interval:
        return (
            f"{pair} was restarted at {clock(last)} UTC; the next request counts from "
            f"{clock(last + interval)} UTC on (dhcp_failover:requests:interval)"
        )
    return None
