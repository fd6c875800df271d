"""What monitoring wants to know of the last fleet run, as OpenMetrics text."""

from __future__ import annotations

from collections import Counter

from ..openmetrics import OpenMetrics
from . import pace
from . import record as records
from .record import Record

_HELP = {
    "dhcp_failover_fleet_running": "Whether a fleet run is under way.",
    "dhcp_failover_fleet_good": "Whether the last fleet run has ended well; no sample before.",
    "dhcp_failover_fleet_begun_time_seconds": "When the last one was begun, in seconds since 1970.",
    "dhcp_failover_fleet_ended_time_seconds": "When it ended; no sample while it is under way.",
    "dhcp_failover_fleet_units": "Units of the last fleet run by what became of them.",
    "dhcp_failover_fleet_left_out": "Servers and pairs that it has left out, by why.",
}
STATES = (pace.WAITING, pace.RUNNING, pace.DONE, pace.FAILED, pace.STOPPED)


def render(record: Record | None, alive: bool) -> str:
    """
    Return the metrics of a fleet run.

    record
        The last one's, or that of the one under way; ``None``: there was none.
    alive
        Whether a process works on it.
    """
    text = OpenMetrics(_HELP)
    text.add("dhcp_failover_fleet_running", alive)
    if record is not None:
        kind = {"kind": record.kind}
        text.add("dhcp_failover_fleet_begun_time_seconds", record.begun, kind)
        if not alive:
            good = record.outcome == "done" and not records.no_pairs(record)
            text.add("dhcp_failover_fleet_good", good, kind)
            # One that was killed has no end.
            text.add("dhcp_failover_fleet_ended_time_seconds", record.ended, kind)
        units = Counter(unit.state for unit in record.units)
        for state in STATES:
            text.add("dhcp_failover_fleet_units", units[state], {**kind, "state": state})
        left_out = Counter(str(one["code"]) for one in record.left_out)
        for code, number in sorted(left_out.items()):
            text.add("dhcp_failover_fleet_left_out", number, {**kind, "code": code})
    return str(text)
