"""
Who is to be asked for a discovery, and who is waited for: pure, from what is remembered.

Most minions of a master are no DHCP servers, and an answer of each costs the master some 10 ms of
CPU. So "no dhcpd here" is remembered for a day. Who is not known is always asked.
"""

from __future__ import annotations

from collections.abc import Collection
from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from typing import Any

#: Seconds for which a minion without relationships is not asked again.
REMEMBERED = 86400.0
#: How many of those whose day is over are asked again in one discovery, the oldest first.
SLICE = 50
#: Seconds after which a silent minion is long gone, though most of the others are silent as well.
LONG = 3600.0


@dataclass
class Memory:
    """
    What is remembered of asking, beside what minions said.

    All times are epoch seconds of the master.
    """

    #: When a minion last answered.
    heard: dict[str, float] = field(default_factory=dict)
    #: Since when a minion has been asked in vain.
    silent: dict[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, kept: Any) -> Memory:
        """Return what was kept as :meth:`kept`; what can't be read is not remembered."""
        kept = kept if isinstance(kept, Mapping) else {}
        return cls(*(_times(kept.get(name)) for name in ("heard", "silent")))

    def kept(self, minions: Iterable[str]) -> dict[str, dict[str, float]]:
        """Return what is to be kept, of ``minions`` only, as plain values."""
        known = set(minions)
        return {
            "heard": {one: at for one, at in self.heard.items() if one in known},
            "silent": {one: at for one, at in self.silent.items() if one in known},
        }

    def gone(self, candidates: Collection[str], now: float) -> set[str]:
        """
        Return who is not waited for: those that were asked in vain before.

        Where most of the ``candidates`` were silent, a busy master or a network is more likely
        than so many dead minions: then only those that have been silent for long.
        """
        silent = {one: self.silent[one] for one in candidates if one in self.silent}
        if 2 * len(silent) <= len(candidates):
            return set(silent)
        return {one for one, since in silent.items() if now - since > LONG}

    def asked(self, minions: Iterable[str], answered: Iterable[str], now: float) -> None:
        """Note who of ``minions`` has answered and who has not."""
        heard = set(answered)
        for minion in minions:
            if minion in heard:
                self.heard[minion] = now
                self.silent.pop(minion, None)
            else:
                self.silent.setdefault(minion, now)


def _times(given: Any) -> dict[str, float]:
    given = given if isinstance(given, Mapping) else {}
    return {str(one): float(at) for one, at in given.items() if isinstance(at, (int, float))}


def is_bystander(report: Mapping[str, Any] | None) -> bool:
    """Whether a minion has said that it has no relationship, and has read its files for that."""
    return report is not None and not report.get("relationships") and not report.get("error")


def whom(
    candidates: Iterable[str],
    reports: Mapping[str, Mapping[str, Any]],
    memory: Memory,
    now: float,
) -> list[str]:
    """
    Return who is asked: servers, those not known, and a slice of those without dhcpd.

    candidates
        The minions that may be servers.
    reports
        What minions said earlier (``dhcpd.peers``), by id.
    now
        Epoch seconds.
    """
    ask, due = [], []
    for minion in candidates:
        if not is_bystander(reports.get(minion)):
            ask.append(minion)
            continue
        heard = memory.heard.get(minion, 0.0)
        # A clock that was set back must not keep an answer for longer.
        if not 0 <= now - heard < REMEMBERED:
            due.append((heard, minion))
    return sorted(ask + [minion for _, minion in sorted(due)[:SLICE]])


def bystanders(candidates: Iterable[str], reports: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Return those who have said that they have no relationship."""
    return [minion for minion in candidates if is_bystander(reports.get(minion))]


def most_are_silent(silent: int, candidates: int) -> str:
    """Return the sentence for a discovery in which most gave no answer."""
    return (
        f"{silent} of {candidates} minions gave no answer, so this list may lack pairs. Is the "
        "master busy, or a network down? Ask again (refresh=True asks all), give them more time "
        "(dhcp_failover: discovery_seconds), or say who may be a DHCP server (dhcp_failover: "
        "servers: a compound target)."
    )
