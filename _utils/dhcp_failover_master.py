"""
The fleet as the master reaches it: asking, acting, discovery, and the run that a command means.

Shared by the runner ``dhcp_failover`` and the master-side states of the same name. Questions are
single short jobs whose answers are taken from the event bus; no answer means unknown. It needs
Salt; what the answers mean is in :mod:`iscdhcp`.
"""

import getpass
import logging
import os
import secrets
import signal
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import salt.client
import salt.key
import salt.utils.event
import salt.utils.jid
from iscdhcp import checks
from iscdhcp import decisions
from iscdhcp import engine
from iscdhcp import pairs
from iscdhcp import progress
from iscdhcp import store
from iscdhcp import words
from iscdhcp.announce import Announced
from iscdhcp.errors import IscDhcpError
from iscdhcp.run import Request
from iscdhcp.steering import Interrupted

log = logging.getLogger(__name__)

#: Seconds for one answer of a minion that is well.
ASK_SECONDS = 6.0
#: Seconds that a discovery waits for every accepted minion.
DISCOVERY_SECONDS = 5.0
#: Seconds for the close look of ``dhcpd.inspect``: it counts leases and reads logs.
INSPECT_SECONDS = 30.0
#: Seconds between two looks at the job cache for an answer that the bus may have lost.
CACHE_SECONDS = 2.0


class Interrupts:
    """
    SIGINT and SIGTERM of this process, noted and acted on at moments that leave nothing half done.

    Salt's own handler raises wherever the process is, in the middle of its event loops too.
    """

    def __init__(self):
        self.name = None

    @contextmanager
    def deferred(self):
        """Note the signals in the block; a second one raises at once."""
        self.name, old = None, {}
        for number in (signal.SIGINT, signal.SIGTERM):
            try:
                old[number] = signal.signal(number, self._note)
            except ValueError:  # not the main thread: the master's own handlers stay
                break
        try:
            yield
        finally:
            for number, handler in old.items():
                signal.signal(number, handler)

    def _note(self, number, frame):
        again, self.name = self.name, signal.Signals(number).name
        if again:
            raise Interrupted(self.name)

    def check(self):
        """Raise :class:`iscdhcp.steering.Interrupted` if a signal has come."""
        if self.name:
            raise Interrupted(self.name)


#: The signals of this process.
INTERRUPTS = Interrupts()


class SaltFleet:
    """
    Minions, reached through the master's event bus.

    opts
        The master's configuration.
    """

    def __init__(self, opts):
        self.opts = opts
        self._client = None

    # -- asking --------------------------------------------------------------------------------

    def ask(self, minions, function, kwarg=None, patience=ASK_SECONDS, enough=None):
        """
        Run ``function`` on ``minions`` and collect the answers.

        patience
            Seconds to wait for them.
        enough
            Called with the answers so far; true ends the wait.

        Returns ``{minion: {"ret": ..., "asked", "answered"}}`` (master's clock, epoch seconds), or
        ``{"error": why}`` for a minion that failed or did not answer. Never raises for a minion
        or a master that is away.
        """
        minions = sorted(minions)
        asked, begun = time.time(), time.monotonic()
        answers = {}
        if not minions:
            return answers
        try:
            job = self._publish(minions, function, kwarg)
        except Exception as err:  # pylint: disable=broad-except
            # The master restarts, is overloaded, or its socket is gone: unknown, ask again.
            self._drop_client()
            log.debug("publishing %s failed: %s", function, err)
            return {minion: {"error": f"the master could not ask: {err}"} for minion in minions}
        self._collect(job, minions, begun + patience, answers, enough)
        found = {}
        for minion in minions:
            answer = answers.get(minion)
            if answer is None:
                found[minion] = {"error": f"no answer within {patience:.0f} s"}
            elif answer.get("retcode") and not isinstance(answer.get("return"), dict):
                found[minion] = {"error": _one_line(answer.get("return"))}
            else:
                found[minion] = {"ret": answer.get("return")}
            found[minion].update(asked=asked, answered=(answer or {}).get("at"), jid=job)
        return found

    def _publish(self, minions, function, kwarg):
        if self._client is None:
            self._client = salt.client.get_local_client(mopts=self.opts)
        arguments = [dict(kwarg, __kwarg__=True)] if kwarg else []
        published = self._client.run_job(
            minions, function, arguments, tgt_type="list", listen=True, timeout=10
        )
        if not published:
            raise IscDhcpError("no minion with this id is known to the master")
        return published["jid"]

    def _collect(self, jid, minions, deadline, answers, enough):
        tag, next_look = f"salt/job/{jid}/ret/", time.monotonic() + CACHE_SECONDS
        while len(answers) < len(minions) and time.monotonic() < deadline:
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

    # -- iscdhcp.fleet.Fleet ------------------------------------------------------------------

    def status(self, minions, brief=False, looks=1):
        """See :class:`iscdhcp.fleet.Fleet`."""
        answers = self.ask(minions, "dhcpd.status", {"brief": brief, "looks": looks})
        return {minion: _facts(answer, answer.get("ret")) for minion, answer in answers.items()}

    def inspect(self, minions, log_hours=0.0):
        """See :class:`iscdhcp.fleet.Fleet`."""
        wanted = {"log_hours": log_hours, "nonce": secrets.token_hex(16)}
        answers = self.ask(minions, "dhcpd.inspect", wanted, patience=INSPECT_SECONDS)
        return {minion: _facts(answer, answer.get("ret")) for minion, answer in answers.items()}

    def claim(self, minions, claim, facts=False):
        """See :class:`iscdhcp.fleet.Fleet`."""
        found = {}
        for minion, answer in self.ask(minions, "dhcpd.claim", claim).items():
            ret = answer.get("ret")
            if isinstance(ret, dict) and not ret.get("result"):
                keys = ("claim", "code")
                found[minion] = {"refused": ret.get("comment"), **{k: ret.get(k) for k in keys}}
            elif not isinstance(ret, dict):
                found[minion] = _facts(answer, ret)
            else:
                found[minion] = answer
        if facts:
            # The close look may take long; whoever is silent is known before it.
            found.update(self.inspect([one for one, answer in found.items() if "ret" in answer]))
        return found

    def release(self, minions, run, token):
        """See :class:`iscdhcp.fleet.Fleet`; nobody waits for the answers."""
        self.ask(minions, "dhcpd.release_claim", {"run": run, "token": token}, patience=0)

    def release_window(self, minion, drained=False, run=None):
        """See :class:`iscdhcp.fleet.Fleet`."""
        self.ask([minion], "dhcpd.release_window", {"drained": drained, "run": run})

    def log(self, minions, since):
        """See :class:`iscdhcp.fleet.Fleet`."""
        answers = self.ask(minions, "dhcpd.failover_log", {"since": since - 1})
        return {
            minion: answer["ret"] if isinstance(answer.get("ret"), dict) else _facts(answer, None)
            for minion, answer in answers.items()
        }

    def restart(self, minion, patience, **arguments):
        """See :class:`iscdhcp.fleet.Fleet`."""
        return self.act(minion, "dhcpd.restart", patience + 30.0, **arguments)

    def act(self, minion, function, patience, **arguments):
        """See :class:`iscdhcp.fleet.Fleet`."""
        answer = self.ask([minion], function, arguments, patience=patience)[minion]
        if isinstance(answer.get("ret"), dict):
            return answer["ret"]
        if "ret" in answer or answer.get("answered"):
            return {"result": False, "comment": answer.get("error") or _one_line(answer["ret"])}
        return {"lost": answer.get("error")}

    def new_job(self):
        """See :class:`iscdhcp.fleet.Fleet`."""
        return salt.utils.jid.gen_jid(self.opts)

    def begin(self, minion, job, function, arguments, named):
        """See :class:`iscdhcp.fleet.Fleet`."""
        given = [*arguments, dict(named, __kwarg__=True)] if named else list(arguments)
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
        """See :class:`iscdhcp.fleet.Fleet`."""
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


def _facts(answer, facts):
    """Return an answer for the engine: with the facts and when they were gathered, or an error."""
    if "error" in answer:
        return answer
    if not isinstance(facts, dict) or "process" not in facts:
        return {"error": _one_line(facts)}
    # The facts were gathered between question and answer: the middle is off by less than half.
    waited, after = float(facts.pop("waited", 0.0)), float(facts.pop("after", 0.0))
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


# -- discovery -----------------------------------------------------------------------------------


def directory(opts):
    """Return the folder on the master where locks, holds, records and the discovery are kept."""
    path = Path(opts["cachedir"]) / "dhcp_failover"
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


def accepted_minions(opts):
    """Return the ids of all minions whose key is accepted."""
    with salt.key.get_key(opts) as keys:
        return sorted(keys.list_keys().get("minions") or ())


def _reports(answers):
    """Return what minions said to ``dhcpd.peers``; one without the module is no dhcpd server."""
    reports = {}
    for minion, answer in answers.items():
        report = answer.get("ret", answer.get("return"))
        if isinstance(report, dict) and "relationships" in report:
            reports[minion] = report
        elif "is not available" in f"{report} {answer.get('error')}":
            reports[minion] = {"relationships": {}, "addresses": [], "error": None}
    return reports


def _is_found(reports, wanted):
    try:
        pairs.select(pairs.match(reports), wanted)
    except IscDhcpError:
        return False
    return True


def discover(opts, fleet, wanted=None, refresh=False, everybody=False):
    """
    Return the fleet's :class:`iscdhcp.pairs.Discovery`.

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
    cached = {} if refresh else (store.read_json(path) or {})
    accepted = accepted_minions(opts)
    cached = {minion: cached[minion] for minion in cached if minion in accepted}
    targets = accepted
    if wanted:
        known = pairs.match(cached)
        try:
            targets = known.partners(pairs.select(known, wanted).servers)
        except IscDhcpError:
            targets = accepted

    def enough(answers):
        """Whether the wanted pair is known and has answered: nobody waits for a dead bystander."""
        reports = {**cached, **fresh, **_reports(answers)}
        if everybody or any(minion not in reports for minion in accepted):
            return False
        known = pairs.match(reports)
        try:
            group = known.partners(pairs.select(known, wanted).servers)
        except IscDhcpError:
            return False
        return all(minion in answers or minion in fresh for minion in group)

    def ask(minions):
        answers = fleet.ask(minions, "dhcpd.peers", patience=DISCOVERY_SECONDS, enough=enough)
        fresh.update(_reports(answers))

    fresh = {}
    ask(targets)
    unheard = [minion for minion in targets if minion not in fresh and minion not in cached]
    if unheard and not (everybody and fresh) and not _is_found({**cached, **fresh}, wanted):
        # A busy master or host may have been too slow: nobody is told "no such pair" for that.
        ask(unheard)
    silent = [minion for minion in targets if minion not in fresh]
    reports = {**cached, **fresh}
    if reports != cached or refresh:
        store.write_json(path, reports)
    found = pairs.match(reports)
    found.silent = sorted(minion for minion in silent if minion not in reports)
    found.cached = sorted(minion for minion in silent if minion in reports)
    return found


# -- runs ----------------------------------------------------------------------------------------


def who(opts, user=None):
    """Return who is behind this process, for other people's messages."""
    name = user or os.environ.get("SUDO_USER") or getpass.getuser()
    return f"{name} on {opts.get('id', 'the master')}"


def announce(opts, pair, what, fields):
    """
    Put an event ``dhcp_failover/<pair>/<what>`` on the bus; one that can't be sent is only logged.

    fields
        Plain values in addition to ``pair`` (its id) and ``servers``.
    """
    tag = f"dhcp_failover/{store.file_name(pair.name)}/{what}"
    told = {"pair": pair.id, "servers": list(pair.servers), **fields}
    try:
        with salt.utils.event.get_master_event(opts, opts["sock_dir"], listen=False) as bus:
            bus.fire_event(told, tag)
    except Exception:  # pylint: disable=broad-except
        log.debug("no event %s", tag, exc_info=True)


def new_request(
    opts,
    kind=Request,
    order=None,
    force=None,
    fresh=False,
    timeout=None,
    busy_timeout=None,
    **more,
):
    """
    Return what a run is asked for, with the master's settings where nothing is said.

    kind
        :class:`iscdhcp.run.Request` or a kind of it.
    order, force, fresh, timeout, busy_timeout
        As people give them.
    more
        The kind's other fields.

    Raises :class:`iscdhcp.errors.IscDhcpError` for what can't be meant.
    """
    chosen = settings(opts)
    if busy_timeout is None:
        busy_timeout = chosen.get("busy_timeout", kind.busy_timeout)
    return kind(
        order=words.listed("order", order or chosen.get("order")),
        force=decisions.parse_force(force if force is True else words.listed("force", force)),
        fresh=words.truth("fresh", fresh),
        timeout=words.seconds("timeout", timeout),
        busy_timeout=words.seconds("busy_timeout", busy_timeout),
        policy=checks.parse_policy(chosen.get("policy")),
        **more,
    )


def settings(opts):
    """Return ``dhcp_failover`` of the master's configuration; an unknown word there is refused."""
    return words.check_master_settings(opts.get("dhcp_failover"))


def new_run(
    opts, wanted=None, request=None, user=None, kind=engine.PairRun, discovery=None
):
    """
    Return the :class:`iscdhcp.engine.PairRun` for what the user asked, nothing touched yet.

    wanted
        Pair's name or id, or a server's minion id; ``None`` for the only pair.
    request
        :class:`iscdhcp.run.Request`.
    kind
        What is made of it: a restart, or :class:`iscdhcp.rollout.Rollout`.
    discovery
        What :func:`discover` has just returned, if anything.

    Raises :class:`iscdhcp.errors.IscDhcpError` (with the choices) if no single pair is meant.
    """
    fleet = SaltFleet(opts)
    if discovery is None:
        discovery = discover(opts, fleet, wanted)
    pair = pairs.select(discovery, wanted)

    def tell(sentence):
        log.info("%s: %s", pair.id, sentence)
        announce(opts, pair, "progress", {"run": run.run, "text": sentence})

    request = request or Request()
    chosen = settings(opts)
    try:
        request.keep = max(1, int(chosen.get("keep_journals", request.keep)))
    except (TypeError, ValueError):
        raise IscDhcpError(
            "dhcp_failover:keep_journals in the master's configuration: give a number, not "
            f"{chosen['keep_journals']!r}"
        ) from None
    run = kind(pair, discovery, fleet, directory(opts), who(opts, user), request, tell)
    # Progress goes to the person at the terminal; stdout stays for the result.
    display = progress.Display(sys.stderr)
    run.journal.listeners.append(display.show)
    run.tick = display.tick
    Announced(run, lambda what, fields: announce(opts, pair, what, fields))
    run.check = INTERRUPTS.check
    return run


#: Runs whose steps are states of one orchestration, by its jid (or pair): this process only.
CURRENT = {}
