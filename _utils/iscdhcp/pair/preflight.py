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
from ..rules.may_stop import CLOCK_MAX_SKEW
from ..rules.verdict import Verdict
from ..words import size
from .view import PairView

PASS, WARN, BLOCK = "pass", "warn", "block"
_ORDER = {PASS: 0, WARN: 1, BLOCK: 2}

#: Every check, in the order in which they are shown, and what it says when nothing is wrong.
CODES = {
    "answers": "both minions answer",
    "process": "one dhcpd serves on each server",
    "states": "both servers are normal and see each other so",
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
}

#: Where a reason of the guard belongs.
_OF_REASON = {
    "not-running": "process",
    "several": "process",
    "stopped": "process",
    "gentle": "method",
    "mclt": "method",
    "auto-partner-down": "method",
    "method": "method",
    "relationship": "states",
    "partner": "states",
    "no-relationship": "states",
    "primary": "states",
    "unknown": "states",
    "free-leases": "pools",
    "connection": "connection",
    "clock": "clock",
    "omapi": "omapi",
    "configuration": "configuration",
    "lease-file": "lease-file",
    "lease-folder": "space",
    "start": "service",
    "port": "process",
    "claim": "holder",
    "busy": "holder",
}

#: What to do about a reason of the guard.
_FIX = {
    "not-running": "salt {server} dhcpd.start (systemctl start may do nothing), then look again",
    "several": "stop the stray dhcpd by its pid on {server}",
    "stopped": "kill -CONT {pid} on {server}",
    "gentle": "use method=drain or handover, which do not end it by SIGTERM alone",
    "relationship": "salt-run dhcp_failover.doctor {pair} says why and what to do",
    "partner": "salt-run dhcp_failover.doctor {pair} says why and what to do",
    "no-relationship": "a server without a partner is restarted by its service manager",
    "primary": "on the master: salt-run dhcp_failover.restart server={server}",
    "connection": "salt-run dhcp_failover.doctor {pair} says why and what to do",
    "clock": "set the clocks (chronyc makestep, or the like) and see that NTP runs on both",
    "omapi": "salt {server} dhcpd.status shows what OMAPI said; the log serves meanwhile",
    "method": "use method=signal, or make OMAPI answer first",
    "mclt": "use method=drain or handover, or force=mclt if that is what you want",
    "auto-partner-down": "use method=handover, or raise auto-partner-down on both",
    "free-leases": "wait until the pools are balanced, or widen the range on both servers",
    "configuration": "fix the file on {server}; salt {server} dhcpd.check_config looks again",
    "lease-file": "salt {server} dhcpd.check_leases tells more; do not restart dhcpd by hand",
    "lease-folder": "make room, or correct owner and mode of the folder on {server}",
    "start": "systemctl status and salt {server} dhcpd.status show unit and command line",
    "port": "stop it on {server} unless it only relays",
    "claim": "wait for its end, or salt {server} dhcpd.release_claim if nobody works there",
    "busy": "wait for the end of that state run",
}

#: Nothing that a run should be told each time: advice about the set-up.
STANDING = frozenset({"firewall"})

#: A share of the pool below which a server is told to be short of addresses of its own.
SHORT = 0.02
#: Clocks further apart than this (seconds) are on their way to dhcpd's limit.
SKEW_WARNING = CLOCK_MAX_SKEW / 2


@dataclass(frozen=True)
class Check:
    """One check: its ``code``, ``verdict`` (pass, warn or block), a sentence and what to do."""

    code: str
    verdict: str
    text: str
    fix: str | None = None
    server: str | None = None
    #: Whether the guard on the servers would refuse because of it, whatever a policy says.
    guard: bool = False

    @property
    def told(self) -> str:
        """The sentence, and what to do."""
        return f"{self.text} ({self.fix})" if self.fix else self.text

    def as_dict(self) -> dict[str, Any]:
        """Return it as a plain dict (``code``, ``verdict``, ``text``, ``fix``, ``server``)."""
        return {
            "code": self.code,
            "verdict": self.verdict,
            "text": self.text,
            "fix": self.fix,
            "server": self.server,
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
    if code == "pools":
        shares = [
            f"{server} {counts['own']} of {counts['addresses']}"
            for server in view.servers
            if (counts := view.counts(server))
        ]
        if shares:
            return f"{fine}: {', '.join(shares)}"
    return fine


def outcome(checks: Iterable[Check]) -> str:
    """Return the gravest verdict."""
    return max((check.verdict for check in checks), key=lambda verdict: _ORDER[verdict])


# -- the guard -----------------------------------------------------------------------------------


def _of_guard(view: PairView, guard: Mapping[str, Verdict]) -> list[Check]:
    found: dict[tuple[str, str], Check] = {}
    for server, verdict in guard.items():
        pid = view.seen(server)["process"]["pid"]
        for reason in verdict.reasons:
            if view.error(server) and reason.code == "unknown":
                continue
            code = _OF_REASON.get(reason.code, "states")
            fix = _FIX.get(reason.code)
            fix = fix and fix.format(server=server, pid=pid, pair=view.name)
            verdict_ = BLOCK if reason.blocks else WARN
            # Both ends say the same of each other.
            found.setdefault(
                (code, reason.text),
                Check(code, verdict_, reason.text, fix, server, guard=reason.blocks),
            )
    return list(found.values())


def _silent(view: PairView, server: str) -> Check:
    why = view.error(server)
    if why and "is not available" in why:
        fix = f"salt {server} saltutil.sync_all"
    else:
        fix = f"bring the minion back: salt {server} test.ping"
    return Check("answers", BLOCK, f"{server}: {why}", fix, server, guard=True)


# -- the other checks ----------------------------------------------------------------------------


def _unacked(view: PairView, server: str) -> list[Check]:
    end = view.end(server)
    unacked, bound = end.get("unacked") or 0, end.get("unacked_bound") or 0
    if unacked <= bound:
        return []
    text = f"{server}: {unacked} updates of {view.name} are unacknowledged, all that may be"
    fix = f"look again in a few seconds; if it stays so, salt-run dhcp_failover.doctor {view.name}"
    return [Check("unacked", WARN, text, fix, server)]


def _balance(view: PairView, server: str) -> list[Check]:
    balance = view.end(server)["balance"]
    if balance.get("balanced") is not False:
        return []
    pools = ", ".join(sorted(balance.get("imbalanced") or ())) or "a pool"
    text = f"{server}: {pools} of {view.name} is imbalanced"
    fix = "dhcpd rebalances by itself within an hour (max-balance); a restart of it does so at once"
    return [Check("pools", WARN, text, fix, server)]


def _free(view: PairView, server: str) -> list[Check]:
    """Whether a server is short of addresses of its own; the guard has judged the forecast."""
    fix = "restart when fewer clients come, or widen the range"
    counts = view.counts(server)
    return [
        Check(
            "pools",
            WARN,
            f"{server} has only {pool['own']} free addresses of its own in {pool['network']} "
            f"({pool['addresses']} in all): while {view.partner(server)} is down it has no more "
            "for new clients",
            fix,
            server,
        )
        for pool in (counts["pools"] if counts else ())
        if 0 < pool["own"] < SHORT * pool["addresses"]
    ]


def _omapi(view: PairView, server: str) -> list[Check]:
    omapi = view.seen(server)["omapi"]
    if omapi.get("configured") and omapi.get("answers") and not omapi.get("authenticated"):
        text = (
            f"{server}: OMAPI asks for no key: anyone who reaches port {omapi['port']} controls "
            "dhcpd"
        )
        fix = (
            "declare a key and name it by omapi-key in dhcpd.conf; it takes effect at the next "
            "start"
        )
        return [Check("omapi", WARN, text, fix, server)]
    return []


def _firewall(view: PairView, server: str) -> list[Check]:
    omapi, firewall = view.seen(server)["omapi"], view.survey(server)["firewall"]
    if not omapi.get("configured") or not firewall or firewall.get("closed"):
        return []
    port = omapi.get("port")
    # dhcpd's OMAPI can't be bound to one address (omapip/listener.c:56-58).
    if firewall.get("closed") is None:
        text = f"{server}: whether OMAPI's port {port} is closed to strangers can't be told: "
        text += str(firewall.get("why"))
        fix = f"look yourself on {server} that only lo reaches tcp port {port}"
        return [Check("firewall", WARN, text, fix, server)]
    text = (
        f"{server}: OMAPI's port {port} is open to every address, and the name of its key is "
        "enough to control dhcpd"
    )
    fix = f"let only lo reach tcp port {port} (nft: iifname != lo tcp dport {port} drop)"
    return [Check("firewall", WARN, text, fix, server)]


def _examined(view: PairView, code: str) -> bool:
    """Whether the servers looked at their configurations for this check."""
    if code == "lint":
        return all(_is_examined(view, one) for one in view.servers)
    return code != "parity" or None not in _digests(view)


def _is_examined(view: PairView, server: str) -> bool:
    found = view.survey(server)["configuration"]
    return found is not None and not found["error"]


def _lint(view: PairView, server: str) -> list[Check]:
    found = []
    for finding in view.examined(server)["findings"]:
        if finding["severity"] == "note":
            continue
        where = f"{finding['file']}:{finding['line']}: " if finding.get("file") else ""
        verdict = BLOCK if finding["severity"] == "error" else WARN
        text = f"{server}: {where}{finding['what']}"
        found.append(Check("lint", verdict, text, finding["fix"], server))
    return found


def _digests(view: PairView) -> list[str | None]:
    """Return both servers' digests of what has to be equal, made with the same nonce."""
    return [view.examined(one)["digests"].get(view.name) for one in view.servers]


def _parity(view: PairView) -> list[Check]:
    first, second = _digests(view)
    if first is None or second is None or first == second:
        return []
    text = f"the configurations of {' and '.join(view.servers)} do not mean the same"
    fix = f"salt-run dhcp_failover.drift {view.name} shows where; make them alike, secondary first"
    return [Check("parity", WARN, text, fix)]


def _leases(view: PairView, server: str) -> list[Check]:
    leases = view.seen(server)["leases"]
    damaged = leases and leases["damaged"]
    if not damaged:
        return []
    text = f"{server}: {damaged} stretches of its lease file can't be read: a start would drop them"
    fix = f"salt {server} dhcpd.check_leases names them; stop dhcpd, then dhcpd.repair_leases"
    return [Check("lease-file", BLOCK, text, fix, server)]


def _space(view: PairView, server: str) -> list[Check]:
    space = view.survey(server)["space"]
    folder = space.get("folder")
    if space.get("error"):
        text = f"{server}: how much room there is can't be seen: {space['error']}"
        return [Check("space", WARN, text, f"look at {folder} on {server}", server)]
    if space.get("read_only"):
        text = f"{server}: {folder} is read-only: dhcpd can't write leases, and would not start"
        return [Check("space", BLOCK, text, "mount it read-write (a disk's error?)", server)]
    if space["free"] < space["needed"] or space.get("inodes") == 0:
        text = (
            f"{server}: {size(space['free'])} free in {folder}, and dhcpd writes its lease file "
            f"again at its start ({size(space['needed'])}): it would not come back whole"
        )
        if space.get("inodes") == 0:
            text = f"{server}: no inode is free in {folder}: dhcpd can't write its lease file again"
        return [Check("space", BLOCK, text, f"make room in {folder} on {server}", server)]
    return []


def _service(view: PairView, server: str) -> list[Check]:
    service = view.service(server)
    name, manager = service.get("name"), service.get("manager")
    if not name or not view.running(server) or service.get("active") is not False:
        return []
    text = (
        f"{server}: dhcpd runs, and {manager} believes that {name} "
        f"{'has failed' if service.get('failed') else 'is stopped'}: it was started by hand"
    )
    fix = f"the restart starts it by {name}; see that its options are those of the running one"
    return [Check("service", WARN, text, fix, server)]


def _held(view: PairView, server: str) -> list[Check]:
    found = []
    lock, hold = view.locks.get(server), view.holds.get(server)
    if lock:
        text = f"{server} is locked by {lock}"
        fix = "wait for its end: salt-run dhcp_failover.status shows how far it is"
        found.append(Check("holder", BLOCK, text, fix, server, guard=True))
    if hold:
        text = f"{server} is held by {hold.get('who')}: {hold.get('why')}"
        fix = f"ask them, or salt-run dhcp_failover.release server={server}"
        found.append(Check("holder", BLOCK, text, fix, server, guard=True))
    return found


def _pending(view: PairView, server: str) -> list[Check]:
    pending = view.seen(server)["pending_restart"]
    if pending:
        text = f"{server}: a restart is pending: {pending.get('reason')}"
        fix = "the restart brings it into force; see that it is what you want"
        return [Check("pending", WARN, text, fix, server)]
    if view.touched_since_start(server):
        text = (
            f"{server}: dhcpd.conf is newer than the running dhcpd: the start would read it again"
        )
        fix = f"see what was changed in {view.seen(server)['configuration']['file']}"
        return [Check("pending", WARN, text, fix, server)]
    return []


def _skew(view: PairView) -> list[Check]:
    skew = view.skew
    if skew is None or abs(skew) <= SKEW_WARNING:
        return []
    first, second = view.servers
    text = (
        f"the clocks of {first} and {second} are {abs(skew):.0f} s apart; dhcpd refuses to connect "
        f"above {CLOCK_MAX_SKEW:.0f} s"
    )
    # The guard blocks above the limit and says the same.
    return [] if view.clocks_refused else [Check("clock", WARN, text, _FIX["clock"])]
