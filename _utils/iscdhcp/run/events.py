"""
A run told to the event bus: begun, each step, ended. ``docs/events.md`` has the fields.

It listens to the run's journal, as the display at the terminal does; the run knows nothing of it.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
from typing import Any

from .base import Run
from .journal import Entry

#: Characters of a sentence in an event.
LONGEST = 2000


class Announced:
    """
    Announces the steps of a run.

    run
        Whose journal is listened to.
    send
        Called with the event's last word and its fields.
    """

    def __init__(self, run: Run, send: Callable[[str, Mapping[str, Any]], None]) -> None:
        self.run = run
        self.send = send
        self.begun: float | None = None
        #: The entry of the first step that has failed.
        self.failed: Entry | None = None
        run.journal.listeners.append(self.heard)

    def heard(self, entry: Entry) -> None:
        """Announce what a line of the journal says of a step that has ended."""
        if entry["what"] != "result":
            return
        name = str(entry["name"])
        if name != "lock" and self.begun is None:
            return  # a wait alone is no run
        if entry.get("raised"):
            self.failed = self.failed or entry
        elif name == "unlock":
            self._ended()
        else:
            self._step(name, entry)

    def _common(self) -> dict[str, Any]:
        return {"run": self.run.run, "who": self.run.who}

    def _step(self, name: str, entry: Entry) -> None:
        result, comment = entry["result"], str(entry["comment"])
        if name == "lock" and result:
            self.begun = self.run.clock.time()
            told = {"method": self.run.request.method, "order": list(self.run.servers)}
            continued = bool(self.run.record.get("servers"))
            self.send("begun", {**self._common(), **told, "continued": continued})
        if result is False:
            self.failed = entry
        self.send(
            "step",
            {
                **self._common(),
                "step": name,
                "server": entry["server"],
                "result": result,
                "seconds": round(entry["seconds"], 2),
                "text": comment[:LONGEST],
                "warnings": [warning[:LONGEST] for warning in entry["warnings"]],
            },
        )
        if name == "lock" and result is False:
            self._ended()

    def _ended(self) -> None:
        begun, self.begun = self.begun, None
        record = self.run.record
        entries = record.get("servers", {})
        restarted = [one for one in self.run.servers if entries.get(one, {}).get("now")]
        whole = all(entries.get(one, {}).get("normal") for one in self.run.servers)
        complete = bool(record.get("finished")) and whole and self.failed is None
        done = f"{', '.join(restarted)} {self.run.over}" if restarted else "nothing was to be done"
        text = f"{self.run.pair}: {done}."
        if not restarted and self.run.outcome is not None:
            text = self.run.outcome[1]
        if self.failed is not None:
            text = str(self.failed["comment"])
        elif not complete:
            text = f"{self.run.pair}: the run ended before it was complete."
        cause = (self.failed or {}).get("why") or text
        self.send(
            "ended",
            {
                **self._common(),
                "result": complete,
                "restarted": restarted,
                "seconds": round(self.run.clock.time() - begun, 2) if begun else 0.0,
                "text": text[:LONGEST],
                "cause": None if complete else str(cause)[:LONGEST],
                "next": None if complete else self._next()[:LONGEST],
            },
        )
        self.failed = None

    def _next(self) -> str:
        """
        Return what a person does next about a run that was not complete.

        Of several things the first: what comes after it often follows from it.
        """
        failed, request = self.failed or {}, self.run.request
        todo = next(iter(failed.get("do") or ()), "")
        if not todo and self.failed is not None and not failed.get("raised"):
            todo = f"salt-run dhcp_failover.doctor {self.run.pair.id} says more"
        again = f"to go on: {request.again or 'the same command'}"
        return f"{todo}; {again}" if todo else again
