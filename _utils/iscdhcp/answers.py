"""
The shape of what calls on a server answer, as it crosses Salt's wire: plain dicts.

An act's answer has ``result`` and ``comment``, and of the other keys those that fit.
"""

from __future__ import annotations

from typing import Any
from typing import TypedDict

from .shapes import Claim
from .shapes import Forgotten
from .shapes import ServerFacts


class ReasonFacts(TypedDict):
    """One reason of a verdict."""

    code: str
    text: str
    blocks: bool
    relationship: str | None
    #: What to do about it.
    do: str | None


class ProcessMark(TypedDict, total=False):
    """A process that was ended or started, and how."""

    pid: int | None
    identity: str | None
    started: float | None
    #: When it had ended, and from when on the new one serves.
    ended: float
    serves_since: float
    seconds: float
    #: Looks at the lease file until its end was complete.
    looks: int
    #: Seconds to each phase.
    drain: dict[str, float]
    handover: dict[str, float]
    #: Relationships that had been paused.
    resumed: list[str]
    warning: str


class _Answer(TypedDict):
    result: bool
    comment: str


class Answer(_Answer, total=False):
    """What an act answers; beside ``result`` and ``comment`` what fits."""

    #: Nothing was touched: the guard refused, its last look did, or the order never came.
    refused: bool
    reasons: list[ReasonFacts]
    #: Which trouble it is: of a refused claim ``claim``, ``acting`` or ``released``; of a start
    #: that would forget leases ``lease-file-missing`` or ``lease-file-torn``.
    code: str
    claim: Claim | None
    until: float
    old: ProcessMark | None
    new: ProcessMark | None
    warnings: list[str]
    #: Files of the configuration that were replaced.
    files: list[str]
    #: Of a start that failed: what went wrong, without what came of it.
    why: str
    #: New files failed, and dhcpd runs with the old ones again.
    rolled_back: bool
    #: Relationships that were paused.
    resumed: list[str]
    #: Relationships whose window was released, and why others were not.
    released: list[str]
    untouched: dict[str, str]
    #: Of partner-down.
    state: str | None
    partner_state: str | None
    since: float
    usable_from: float | None
    #: Nobody could be asked what became of the act.
    unknown: bool
    #: Instead of an answer: why there is none. What became of the act is unknown.
    lost: str


class Repaired(TypedDict):
    """What became of a damaged lease file."""

    file: str
    changed: bool
    dry_run: bool
    #: Of the file afterwards.
    bytes: int
    entries: int
    #: The damaged stretches, as ``dhcpd.check_leases`` has them.
    cut: list[dict[str, Any]]
    #: A missing line end was added.
    ended: bool
    #: What became of each lease, host and failover state that was cut: appended from dhcpd's own
    #: copy, there already, or only the partner knows it.
    salvaged: list[dict[str, Any]]
    kept: list[dict[str, Any]]
    lost: list[dict[str, Any]]
    #: Why dhcpd's own copy could not be read.
    old_file: str | None
    #: The old file.
    backup: str | None


class RepairAnswer(Repaired):
    """What ``dhcpd.repair_leases`` returns."""

    result: bool
    comment: str


class Leftover(TypedDict):
    """A file that this project has left on a server."""

    path: str
    #: What it is: a key of ``iscdhcp.act.cleaning.KINDS``.
    kind: str
    #: The same in words.
    what: str
    bytes: int
    #: Epoch seconds.
    modified: float


class CleanupAnswer(TypedDict):
    """What ``dhcpd.cleanup`` returns."""

    result: bool
    comment: str
    #: What is there, now.
    files: list[Leftover]
    removed: list[Leftover]


class OwnVerdict(TypedDict):
    """What dhcpd itself says of a configuration (``dhcpd -t``)."""

    #: ``accepted``, ``refused``, ``crashed`` or ``unknown`` (not installed, or too slow).
    verdict: str
    exit_code: int | None
    #: Its complaint, as a sentence.
    said: str | None


class CheckAnswer(_Answer):
    """What ``dhcpd.check_config`` returns."""

    file: str
    dhcpd: OwnVerdict
    #: As :meth:`iscdhcp.conf.finding.Finding.as_dict` has them.
    findings: list[dict[str, Any]]


class PutAnswer(_Answer):
    """What ``dhcpd.put_config`` returns."""

    diff: str
    #: The copy of the old file.
    backup: str | None
    #: Why dhcpd has to be restarted for it.
    why: str | None
    #: What lint has new against it.
    findings: list[str]


class PeerFacts(TypedDict):
    """A relationship as a server's configuration has it, for discovery."""

    role: str
    address: str | None
    port: int
    peer_address: str | None
    peer_port: int
    mclt: int | None
    #: What the addresses resolve to.
    own_addresses: list[str]
    peer_addresses: list[str]


class PeersReport(TypedDict):
    """What ``dhcpd.peers`` returns."""

    relationships: dict[str, PeerFacts]
    #: Of the host.
    addresses: list[str]
    error: str | None


class StageAnswer(_Answer):
    """What ``dhcpd.stage`` returns."""

    #: By target, what would change in it (a diff).
    files: dict[str, str]
    #: Why dhcpd has to be restarted for them.
    why: str | None
    #: What lint has new against them.
    findings: list[str]
    #: Leases that no new range holds; ``None`` where no restart is needed.
    forgotten: Forgotten | None
    #: The relationships now, and with the new files.
    peers: PeersReport
    new_peers: PeersReport


class StagedFile(TypedDict):
    """One file of a rollout."""

    #: Where the new one waits; ``None``: it was put in place before.
    staged: str | None
    #: SHA-256 of the new contents.
    digest: str | None
    #: Whether there was an old one, and its copy; ``None``: not put in place yet.
    existed: bool | None
    backup: str | None


class StageRecord(TypedDict):
    """What is staged or was applied last (``dhcpd.staged``)."""

    run: str
    #: The main file.
    main: str
    #: ``staged``, ``applied`` or ``rolled-back``.
    state: str
    staged_at: float
    #: ``None`` while not all of the files are the new ones, as a call has died in that.
    applied_at: float | None
    #: Whether what was applied has been seen to work.
    proved: bool
    #: Seconds that it has to run before it counts as that.
    probation: float
    #: The run whose files it takes back.
    takes_back: str | None
    #: The relationships before.
    peers: PeersReport | None
    #: By target.
    files: dict[str, StagedFile]
    #: What was applied and proved before this was staged, whose way back still is there.
    before: StageRecord | None


#: Code of an answer that failed because the minion does not have our modules: none are synced, or
#: its host is none that can be a dhcpd server (see ``dhcpd.__virtual__``).
NO_MODULE = "no-module"


class Look(TypedDict, total=False):
    """What the master got from one minion: its facts, or why there are none."""

    facts: ServerFacts
    error: str
    #: When it was asked, on the master's clock.
    asked: float
    #: The minion's clock minus the master's, and how far that may be off, seconds.
    offset: float
    uncertain: float
    #: Of an error: :data:`NO_MODULE`, if it is that. Of a refused claim: that of
    #: :class:`iscdhcp.act.claims.Refused`.
    code: str | None
    #: Of a claim: why it was refused, and the other's claim.
    refused: str
    claim: Claim | None
