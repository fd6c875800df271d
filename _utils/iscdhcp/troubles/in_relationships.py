"""Troubles of a failover relationship: its states, its connection, its leases."""

from __future__ import annotations

from .trouble import NOTE
from .trouble import UNPROVED
from .trouble import Trouble

_DOCTOR = "salt-run dhcp_failover.doctor {pair} says why and what to do"

#: What the guard sees of a relationship; the cause is doctor's to find.
STATES = (
    Trouble(
        "relationship",
        "The relationship is not normal at this end.",
        _DOCTOR,
        "{pair} is not normal: {states}",
        blocks=True,
        force="relationship",
        check="states",
    ),
    Trouble(
        "unknown",
        "The state of a relationship can't be proved: OMAPI does not answer, and the log does not "
        "say. What is unknown is never taken for normal.",
        "make OMAPI answer, or let dhcpd's log be read (dhcpd:log_files)",
        "the state of {pair} on {server} can't be proved: {why}",
        proof=UNPROVED,
        blocks=True,
        force="relationship-unseen",
        check="states",
    ),
    Trouble(
        "partner",
        "The relationship is not normal at the partner's end.",
        _DOCTOR,
        "{pair} is not normal: {states}",
        blocks=True,
        force="partner",
        check="states",
    ),
    Trouble(
        "partner-unknown",
        "What the partner is like can't be proved: it gave no answer, or can't say its state. Not "
        "seen is not down, and not good either.",
        _DOCTOR,
        "{why}",
        proof=UNPROVED,
        blocks=True,
        force="partner-unseen",
        check="states",
    ),
    Trouble(
        "partner-old",
        "What the master saw of the partner is more than 10 s old. A run looks again, three times.",
        "run the command again; if it stays so, a host or the master is slow, or a clock is wrong",
        "what the master saw of {partner} is {age:.0f} s old (at most {limit:.0f})",
        proof=UNPROVED,
        blocks=True,
        force="partner-unseen",
        check="states",
    ),
    Trouble(
        "partner-not-serving",
        "The partner does not answer clients: nobody would while this server is down.",
        _DOCTOR,
        "dhcpd on {partner} does not serve: {why}",
        blocks=True,
        force="partner",
        check="states",
    ),
    Trouble(
        "partner-acting",
        "The partner is being stopped or started at this moment.",
        "wait for the end of that, and look again",
        "dhcpd on {partner} is being stopped or started right now",
        blocks=True,
        force="partner",
        check="states",
    ),
    Trouble(
        "probe-silent",
        "The partner does not answer a client's question, and has answered it before: it is "
        "halted or paused, or its host is gone, whatever the failover states still say.",
        "look at the partner: is its process halted (state T), its host up? "
        "salt-run dhcp_failover.doctor {pair}",
        "{partner} offers nothing to the question of {server} ({how}; it last did at {before})",
        blocks=True,
        force="probe",
        check="probe",
    ),
    Trouble(
        "probe-unproved",
        "Whether the partner serves could not be proved by a client's question: it has never "
        "answered this server, or can't be asked (a relay that only it knows, classes, pools that "
        "are used up, another network). A run goes on by what else it sees; a person's command "
        "does not.",
        "let {server} ask: open UDP port 67 between the servers, or name an address to ask in "
        "dhcpd:probe; probe: False turns it off",
        "that {partner} serves in {pair} is not proved by an answer to {server}: {why}",
        proof=UNPROVED,
        force="probe-unseen",
        check="probe",
    ),
    Trouble(
        "probe-off",
        "The setting dhcpd:probe turns off the question to the partner. A partner that is halted "
        "or has lost its power reads normal until max-response-delay is over.",
        "take probe: False out of the minion's setting dhcpd",
        "{server} does not ask {partner} whether it serves (dhcpd:probe is off)",
        proof=NOTE,
        check="probe",
    ),
    Trouble(
        "connection",
        "There is no failover connection to the partner.",
        _DOCTOR,
        "{server} has no failover connection to the partner of {pair} ({address} port {port})",
        blocks=True,
        force="connection",
        check="connection",
    ),
    Trouble(
        "connection-unknown",
        "Only the log proves the state, and the kernel's table can't confirm the connection.",
        "make OMAPI answer, or name addresses in dhcpd.conf",
        "{server}: only the log says that {pair} is normal, and whether the partner is connected "
        "can't be read from the kernel: name addresses, not host names, in dhcpd.conf",
        proof=UNPROVED,
        blocks=True,
        force="connection-unseen",
        check="connection",
    ),
    Trouble(
        "sticky",
        "A state that does not end by itself: paused, shutdown or unknown-state.",
        "salt {server} dhcpd.resume",
        "{server} is in {state}: {meaning}",
        blocks=True,
    ),
    Trouble(
        "unacked",
        "As many updates as may be are unacknowledged: the partner is slow to answer, or does not.",
        "look again in a few seconds; if it stays so, salt-run dhcp_failover.doctor {pair} and the "
        "partner's log",
        "{server}: {unacked} updates of {pair} are unacknowledged, all that may be",
        check="unacked",
    ),
    Trouble(
        "imbalanced",
        "One server has much less than its share of a pool's free addresses.",
        "dhcpd rebalances by itself within an hour (min-balance, max-balance); a restart of it "
        "does so at once; nothing is lost",
        "{server}: {pools} of {pair} is imbalanced",
        proof=NOTE,
        check="pools",
    ),
    Trouble(
        "balance-unknown",
        "Whether the pools are balanced can't be read.",
        "let dhcpd's log be read (dhcpd:log_files)",
        "{server}: {why}",
        proof=UNPROVED,
    ),
)

ALONE = (
    Trouble(
        "clock-skew",
        "dhcpd refuses a new connection between clocks that are more than 60 s apart "
        "(server/failover.c:579); a connection that stands is not looked at, so that a restart "
        "brings it out.",
        "set the clocks (chronyc makestep, or the like) and see that NTP runs on both",
        "the clocks of {server} and {partner} are {seconds:.0f} s apart; dhcpd refuses to connect "
        "above {limit:.0f} s (time offset too large)",
        blocks=True,
        force="clock",
        check="clock",
    ),
    Trouble(
        "auto-partner-down",
        "A server goes to partner-down by itself after that time without its partner. Where only "
        "the network between them is cut, both then serve the same addresses.",
        "use method=handover, or raise auto-partner-down on both (0: never)",
        "{partner} goes to partner-down by itself after {limit:.0f} s (auto-partner-down of "
        "{pair})",
        blocks=True,
        force="auto-partner-down",
        check="method",
    ),
    Trouble(
        "free-leases",
        "The partner's own free addresses may not last for the time that it serves alone.",
        "wait until the pools are balanced, or widen the range on both servers",
        "{partner} has {have} free leases of its own in {network} ({pair}) for the {seconds:.0f} s "
        "that it would be alone",
        blocks=True,
        force="free-leases",
        check="pools",
    ),
    Trouble(
        "free-leases-unknown",
        "The free addresses of a server could not be counted.",
        "salt {server} dhcpd.leases says why; wait and look again",
        "how many free leases of {pair} {server} has could not be counted",
        proof=UNPROVED,
        blocks=True,
        force="free-leases-unseen",
        check="pools",
    ),
    Trouble(
        "free-leases-later",
        "The partner's free addresses last for a restart, and may not for a maintenance that takes "
        "as long as it may.",
        "see to it that the host is back soon, or widen the range on both servers",
        "{partner} has {have} free leases of its own in {network} ({pair}): too few for the {need} "
        "new clients of {seconds:.0f} s, if it takes that long",
        proof=NOTE,
        check="pools",
    ),
    Trouble(
        "few-free-leases",
        "A server has so few free addresses of its own that new clients may get none while its "
        "partner is down.",
        "restart when fewer clients come, or widen the range",
        "{server} has only {own} free addresses of its own in {network} ({addresses} in all): "
        "while {partner} is down it has no more for new clients",
        proof=NOTE,
        check="pools",
    ),
    Trouble(
        "pool-exhausted",
        "No address is free at either server.",
        "widen the range on both servers, or shorten the lease time",
        "{pair} has no free addresses{total}; {server} turned clients away {times} recently",
    ),
    Trouble(
        "pool-full",
        "One network of several has no free address at either server; that others have some helps "
        "its clients nothing.",
        "widen the range of {network} on both servers, or shorten its lease time",
        "{network} has no free addresses{total}; {server} turned clients away {times} there "
        "recently",
    ),
    Trouble(
        "pool-closed",
        "dhcpd turned clients away for want of a free lease in a network that has some: its pools "
        "do not permit these clients (allow, deny), or all was free again when it was counted.",
        "compare the permit list of each pool of {network} with these clients (grep 'no free "
        "leases' in the log of {server})",
        "{server} turned clients away {times} in {network} recently, which has free addresses now "
        "({free})",
    ),
    Trouble(
        "pool-abandoned",
        "Addresses are abandoned: a client declined them, or something answered at them that has "
        "no lease. dhcpd gives them to nobody until nothing else is left.",
        "find who uses them without a lease (grep 'Abandoning IP address' in the log of {server}); "
        "when that is gone, dhcpd takes them back by itself once the others are used up",
        "{abandoned} of {addresses} addresses in {network} are abandoned at {server}",
        proof=NOTE,
    ),
    Trouble(
        "peer-holds-all",
        "A server's own half is used up and the partner has the other.",
        "salt-run dhcp_failover.wait_normal {pair}; if this happens often, widen the range",
    ),
)

#: States that doctor explains, by what dhcpd does in them.
EXPLAINED = (
    Trouble(
        "unknown-state",
        "A number that is no state was set over OMAPI; the server answers nobody, and no restart "
        "ends it.",
        "set local-state of {pair} to recover (6) over {server}'s OMAPI; MCLT has to pass before "
        "it serves",
    ),
    Trouble(
        "startup",
        "dhcpd has just started and waits for its partner's word, 15 s at most.",
        "wait",
        proof=NOTE,
    ),
    Trouble(
        "communications-interrupted",
        "The server has lost its partner and serves alone, new clients from its own half.",
        "bring {partner} back; {server} must not be touched until both are normal",
    ),
    Trouble(
        "partner-down",
        "The server takes its partner for dead and may use all addresses once MCLT has passed.",
        "salt {partner} dhcpd.start once its host is well; it recovers from {server} by itself",
    ),
    Trouble(
        "split",
        "One server takes its partner for dead while that one serves: both may give out the same "
        "addresses.",
        "connect them as soon as can be (network, firewall, ports): they compare their leases "
        "then; if that lasts, stop dhcpd on {partner} until it is fixed",
        "{server} is in partner-down ({how}) while dhcpd on {partner} serves too ({state}): both "
        "may give out the same addresses",
    ),
    Trouble(
        "potential-conflict",
        "Both servers compare the leases that they gave out apart, and answer nobody meanwhile. It "
        "takes seconds when they are connected.",
        "wait a minute; restart nothing",
        proof=NOTE,
    ),
    Trouble(
        "conflict-done",
        "One server has compared its leases and waits for the other's end.",
        "wait a minute; restart nothing",
        proof=NOTE,
    ),
    Trouble(
        "resolution-interrupted",
        "The connection was lost while both compared their leases; they answer nobody until it is "
        "back.",
        "bring {partner} or the network back and restart nothing; where it is really dead: "
        "salt-run dhcp_failover.partner_down dead={partner}",
    ),
    Trouble(
        "recover",
        "The server fetches every lease from its partner and answers nobody meanwhile.",
        "wait; {partner} must stay up",
        proof=NOTE,
    ),
    Trouble(
        "recover-alone",
        "The server is in recover and its partner is down: it never serves without it.",
        "salt {partner} dhcpd.start",
    ),
    Trouble(
        "recover-unconnected",
        "The server is in recover and has no connection to its partner.",
        "fix the connection (see the other findings); restart nothing",
    ),
    Trouble(
        "full-window",
        "The survivor's window is full of updates that nobody will acknowledge, so that it sends "
        "no other and the returned server waits in recover forever.",
        "salt {partner} dhcpd.release_window; {server} is normal a second later",
    ),
    Trouble(
        "recover-wait",
        "The server has every lease and waits out MCLT before it serves.",
        "wait; do not touch {partner} before both are normal",
        proof=NOTE,
    ),
    Trouble(
        "recover-done",
        "The server has every lease and waits for its partner's word, which takes seconds.",
        "wait; {partner} must stay up",
        proof=NOTE,
    ),
    Trouble(
        "paused",
        "The server was paused over OMAPI: it answers nobody, and no restart changes that.",
        "salt {server} dhcpd.resume",
    ),
    Trouble(
        "shutdown",
        "dhcpd runs in state shutdown: it answers nobody, and no restart changes that.",
        "salt {server} dhcpd.resume (it recovers from {partner})",
    ),
)

LINK = (
    Trouble(
        "link-blocked",
        "Both dhcpd run, listen and dial, and do not reach each other.",
        "see the firewalls of both hosts for tcp port {port} (nft list ruleset), then the network "
        "between; connect to that port with nothing else, that disturbs dhcpd",
        "dhcpd runs on {server} and {partner} and they have no failover connection: {silence}, so "
        "a firewall or the network between them blocks tcp port {port}",
    ),
    Trouble(
        "same-role",
        "Both servers have the same role.",
        "make one of them the primary, the other the secondary, and restart that one",
        "{server} and {partner} both say {role} in failover peer {pair}",
    ),
    Trouble(
        "port-mismatch",
        "A server dials a port on which its partner does not listen.",
        "set peer port {port} on {server}, or port {peer_port} on {partner}; it takes effect when "
        "dhcpd is next started there",
        "{server} dials {partner} on port {peer_port}, and {partner} listens on port {port} (peer "
        "port and port of failover peer {pair})",
    ),
    Trouble(
        "address-mismatch",
        "A server has another address than the one that its partner expects.",
        "set peer address {own} on {server}, or address {address} on {partner}; it takes effect "
        "when dhcpd is next started there",
        "{server} takes {address} for the address of {partner}, which has {own} in failover peer "
        "{pair}: each refuses the other's connections",
    ),
    Trouble(
        "address-loopback",
        "An address in failover peer is of the loopback, often because of its name: Debian writes "
        "a host's own name beside 127.0.1.1 in /etc/hosts. dhcpd listens or calls there only, and "
        "a partner on another host is never reached.",
        "write the address of {whose} in numbers into dhcpd.conf of {server}, or give the name "
        "that address in /etc/hosts there; it takes effect when dhcpd is next started there",
        "{server} has {address} for the address of {whose} in failover peer {pair}: that is the "
        "loopback, where no partner on another host is",
    ),
    Trouble(
        "address-unresolved",
        "The partner is given by a name that the server can't resolve: its dhcpd calls nobody, "
        "and refuses its partner's calls.",
        "write the address of {whose} in numbers into dhcpd.conf of {server}, or put the name "
        "into /etc/hosts there; it takes effect when dhcpd is next started there",
        "{server} can't resolve {address}, the address of {whose} in failover peer {pair}",
    ),
    Trouble(
        "name-mismatch",
        "The relationship has another name on each server.",
        "give it the same name on both; it takes effect when dhcpd is next started there",
        "{partner} calls the relationship {name}, {server} knows none of that name",
    ),
    Trouble(
        "refused",
        "dhcpd refuses its partner's connection, and tries again every 5 s forever.",
        "compare failover peer {pair} of both dhcpd.conf",
        "{server}: dhcpd refuses the connection of {pair}: {why}",
        blocks=True,
    ),
    Trouble(
        "stray-connection",
        "A failover connection comes from an address that is not the partner's.",
        "compare peer address on {server} with the address that {partner} dials from",
        "{server} receives failover connections from an address that is not its peer's ({why}): "
        "its peer address or the source address of {partner} is wrong",
    ),
    Trouble(
        "not-listening",
        "dhcpd does not listen for its partner; its log does not say so (failover.c:122-136).",
        "free the port or fix the address on {server}; dhcpd tries again every 90 s",
        "dhcpd on {server} does not listen on {address} port {port}: {who}",
    ),
    Trouble(
        "half-open",
        "One server believes both normal, the other takes it for lost, and the connection stands: "
        "a broken connection object in dhcpd.",
        "restart dhcpd on {server}, the one that knows it is alone: salt {server} dhcpd.restart "
        "force=relationship,partner",
        "{partner} believes both normal while {server} takes it for lost, and the connection "
        "stands: a broken connection object in dhcpd",
    ),
    Trouble(
        "half-defined",
        "A relationship has no partner, or more than one: it is no pair.",
        "fix failover peer in dhcpd.conf of both servers (name, role, address, peer address), "
        "restart the one that was wrong, then salt-run dhcp_failover.pairs refresh=True",
    ),
)
