"""Troubles of one server: its minion, its dhcpd, how dhcpd would come back, who else is at work."""

from __future__ import annotations

from .trouble import NOTE
from .trouble import UNPROVED
from .trouble import Trouble

MINION = (
    Trouble(
        "minion-silent",
        "The minion does not answer, so nothing is known of this server. Its dhcpd may serve all "
        "the same: its partner's connection tells.",
        "bring the minion back (systemctl restart salt-minion on {server}): salt {server} "
        "test.ping",
        "{server}: {why}",
        proof=UNPROVED,
        blocks=True,
        check="answers",
    ),
    Trouble(
        "not-synced",
        "The minion answers, and does not have our modules.",
        "salt {server} saltutil.sync_all",
        "{server} does not have our modules ({why})",
        proof=UNPROVED,
        blocks=True,
        check="answers",
    ),
    Trouble(
        "host-down",
        "The minion does not answer and the partner has no failover connection: the host or its "
        "network is down. The partner may be the only one that serves.",
        "look whether the host {server} is up; touch nothing on {partner}: it may be the only one "
        "that serves",
    ),
)

DHCPD = (
    Trouble(
        "down",
        "dhcpd does not run, and nothing says why. The partner serves alone, if it runs.",
        "salt {server} dhcpd.start (systemctl start may do nothing), then look again; a run with "
        "heal=True begins with that",
        "dhcpd is not running on {server}",
        blocks=True,
        check="process",
    ),
    Trouble(
        "start-failed",
        "dhcpd does not run, and its log has its own reason.",
        "fix that, then salt {server} dhcpd.start",
        "dhcpd is not running on {server}: it said {why}",
    ),
    Trouble(
        "gone-while-active",
        "dhcpd does not run and the service manager believes that it does, so that its start does "
        "nothing.",
        "salt {server} dhcpd.start, which starts it all the same",
        "dhcpd is not running on {server}, and {manager} believes that {service} is active: its "
        "start would do nothing",
    ),
    Trouble(
        "unseen",
        "No dhcpd is among the processes, and something else says that one runs: a socket, the "
        "partner's connection, a container. A start would make two.",
        "look on {server} who that is, and start no dhcpd there before",
        "no dhcpd is seen on {server}, and yet {signs}: it may serve unseen",
        proof=UNPROVED,
        blocks=True,
        check="process",
    ),
    Trouble(
        "unseen-beside",
        "One dhcpd is seen, and something says that another runs beside it.",
        "look on {server} who that is, and end it by its pid if it is a dhcpd too",
        "{server} may run another dhcpd beside pid {pid}: {signs}",
        proof=UNPROVED,
        blocks=True,
        check="process",
    ),
    Trouble(
        "several",
        "Several dhcpd answer clients from files of their own, so that one address may go to two "
        "clients; and it is unclear which one a stop would end.",
        "end the stray one by its pid on {server}; the service's own is the one to keep. Where "
        "both are meant to run, dhcpd:config_file or dhcpd:service in the minion's configuration "
        "says which one is ours",
        "several dhcpd processes run on {server} (pids {pids}), and all of them answer clients",
        blocks=True,
        check="process",
    ),
    Trouble(
        "another-dhcpd",
        "Another dhcpd runs on this host, and the settings (dhcpd:config_file, dhcpd:service) say "
        "that it is not ours. It is left alone.",
        "nothing, if it is meant to run",
        "another dhcpd on {server} is left alone: {other}",
        proof=NOTE,
        check="process",
    ),
    Trouble(
        "port",
        "Another program has dhcpd's port 67 as well, such as a relay agent or dnsmasq.",
        "stop it on {server} unless it only relays",
        "{server}: {other}, beside dhcpd: if it answers DHCP too, clients hear both",
        proof=NOTE,
        check="process",
    ),
    Trouble(
        "halted",
        "A signal has halted dhcpd (state T): it has its sockets, so that its partner stays "
        "connected for a while, and it answers nobody.",
        "kill -CONT {pid} on {server}",
        "dhcpd on {server} (pid {pid}) is halted by a signal: it holds its sockets and answers "
        "nobody",
        blocks=True,
        check="process",
    ),
    Trouble(
        "other-process",
        "dhcpd is another process than the one that was looked at or started: somebody else has "
        "restarted it meanwhile.",
        "see who that was on {server}, and run the same command again",
        "dhcpd on {server} has been restarted by somebody else meanwhile (pid {pid})",
        blocks=True,
    ),
    Trouble(
        "probation-process",
        "The dhcpd that was started with new files is not the one that runs now: it ended while it "
        "was on probation, and somebody or its service manager has started another one.",
        "look into the log of {server} for why it ended, before these files are tried again",
        "the dhcpd with which the probation of {server} began has ended, another one runs (pid "
        "{pid})",
        blocks=True,
    ),
    Trouble(
        "probation",
        "A server runs with new files and is watched for a while before its partner is touched: "
        "what is normal for a moment only is no proof.",
        "wait; probation=SECONDS in the pillar of the rollout is how long",
        "{server} is on probation with its new configuration",
        proof=NOTE,
    ),
    Trouble(
        "no-address",
        "The host does not have the address that its dhcpd.conf gives it in a relationship. Where "
        "it has none of them another host has taken its place: a dhcpd started here would serve "
        "the same clients from leases of then.",
        "if {server} was replaced, take its dhcpd.conf away and delete its minion's key (salt-key "
        "-d); else bring its address back",
        "{server} does not have {address}, its address in {pair}",
        blocks=True,
        force="address",
    ),
    Trouble(
        "upgrades",
        "Package upgrades restart dhcpd by themselves on this host. Both servers of a pair get "
        "them in the same night, and nobody looks at the partner.",
        "the state dhcpd.kept_from_upgrades on {server} keeps them from it; restart the pair "
        "afterwards (dhcp_failover.restart)",
        "dhcpd on {server} is restarted by {what}, whatever its partner does",
        check="upgrades",
    ),
    Trouble(
        "gentle",
        "dhcpd is built with gentle shutdown: at SIGTERM it tells its partner that it shuts down, "
        "and answers nobody for MCLT after its start.",
        "use method=drain or handover, which do not end it by SIGTERM alone",
        "dhcpd on {server} is built with gentle shutdown: a SIGTERM costs MCLT without service of "
        "this server after its start",
        blocks=True,
        force="gentle",
        check="method",
    ),
    Trouble(
        "service",
        "dhcpd runs, and the service manager believes that it is stopped: somebody has started it "
        "by hand.",
        "the restart starts it by {service}; see that its options are those of the running one",
        "{server}: dhcpd runs, and {manager} believes that {service} {how}: it was started by hand",
        proof=NOTE,
        check="service",
    ),
    Trouble(
        "service-half",
        "dhcpd runs, and its service has failed as a whole: what it starts besides did not start. "
        "Debian's isc-dhcp-server starts a dhcpd for DHCPv6 as well, unless INTERFACESv6 is empty "
        "and INTERFACESv4 is not. A restart brings dhcpd back; nothing but systemctl says so.",
        "empty INTERFACESv6 in /etc/default/isc-dhcp-server on {server} if it is to serve DHCPv4 "
        "only, else mend what failed (journalctl -u {service}); then systemctl reset-failed "
        "{service}",
        "{server}: dhcpd runs, and {manager} believes that {service} has failed: something else "
        "that it starts did not start{said}",
        proof=NOTE,
        check="service",
    ),
    Trouble(
        "start",
        "The service's unit, command line or files are others than those of the running dhcpd: a "
        "start may bring back another one, or none.",
        "systemctl status and salt {server} dhcpd.status show unit and command line",
        "dhcpd on {server} may not come back as it ran: {why}",
        proof=UNPROVED,
        blocks=True,
        force="start",
        check="service",
    ),
    Trouble(
        "pending",
        "Somebody has marked a restart as pending, or what dhcpd runs with is not what is on disk.",
        "salt-run dhcp_failover.restart {pair} brings it into force; see that it is what you want",
        "{server}: a restart is pending: {reason}",
        proof=NOTE,
        check="pending",
    ),
    Trouble(
        "touched",
        "A file of the configuration is newer than the running dhcpd: its next start reads it.",
        "see what was changed in {file}",
        "{server}: dhcpd.conf is newer than the running dhcpd: the start would read it again",
        proof=NOTE,
        check="pending",
    ),
)

WORK = (
    Trouble(
        "claim",
        "Another run, perhaps of another master, has claimed this server. A claim ends by itself; "
        "until then dhcpd.start and the state dhcpd.running start nothing behind that run's back.",
        "wait for its end, or salt {server} dhcpd.release_claim if nobody works there",
        "{server} is claimed by {who}",
        blocks=True,
        force="claim",
        check="holder",
    ),
    Trouble(
        "released",
        "A run has asked again for the claim that it has given back: it has ended.",
        "start a new run",
        "This run's claim on {server} was released: it has ended",
        blocks=True,
    ),
    Trouble(
        "acting",
        "A call stops or starts dhcpd at this moment; another one waits for it or is refused.",
        "wait for its end, a minute at most, and look again",
        "dhcpd on {server} is being stopped or started right now",
        blocks=True,
    ),
    Trouble(
        "busy",
        "The minion has another state run under way, which may write the same files or restart the "
        "same services.",
        "wait for the end of that state run",
        "{server} is busy: {what}",
        blocks=True,
        force="busy",
        check="holder",
    ),
    Trouble(
        "run",
        "A run of this master has locked this server; what is seen of it may be its doing.",
        "wait for its end: salt-run dhcp_failover.status shows how far it is",
        "{server} is locked by {who}",
        blocks=True,
        check="holder",
    ),
    Trouble(
        "hold",
        "Somebody has put a hold on this server, so that no run touches it.",
        "ask them, or salt-run dhcp_failover.release server={server} when they agree",
        "{server} is held by {who}: {why}",
        blocks=True,
        check="holder",
    ),
    Trouble(
        "primary",
        "A person at the console, or salt '*', may stop only a server that is secondary in all its "
        "relationships: two that act at the same moment would stop both servers.",
        "on the master: salt-run dhcp_failover.restart server={server}",
        "{server} is {role}, and from here nobody can see whether its partner is being stopped at "
        "the same moment. On the master: {command} (force=primary if the master, or the partner's "
        "host, is gone)",
        proof=UNPROVED,
        blocks=True,
        force="primary",
        check="states",
    ),
    Trouble(
        "no-relationship",
        "The server has no failover relationship, so that nobody serves while it is down.",
        "a server without a partner is restarted by its service manager",
        "{server} has no failover relationship: nobody serves while it is down",
        blocks=True,
        force="no-relationship",
        check="states",
    ),
)

OMAPI = (
    Trouble(
        "omapi",
        "OMAPI is set up and can't be used; states are proved by the log instead, and the methods "
        "drain and handover are not there.",
        "salt {server} dhcpd.status shows what OMAPI said; the log serves meanwhile",
        "OMAPI of {server} can't be used, its log is read instead: {error}",
        proof=UNPROVED,
        check="omapi",
    ),
    Trouble(
        "omapi-port",
        "Another program has the port that omapi-port names.",
        "free the port on {server}; dhcpd tries again every 5 s",
        "OMAPI of {server} can't be used: another program has port {port}",
    ),
    Trouble(
        "omapi-no-key",
        "OMAPI takes orders from anyone who reaches its port.",
        "declare a key and name it by omapi-key in dhcpd.conf; it takes effect at the next start",
        "{server}: OMAPI asks for no key: anyone who reaches port {port} controls dhcpd",
        proof=NOTE,
        check="omapi",
    ),
    Trouble(
        "firewall",
        "OMAPI can't be bound to one address (omapip/listener.c:56-58), and dhcpd takes orders "
        "from anyone who knows the name of the key.",
        "let only lo reach tcp port {port} (nft: iifname != lo tcp dport {port} drop)",
        "{server}: OMAPI's port {port} is open to every address, and the name of its key is enough "
        "to control dhcpd",
        proof=NOTE,
        check="firewall",
    ),
    Trouble(
        "firewall-unknown",
        "The host's firewall could not be read.",
        "look yourself on {server} that only lo reaches tcp port {port}",
        "{server}: whether OMAPI's port {port} is closed to strangers can't be told: {why}",
        proof=UNPROVED,
        check="firewall",
    ),
    Trouble(
        "method",
        "The method goes over OMAPI, and OMAPI does not answer.",
        "use method=signal, or make OMAPI answer first",
        "method {method} needs OMAPI, and that of {server} does not answer: {why}",
        blocks=True,
        check="method",
    ),
    Trouble(
        "mclt",
        "Method control is the shutdown that dhcpd(8) describes. In 4.4 it costs MCLT.",
        "use method=drain or handover, or force=mclt if that is what you want",
        "method control, dhcpd's documented shutdown, costs MCLT: {server} goes silent at once, "
        "its partner does not know for 17 s, and after its start it answers nobody for {mclt:.0f} "
        "s (methods drain and handover do not; force=mclt if that is what you want)",
        blocks=True,
        force="mclt",
        check="method",
    ),
)

LOG = (
    Trouble(
        "log",
        "dhcpd's log can't be read, so that a diagnosis does without it.",
        "name it in dhcpd:log_files",
        "the log of {server} can't be read, so this diagnosis does without it: {why}",
        proof=UNPROVED,
    ),
    Trouble(
        "log-lost",
        "A rate limit has dropped lines of dhcpd, which may have been those that matter.",
        "set RateLimitIntervalSec=0 (journald) or imuxsock's rate limit off",
        "lines of dhcpd are missing in the log of {server} (a rate limit dropped them)",
        proof=UNPROVED,
    ),
)
