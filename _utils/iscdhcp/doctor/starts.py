"""Why a dhcpd that is down did not start: its newest attempt, and what its service manager says."""

from __future__ import annotations

from ..pair.view import PairView
from ..words import stamp
from .finding import CAUSE
from .finding import Finding
from .finding import events_of


def why_not_started(view: PairView, server: str, alone: str, known: bool) -> list[Finding]:
    """
    Return the causes for which a server's dhcpd does not start, as far as they were said.

    alone
        What clients have meanwhile, for the end of the sentences.
    known
        Whether its files have told a cause already: what dhcpd logged only repeats that.
    """
    said = [] if known else _of_dhcpd(view, server, alone)
    return said + _of_manager(view, server, alone)


def port_taken(view: PairView, server: str, signs: str) -> list[Finding]:
    """Return that another program has dhcpd's port, if dhcpd's newest start failed by that."""
    failed = view.log(server).get("failed_start")
    if failed is None or failed["code"] != "start-port":
        return []
    return _of_dhcpd(view, server, signs)


def _of_dhcpd(view: PairView, server: str, alone: str) -> list[Finding]:
    # A minion of an earlier version does not have it.
    failed = view.log(server).get("failed_start")
    if failed is None:
        why = _last_words(view, server)
        more = f"; {alone}"
        return [Finding.of("start-failed", CAUSE, 97, server, more, why=why)] if why else []
    said = f"“{failed['text']}” at {stamp(failed['time'])}"
    if failed["code"] == "start-failed":
        return [Finding.of("start-failed", CAUSE, 97, server, f"; {alone}", why=said)]
    case = {
        "said": said,
        "name": failed["name"] or "a file of its own",
        "file": failed["file"] or "another configuration",
        "profile": failed["profile"],
    }
    return [Finding.of(failed["code"], CAUSE, 97, server, f"; {alone}", case=case)]


def _of_manager(view: PairView, server: str, alone: str) -> list[Finding]:
    service = view.service(server)
    refusal = service.get("refuses")
    if not refusal:
        return []
    # A limit is what follows from ends that dhcpd has given the reason of; all else is the reason.
    follows = refusal["code"] == "unit-start-limit"
    case = {"service": service["name"], "said": refusal["text"]}
    rank = 96 if follows else 98
    return [Finding.of(refusal["code"], CAUSE, rank, server, f"; {alone}", case=case)]


def _last_words(view: PairView, server: str) -> str | None:
    """Return what dhcpd gave as the reason of its end, if it did after its last start."""
    entries = events_of(view, server, "fatal", "conf-error", "already-running", "serving")
    served = max((float(e["last"]) for e in entries if e["kind"] == "serving"), default=0.0)
    fatal = [
        entry
        for entry in entries
        if entry["kind"] in ("fatal", "conf-error", "already-running")
        and float(entry["last"]) >= served
    ]
    if not fatal:
        return None
    told = [entry for entry in fatal if entry["kind"] != "fatal"] or fatal
    return f"“{str(told[-1]['text']).strip()}” at {stamp(float(told[-1]['last']))}"
