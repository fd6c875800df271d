"""
A run told to those who listen: begun, each step, ended. ``docs/events.md`` has the fields.

The run itself knows nothing of it: its steps are wrapped from outside.
"""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Mapping
from typing import Any

#: Characters of a sentence in an event.
LONGEST = 2000


class Announced:
    """
    Announces the steps of a run.

    run
        :class:`iscdhcp.run.restart.PairRun`; its steps are replaced by announcing ones.
    send
        Called with the event's last word and its fields.
    """

    def __init__(self, run: Any, send: Callable[[str, Mapping[str, Any]], None]) -> None:
        self.run = run
        self.send = send
        self.begun: float | None = None
        self.failed: str | None = None
        self._inside = False
        for name in ("lock", "preflight", "restart", "wait_normal", "unlock"):
            setattr(run, name, self._announcing(name, getattr(run, name)))

    def _announcing(self, name: str, act: Callable[..., Any]) -> Callable[..., Any]:
        def announcing(*arguments: Any, **named: Any) -> Any:
            # A step may call itself; a wait alone is no run.
            if named.get("test") or self._inside or (name != "lock" and self.begun is None):
                return act(*arguments, **named)
            server = self._server(name, arguments)
            since = self.run.clock.monotonic()
            self._inside = True
            try:
                step = act(*arguments, **named)
            except BaseException as err:
                self.failed = self.failed or str(err) or type(err).__name__
                raise
            finally:
                self._inside = False
            self._step(name, server, step, self.run.clock.monotonic() - since)
            return step

        return announcing

    def _server(self, name: str, arguments: tuple[Any, ...]) -> str | None:
        if name == "restart" and arguments:
            return str(self.run.servers[arguments[0]])
        return str(arguments[0]) if name == "wait_normal" and arguments else None

    def _common(self) -> dict[str, Any]:
        return {"run": self.run.run, "who": self.run.who}

    def _step(self, name: str, server: str | None, step: Any, seconds: float) -> None:
        if name == "unlock":
            self._ended()
            return
        if name == "lock" and step.result:
            self.begun = self.run.clock.time()
            record = self.run.record
            told = {"method": self.run.request.method, "order": list(self.run.servers)}
            continued = bool(record.get("servers"))
            self.send("begun", {**self._common(), **told, "continued": continued})
        if step.result is False:
            self.failed = step.comment
        self.send(
            "step",
            {
                **self._common(),
                "step": name,
                "server": server,
                "result": step.result,
                "seconds": round(seconds, 2),
                "text": step.comment[:LONGEST],
                "warnings": [warning[:LONGEST] for warning in step.warnings],
            },
        )
        if name == "lock" and step.result is False:
            self._ended()

    def _ended(self) -> None:
        begun, self.begun = self.begun, None
        record = self.run.record
        entries = record.get("servers", {})
        restarted = [one for one in self.run.servers if entries.get(one, {}).get("now")]
        whole = all(entries.get(one, {}).get("normal") for one in self.run.servers)
        complete = bool(record.get("finished")) and whole and self.failed is None
        done = f"{', '.join(restarted)} {self.run.over}" if restarted else "nothing was to be done"
        text = self.failed or f"{self.run.pair}: {done}."
        if not complete and self.failed is None:
            text = f"{self.run.pair}: the run ended before it was complete."
        self.send(
            "ended",
            {
                **self._common(),
                "result": complete,
                "restarted": restarted,
                "seconds": round(self.run.clock.time() - begun, 2) if begun else 0.0,
                "text": text[:LONGEST],
            },
        )
        self.failed = None
