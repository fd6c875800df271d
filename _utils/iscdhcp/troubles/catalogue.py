"""
The catalogue of troubles, by code.

Guard, waits, preflight and doctor take their sentences and what to do from here, so that a trouble
is called the same by all of them; ``docs/troubles.md`` shows it to people.
"""

from __future__ import annotations

from collections.abc import Container

from . import at_partner_down
from . import at_start
from . import in_files
from . import in_relationships
from . import of_lint
from . import on_servers
from .force import UNSEEN
from .trouble import Trouble

#: What the troubles are about, in the order of the manual's page.
SECTIONS: dict[str, tuple[Trouble, ...]] = {
    "The minion": on_servers.MINION,
    "dhcpd on a server": on_servers.DHCPD,
    "Why dhcpd does not start": at_start.STARTS,
    "Who else is at work": on_servers.WORK,
    "OMAPI and the methods": on_servers.OMAPI,
    "dhcpd's log": on_servers.LOG,
    "The configuration": in_files.CONFIGURATION,
    "The lease file": in_files.LEASES,
    "The disk": in_files.DISK,
    "The relationship": in_relationships.STATES,
    "The time that the partner is alone": in_relationships.ALONE,
    "States, explained": in_relationships.EXPLAINED,
    "The connection": in_relationships.LINK,
    "Taking a partner for dead": at_partner_down.PARTNER_DOWN,
    "What lint finds": of_lint.LINT,
}
CATALOGUE: dict[str, Trouble] = {
    trouble.code: trouble for troubles in SECTIONS.values() for trouble in troubles
}


def says(code: str, **fields: object) -> str:
    """
    Return the sentence about one case of a trouble, without its full stop.

    fields
        What the sentence names, such as ``server``.
    """
    text = CATALOGUE[code].says
    if text is None:
        raise KeyError(f"{code} has no sentence of its own")
    return text.format(**fields)


def what_to_do(code: str, **fields: object) -> str:
    """Return what to do about one case of a trouble; ``fields`` as for :func:`says`."""
    return CATALOGUE[code].do.format(**fields)


def is_forced(code: str, force: Container[str]) -> bool:
    """Whether a person has overridden a trouble by the word of ``force`` for it."""
    word = CATALOGUE[code].force
    return word is not None and word in force


def other_word(code: str, force: Container[str]) -> str | None:
    """
    Return the sentence for a person who has said the word for the bad kind of a trouble that only
    can't be proved, without its full stop; ``None`` where no such word was said.

    One word overrode both kinds once, and scripts may still say it.
    """
    word = CATALOGUE[code].force
    if word is None or not word.endswith(UNSEEN) or word in force:
        return None
    bad = word.removesuffix(UNSEEN)
    if bad not in force:
        return None
    return f"force={bad} is for what is bad; what can't be proved is overridden by force={word}"
