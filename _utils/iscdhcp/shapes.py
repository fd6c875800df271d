"""
The shape of what is known of servers, as it crosses Salt's wire: plain dicts, their keys here.

A server's facts (``dhcpd.status``) always have every key; what is not known, or was not asked for,
is ``None``. What acts answer: :mod:`iscdhcp.answers`. Times are epoch seconds of the clock of the
server that tells them.

:data:`iscdhcp.wire.VERSION` is raised whenever a key changes its meaning, or decisions need a new
one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from typing import TypedDict

# -- what OMAPI says ------------------------------------------------------------------------------


class OmapiState(TypedDict):
    """What dhcpd says over OMAPI of one relationship."""

    relationship: str
    state: str
    partner_state: str
    state_number: int
    partner_state_number: int
    since: float
    partner_since: float
    #: Seconds; 0 on a secondary that never had a partner.
    mclt: int
    #: Updates sent and not yet acknowledged, and how many may be.
    unacked: int
    max_unacked: int
    max_response_delay: int
    role: str


# -- a server's facts ----------------------------------------------------------------------------


class ProcessFacts(TypedDict):
    """The dhcpd that serves, as the process table has it; the oldest where there are several."""

    running: bool
    #: None runs, and nothing else speaks for one either. ``None`` while one runs.
    absent: bool | None
    #: What speaks for a dhcpd that is not seen, as sentences.
    signs: list[str]
    #: Other programs on dhcpd's ports, as sentences (only in full facts).
    others: list[str]
    pid: int | None
    #: Boot, pid and start time: the same as long as it is the same process.
    identity: str | None
    started: float | None
    #: Stopped by a signal (state T).
    stopped: bool
    #: Built so that SIGTERM costs MCLT.
    gentle_shutdown: bool
    argv: list[str]
    #: The pids where several run.
    several: list[int] | None
    #: Other dhcpd of this host, which the settings leave out, as sentences.
    beside: list[str]
    #: The unit of systemd that it belongs to.
    unit: str | None
    #: It sees other files than this host does (container, chroot, private mounts).
    sandboxed: bool


class ConfigurationFacts(TypedDict):
    """Which files configure dhcpd."""

    file: str
    #: Why it can't be read or, in full facts, why dhcpd refuses it.
    error: str | None
    #: The main file and all that it includes.
    files: list[str]
    #: By time stamps only: a touched file is not a changed one. ``None``: no dhcpd runs.
    touched_since_start: bool | None


class LeaseFileFacts(TypedDict):
    """The state of the lease file's end."""

    file: str
    #: ``None``: it can't be read.
    exists: bool | None
    bytes: int
    mtime: float | None
    whole: bool | None
    #: What is wrong with it, as a sentence.
    problem: str | None
    #: Whether all that is wrong is an entry that dhcpd was writing when it died: a start cuts it
    #: off. ``None`` where dhcpd runs.
    mendable: bool | None
    #: Whether dhcpd writes a file that is not there any more, or another is in its place.
    replaced: bool | None
    #: Why dhcpd could not write it again beside itself (only in full facts).
    folder_problem: str | None


class OmapiFacts(TypedDict):
    """What became of asking dhcpd over OMAPI."""

    configured: bool
    answers: bool
    error: str | None
    #: What would make it answer.
    hint: str | None
    port: int | None
    authenticated: bool | None


class LogFacts(TypedDict):
    """Where dhcpd's log was read."""

    #: ``journal`` or a file.
    source: str | None
    error: str | None


class LoggedPool(TypedDict):
    """What dhcpd logged last about one pool of a relationship."""

    balanced: bool
    total: int
    free: int
    backup: int
    time: float


class Balance(TypedDict):
    """Whether the pools of a relationship are balanced, by this end's log since it is normal."""

    #: ``None``: the log does not say.
    balanced: bool | None
    #: Why the log can't be read.
    unreadable: str | None
    #: The networks of the pools that are not.
    imbalanced: list[str]
    #: By network.
    pools: dict[str, LoggedPool]


class Asked(TypedDict):
    """What came of a client's question to the partner in one relationship (a probe)."""

    #: Where the partner was asked, and for an address of which network.
    address: str | None
    network: str | None
    #: When, on this server's clock; ``None``: it was not.
    asked: float | None
    #: Whether it offered an address; ``None``: it was not asked.
    offered: bool | None
    #: Seconds until its answer.
    seconds: float | None
    #: Where it offered nothing: whether a DHCPINFORM was answered.
    alive: bool | None
    #: When it last offered this server an address.
    before: float | None
    #: Why it was not asked.
    why: str | None
    #: It is not asked because a setting says so.
    off: bool


class Alive(TypedDict):
    """What came of asking the partner in one relationship for a sign of life (a DHCPINFORM)."""

    #: Where it was asked, and when, on this server's clock.
    address: str
    asked: float
    #: ``None``: it could not be asked.
    answered: bool | None
    #: Seconds until its answer.
    seconds: float | None
    #: When it last answered this server; ``None``: never, so that silence says nothing.
    before: float | None
    #: The first of the questions in a row that it did not answer.
    silent: float | None


class EndFacts(TypedDict):
    """One end of a failover relationship: configuration, OMAPI, log and kernel in one."""

    #: ``primary`` or ``secondary``, as the file says.
    role: str | None
    #: The same as the running process says it over OMAPI.
    running_role: str | None
    address: str | None
    port: int
    peer_address: str | None
    peer_port: int
    #: Seconds.
    mclt: int | None
    max_response_delay: int
    #: Seconds; 0 is off.
    auto_partner_down: int
    #: What proves the states: ``omapi``, ``log``, or ``None`` where nothing does.
    source: str | None
    #: Why nothing does.
    why_unknown: str | None
    state: str | None
    partner_state: str | None
    #: When the states began (STOS).
    since: float | None
    partner_since: float | None
    #: Since when this process is normal.
    normal_since: float | None
    #: Whether clients with dynamic addresses are answered here.
    serves: bool | None
    #: Updates that the partner has not acknowledged, and how many such may be under way.
    unacked: int | None
    unacked_bound: int | None
    #: Whether the kernel has an established failover connection.
    connected: bool | None
    #: Why dhcpd refuses its partner's connection.
    refused: str | None
    balance: Balance
    #: The last question to the partner, however old; ``None``: there was none.
    asked: Asked | None
    #: The last question whether the partner lives, which only runs ask.
    alive: Alive | None


class ByState(TypedDict):
    """How many addresses are in which binding state, by the lease file."""

    active: int
    free: int
    backup: int
    expired: int
    released: int
    abandoned: int
    reset: int
    #: Those of the expired whose entry is ``active`` with an end that is past.
    lapsed: int


class PoolCounts(ByState):
    """A pool's addresses, counted."""

    network: str
    #: First and last address of each range.
    ranges: Sequence[Sequence[str]]
    addresses: int
    #: Those of the free that have no entry.
    virgin: int


class Outside(ByState):
    """Addresses of the lease file that no pool has: dhcpd forgets them at its next start."""

    addresses: int
    #: The first of them, and the first of those that clients have.
    named: list[str]
    held: list[str]


class LeaseCounts(TypedDict):
    """A lease file, counted."""

    file: str
    bytes: int
    #: Of leases.
    entries: int
    #: Stretches that were left out.
    damaged: int
    #: When; what is past then has ended.
    now: float
    #: In the order in which they were given.
    pools: list[PoolCounts]
    outside: Outside


class CountedPool(PoolCounts):
    """The same, with how quickly new clients come."""

    new_per_second: float


class LeaseFacts(TypedDict):
    """The leases of each relationship's pools, counted within the last minutes."""

    counted: float
    file: str
    #: By relationship.
    relationships: dict[str, list[CountedPool]]
    #: Damaged stretches of the file, which were left out.
    damaged: int
    error: str | None


class Claim(TypedDict):
    """Whose this server is for a while."""

    run: str
    who: str
    until: float
    #: Which master's run it is.
    master: str | None


class LastStart(TypedDict):
    """How long the last start of ours took."""

    seconds: float
    time: float


class Ended(TypedDict):
    """The last end of dhcpd that was ours."""

    identity: str
    #: Epoch seconds.
    time: float
    #: Leases that its partner had not acknowledged; ``None``: that could not be counted.
    unacknowledged: int | None
    #: The boot of the host (random(4)).
    boot: str


class Mark(TypedDict):
    """A person's, or a state's, note that dhcpd should be restarted when it is safe."""

    reason: str
    since: float


class Pending(TypedDict):
    """Why dhcpd does not run with what is on disk."""

    #: True or, where there is no copy to compare with, ``"unknown"``.
    pending: bool | str
    #: Whether somebody marked it.
    marked: bool
    reason: str
    since: float | None
    #: Lines of a diff: ``-`` running, ``+`` on disk.
    changes: list[str]
    #: Of a mark: what the files say besides.
    configuration: str | None


class ServiceRefusal(TypedDict):
    """Why a service manager does not start dhcpd, whatever dhcpd would say."""

    #: A code of the catalogue of troubles.
    code: str
    #: In the manager's own words.
    text: str


class ServiceFacts(TypedDict):
    """What the service manager says of dhcpd."""

    name: str | None
    #: ``systemd``, ``init``, or ``None`` where nothing manages it.
    manager: str | None
    active: bool | None
    failed: bool
    #: Why the manager itself starts nothing (``code``, ``text``); ``None``: it does not refuse.
    refuses: ServiceRefusal | None


# -- a closer look -------------------------------------------------------------------------------


class Space(TypedDict):
    """Whether the lease file can be written again beside itself, as dhcpd does at each start."""

    folder: str
    error: str | None
    #: Bytes.
    free: int
    needed: int
    #: ``None`` where the file system has no fixed number.
    inodes: int | None
    read_only: bool


class EndSockets(TypedDict):
    """The sockets of one relationship."""

    #: ``own``, ``other`` (another program's) or ``None``.
    listens: str | None
    #: A connection to the partner is tried and not answered.
    dialling: bool
    #: What address and peer address are, looked up on the server; the first is the one that dhcpd
    #: takes. Empty: a name that nobody knows; ``None``: not looked up.
    own: list[str] | None
    peer: list[str] | None


class Sockets(TypedDict):
    """What the kernel knows of dhcpd's sockets."""

    error: str | None
    relationships: dict[str, EndSockets]
    #: As ``listens``.
    omapi: str | None


class Firewall(TypedDict):
    """Whether strangers can reach OMAPI."""

    #: ``None``: that can't be told.
    closed: bool | None
    why: str | None


class Examined(TypedDict):
    """What a careful reader finds in the configuration."""

    error: str | None
    #: As ``dhcpd.check_config`` has them.
    findings: list[dict[str, Any]]
    #: By relationship; equal on both partners where their configurations mean the same.
    digests: dict[str, str]


class Move(TypedDict):
    """A move between failover states that dhcpd logged."""

    time: float
    pid: int | None
    relationship: str | None
    #: ``my-move`` or ``peer-move``.
    kind: str
    old: str
    new: str


class ToldLine(TypedDict):
    """Other lines about failover, those of one kind as one."""

    kind: str
    relationship: str | None
    why: str | None
    count: int
    first: float
    last: float
    pid: int | None
    text: str


class Unwritten(TypedDict):
    """The last line about something that could not be written."""

    time: float
    text: str


class FailedStart(TypedDict):
    """Why the newest start of dhcpd failed, by its own log."""

    #: A code of the catalogue of troubles.
    code: str
    #: The line that says it, and when (epoch seconds).
    text: str
    time: float
    #: The interface, file, user or group that the line names.
    name: str | None
    #: The configuration of that dhcpd, where it is another one than ours.
    file: str | None
    #: AppArmor's profile, where that has denied it.
    profile: str | None


class LogSurvey(TypedDict):
    """What the log said, folded."""

    source: str | None
    error: str | None
    #: Whether all lines that were asked for have been read.
    complete: bool
    moves: list[Move]
    told: list[ToldLine]
    #: Lines that sound bad and are harmless, by code.
    harmless: dict[str, int]
    unwritten: Unwritten | None
    #: Clients that were turned away recently, by reason.
    clients: dict[str, int]
    #: How many of them because a network had no free lease at either server, by network.
    full_networks: dict[str, int]
    #: Why the newest start failed; ``None`` where dhcpd runs.
    failed_start: FailedStart | None


class Forgotten(TypedDict):
    """Leases of clients that a start with a new configuration would forget."""

    leases: int
    #: The first of their addresses.
    named: list[str]
    #: Why they could not be counted.
    unknown: str | None


class Upgrades(TypedDict):
    """Whether package upgrades would restart dhcpd here; ``None``: there is no such thing here."""

    #: A new package of dhcpd itself.
    package: bool | None
    #: needrestart, where libraries that dhcpd uses are new.
    needrestart: bool | None


class Knowledge(TypedDict):
    """What a lease file knows of a relationship's addresses."""

    #: The last transaction with a client, epoch seconds; and the last of those that the partner has
    #: acknowledged or told.
    newest: float | None
    known: float | None
    #: Leases that clients have now; and those of them that both ends have to know by now.
    active: int
    shared: int
    #: Digest of the ranges: between different ones nothing can be compared.
    ranges: str


class Survey(TypedDict):
    """What a check or a diagnosis wants to know beside the facts."""

    space: Space
    sockets: Sockets
    #: ``None`` where OMAPI is not configured.
    firewall: Firewall | None
    log: LogSurvey | None
    configuration: Examined | None
    #: By relationship; ``None`` where the lease file can't be read.
    knowledge: dict[str, Knowledge] | None
    upgrades: Upgrades | None
    #: Leases that no range on disk holds; ``None`` where dhcpd runs with what is on disk.
    forgotten: Forgotten | None


class ServerFacts(TypedDict):
    """Everything that is known of dhcpd on one server: what ``dhcpd.status`` returns."""

    #: The version of what is in here.
    wire: int
    minion: str | None
    #: This server's clock.
    time: float
    process: ProcessFacts
    configuration: ConfigurationFacts
    lease_file: LeaseFileFacts
    omapi: OmapiFacts
    log: LogFacts
    #: By name.
    relationships: dict[str, EndFacts]
    #: Whether all looks of the call saw the same process in the same states.
    steady: bool
    #: ``None``: not counted recently.
    leases: LeaseFacts | None
    #: This boot of the host.
    boot: str | None
    claim: Claim | None
    #: The claim where it is another run's than the one that asks.
    foreign_claim: Claim | None
    #: Whether a call is stopping or starting dhcpd now.
    acting: bool
    last_start: LastStart | None
    #: The relationships that a drain or a hand-over has paused.
    paused_by_us: list[str]
    pending_restart: Pending | None
    #: The following are in full facts only: ``None`` where they were asked for briefly.
    #: Another state run on this minion, as a sentence.
    busy: str | None
    #: Why a start may not bring back what runs.
    start_problem: str | None
    version: str | None
    service: ServiceFacts | None
    #: Of ``dhcpd.inspect`` only.
    survey: Survey | None
    #: Seconds of the call before and after the clock was read (``dhcpd.inspect``).
    waited: float | None
    after: float | None
    #: What dhcpd logged, where it was asked for: as ``dhcpd.failover_log`` returns it.
    logged: dict[str, Any] | None


# -- evidence ------------------------------------------------------------------------------------


class SparePool(TypedDict):
    """What the other end's guard has to know of a pool."""

    network: str
    ranges: Sequence[Sequence[str]]
    #: Addresses for new clients while this server is alone.
    own_free: int
    #: Free at both ends.
    free: int
    new_per_second: float


class Spare(TypedDict):
    """What a server has for new clients in a relationship."""

    role: str | None
    #: Seconds since it was counted.
    age: float
    pools: list[SparePool]


class Evidence(TypedDict):
    """What the master saw of a server's partner in one relationship, for the guard there."""

    minion: str | None
    #: On the acting server's clock; ``None``: nothing was seen.
    observed: float | None
    #: The partner's clock minus the acting server's, seconds.
    skew: float | None
    state: str | None
    partner_state: str | None
    since: float | None
    mclt: int | None
    auto_partner_down: int | None
    leases: Spare | None
    why_unknown: str | None
    #: ``None``: whether it does is unknown.
    serves: bool | None
    #: Why it does not.
    why: str | None
    acting: bool


class PartnerSeen(TypedDict):
    """What the master knows of a partner that may be dead."""

    minion: str
    answered: bool
    #: ``None``: unknown. That no process is seen proves nothing.
    running: bool | None
    #: What speaks for a dhcpd that is not seen.
    signs: list[str]
    pid: int | None
    error: str | None
    #: On the survivor's clock.
    observed: float


class Death(TypedDict):
    """Why a survivor may take its partner for dead: what the master sends to the guard there."""

    partner: PartnerSeen
    #: The partner's minion id, from a person who has made sure.
    confirm: str | None


class Probe(TypedDict):
    """What a survivor found at its partner's address."""

    address: str | None
    #: Whether a ping was answered; ``None``: none could be sent.
    ping: bool | None
    #: ``open``, ``refused`` or ``silent``; ``None``: not tried.
    omapi: str | None
    omapi_port: int | None
    #: Whether it answered a client's question; ``None``: it could not be asked.
    dhcp: bool | None
    error: str | None


class Stake(TypedDict):
    """What partner-down is about: addresses by the survivor's lease file."""

    #: Free addresses of the survivor, and of its partner.
    own: int
    partners: int
    active: int
    addresses: int
    #: Why they could not be counted.
    error: str | None


class PartnerLook(TypedDict):
    """What ``dhcpd.look_for_partner`` returns."""

    facts: ServerFacts
    probe: Probe
    addresses: Stake
