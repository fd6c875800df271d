"""Troubles of what dhcpd reads and writes: its configuration, its leases, the disk."""

from __future__ import annotations

from .trouble import UNPROVED
from .trouble import Trouble

CONFIGURATION = (
    Trouble(
        "configuration",
        "dhcpd refuses the configuration on disk. A running dhcpd goes on with the one that it has "
        "read, and would not come back from a restart.",
        "fix it on {server}; salt {server} dhcpd.check_config looks again",
        "the configuration on {server} is refused, dhcpd would not come back: {error}",
        blocks=True,
        force="configuration",
        check="configuration",
    ),
    Trouble(
        "half-configured",
        "The failover peer has gone from the configuration of one server, and not of the other.",
        "bring the failover peer back on {server}, or take it away on both",
        "the configuration on {server} has no failover peer {pair} any more, that of {partner} has",
    ),
    Trouble(
        "parity",
        "Pools, networks or options are not the same on both servers, so that clients get another "
        "answer from each.",
        "salt-run dhcp_failover.drift {pair} shows where; make them alike, secondary first",
        "the configurations of {servers} do not mean the same",
        check="parity",
    ),
    Trouble(
        "lint",
        "dhcpd accepts the configuration, and it will not do what it says; see the codes of lint "
        "below.",
        "{fix}",
        "{server}: {where}{what}",
        check="lint",
    ),
    Trouble(
        "ranges-differ",
        "The servers do not have the same ranges, so that each refuses the other's updates about "
        "what it does not have. It is expected while a new configuration is on one server only.",
        "compare ranges and pools of both dhcpd.conf, then restart the one that was changed",
        "{server} and {partner} do not have the same ranges: {times} updates were rejected ({why})",
    ),
)

LEASES = (
    Trouble(
        "lease-file-missing",
        "The lease file is not there, or empty. dhcpd does not start without one, and forgets "
        "every lease with an empty one.",
        "put {file}~ or a backup in its place before anything else, then salt-run "
        "dhcp_failover.bring_back server={server}: it has dhcpd fetch what is newer from its "
        "partner; started by hand it would give leased addresses away",
        "{server}: {problem}",
        blocks=True,
        force="lease-file",
        check="lease-file",
    ),
    Trouble(
        "lease-file-replaced",
        "Somebody has removed the lease file of a dhcpd that runs, or put another in its place: a "
        "backup, or what an editor or sed -i has made of it. dhcpd goes on writing the old file, "
        "which has no name any more; its next start reads the new one.",
        "say force=lease-file: the stop puts back what dhcpd has written, and leaves what is there "
        "now beside it; do not restart dhcpd by hand",
        "{server}: {problem}",
        blocks=True,
        force="lease-file",
        check="lease-file",
    ),
    Trouble(
        "lease-file-old",
        "dhcpd is down, and its lease file is older than what its partner knows that it knew: a "
        "backup, a snapshot, dhcpd.leases~. It says normal, as it did then, so that dhcpd would "
        "ask its partner for nothing, and give addresses away that clients have.",
        "salt-run dhcp_failover.bring_back server={server}, which has it fetch every lease first; "
        "never dhcpd.start or systemctl start",
        "the lease file of {server} is older than what {partner} knows of it in {pair} ({gap})",
        blocks=True,
        force="lease-age",
        check="lease-file",
    ),
    Trouble(
        "leases-missing",
        "dhcpd runs on a lease file that lacks leases which both ends have to know: it was started "
        "on an old copy, at boot for example. It gives their addresses to other clients.",
        "salt-run dhcp_failover.stop server={server}, then salt-run dhcp_failover.bring_back "
        "server={server} fetch=True, which fetches every lease from {partner}",
        "{server} lacks {leases} leases that {partner} knows and it once acknowledged",
        check="lease-file",
    ),
    Trouble(
        "lease-file-torn",
        "The lease file's last entry is cut off: dhcpd's next start would drop what it can't read.",
        "salt {server} dhcpd.check_leases tells more, and whether it still is so (it may have been "
        "a write in progress); then dhcpd.stop force=lease-file, dhcpd.repair_leases, dhcpd.start; "
        "do not restart dhcpd by hand",
        "{server}: {problem}",
        blocks=True,
        force="lease-file",
        check="lease-file",
    ),
    Trouble(
        "lease-file-cut",
        "dhcpd died in the middle of writing an entry of its lease file. No client and no partner "
        "has heard of it: dhcpd answers them once an entry is on the disk.",
        "start it by dhcpd.start or a run with heal=True, which cuts the entry off and keeps the "
        "old file; not by hand: dhcpd itself would drop the entry before it too",
        "{server}: {problem}: a start from here cuts it off",
        check="lease-file",
    ),
    Trouble(
        "lease-file-damaged",
        "Stretches in the middle of the lease file can't be read: a start would drop their leases.",
        "salt {server} dhcpd.check_leases names them; do not restart dhcpd by hand: stop it by "
        "dhcpd.stop force=lease-file, then dhcpd.repair_leases, then dhcpd.start",
        "{server}: {stretches} of its lease file can't be read: a start would drop what is there",
        blocks=True,
        check="lease-file",
    ),
    Trouble(
        "leases-forgotten",
        "Clients have leases that no range of the new configuration holds. dhcpd forgets them at "
        "its start, without a word: the clients go on with their addresses, and once a range holds "
        "these again they are given to others.",
        "keep a range over them until they have run out (deny unknown-clients in a pool of its own "
        "lets nobody new in), or say force=leases",
        "{server}: no range of the new configuration holds {leases} that clients have: {addresses}",
        blocks=True,
        force="leases",
        check="lease-file",
    ),
    Trouble(
        "leases-uncounted",
        "Whether a new configuration would make dhcpd forget leases could not be seen: its lease "
        "file can't be read.",
        "salt {server} dhcpd.check_leases says more; or say force=leases-unseen",
        "{server}: whether clients have leases that no new range holds can't be seen: {why}",
        proof=UNPROVED,
        blocks=True,
        force="leases-unseen",
        check="lease-file",
    ),
    Trouble(
        "lease-folder",
        "dhcpd can't write its lease file again at its start, and would not come back.",
        "make room, or correct owner and mode of the folder on {server}",
        "{server}: {problem}",
        blocks=True,
        force="lease-folder",
        check="space",
    ),
)

DISK = (
    Trouble(
        "disk-full",
        "There is less room than dhcpd needs to write its lease file again, as it does at its "
        "start: it would not come back whole.",
        "make room in {folder} on {server} before dhcpd is restarted",
        "{server}: {free} in {folder}, and dhcpd writes its lease file again at its start "
        "({needed}): it would not come back whole",
        blocks=True,
        check="space",
    ),
    Trouble(
        "disk-read-only",
        "The file system of the lease file is mounted read-only, often after an error of the disk.",
        "mount it read-write (a disk's error?), before dhcpd is restarted",
        "{server}: {folder} is read-only: dhcpd can't write leases, and would not start",
        blocks=True,
        check="space",
    ),
    Trouble(
        "lease-file-unwritable",
        "There is room, and dhcpd can't write its lease file, or not put a new one in its place as "
        "it does each hour: owner or mode of file or folder, AppArmor, a unit that shuts it off. "
        "What it promises clients meanwhile may be forgotten at its next start, and that start may "
        "fail.",
        "make {folder} and the file in it writable for the user that dhcpd runs as on {server} "
        "(ls -ld, systemctl cat, journalctl -k), before dhcpd is restarted",
        "{server}: dhcpd can't write its lease file in {folder}, though there is room: “{said}”",
    ),
    Trouble(
        "disk-unknown",
        "How much room there is could not be seen.",
        "look at {folder} on {server}",
        "{server}: how much room there is can't be seen: {error}",
        proof=UNPROVED,
        check="space",
    ),
)
