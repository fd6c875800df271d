"""
The words that commands, orchestrations and settings take, and what is said about any other.

A word that nobody reads is a wish that nobody fulfils: with ``{"pair": "foo", "test": true}`` in
its pillar an orchestration restarted both servers. So a word that is not known is refused before
anything is touched, with the one that may be meant.
"""

from __future__ import annotations

import difflib
import inspect
import itertools
import math
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from typing import Any

from .errors import IscDhcpError

#: What every fleet run takes, and what each kind of it besides.
FLEET = (
    *("pairs", "tgt", "tgt_type", "exclude", "at_once", "per", "order", "canary", "probation"),
    *("go", "max_failures", "until", "window", "method", "force", "timeout", "heal", "fresh"),
)
FLEET_KINDS = {
    "restart": ("pending",),
    "rollout": (*("source", "contents_pillar", "sls", "file", "template", "saltenv", "previous"),),
    "reboot": ("command", "sls", "reboot", "host_timeout"),
}
#: What every run takes.
RUN = ("pair", "order", "method", "force", "fresh", "timeout", "busy_timeout", "heal")
#: What the pillar of a call may hold, by the task of the orchestration.
ORCHESTRATIONS = {
    "restart": RUN,
    "rollout": (
        *(*RUN, "source", "contents_pillar", "sls", "file", "template", "saltenv"),
        *("previous", "probation"),
    ),
    "reboot": (*RUN, "only", "command", "sls", "reboot", "host_timeout"),
    "fleet": tuple(dict.fromkeys(("kind", *FLEET, *itertools.chain(*FLEET_KINDS.values())))),
}
#: Words for contents: those have their own refusal (:mod:`iscdhcp.act.collecting`).
CONTENTS = ("contents", "config", "configuration")
#: Keys of ``dhcp_failover`` in the master's configuration.
MASTER_SETTINGS = (
    "order",
    "busy_timeout",
    "host_timeout",
    "probation",
    "keep_journals",
    "policy",
    "requests",
    "notify",
    "servers",
    "discovery_seconds",
    "ask_at_once",
    "answer_seconds",
    "answer_seconds_each",
)
#: Keys of ``dhcpd`` in a minion's configuration or pillar that are ours.
MINION_SETTINGS = (
    "config_file",
    "lease_file",
    "pid_file",
    "service",
    "start_command",
    "binaries",
    "omapi",
    "omapi_host",
    "omapi_timeout",
    "log_files",
    "probe",
    "rollout",
)
#: How alike two words have to be for one to be a slip of the other, among words of other people
#: (the formula ``dhcpd`` has its own under the same key; ``omapi_port`` is 0.8 of ``omapi_host``).
_A_SLIP = 0.85
#: What a command is told that wanted a dry run where there is none.
_NO_DRY_RUN = {
    "dhcp_failover.restart": " For a dry run: salt-run state.orch orch.dhcp_failover_restart "
    "test=True."
}


def meant(word: Any, known: Iterable[str], likeness: float = 0.6) -> str | None:
    """Return the known word that is most like ``word``, or ``None``."""
    same = str(word).strip().lower().replace("-", "_")
    close = difflib.get_close_matches(same, list(known), n=1, cutoff=likeness)
    return close[0] if close else None


def _asked(words: Iterable[Any], known: Iterable[str]) -> str:
    """Return words as a list for a sentence, each with what may be meant."""
    known = list(known)
    said = []
    for word in words:
        likely = meant(word, known)
        said.append(f"{word} (did you mean {likely}?)" if likely else str(word))
    return ", ".join(said)


# -- orchestrations and settings -----------------------------------------------------------------


def check_pillar(task: str, given: Iterable[Any]) -> None:
    """
    Raise :class:`IscDhcpError` for a word in an orchestration's pillar that it does not take.

    task
        A key of :data:`ORCHESTRATIONS`.
    given
        The keys that the call has added to the master's own pillar.
    """
    known = ORCHESTRATIONS[task]
    name = f"orch.dhcp_failover_{task}"
    unknown = [word for word in given if word not in known]
    if task == "rollout" and any(word in CONTENTS for word in unknown):
        raise IscDhcpError(
            "Contents in the orchestration's own pillar are refused: Salt keeps them in the job "
            "cache, secrets included. Put them where the minions get them (sls, source, "
            "contents_pillar or file), and change a secret that was in them. Nothing was touched."
        )
    if any(meant(word, (*known, "test")) == "test" for word in unknown):
        raise IscDhcpError(
            "test in the pillar would not make this a dry run. Put it beside the pillar: salt-run "
            f"state.orch {name} pillar='...' test=True. Nothing was touched."
        )
    if unknown:
        raise IscDhcpError(
            f"The pillar of this call has what {name} does not know: {_asked(unknown, known)}. It "
            f"takes {', '.join(known)}. Nothing was touched."
        )


def check_fleet(kind: Any, given: Iterable[Any]) -> None:
    """
    Raise :class:`IscDhcpError` for a kind of fleet run that there is not, or a word that it lacks.

    kind
        ``restart``, ``rollout`` or ``reboot``.
    given
        The words of a call.
    """
    if kind not in FLEET_KINDS:
        kinds = ", ".join(FLEET_KINDS)
        raise IscDhcpError(f"kind: say {kinds}, not {kind!r}. Nothing was touched.")
    known = (*FLEET, *FLEET_KINDS[kind])
    unknown = [word for word in given if word not in known]
    if unknown:
        raise IscDhcpError(
            f"A fleet {kind} does not know {_asked(unknown, known)}. It takes "
            f"{', '.join(known)}. Nothing was touched."
        )


def check_master_settings(settings: Any) -> Mapping[str, Any]:
    """
    Return the setting ``dhcp_failover`` of the master's configuration.

    Raises :class:`IscDhcpError` unless it is a dictionary of known words.
    """
    where = "dhcp_failover in the master's configuration"
    settings = {} if settings is None else settings
    if not isinstance(settings, Mapping):
        raise IscDhcpError(f"{where} has to be a dictionary, not {type(settings).__name__}.")
    unknown = [word for word in settings if word not in MASTER_SETTINGS]
    if unknown:
        raise IscDhcpError(
            f"{where} has what is not known: {_asked(unknown, MASTER_SETTINGS)}. It takes "
            f"{', '.join(MASTER_SETTINGS)}. Nothing was touched."
        )
    return settings


def check_minion_settings(settings: Mapping[Any, Any]) -> None:
    """
    Raise :class:`IscDhcpError` for a key of ``dhcpd`` that looks like a slip of one of ours.

    The same key is the root of other people's settings (the formula ``dhcpd``): theirs are none
    of our business.
    """
    for word in settings:
        if not isinstance(word, str) or word in MINION_SETTINGS:
            continue
        likely = meant(word, MINION_SETTINGS, _A_SLIP)
        if likely:
            raise IscDhcpError(
                f"The setting dhcpd has {word}, which nobody reads: did you mean {likely}?"
            )


# -- arguments -----------------------------------------------------------------------------------


def truth(name: str, value: Any) -> bool:
    """Return a yes or no that a person gave; a string (``"no"``) is neither."""
    if value is None or value in (True, False):
        return bool(value)
    raise IscDhcpError(f"{name}: give True or False, not {value!r}")


def text(name: str, value: Any) -> str | None:
    """Return a name that a person gave, or ``None`` for none."""
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        raise IscDhcpError(f"{name}: give a name, not {value!r}")
    return str(value)


def listed(name: str, value: Any) -> Any:
    """Return words that a person gave, as one string with commas or as a list."""
    if value is None or isinstance(value, str):
        return value
    if not isinstance(value, (list, tuple)) or not all(isinstance(one, str) for one in value):
        raise IscDhcpError(f"{name}: give words, as a list or with commas, not {value!r}")
    return value


def seconds(name: str, value: Any) -> float | None:
    """Return seconds that a person gave as a number, or ``None`` for none."""
    if value is None:
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if isinstance(value, bool) or not math.isfinite(number) or number < 0:
        raise IscDhcpError(f"{name}: give seconds as a number, not {value!r}")
    return number


def takes_unknown(function: Callable[..., Any]) -> Callable[..., Any]:
    """
    Make a wrapper (:func:`functools.wraps`) look to Salt as if it took ``**unknown`` as well.

    Salt gives such a function whatever was said, and keeps from another one what that does not
    know: a runner's usage is printed then, with exit code 0, and a state acts, with a warning.
    ``sys.argspec`` and ``sys.doc`` still see the arguments of what is wrapped.
    """
    signature = inspect.signature(function)
    unknown = inspect.Parameter("unknown", inspect.Parameter.VAR_KEYWORD)
    parameters = [*signature.parameters.values(), unknown]
    function.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    # Salt would look at what is wrapped, if it were told.
    del function.__wrapped__  # type: ignore[attr-defined]
    return function


def ours(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Return arguments without Salt's own (``__pub_jid``)."""
    return {word: value for word, value in kwargs.items() if not word.startswith("__")}


def misfit(
    module: str, function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> str | None:
    """
    Return why a function can't be called so, as a sentence, or ``None``.

    module
        Its virtual name.
    """
    name = f"{module}.{function.__name__.rstrip('_')}"
    signature = inspect.signature(function)
    known = list(signature.parameters)
    unknown = [word for word in kwargs if word not in known]
    takes = f"It takes {', '.join(known)}." if known else "It takes nothing."
    if unknown:
        hint = _NO_DRY_RUN.get(name, "") if "test" in unknown else ""
        return f"{name} does not know {_asked(unknown, known)}. {takes}{hint} Nothing was done."
    try:
        bound = signature.bind(*args, **kwargs)
    except TypeError as err:
        return f"{name}: {err}. {takes} Nothing was done."
    for word, value in bound.arguments.items():
        if isinstance(signature.parameters[word].default, bool):
            try:
                truth(word, value)
            except IscDhcpError as err:
                return f"{name}: {err}. Nothing was done."
    return None
