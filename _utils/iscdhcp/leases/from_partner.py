"""
What the partner still knows of leases that were cut out of this server's file.

A server that was ``normal`` asks its partner for nothing when it starts, and the partner sends only
what it believes to be unknown here (measured): to this server the address of a lease that was cut
is free. If it balances the address away, the partner takes that over its own active lease, and the
lease is lost at both ends. So what the partner's file says of it is fetched as plain facts before
the start (:func:`entry_facts`, there), and judged and made an entry again (:func:`from_partner`).
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping
from ipaddress import IPv4Address
from typing import Any

from ..errors import LeaseFileError
from .repair import last_entries
from .syntax import NEVER
from .syntax import Entry
from .syntax import parse

#: The lines of the partner's entry that mean the same here. What each has told the other (tstp,
#: tsfp, atsfp) is left out: dhcpd then tells its partner of the lease again, which agrees.
_SHARED = frozenset(
    b"starts ends cltt binding next rewind hardware uid client-hostname set option reserved "
    b"dynamic-bootp".split()
)
#: States in which a lease belongs to no client: nothing is lost with it.
_UNUSED = ("free", "backup")


def entry_facts(path: str, addresses: Iterable[str]) -> dict[str, dict[str, Any] | None]:
    """
    Return the last entry of each address in a lease file as a plain dict, None where it has none.

    Each has ``text`` (the entry as dhcpd wrote it), ``line``, ``state``, ``starts``, ``ends``,
    ``cltt`` (UTC epoch seconds, None where it does not say), ``hardware`` (``ethernet 02:...``),
    ``uid`` (hexadecimal) and ``client_hostname``. Raises :class:`LeaseFileError` if the file can't
    be read or something is no address.
    """
    wanted = [str(address) for address in addresses]
    for address in wanted:
        try:
            IPv4Address(address)
        except ValueError:
            raise LeaseFileError(f"{address} is no IPv4 address") from None
    found = last_entries(path, wanted)
    return {address: _facts(found[address]) if address in found else None for address in wanted}


def _facts(entry: Entry) -> dict[str, Any]:
    fields = entry.fields
    hardware, uid = fields.get("hardware"), fields.get("uid")
    return {
        "text": entry.text.decode("ascii", "backslashreplace"),
        "line": entry.line,
        **{name: fields.get(name) for name in ("state", "starts", "ends", "cltt")},
        "hardware": " ".join(hardware) if hardware else None,
        "uid": uid.hex(":") if uid else None,
        "client_hostname": fields.get("client_hostname"),
    }


def from_partner(
    cut: Iterable[str],
    theirs: Mapping[str, Mapping[str, Any] | None],
    mine: Mapping[str, Mapping[str, Any]] | None = None,
    now: float | None = None,
) -> list[dict[str, Any]]:
    """
    Say for each address that was cut what the partner still knows of it.

    cut
        Addresses of the entries that a repair has cut: ``lost`` and ``kept``.
    theirs
        :func:`entry_facts` of the partner's file; an address that is not in it was not asked for.
    mine
        What this server's own file has of an address after the repair (:func:`entry_facts`).
    now
        UTC epoch seconds; without it no lease counts as ended.

    Returns a list, in the order of ``cut``, of ``address``, ``outcome``, ``sentence``, and
    ``entry``: text to append to this server's file while dhcpd is down, None where nothing is to be
    done. The outcome is ``known`` (the partner knows it, and better), ``same`` (this file's own
    entry is as new), ``unused`` (no client has it at the partner), ``ended`` (a client had it, and
    its time is over), ``unknown`` (the partner has no entry) or ``not asked``. Raises
    :class:`LeaseFileError` for facts that are no lease entry of that address.
    """
    return [_judge(address, theirs, (mine or {}).get(address), now) for address in cut]


def checked(entries: Mapping[str, str]) -> bytes:
    """
    Return the text of entries, by address, once each is one whole lease of its address.

    Raises :class:`LeaseFileError`.
    """
    return b"".join(
        _entry(str(address), {"text": text}).text.rstrip() + b"\n"
        for address, text in sorted(entries.items())
    )


def addresses_cut(repair: Mapping[str, Any]) -> list[str]:
    """Return the addresses of the leases that a repair has cut and not brought back."""
    cut = [one["address"] for key in ("lost", "kept") for one in repair.get(key) or ()]
    return sorted(filter(None, cut))


def _judge(
    address: str,
    theirs: Mapping[str, Mapping[str, Any] | None],
    mine: Mapping[str, Any] | None,
    now: float | None,
) -> dict[str, Any]:
    if address not in theirs:
        return _verdict(address, "not asked", "the partner was not asked for it")
    facts = theirs[address]
    if facts is None:
        return _verdict(address, "unknown", "the partner has no entry of it")
    entry = _entry(address, facts)
    state, ends = entry.fields["state"], int(entry.fields.get("ends") or 0)
    client = _client(facts)
    if mine is not None and _touched(mine) >= entry.touched:
        return _verdict(address, "same", f"this server's own entry of it is as new ({client})")
    if state in _UNUSED:
        return _verdict(address, "unused", f"at the partner it is {state}: no client has it")
    if now is not None and ends <= now and state == "active":
        return _verdict(address, "ended", f"the lease of {client} ended before now")
    until = "forever" if ends >= NEVER else f"until {ends} (epoch seconds)"
    sentence = f"the partner has it as {state} for {client} {until}"
    return {**_verdict(address, "known", sentence), "entry": _ours(entry)}


def _verdict(address: str, outcome: str, sentence: str) -> dict[str, Any]:
    return {
        "address": address,
        "outcome": outcome,
        "sentence": f"{address}: {sentence}",
        "entry": None,
    }


def _entry(address: str, facts: Mapping[str, Any]) -> Entry:
    """Parse what came from elsewhere: only a whole lease of that address is taken."""
    text = str(facts.get("text") or "").encode("ascii", "replace")
    found = list(parse(text))
    if len(found) == 1 and isinstance(found[0], Entry):
        if (found[0].kind, found[0].name) == ("lease", address):
            return found[0]
    raise LeaseFileError(f"what the partner sent of {address} is no whole lease entry of it")


def _touched(facts: Mapping[str, Any]) -> int:
    return max(int(facts.get(name) or 0) for name in ("starts", "cltt"))


def _client(facts: Mapping[str, Any]) -> str:
    return str(
        facts.get("client_hostname") or facts.get("hardware") or facts.get("uid") or "its client"
    )


def _ours(entry: Entry) -> str:
    """Make an entry of this server's file of one of the partner's."""
    kept = [b"lease %s {" % entry.name.encode()]
    for line in entry.text.splitlines()[1:]:
        words = line.split(None, 1)
        if words and words[0].rstrip(b";") in _SHARED:
            kept.append(line.rstrip())
    text = b"\n".join([*kept, b"}"]) + b"\n"
    # dhcpd writes a statement to a line; an entry of another hand is not taken apart like that.
    if [isinstance(one, Entry) for one in parse(text)] != [True]:
        raise LeaseFileError(f"the partner's entry of {entry.name} is not as dhcpd writes it")
    return text.decode("ascii")
