"""Discovery: which minions have which relationships, asked and cached on the master."""

from __future__ import annotations

from pathlib import Path

import salt.client
from iscdhcp import files
from iscdhcp.answers import NO_MODULE
from iscdhcp.errors import IscDhcpError
from iscdhcp.pair import discovery

#: Seconds that a discovery waits for every accepted minion.
DISCOVERY_SECONDS = 5.0


def directory(opts):
    """Return the folder on the master where locks, holds, records and the discovery are kept."""
    path = Path(opts["cachedir"]) / "dhcp_failover"
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def accepted_minions(opts):
    """Return the ids of all minions whose key is accepted."""
    with salt.key.get_key(opts) as keys:
        return sorted(keys.list_keys().get("minions") or ())


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


def _matched(cached, fresh):
    """Return the pairs by what was said once and what is said now, which counts for more."""
    return discovery.match({**cached, **fresh}, set(cached) - set(fresh))


def _is_found(cached, fresh, wanted):
    try:
        discovery.select(_matched(cached, fresh), wanted)
    except IscDhcpError:
        return False
    return True


def discover(opts, minions, wanted=None, refresh=False, everybody=False):
    """
    Return the fleet's :class:`iscdhcp.pair.discovery.Discovery`.

    wanted
        The pair that is looked for: once the cached discovery has it, only its servers are asked.
    refresh
        Ask every minion and forget what is cached.
    everybody
        Wait for every minion, not only for those of the only (or wanted) pair.

    What a minion said is cached; a silent one counts as it last was. Minions that never said
    anything are asked once more where the pair is not found without them.
    """
    everybody = everybody or refresh
    path = directory(opts) / "peers.json"
    cached = {} if refresh else (files.read_json(path) or {})
    accepted = accepted_minions(opts)
    cached = {minion: cached[minion] for minion in cached if minion in accepted}
    targets = accepted
    if wanted:
        known = discovery.match(cached)
        try:
            targets = known.partners(discovery.select(known, wanted).servers)
        except IscDhcpError:
            targets = accepted

    def enough(answers):
        """Whether the wanted pair is known and has answered: nobody waits for a dead bystander."""
        now = {**fresh, **_reports(answers, cached)}
        reports = {**cached, **now}
        if everybody or any(one not in reports and one not in answers for one in accepted):
            return False
        known = _matched(cached, now)
        try:
            group = known.partners(discovery.select(known, wanted).servers)
        except IscDhcpError:
            return False
        return all(minion in answers or minion in fresh for minion in group)

    def ask(ids):
        answers = minions.ask(ids, "dhcpd.peers", patience=DISCOVERY_SECONDS, enough=enough)
        fresh.update(_reports(answers, cached))

    fresh = {}
    ask(targets)
    unheard = [minion for minion in targets if minion not in fresh and minion not in cached]
    if unheard and not (everybody and fresh) and not _is_found(cached, fresh, wanted):
        # A busy master or host may have been too slow: nobody is told "no such pair" for that.
        ask(unheard)
    strangers = [minion for minion in accepted if minion not in {*targets, *cached, *fresh}]
    if strangers and any(minion not in fresh for minion in targets):
        # A server of the pair is silent: it may have been replaced, under another id.
        ask(strangers)
    silent = [minion for minion in targets if minion not in fresh]
    reports = {**cached, **fresh}
    if reports != cached or refresh:
        files.write_json(path, reports)
    found = _matched(cached, fresh)
    found.silent = sorted(minion for minion in silent if minion not in reports)
    found.cached = sorted(minion for minion in silent if minion in reports)
    return found
