"""Troubles of taking a partner for dead: what speaks against it."""

from __future__ import annotations

from .trouble import NOTE
from .trouble import UNPROVED
from .trouble import Trouble

PARTNER_DOWN = (
    Trouble(
        "alive",
        "The partner's minion says that dhcpd runs there, or may.",
        "do not take it for dead: salt-run dhcp_failover.doctor {pair}",
        "{why}",
        blocks=True,
    ),
    Trouble(
        "answers",
        "Something answers at the partner's address, so that dhcpd may serve there.",
        "power {partner} off, or bring its minion back, which can prove that dhcpd is not running",
        "{why}",
        blocks=True,
    ),
    Trouble(
        "connected",
        "The survivor has its failover connection: the partner's dhcpd lives.",
        "do not take it for dead: salt-run dhcp_failover.doctor {pair}",
        "{server} has its failover connection to {partner}: dhcpd lives there",
        blocks=True,
    ),
    Trouble(
        "silence",
        "Only silence is known of the partner. A server that can't be reached may serve all the "
        "same: then both hand out the same addresses.",
        "make sure at its console, hypervisor or power switch that it is off and stays off, and "
        "say so with confirm={partner}",
        "only silence is known of {partner} ({why}), and a server that can't be reached may serve "
        "all the same: then both hand out the same addresses. Make sure at its console, hypervisor "
        "or power switch that it is off and stays off, and say so with confirm={partner}",
        proof=UNPROVED,
        blocks=True,
    ),
    Trouble(
        "confirmed",
        "A person has made sure that the partner is dead.",
        "keep it off",
        "that {partner} is dead was confirmed, not proved ({why})",
        proof=NOTE,
    ),
    Trouble(
        "confirm",
        "The confirmation names another server.",
        "name the server that is dead: confirm={partner}",
        "confirm={confirm} is not {partner}, the server in question",
        blocks=True,
    ),
    Trouble(
        "evidence",
        "What the master knows of the partner is too old.",
        "run the command again",
        "what the master knows of {partner} is {age:.0f} s old",
        proof=UNPROVED,
        blocks=True,
    ),
    Trouble(
        "probe",
        "The survivor could not look for the partner.",
        "look yourself whether {partner} answers",
        "{server} could not look for {partner}: {why}",
        proof=UNPROVED,
    ),
    Trouble(
        "startable",
        "The partner's host is well and only its dhcpd is down: a start costs nothing.",
        "salt {partner} dhcpd.start",
        "dhcpd can be started on {partner} (salt {partner} dhcpd.start): as long as nobody is in "
        "partner-down that costs no MCLT",
        proof=NOTE,
    ),
    Trouble(
        "state",
        "Partner-down is set from communications-interrupted, and from the states of recovery in "
        "which a server answers nobody.",
        "salt-run dhcp_failover.doctor {pair} says what the state means",
        "{pair} on {server} is in {state}, not in {wanted}: {meaning}",
        blocks=True,
    ),
    Trouble(
        "mute-start",
        "A server whose partner died while it recovered, or while both compared their leases, "
        "answers nobody, and goes on so in partner-down: it is started again in that state.",
        "nothing: it serves some 15 s after that start",
        "{server} is in {state} and answers nobody: its dhcpd is started again in partner-down",
        proof=NOTE,
    ),
    Trouble(
        "leases-incomplete",
        "The server was fetching the leases from its partner when that died. What it has not got, "
        "clients use all the same, and it may give it to others.",
        "bring {partner} back if that can be done; else say confirm={partner}, and keep ping-check "
        "on in dhcpd.conf of {server}",
        "{server} has not got all leases of {partner} yet (recover): addresses that clients have "
        "may be given to others",
        blocks=True,
    ),
    Trouble(
        "others-serve",
        "The server has to be started again to get out of this state, and serves in others of its "
        "relationships.",
        "bring the partner back; or stop the server (salt-run dhcp_failover.stop), which asks the "
        "partners of the others, and run this again",
        "{server} leaves {state} only by a new start of dhcpd, and serves in {others}",
        blocks=True,
    ),
    Trouble(
        "survivor-omapi",
        "Partner-down is set over OMAPI, and the survivor's does not answer.",
        "make OMAPI answer: salt {server} dhcpd.status shows what it said",
        "partner-down is set over OMAPI, and that of {server} can't be used: {why}",
        blocks=True,
    ),
    Trouble(
        "no-such-relationship",
        "The survivor has no relationship of that name.",
        "salt-run dhcp_failover.pairs lists them",
        "{server} has no relationship {pair}",
        blocks=True,
    ),
)
