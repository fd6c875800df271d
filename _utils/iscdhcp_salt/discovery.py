"""Discovery: which minions have which relationships, asked and cached on the master."""

from __future__ import annotations

import logging
import time
from pathlib import Path

import salt.cache
import salt.client
import salt.utils.minions
from iscdhcp import files
from iscdhcp import vocabulary
from iscdhcp.answers import NO_MODULE
from iscdhcp.errors import IscDhcpError
from iscdhcp.pair import asking
from iscdhcp.pair import discovery

log = logging.getLogger(__name__)
#: Seconds without any answer after which a discovery ends (setting ``discovery_seconds``).
DISCOVERY_SECONDS = 5.0
#: How many minions are asked at once (setting ``ask_at_once``): a paced master can do other work.
AT_ONCE = 200
#: Seconds without an answer after which the next ones are asked; the slow ones are asked again.
NEXT_SECONDS = 1.0
#: The same for those who have been silent for long, where only they are missing.
GRACE_SECONDS = 0.5


def directory(opts):
    """Return the folder on the master where locks, holds, records and the discovery are kept."""
    path = Path(opts["cachedir"]) / "dhcp_failover"
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def accepted_minions(opts):
    """Return the ids of all minions whose key is accepted."""
    with salt.key.get_key(opts) as keys:
        return sorted(keys.list_keys().get("minions") or ())


def candidates(opts, accepted):
    """
    Return which of the ``accepted`` minions may be servers, as the setting ``servers`` says.

    Raises :class:`iscdhcp.errors.IscDhcpError` where its target fits nobody.
    """
    target = vocabulary.check_master_settings(opts.get("dhcp_failover")).get("servers")
    if target is None:
        return accepted
    where = "dhcp_failover:servers in the master's configuration"
    if not isinstance(target, str) or not target.strip():
        raise IscDhcpError(f"{where}: give a compound target, not {target!r}")
    found = salt.utils.minions.CkMinions(opts).check_minions(target, "compound").get("minions")
    # Salt says nobody for a target that it can't read too.
    fitting = sorted(set(found or ()) & set(accepted))
    if accepted and not fitting:
        raise IscDhcpError(f"{where}: no accepted minion fits the compound target {target!r}")
    return fitting


def _positive(opts, name, default):
    value = vocabulary.check_master_settings(opts.get("dhcp_failover")).get(name)
    number = vocabulary.seconds(f"dhcp_failover:{name} in the master's configuration", value)
    if number is None:
        return default
    if number <= 0:
        raise IscDhcpError(
            f"dhcp_failover:{name} in the master's configuration: give a number above 0"
        )
    return number


def _reports(answers, cached):
    """
    Return what minions said to ``dhcpd.peers``; one without the module is no dhcpd server.

    One that was a server when it was asked last stays one: its pair is told what it lacks.
    """
    reports = {}
    for minion, answer in answers.items():
        report = answer.get("ret", answer.get("return"))
        if isinstance(report, dict) and "relationships" in report:
            reports[minion] = report
        elif answer.get("code") == NO_MODULE and not cached.get(minion, {}).get("relationships"):
            reports[minion] = {"relationships": {}, "addresses": [], "error": None}
    return reports


class _Discovering:
    """One discovery: what is known, who is asked, how long they are waited for."""

    def __init__(self, opts, minions, wanted, refresh, everybody):
        self.minions, self.wanted, self.everybody = minions, wanted, everybody
        self.seconds = _positive(opts, "discovery_seconds", DISCOVERY_SECONDS)
        self.at_once = max(1, int(_positive(opts, "ask_at_once", AT_ONCE)))
        self.candidates = candidates(opts, accepted_minions(opts))
        known = set(self.candidates)
        cached = {} if refresh else (files.read_json(directory(opts) / "peers.json") or {})
        self.cached = {minion: cached[minion] for minion in cached if minion in known}
        kept = files.read_json(directory(opts) / "asked.json")
        self.memory = asking.Memory.of(kept)
        #: Who has been silent for long: asked with the others, not waited for.
        self.were_silent = set(self.memory.silent)
        self.gone = set() if refresh else self.memory.gone(self.candidates, time.time())
        self.fresh = {}
        self.asked, self.heard, self.unreached = set(), set(), set()

    @property
    def reports(self):
        return {**self.cached, **self.fresh}

    def matched(self, fresh=None):
        """Return the pairs by what was said once and what is said now, which counts for more."""
        fresh = self.fresh if fresh is None else fresh
        return discovery.match({**self.cached, **fresh}, set(self.cached) - set(fresh))

    def group(self, known):
        """Return the servers of the wanted pair and their partners; ``None`` if it is not found."""
        try:
            return known.partners(discovery.select(known, self.wanted).servers)
        except IscDhcpError:
            return None

    def ask(self, ids, wait_for_all=False):
        """Ask minions, so many at once; those that were slow are asked again with the last ones."""
        ids, slow = sorted(ids), []
        if not ids:
            return
        gone = set() if wait_for_all else self.gone
        # Those of whom nothing is expected come last, in one call.
        ids = [one for one in ids if one not in gone] + [one for one in ids if one in gone]
        parts = [ids[at : at + self.at_once] for at in range(0, len(ids), self.at_once)]
        # Of several parts the slow ones are asked again: they are waited for then, once.
        quiet = NEXT_SECONDS if len(parts) > 1 else self.seconds
        for part in parts:
            heard = self._ask_part(part, gone, quiet)
            slow += [one for one in part if one not in heard and one not in gone]
            if self._found({}):
                # Nobody was waited for to the end: who has not answered may be well.
                return
        if len(parts) > 1 and slow:
            self._ask_part(slow, gone, self.seconds)
        reached = [one for one in ids if one not in self.unreached]
        self.memory.asked(reached, [one for one in ids if one in self.heard], time.time())

    def _ask_part(self, ids, gone, quiet):
        awaited = [one for one in ids if one not in gone]
        seen = {"number": 0, "at": time.monotonic(), "match": 0.0}

        def enough(answers):
            """Whether nobody is missing who is waited for, or nobody has answered for long."""
            now = time.monotonic()
            if len(answers) > seen["number"]:
                seen.update(number=len(answers), at=now)
                # Matching thousands at each of their answers would take longer than they do.
                if now >= seen["match"]:
                    if self._found(answers):
                        return True
                    seen["match"] = time.monotonic() + 4 * (time.monotonic() - now)
            missing = any(one not in answers for one in awaited)
            return now - seen["at"] >= (quiet if missing else GRACE_SECONDS)

        answers = self.minions.ask(ids, "dhcpd.peers", patience=self.seconds, enough=enough)
        self.fresh.update(_reports(answers, self.cached))
        self.asked.update(ids)
        heard = {one for one in ids if answers[one].get("answered")}
        self.heard |= heard
        self.memory.asked(heard, heard, time.time())
        # A master that could not ask says nothing of its minions.
        self.unreached |= {one for one in ids if "asked" not in answers[one]}
        return heard

    def _found(self, answers):
        """Whether the wanted pair is known and has answered: nobody waits for a dead bystander."""
        if self.everybody:
            return False
        now = {**self.fresh, **_reports(answers, self.cached)}
        reports = {**self.cached, **now}
        if any(
            one not in reports and one not in answers and one not in self.gone
            for one in self.candidates
        ):
            return False
        group = self.group(self.matched(now))
        return group is not None and all(one in answers or one in self.fresh for one in group)

    def ask_the_rest(self):
        """Ask those without dhcpd too where a partner, or the wanted pair, may be among them."""
        found = self.matched()
        if self.everybody:
            # Each time: the partner may have been set up a minute ago.
            missing = bool(found.alone)
        else:
            missing = self.group(found) is None and bool(self.wanted or not found.pairs)
        if missing:
            rest = asking.bystanders(self.candidates, self.reports)
            self.ask([one for one in rest if one not in self.asked])


def discover(opts, minions, wanted=None, refresh=False, everybody=False):
    """
    Return the fleet's :class:`iscdhcp.pair.discovery.Discovery`.

    wanted
        The pair that is looked for: once the cached discovery has it, only its servers are asked.
    refresh
        Ask every minion and forget what is cached.
    everybody
        Wait for every minion, not only for those of the only (or wanted) pair.

    What a minion said is cached; a silent one counts as it last was. Who has no dhcpd is asked
    again after a day, or where a partner or the wanted pair is missing
    (:mod:`iscdhcp.pair.asking`). Minions that never said anything are asked once more where the
    pair is not found without them. Who has been silent before is asked and not waited for.
    """
    one = _Discovering(opts, minions, wanted, refresh, everybody or refresh)
    targets = one.group(discovery.match(one.cached)) if wanted else None
    if targets is None:
        targets = (
            one.candidates
            if refresh
            else asking.whom(one.candidates, one.cached, one.memory, time.time())
        )
    one.ask(targets)
    one.ask_the_rest()
    unheard = [minion for minion in one.asked if minion not in one.reports]
    if unheard and not (one.everybody and one.fresh) and one.group(one.matched()) is None:
        # A busy master or host may have been too slow: nobody is told "no such pair" for that.
        one.ask(unheard, wait_for_all=True)
    known = {*one.asked, *one.reports}
    strangers = [minion for minion in one.candidates if minion not in known]
    if strangers and any(minion not in one.fresh for minion in targets):
        # A server of the pair is silent: it may have been replaced, under another id.
        one.ask(strangers)
    reports = one.reports
    if reports != files.read_json(directory(opts) / "peers.json"):
        files.write_json(directory(opts) / "peers.json", reports)
    files.write_json(directory(opts) / "asked.json", one.memory.kept(one.candidates))
    found = one.matched()
    found.candidates = len(one.candidates)
    silent = sorted(minion for minion in one.asked if minion not in one.fresh)
    found.silent = [minion for minion in silent if minion not in reports]
    found.cached = [minion for minion in silent if minion in reports]
    found.gone = {
        minion: _last_seen(opts, one.memory, minion)
        for minion in silent
        if minion in one.were_silent
    }
    return found


def _last_seen(opts, memory, minion):
    """Return since when a minion has been away, as far as the master knows (epoch seconds)."""
    if minion in memory.heard:
        return memory.heard[minion]
    try:
        cache, bank = salt.cache.factory(opts), f"minions/{minion}"
        # Of one that never was there nothing is kept, and Salt would warn of that.
        updated = cache.updated(bank, "data") if cache.contains(bank, "data") else None
    except Exception:  # pylint: disable=broad-except
        log.debug("the cache of %s can't be read", minion, exc_info=True)
        updated = None
    return min(float(updated or memory.silent[minion]), memory.silent[minion])
