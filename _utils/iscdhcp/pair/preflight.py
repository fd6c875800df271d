"""
Preflight: everything that can be known before the first act, each as a check with its verdict.

Pure functions from a :class:`iscdhcp.pair.view.PairView` to :class:`Check`. What the guard on the
servers (:func:`iscdhcp.rules.may_stop.ok_to_stop`) has against it is the floor: it blocks whatever
a site's policy says, because the server itself would refuse. The other checks stand beside it, and
a policy raises or lowers them.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import replace
from typing import Any

from ..errors import IscDhcpError
from ..rules import forgotten_leases
from ..rules import proof
from ..rules import upgrades
from ..rules.may_stop import CLOCK_MAX_SKEW
from ..rules.may_stop import clocks_apart
from ..rules.verdict import Verdict
from ..shapes import Asked
from ..troubles.catalogue import CATALOGUE
from ..troubles.catalogue import says
from ..troubles.catalogue import what_to_do
from ..words import count
from .cases import is_full
from .cases import lacking
from .cases import not_the_service
from .cases import old_file
from .cases import room
from .view import PairView

PASS, WARN, BLOCK = "pass", "warn", "block"
_ORDER = {PASS: 0, WARN: 1, BLOCK: 2}

#: Every check, in the order in which they are shown, and what it says when nothing is wrong.
CODES = {
    "answers": "both minions answer",
    "process": "one dhcpd serves on each server",
    "states": "both servers are normal and see each other so",
    "probe": "each server has been asked for an address",
    "connection": "the failover connection is established",
    "unacked": "no update is unacknowledged",
    "pools": "each server has free addresses of its own for the time alone",
    "clock": "the clocks agree",
    "method": "the method suits the pair",
    "omapi": "OMAPI answers and takes the key",
    "firewall": "OMAPI is closed to strangers",
    "configuration": "dhcpd accepts the configuration of both servers",
    "lint": "lint finds nothing in the configurations",
    "parity": "both configurations mean the same",
    "lease-file": "the lease files are whole",
    "space": "there is room to write the lease files again",
    "service": "service manager and process agree, and dhcpd would come back as it runs",
    "holder": "nobody else holds the pair",
    "pending": "no other change is pending",
    "upgrades": "package upgrades leave dhcpd alone",
}

#: Nothing that a run should be told each time: advice about the set-up.
STANDING = frozenset({"firewall", "upgrades"})

#: A share of the pool below which a server is told to be short of addresses of its own.
SHORT = 0.02
#: Clocks further apart than this (seconds) are on their way to dhcpd's limit.
SKEW_WARNING = CLOCK_MAX_SKEW / 2


@dataclass(frozen=True)
class Check:
    """
    One check.

    code
        Which check: a key of :data:`CODES`.
    verdict
        ``pass``, ``warn`` or ``block``.
    text, fix
        A sentence, and what to do.
    server
        Which server it is about, if one.
    guard
        Whether the guard on the servers would refuse because of it, whatever a policy says.
    trouble
        Its code in :data:`iscdhcp.troubles.catalogue.CATALOGUE`, if it is one.
    """

    code: str
    verdict: str
    text: str
    fix: str | None = None
    server: str | None = None
    guard: bool = False
    trouble: str | None = None

    @classmethod
    def of(
        cls,
        trouble: str,
        server: str | None = None,
        blocks: bool | None = None,
        guard: bool = False,
        case: Mapping[str, object] | None = None,
        **fields: object,
    ) -> Check:
        """Return a check that has found a trouble; the catalogue's words name case and fields."""
        fields.update(case or {})
        known = CATALOGUE[trouble]
        blocks = known.blocks if blocks is None else blocks
        return cls(
            known.check or "states",
            BLOCK if blocks else WARN,
            says(trouble, server=server, **fields),
            what_to_do(trouble, server=server, **fields),
            server,
            guard,
            trouble,
        )

    @property
    def told(self) -> str:
        """The sentence, and what to do."""
        return f"{self.text} ({self.fix})" if self.fix else self.text

    def as_dict(self) -> dict[str, Any]:
        """Return it as a plain dict."""
        return {
            "code": self.code,
            "verdict": self.verdict,
            "text": self.text,
            "fix": self.fix,
            "server": self.server,
            "trouble": self.trouble,
        }


def parse_policy(policy: Any) -> dict[str, str]:
    """
    Return a site's policy, checked.

    policy
        ``{code: pass|warn|block}`` of the codes in :data:`CODES`, or nothing.

    Raises :class:`IscDhcpError` for anything else.
    """
    if not policy:
        return {}
    if not isinstance(policy, Mapping):
        raise IscDhcpError("dhcp_failover:policy: write code: verdict, such as firewall: block")
    for code, verdict in policy.items():
        if code not in CODES:
            raise IscDhcpError(
                f"dhcp_failover:policy: {code} is no check; there are {', '.join(CODES)}"
            )
        if verdict not in _ORDER:
            raise IscDhcpError(
                f"dhcp_failover:policy:{code}: say pass, warn or block, not {verdict}"
            )
    return {str(code): str(verdict) for code, verdict in policy.items()}


def preflight(
    view: PairView, guard: Mapping[str, Verdict], policy: Mapping[str, str] | None = None
) -> list[Check]:
    """
    Judge whether the pair may be restarted now.

    view
        The pair.
    guard
        What :func:`iscdhcp.rules.may_stop.ok_to_stop` says of each server that is to be restarted.
    policy
        As :func:`parse_policy` returns it: the verdict of whatever a check finds. ``pass`` keeps
        the sentence and lets it stand in nobody's way. The guard's own blocks stay.

    Returns at least one check for each of :data:`CODES` that could be looked at, in that order.
    """
    policy = policy or {}
    found = _of_guard(view, guard)
    for server in view.servers:
        if view.error(server):
            found.append(_silent(view, server))
            continue
        for judge in (_unacked, _balance, _omapi, _firewall, _lint, _leases, _space):
            found += judge(view, server)
        if not guard or view.partner(server) in guard:
            found += _free(view, server)
        found += _service(view, server) + _held(view, server) + _pending(view, server)
        found += _upgrades(view, server)
    found += _skew(view) + _parity(view)
    found = [_by_policy(check, policy) for check in found]
    checks: list[Check] = []
    for code, fine in CODES.items():
        mine = [check for check in found if check.code == code]
        unknown = [server for server in view.servers if view.error(server)]
        if mine:
            checks += sorted(mine, key=lambda check: -_ORDER[check.verdict])
        elif unknown and code != "answers":
            text = f"not known of {' and '.join(unknown)}: no answer"
            checks.append(Check(code, WARN, text, None, unknown[0]))
        elif _examined(view, code):
            checks.append(Check(code, PASS, _fine(view, code, fine)))
    return checks


def _by_policy(check: Check, policy: Mapping[str, str]) -> Check:
    wanted = policy.get(check.code)
    if wanted is None or check.verdict == PASS:
        return check
    if check.guard and check.verdict == BLOCK:
        return check
    return replace(check, verdict=wanted)


def _fine(view: PairView, code: str, fine: str) -> str:
    """Say what was seen where nothing is wrong."""
    if code == "clock" and view.skew is not None:
        return f"{fine} within {max(0.1, abs(view.skew)):.1f} s"
    if code == "probe":
        told = [
            f"{view.partner(server)} after {asked['seconds'] * 1000:.1f} ms"
            for server in view.servers
            if (asked := _answered(view, server)) and asked["seconds"] is not None
        ]
        return f"asked for an address: {', '.join(told)}"
    if code in ("omapi", "firewall"):
        return _without_omapi(view, code) or fine
    if code == "pools":
        shares = [
            f"{server} {counts['own']} of {counts['addresses']}"
            for server in view.servers
            if (counts := view.counts(server))
        ]
        if shares:
            return f"{fine}: {', '.join(shares)}"
    return fine


def _without_omapi(view: PairView, code: str) -> str | None:
    """Say which servers have no OMAPI, if some have none: it is not needed."""
    names = [one for one in view.servers if not view.seen(one)["omapi"]["configured"]]
    if not names:
        return None
    has, their = ("has", "its") if len(names) == 1 else ("have", "their")
    told = f"{' and '.join(names)} {has} no OMAPI"
    if code == "firewall":
        return f"{told} to be closed"
    return f"{told}: dhcpd's log proves {their} states"


def outcome(checks: Iterable[Check]) -> str:
    """Return the gravest verdict."""
    return max((check.verdict for check in checks), key=lambda verdict: _ORDER[verdict])


# -- the guard -----------------------------------------------------------------------------------


def _of_guard(view: PairView, guard: Mapping[str, Verdict]) -> list[Check]:
    found: dict[tuple[str, str], Check] = {}
    for server, verdict in guard.items():
        for reason in verdict.reasons:
            if view.error(server) and reason.code == "minion-silent":
                continue  # said as what it is, below
            code = CATALOGUE[reason.code].check or "states"
            level = BLOCK if reason.blocks else WARN
            # Both ends say the same of each other.
            found.setdefault(
                (code, reason.text),
                Check(
                    code, level, reason.text, reason.do, server, reason.blocks, trouble=reason.code
                ),
            )
    return list(found.values())


def _silent(view: PairView, server: str) -> Check:
    code = "not-synced" if view.lacks_modules(server) else "minion-silent"
    return Check.of(code, server, guard=True, why=view.error(server))


# -- the other checks ----------------------------------------------------------------------------


def _unacked(view: PairView, server: str) -> list[Check]:
    end = view.end(server)
    unacked, bound = end["unacked"] or 0, end["unacked_bound"] or 0
    if unacked <= bound:
        return []
    return [Check.of("unacked", server, unacked=unacked, pair=view.name)]


def _balance(view: PairView, server: str) -> list[Check]:
    balance = view.end(server)["balance"]
    if balance["balanced"] is not False:
        return []
    pools = ", ".join(sorted(balance["imbalanced"])) or "a pool"
    return [Check.of("imbalanced", server, pools=pools, pair=view.name)]


def _free(view: PairView, server: str) -> list[Check]:
    """Whether a server is short of addresses of its own; the guard has judged the forecast."""
    counts = view.counts(server)
    return [
        Check.of(
            "few-free-leases",
            server,
            own=pool["own"],
            network=pool["network"],
            addresses=pool["addresses"],
            partner=view.partner(server),
        )
        for pool in (counts["pools"] if counts else ())
        if 0 < pool["own"] < SHORT * pool["addresses"]
    ]


def _omapi(view: PairView, server: str) -> list[Check]:
    omapi = view.seen(server)["omapi"]
    if omapi["configured"] and omapi["answers"] and not omapi["authenticated"]:
        return [Check.of("omapi-no-key", server, port=omapi["port"])]
    return []


def _firewall(view: PairView, server: str) -> list[Check]:
    omapi, firewall = view.seen(server)["omapi"], view.survey(server)["firewall"]
    if not omapi["configured"] or not firewall or firewall["closed"]:
        return []
    if firewall["closed"] is None:
        return [Check.of("firewall-unknown", server, port=omapi["port"], why=firewall["why"])]
    return [Check.of("firewall", server, port=omapi["port"])]


def _examined(view: PairView, code: str) -> bool:
    """Whether the servers looked at their configurations for this check."""
    if code == "probe":
        return any(_answered(view, one) for one in view.servers)
    if code == "lint":
        return all(_is_examined(view, one) for one in view.servers)
    return code != "parity" or None not in _digests(view)


def _answered(view: PairView, server: str) -> Asked | None:
    """Return what its partner has offered a server just now, if it did."""
    asked = view.end(server)["asked"]
    recent = proof.is_recent(asked, view.seen(server)["time"])
    return asked if asked and recent and asked["offered"] else None


def _is_examined(view: PairView, server: str) -> bool:
    found = view.survey(server)["configuration"]
    return found is not None and not found["error"]


def _lint(view: PairView, server: str) -> list[Check]:
    found = []
    for one in view.examined(server)["findings"]:
        if one["severity"] == "note":
            continue
        where = f"{one['file']}:{one['line']}: " if one.get("file") else ""
        blocks = one["severity"] == "error"
        found.append(
            Check.of("lint", server, blocks, where=where, what=one["what"], fix=one["fix"])
        )
    return found


def _digests(view: PairView) -> list[str | None]:
    """Return both servers' digests of what has to be equal, made with the same nonce."""
    return [view.examined(one)["digests"].get(view.name) for one in view.servers]


def _parity(view: PairView) -> list[Check]:
    first, second = _digests(view)
    if first is None or second is None or first == second:
        return []
    return [Check.of("parity", None, servers=" and ".join(view.servers), pair=view.name)]


def _leases(view: PairView, server: str) -> list[Check]:
    leases = view.seen(server)["leases"]
    damaged = leases and leases["damaged"]
    lost = forgotten_leases.keeps_leases({server: view.survey(server)["forgotten"]}).reasons
    found: list[Check] = []
    if damaged:
        found.append(Check.of("lease-file-damaged", server, stretches=count(damaged, "stretch")))
    for reason in (old_file(view, server), lacking(view, server), *lost):
        if reason:
            level = BLOCK if reason.blocks else WARN
            found.append(
                Check("lease-file", level, reason.text, reason.do, server, trouble=reason.code)
            )
    return found


def _space(view: PairView, server: str) -> list[Check]:
    space = view.survey(server)["space"]
    folder = space["folder"]
    if space["error"]:
        return [Check.of("disk-unknown", server, folder=folder, error=space["error"])]
    if space["read_only"]:
        return [Check.of("disk-read-only", server, folder=folder)]
    if is_full(space):
        return [Check.of("disk-full", server, folder=folder, case=room(space))]
    return []


def _service(view: PairView, server: str) -> list[Check]:
    found = not_the_service(view, server)
    return [Check.of(found[0], server, case=found[1])] if found else []


def _held(view: PairView, server: str) -> list[Check]:
    found = []
    lock, hold = view.locks.get(server), view.holds.get(server)
    if lock:
        found.append(Check.of("run", server, guard=True, who=lock))
    if hold:
        found.append(Check.of("hold", server, guard=True, who=hold.get("who"), why=hold.get("why")))
    return found


def _pending(view: PairView, server: str) -> list[Check]:
    pending = view.seen(server)["pending_restart"]
    if pending:
        return [Check.of("pending", server, reason=pending["reason"], pair=view.name)]
    if view.touched_since_start(server):
        return [Check.of("touched", server, file=view.seen(server)["configuration"]["file"])]
    return []


def _upgrades(view: PairView, server: str) -> list[Check]:
    return [
        Check("upgrades", WARN, one.text, one.do, server, trouble=one.code)
        for one in upgrades.by_themselves(server, view.survey(server)["upgrades"])
    ]


def _skew(view: PairView) -> list[Check]:
    skew = view.skew
    # The guard blocks above the limit and says the same.
    if skew is None or abs(skew) <= SKEW_WARNING or view.clocks_refused:
        return []
    first, second = view.servers
    reason = clocks_apart(first, second, skew, view.name)
    return [Check("clock", WARN, reason.text, reason.do, trouble=reason.code)]
