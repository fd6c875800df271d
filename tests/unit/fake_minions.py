"""
Two servers in memory, for the tests of runs.

It is a fake: that answers are lost, late or contradictory can't be had on demand from real minions.
The integration tests run the same steps against real ones.
"""

from __future__ import annotations

import copy

from fake_clock import FakeClock
from iscdhcp.pair import discovery as pair_discovery
from iscdhcp.shapes import Alive
from pair_facts import NOW
from pair_facts import server
from shaped import shaped


class FakeMinions:
    """Two servers in memory; ``spoil`` is called before each answer."""

    def __init__(self):
        #: What they and the runs over them go by.
        self.clock = FakeClock()
        self.servers = {
            "dhcp-a": server("dhcp-a", "primary", "dhcp-b"),
            "dhcp-b": server("dhcp-b", "secondary", "dhcp-a"),
        }
        self.claims = {}
        self.acts = []
        self.released = []
        self.silent = set()
        #: Who gives its partner no sign of life when it is asked.
        self.lifeless = set()
        #: Who is to ask its partner in the question under way.
        self.asks = self.asks_life = None
        #: Since when the log was to be told in the last question; how often it was asked for alone.
        self.log_since, self.logs = None, 0
        self.on_restart = self.new_process
        self.on_status = lambda minions: None

    def status(self, minions, brief=False, looks=1, ask=None, alive=None, log_since=None):
        self.asks, self.asks_life, self.log_since = ask, alive, log_since
        self.on_status(self)
        now, found = self.clock.time(), {}
        for minion in minions:
            if minion in self.silent:
                found[minion] = {"error": "no answer within 6 s"}
                continue
            facts = copy.deepcopy(self.servers[minion])
            facts["claim"] = self.claims.get(minion)
            facts["time"] = now
            if log_since is not None:
                facts["logged"] = {"events": [], "clients": None}
            facts["leases"]["counted"] += now - NOW
            if minion in (alive or {}).get("foo", ()):
                self.asks_for_life(minion, now)
                facts["relationships"]["foo"]["alive"] = self.alive(minion)
            found[minion] = {"facts": facts, "asked": now, "offset": 0.0}
        return found

    def alive(self, minion):
        """What the last question for a sign of life came to that a server has put."""
        return self.servers[minion]["relationships"]["foo"]["alive"]

    def asks_for_life(self, minion, now):
        (partner,) = set(self.servers) - {minion}
        before, answers = self.alive(minion), partner not in self.lifeless
        silent = None if answers else (before and before["silent"]) or now
        last = now if answers else before and before["before"]
        known = {"address": "x", "asked": now, "answered": answers, "before": last}
        self.servers[minion]["relationships"]["foo"]["alive"] = shaped(
            Alive, **known, silent=silent
        )

    def close(self):
        pass

    def inspect(self, minions, log_hours=0.0, ask=False):
        return self.status(minions)

    def claim(self, minions, claim, facts=False):
        run, who = claim["run"], claim["who"]
        foreign = {
            m: c for m, c in self.claims.items() if m in minions and c["run"] not in _may(c, claim)
        }
        mine = [minion for minion in minions if minion not in foreign]
        mark = {"run": run, "who": who, "until": 0, "master": claim.get("master")}
        self.claims.update(dict.fromkeys(mine, mark))
        refused = {
            m: {"refused": f"{m} is claimed by {c['who']}", "claim": c} for m, c in foreign.items()
        }
        return {**self.status(mine), **refused}

    def release(self, minions, run, token):
        for minion in minions:
            self.claims.pop(minion, None)

    def log(self, minions, since):
        self.logs += 1
        return {minion: {"events": [], "clients": None} for minion in minions}

    def release_window(self, minion, drained=False, run=None):
        self.released.append((minion, drained))

    def new_process(self, minion):
        process = self.servers[minion]["process"]
        old = dict(process)
        process.update(pid=process["pid"] + 1, identity=process["identity"] + "+")
        return {"result": True, "comment": f"{minion} restarted", "old": old, "new": dict(process)}

    def restart(self, minion, patience, **arguments):
        self.acts.append(minion)
        self.arguments = arguments
        return self.on_restart(minion)


def _may(theirs, mine):
    same = theirs.get("master") == mine.get("master")
    return (mine["run"], mine.get("over")) if same else (mine["run"],)


def discovery():
    found = pair_discovery.Discovery()
    found.pairs = [pair_discovery.Pair("foo", "dhcp-a", "dhcp-b", 3600)]
    return found


def new_run(kind, minions, folder, request, pair=None):
    """A run of a kind over a pair, by default the fleet's only one; ``said`` is what it told."""
    said = []
    found = pair_discovery.Discovery() if pair else discovery()
    pair = pair or found.pairs[0]
    who, clock = "ann on master", minions.clock
    run = kind(pair, found, minions, folder, who, request, said.append, clock=clock)
    run.said = said
    return run


def go(run):
    """Take all steps as the orchestration does; return them."""
    steps = []
    for planned in run.steps():
        steps.append(planned.act())
        if not steps[-1].result:
            break
    run.unlock()
    return steps
