"""Why a start of dhcpd failed: by its own log, by the kernel's, or by its service manager."""

from __future__ import annotations

from .trouble import Trouble

_STARTED = "dhcpd did not start on {server}: "

STARTS = (
    Trouble(
        "start-port",
        "Another program has the DHCP port 67: a second dhcpd, dnsmasq, a relay agent, a container "
        "with the host's network. dhcpd's own advice about HP JetAdmin means the same.",
        "see on {server} who has it (ss -lunp sport = :67). If it is a dhcpd, it serves from files "
        "of its own: find out why before it is ended. Stop it, keep it from starting again, then "
        "salt {server} dhcpd.start",
        _STARTED + "another program has port 67 ({said})",
    ),
    Trouble(
        "start-address",
        "dhcpd could not bind its DHCP socket to the address that it was given.",
        "see that the host has local-address of dhcpd.conf and that dhcpd is started by root, then "
        "salt {server} dhcpd.start",
        _STARTED + "its DHCP socket could not be bound ({said})",
    ),
    Trouble(
        "start-name",
        "The server's own address in a failover peer is a name that could not be resolved when "
        "dhcpd started, perhaps only not yet at boot: dhcpd asks once, and ends.",
        "write the address in numbers into failover peer {name} on {server}, or put the name into "
        "/etc/hosts there; then salt {server} dhcpd.start",
        _STARTED + "its own address in failover peer {name} can't be resolved ({said})",
    ),
    Trouble(
        "start-twice",
        "dhcpd found its pid file with the number of a process that runs: another dhcpd, or "
        "another program that has got the number of one that ended without removing the file.",
        "look on {server} which process the pid file names; if it is no dhcpd, remove the file, "
        "then salt {server} dhcpd.start",
        _STARTED + "its pid file names a process that runs ({said})",
    ),
    Trouble(
        "start-interface",
        "The network interface that dhcpd is told to use is not there: it was renamed, or did not "
        "exist yet when dhcpd was started.",
        "compare ip link on {server} with the interfaces that dhcpd's service names "
        "(INTERFACESv4 in /etc/default/isc-dhcp-server, DHCPDARGS), then salt {server} dhcpd.start",
        _STARTED + "the interface {name} is not there ({said})",
    ),
    Trouble(
        "start-no-address",
        "The network interface that dhcpd is told to use has no IPv4 address, perhaps only not yet "
        "at boot: dhcpd looks once, when it starts.",
        "give {name} its address on {server}; if that comes late at boot, let dhcpd's unit wait "
        "for network-online.target; then salt {server} dhcpd.start",
        _STARTED + "the interface {name} has no IPv4 address ({said})",
    ),
    Trouble(
        "start-subnet",
        "dhcpd.conf has no subnet for any network that the host is connected to.",
        "declare in dhcpd.conf the subnet of {name}'s address, empty if nothing is to be given out "
        "there, then salt {server} dhcpd.start",
        _STARTED + "no subnet of dhcpd.conf fits the address of {name} ({said})",
    ),
    Trouble(
        "start-lease-file",
        "dhcpd can't write its lease file, or a new one beside it, which it does at each start: "
        "owner or mode of file or folder, a file system that is mounted read-only, a folder that "
        "is not there, a unit that shuts it off (ProtectSystem, ReadWritePaths).",
        "make folder and lease file writable for the user that dhcpd runs as on {server} (ls -ld; "
        "systemctl cat of its unit shows User and ReadWritePaths), then salt {server} dhcpd.start",
        _STARTED + "it can't write its lease file ({said})",
    ),
    Trouble(
        "start-denied",
        "dhcpd may not read a file that it needs.",
        "let the user that dhcpd runs as read {name} on {server}, and every folder above it; where "
        "they may, it is AppArmor or SELinux (journalctl -k, ausearch -m avc); then salt {server} "
        "dhcpd.start",
        _STARTED + "it may not read {name} ({said})",
    ),
    Trouble(
        "start-file",
        "A file that dhcpd needs is not there or is no file.",
        "put {name} in its place on {server}, or name the right one in dhcpd's service; then salt "
        "{server} dhcpd.start",
        _STARTED + "it can't open {name} ({said})",
    ),
    Trouble(
        "start-apparmor",
        "AppArmor's profile of dhcpd denies it a file. It knows only the usual places, so that a "
        "configuration or a lease file elsewhere is denied although owner and mode are right.",
        "allow {name} in /etc/apparmor.d/local/usr.sbin.dhcpd on {server} and load it "
        "(apparmor_parser -r /etc/apparmor.d/usr.sbin.dhcpd), or move the file to its usual place; "
        "then salt {server} dhcpd.start",
        _STARTED + "AppArmor (profile {profile}) denies it {name} ({said})",
    ),
    Trouble(
        "start-user",
        "dhcpd is started as a user that does not exist, or as one that may not do what dhcpd has "
        "to do before it gives its rights up.",
        "let dhcpd be started by root, and see that the user and group of its options -user and "
        "-group exist on {server} (getent passwd, getent group); then salt {server} dhcpd.start",
        _STARTED + "its user is wrong ({said})",
    ),
    Trouble(
        "start-ipv6",
        "It is the dhcpd for DHCPv6 that fails. Debian's isc-dhcp-server starts one for each "
        "family and fails as a whole where one of them fails, also when nobody needs DHCPv6.",
        "empty INTERFACESv6 in /etc/default/isc-dhcp-server on {server} if it is to serve DHCPv4 "
        "only, else fix its configuration; then salt {server} dhcpd.start",
        "dhcpd is not running on {server}, and what failed is the dhcpd for DHCPv6 that its "
        "service starts as well ({said})",
    ),
    Trouble(
        "start-other",
        "The attempt that failed was of a dhcpd with another configuration than the one that is "
        "looked at.",
        "see which file dhcpd's service names on {server} (systemctl cat), then salt {server} "
        "dhcpd.start",
        "dhcpd is not running on {server}, and what failed is a dhcpd with {file} ({said})",
    ),
    Trouble(
        "unit-masked",
        "dhcpd's unit is masked: systemd starts it for nobody, neither now nor at boot.",
        "ask who has masked it, then on {server} systemctl unmask {service}, and salt {server} "
        "dhcpd.start",
        "dhcpd is not running on {server}, and systemd does not start {service}: {said}",
    ),
    Trouble(
        "unit-start-limit",
        "systemd has given up: dhcpd's unit was started too often in a short time. What made each "
        "of those starts fail comes first, if dhcpd has said it.",
        "fix why it ended each time (journalctl -u {service} on {server}), then salt {server} "
        "dhcpd.start, which resets the limit",
        "dhcpd is not running on {server}, and systemd has given up starting {service}: {said}",
    ),
    Trouble(
        "unit-before-start",
        "A command that the unit runs before dhcpd (ExecStartPre, ExecCondition) has failed, so "
        "that dhcpd itself was never started and its log has nothing of it.",
        "run that command on {server} to see what it says (journalctl -u {service} has it too), "
        "fix it, then salt {server} dhcpd.start",
        "dhcpd is not running on {server}, and a command of {service} failed before it was "
        "started: {said}",
    ),
    Trouble(
        "unit-refused",
        "systemd itself does not start dhcpd's unit, or has ended it, for a reason that dhcpd "
        "knows nothing of.",
        "systemctl status {service} on {server} has the details; fix that, then salt {server} "
        "dhcpd.start",
        "dhcpd is not running on {server}, and systemd says of {service}: {said}",
    ),
)
