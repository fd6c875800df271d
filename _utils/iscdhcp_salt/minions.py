"""Minions, asked and ordered through the master's event bus; no answer means unknown."""

from __future__ import annotations

import logging
import secrets
import time
from typing import Any

import salt.client
from iscdhcp import wire
from iscdhcp.answers import NO_MODULE
from iscdhcp.errors import IscDhcpError

from .interrupts import INTERRUPTS

log = logging.getLogger(__name__)
#: Seconds for one answer of a minion that is well (setting ``answer_seconds``).
ASK_SECONDS = 6.0
#: Seconds that each minion of a question adds: the master takes their answers one by one, 10 ms of
#: CPU each (setting ``answer_seconds_each``).
EACH_SECONDS = 0.02
#: Seconds for the close look of ``dhcpd.inspect``: it counts leases and reads logs.
INSPECT_SECONDS = 30.0
#: Seconds between two looks at the job cache for an answer that the bus may have lost.
CACHE_SECONDS = 2.0
#: Seconds between two questions to a minion whether it is still at an act.
AT_IT_SECONDS = 10.0


class SaltMinions:
    """
    Minions, reached through the master's event bus.

    opts
        The master's configuration.
    """

    def __init__(self, opts):
        self.opts = opts
        self._client: Any = None

    def _patience(self, seconds, minions):
        """Return the seconds for so many answers; a setting that is no number is not read."""
        found = self.opts.get("dhcp_failover")
        settings = found if isinstance(found, dict) else {}
        if seconds is None:
            seconds = _number(settings.get("answer_seconds"), ASK_SECONDS)
        # Nobody waits for a question without patience, however many are asked.
        each = _number(settings.get("answer_seconds_each"), EACH_SECONDS)
        return seconds + each * len(minions) if seconds else 0.0

    # -- asking --------------------------------------------------------------------------------

    def ask(self, minions, function, kwarg=None, patience=None, enough=None, args=(), at_it=None):
        """
        Run ``function`` on ``minions`` and collect the answers.

        kwarg, args
            What it is called with.
        patience
            Seconds to wait for one; more are given for more minions. ``None``: as the settings say.
        enough
            Called with the answers so far; true ends the wait.
        at_it
            Wait for the whole patience only for those that are at it: who is silent for as long as
            an answer takes is asked for the job. ``True``: who does not answer that either is not
            waited for; ``False``: only who says that it is not at it.

        Returns ``{minion: {"ret": ..., "asked", "answered"}}`` (master's clock, epoch seconds), or
        ``{"error": why}`` for a minion that failed or did not answer, with ``code``
        :data:`iscdhcp.answers.NO_MODULE` where it has no such function. Never raises for a minion
        or a master that is away.
        """
        minions = sorted(minions)
        patience = self._patience(patience, minions)
        asked, begun = time.time(), time.monotonic()
        answers = {}
        if not minions:
            return answers
        try:
            job = self._publish(minions, function, [*args, *_keywords(kwarg)])
        except Exception as err:  # pylint: disable=broad-except
            # The master restarts, is overloaded, or its socket is gone: unknown, ask again.
            self._drop_client()
            log.debug("publishing %s failed: %s", function, err)
            return {minion: {"error": f"the master could not ask: {err}"} for minion in minions}
        waited_for, waited = minions, patience
        if at_it is not None:
            self._collect(job, minions, begun + self._patience(None, minions), answers, enough)
            waited_for = self._at_it(job, minions, answers, at_it)
            if at_it is False:
                end = begun + patience
                waited_for = self._while_at_it(job, waited_for, end, answers, enough)
            waited = min(patience, max(1.0, time.monotonic() - begun))
        self._collect(job, waited_for, begun + patience, answers, enough)
        found: dict[str, Any] = {}
        for minion in minions:
            answer = answers.get(minion)
            if answer is None:
                seconds = patience if minion in waited_for else waited
                found[minion] = {"error": f"no answer within {seconds:.0f} s"}
            elif answer.get("retcode") and not isinstance(answer.get("return"), dict):
                found[minion] = {"error": _one_line(answer.get("return"))}
            else:
                found[minion] = {"ret": answer.get("return")}
            found[minion].update(asked=asked, answered=(answer or {}).get("at"), jid=job)
        for minion in self._without(function, found):
            found[minion]["code"] = NO_MODULE
        return found

    def _at_it(self, job, minions, answers, surely):
        """
        Return the minions that have answered, or say that they are at a job.

        surely
            Without those that do not say whether they are.
        """
        silent = [minion for minion in minions if minion not in answers]
        asked = self.ask(silent, "saltutil.find_job", args=[job])
        away = [one for one in silent if not asked[one].get("ret", not surely)]
        # Who is no longer at it may have answered meanwhile.
        done = [one for one in away if "ret" in asked[one]]
        self._collect(job, done, time.monotonic() + 2 * CACHE_SECONDS, answers, None)
        return [minion for minion in minions if minion not in away or minion in answers]

    def _while_at_it(self, job, minions, deadline, answers, enough):
        """
        Collect answers and ask the others again and again; return those to wait for until the end.

        Who was silent may be back (a host without power, a master that restarts), and who was at it
        may have died.
        """
        due = time.monotonic() + AT_IT_SECONDS
        while due < deadline and not answers.keys() >= set(minions):
            self._collect(job, minions, due, answers, enough)
            minions = self._at_it(job, minions, answers, False)
            due += AT_IT_SECONDS
        return minions

    def _without(self, function, answers):
        """
        Return the minions that failed because they have no such function.

        Salt has no code for that (``Minion._thread_return``: retcode 1 and a sentence), so that
        those that failed are asked for the function itself.
        """
        failed = [one for one in answers if answers[one]["answered"] and "error" in answers[one]]
        if not failed or not function.startswith("dhcpd."):
            return []
        have = self.ask(failed, "sys.list_functions", args=[function])
        return [minion for minion, answer in have.items() if answer.get("ret") == []]

    def _publish(self, minions, function, arguments):
        if self._client is None:
            self._client = salt.client.get_local_client(mopts=self.opts)
        published = self._client.run_job(
            minions, function, arguments, tgt_type="list", listen=True, timeout=10
        )
        if not published:
            raise IscDhcpError("no minion with this id is known to the master")
        return published["jid"]

    def _collect(self, jid, minions, deadline, answers, enough):
        tag, next_look = f"salt/job/{jid}/ret/", time.monotonic() + CACHE_SECONDS
        while not answers.keys() >= set(minions) and time.monotonic() < deadline:
            INTERRUPTS.check()
            try:
                event = self._client.event.get_event(
                    wait=max(0.05, min(0.5, deadline - time.monotonic())),
                    tag=tag,
                    match_type="startswith",
                    auto_reconnect=True,
                )
                if event and event.get("id") in minions:
                    answers[event["id"]] = dict(event, at=time.time())
                elif not event and time.monotonic() > next_look:
                    # The bus may have been away (a restarted master): the job cache remembers.
                    next_look = time.monotonic() + CACHE_SECONDS
                    for minion, cached in (self._client.get_cache_returns(jid) or {}).items():
                        if minion not in answers:
                            answers[minion] = {
                                "return": cached.get("ret"),
                                "retcode": cached.get("retcode", 0),
                                "at": time.time(),
                            }
            except Exception as err:  # pylint: disable=broad-except
                log.debug("collecting %s: %s", jid, err)
                self._drop_client()
                try:
                    self._client = salt.client.get_local_client(mopts=self.opts)
                except Exception:  # pylint: disable=broad-except
                    return
            if enough is not None and enough(answers):
                return

    def _drop_client(self):
        client, self._client = self._client, None
        if client is not None:
            try:
                client.destroy()
            except Exception:  # pylint: disable=broad-except
                log.debug("closing the client failed", exc_info=True)

    def close(self):
        """Close the connection to the master's bus."""
        self._drop_client()

    # -- iscdhcp.pair.minions.Minions
    # ------------------------------------------------------------------

    def status(self, minions, brief=False, looks=1, ask=None, alive=None, log_since=None):
        """See :class:`iscdhcp.pair.minions.Minions`."""
        wanted = {"brief": brief, "looks": looks, **({"ask": dict(ask)} if ask else {})}
        wanted.update({"alive": dict(alive)} if alive else {})
        wanted.update({} if log_since is None else {"log_since": log_since})
        answers = self.ask(minions, "dhcpd.status", wanted)
        return {minion: _facts(answer, answer.get("ret")) for minion, answer in answers.items()}

    def inspect(self, minions, log_hours=0.0, ask=False):
        """See :class:`iscdhcp.pair.minions.Minions`."""
        wanted = {"log_hours": log_hours, "nonce": secrets.token_hex(16)}
        if ask:
            wanted["ask"] = True
        # It may take long; who is away is known before.
        answers = self.ask(minions, "dhcpd.inspect", wanted, patience=INSPECT_SECONDS, at_it=True)
        found = {minion: _facts(answer, answer.get("ret")) for minion, answer in answers.items()}
        found.update(self._older(found))
        return found

    def _older(self, answers):
        """Return why minions failed whose modules do not know every word: their facts tell."""
        failed = [
            one for one, answer in answers.items() if answer.get("answered") and "error" in answer
        ]
        looks = self.status(failed, brief=True)
        return {one: answer for one, answer in looks.items() if "error" in answer}

    def claim(self, minions, claim, facts=False):
        """See :class:`iscdhcp.pair.minions.Minions`."""
        found = {}
        if facts:
            # The close look may take long; who is away is known before.
            wanted = {**claim, "look": {"nonce": secrets.token_hex(16)}}
            answers = self.ask(minions, "dhcpd.claim", wanted, patience=INSPECT_SECONDS, at_it=True)
        else:
            answers = self.ask(minions, "dhcpd.claim", claim)
        for minion, answer in answers.items():
            ret = answer.get("ret")
            if isinstance(ret, dict) and not ret.get("result"):
                keys = ("claim", "code")
                found[minion] = {"refused": ret.get("comment"), **{k: ret.get(k) for k in keys}}
            elif not isinstance(ret, dict):
                found[minion] = _facts(answer, ret)
            elif facts:
                found[minion] = _facts(answer, ret.get("facts"))
            else:
                found[minion] = answer
        found.update(self._older(found))
        return found

    def release(self, minions, run, token):
        """See :class:`iscdhcp.pair.minions.Minions`; nobody waits for the answers."""
        self.ask(minions, "dhcpd.release_claim", {"run": run, "token": token}, patience=0)

    def release_window(self, minion, drained=False, run=None):
        """See :class:`iscdhcp.pair.minions.Minions`."""
        self.ask([minion], "dhcpd.release_window", {"drained": drained, "run": run})

    def log(self, minions, since):
        """See :class:`iscdhcp.pair.minions.Minions`."""
        answers = self.ask(minions, "dhcpd.failover_log", {"since": since - 1})
        return {
            minion: answer["ret"] if isinstance(answer.get("ret"), dict) else _facts(answer, None)
            for minion, answer in answers.items()
        }

    def restart(self, minion, patience, **arguments):
        """See :class:`iscdhcp.pair.minions.Minions`."""
        return self.act(minion, "dhcpd.restart", patience + 30.0, **arguments)

    def act(self, minion, function, patience, **arguments):
        """See :class:`iscdhcp.pair.minions.Minions`."""
        # An order that was lost on its way is known as such long before an act takes its time.
        answer = self.ask([minion], function, arguments, patience=patience, at_it=False)[minion]
        if isinstance(answer.get("ret"), dict):
            return answer["ret"]
        if "ret" in answer or answer.get("answered"):
            return {"result": False, "comment": answer.get("error") or _one_line(answer["ret"])}
        return {"lost": answer.get("error")}

    def look_for_partner(self, minion, relationship, patience):
        """See :class:`iscdhcp.pair.minions.Minions`."""
        wanted = {"relationship": relationship}
        answer = self.ask([minion], "dhcpd.look_for_partner", wanted, patience=patience)[minion]
        if isinstance(answer.get("ret"), dict) and "facts" in answer["ret"]:
            return answer["ret"]
        return answer.get("error") or _one_line(answer.get("ret"))

    def new_job(self):
        """See :class:`iscdhcp.pair.minions.Minions`."""
        return salt.utils.jid.gen_jid(self.opts)

    def begin(self, minion, job, function, arguments, named):
        """See :class:`iscdhcp.pair.minions.Minions`."""
        given = [*arguments, *_keywords(named)]
        try:
            if self._client is None:
                self._client = salt.client.get_local_client(mopts=self.opts)
            published = self._client.run_job(
                [minion], function, given, tgt_type="list", jid=job, timeout=10
            )
        except Exception as err:  # pylint: disable=broad-except
            self._drop_client()
            return f"the master could not ask: {err}"
        return None if published else "no minion with this id is known to the master"

    def outcome(self, minion, job):
        """See :class:`iscdhcp.pair.minions.Minions`."""
        found = self._returned(minion, job)
        if found is not None:
            return {"ret": found}
        answer = self.ask([minion], "saltutil.find_job", {"jid": job})[minion]
        if "ret" not in answer:
            return {"silent": answer.get("error")}
        if answer["ret"]:
            return {"running": True}
        # It may have returned between the two questions.
        found = self._returned(minion, job)
        return {"gone": True} if found is None else {"ret": found}

    def _returned(self, minion, job):
        """Return what a job has returned to the job cache, or ``None``."""
        try:
            if self._client is None:
                self._client = salt.client.get_local_client(mopts=self.opts)
            return (self._client.get_cache_returns(job).get(minion) or {}).get("ret")
        except Exception as err:  # pylint: disable=broad-except
            log.debug("reading the job cache: %s", err)
            self._drop_client()
            return None


def _number(value, default):
    good = isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0
    return float(value) if good else default


def _keywords(named):
    """Return named arguments as Salt publishes them, in a list with the positional ones."""
    return [dict(named, __kwarg__=True)] if named else []


def _facts(answer, facts):
    """Return an answer for the engine: with the facts and when they were gathered, or an error."""
    if "error" in answer:
        return answer
    if not isinstance(facts, dict) or "process" not in facts:
        return {"error": _one_line(facts)}
    other = wire.mismatch(facts, str(facts.get("minion") or "the minion"))
    if other:
        return {"error": other}
    # The facts were gathered between question and answer: the middle is off by less than half.
    waited, after = facts["waited"] or 0.0, facts["after"] or 0.0
    middle = (answer["asked"] + waited + answer["answered"] - after) / 2
    return {
        "facts": facts,
        "asked": answer["asked"] + waited,
        "offset": float(facts["time"]) - middle,
        "uncertain": (answer["answered"] - answer["asked"]) / 2,
    }


def _one_line(text):
    """Return a minion's error as one line: a traceback's last, else the first."""
    lines = [line.strip() for line in str(text).splitlines() if line.strip()]
    if not lines:
        return "an empty answer"
    return lines[-1 if "Traceback" in str(text) else 0][:500]
