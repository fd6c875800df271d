"""dhcpd on this server, read once: process, configuration, files, and its OMAPI."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field
from pathlib import Path

from ..conf import views
from ..conf.syntax import Locate
from ..errors import ActError
from ..errors import IscDhcpError
from ..host import process as host_process
from ..host.local import LOCAL
from ..host.local import Host
from ..host.local import Omapi
from ..host.mounts import Where
from ..host.omapi import OmapiKey
from ..rules import ours

#: Where distributions put the configuration (Debian and Fedora; openSUSE).
CONFIG_FILES = ("/etc/dhcp/dhcpd.conf", "/etc/dhcpd.conf")
#: Where distributions put the lease file (Debian; Fedora; openSUSE, Arch).
LEASE_FILES = (
    "/var/lib/dhcp/dhcpd.leases",
    "/var/lib/dhcpd/dhcpd.leases",
    "/var/lib/dhcp/db/dhcpd.leases",
)
#: What would make a server provable that is not, for messages.
OMAPI_HINT = "set omapi-port, omapi-key and a key in dhcpd.conf (from its next start OMAPI tells)"


@dataclass(frozen=True)
class Settings:
    """Where this server differs from what its files and its process say; all optional."""

    config_file: str | None = None
    lease_file: str | None = None
    pid_file: str | None = None
    #: Names of the daemon's executable.
    binaries: tuple[str, ...] = ("dhcpd",)
    #: Whether OMAPI may be used.
    omapi: bool = True
    omapi_host: str = "127.0.0.1"
    #: Seconds for one OMAPI exchange.
    omapi_timeout: float = 2.0
    #: syslog files of dhcpd; empty: the journal, or the platform's usual files.
    log_files: tuple[str, ...] = field(default=())
    #: The files of the dhcpd that ran last, for as long as none runs.
    ran_config_file: str | None = None
    ran_lease_file: str | None = None
    ran_pid_file: str | None = None
    #: Whether partners are asked by DHCP, and where instead of at their failover addresses (one
    #: address for all, or by relationship).
    probe: bool = True
    probe_addresses: Mapping[str, str] | str | None = None
    #: The services of the service manager that dhcpd may be.
    units: tuple[str, ...] = ()
    #: The service that it is, if that was said.
    service: str | None = None


@dataclass(frozen=True)
class Server:
    """What was read once and is used by several readings and acts."""

    settings: Settings
    processes: list[host_process.Process]
    configuration: views.Configuration | None
    configuration_error: str | None
    config_file: str
    lease_file: str
    #: Where it runs: what is asked and done there goes through it.
    host: Host = LOCAL
    #: Other dhcpd of this host, by the settings: they are left alone.
    others: tuple[host_process.Process, ...] = ()

    @property
    def process(self) -> host_process.Process | None:
        """The dhcpd that serves, the oldest if there are several."""
        return self.processes[0] if self.processes else None

    @property
    def where(self) -> Where:
        """How the paths that dhcpd knows are reached from here."""
        return self.process.where if self.process else Where()

    @property
    def pid_file(self) -> str:
        """Where dhcpd writes its pid, as this host's path."""
        running, settings = self.process, self.settings
        # pid-file-name beats -pf, as lease-file-name does -lf.
        named = (self.configuration and self.configuration.pid_file) or (
            running and running.pid_file
        )
        if settings.pid_file or named:
            return settings.pid_file or self.where.located(str(named))
        last = None if running else settings.ran_pid_file
        return last or self.where.located(host_process.DEFAULT_PID_FILE)

    @property
    def only_inside(self) -> list[str]:
        """Its files that this host has under no path of its own: they end with the process."""
        files = [self.lease_file, self.config_file]
        files += [read.path for read in self.configuration.files] if self.configuration else []
        return [path for path in dict.fromkeys(files) if path.startswith(f"{host_process.PROC}/")]


def read_server(
    settings: Settings,
    host: Host = LOCAL,
    parse: Callable[[str, Locate | None], views.Configuration] | None = None,
) -> Server:
    """
    Read process and configuration; an unreadable configuration is kept as a sentence.

    parse
        Reads the configuration: its main file, by paths as the process knows them.
    """
    parse = parse or _parsed
    processes, others = find_ours(settings, host)
    running = processes[0] if processes else None
    config_file = config_file_of(settings, running)
    where = running.where if running else Where()
    configuration, error = None, None
    try:
        configuration = parse(config_file, where.located if where.apart else None)
    except IscDhcpError as err:
        error = str(err)
    lease_file = _lease_file_of(settings, running, configuration)
    return Server(
        *(settings, processes, configuration, error, config_file, lease_file, host),
        others=tuple(others),
    )


def find_ours(
    settings: Settings, host: Host
) -> tuple[list[host_process.Process], list[host_process.Process]]:
    """Return the dhcpd that are ours, the oldest first, and those that the settings leave out."""
    found = sorted(host.find(settings.binaries), key=lambda one: one.started)
    return ours.chosen(
        found,
        settings.config_file,
        settings.service,
        lambda one: one.where.located(one.config_file or _first_of(CONFIG_FILES, one.where)),
        lambda one: one.unit,
    )


def _parsed(path: str, locate: Locate | None) -> views.Configuration:
    return views.read(path, locate=locate)


def config_file_of(settings: Settings, running: host_process.Process | None) -> str:
    """Return the main file of dhcpd's configuration, as this host's path."""
    if settings.config_file:
        return settings.config_file
    if running is None:
        return settings.ran_config_file or _first_of(CONFIG_FILES)
    named = running.config_file or _first_of(CONFIG_FILES, running.where)
    return running.where.located(named)


def _lease_file_of(
    settings: Settings,
    running: host_process.Process | None,
    configuration: views.Configuration | None,
) -> str:
    if settings.lease_file:
        return settings.lease_file
    # lease-file-name beats -lf (measured; server/dhcpd.c, postconf_initialization).
    named = configuration and configuration.lease_file
    if running is None:
        return named or settings.ran_lease_file or _first_of(LEASE_FILES)
    where = running.where
    path = running.open_lease_file or running.lost_lease_file
    path = path or named or running.explicit_lease_file
    return where.located(path or _first_of(LEASE_FILES, where))


def _first_of(paths: tuple[str, ...], where: Where | None = None) -> str:
    """Return the first path that is there, in dhcpd's own root; the first one where none is."""
    inside = (where or Where()).inside
    return next((path for path in paths if Path(inside(path)).exists()), paths[0])


def omapi_key(server: Server) -> OmapiKey | None:
    """Return the key that ``omapi-key`` names, for the client; it must not leave this server."""
    omapi = server.configuration.omapi if server.configuration else None
    if omapi is None or omapi.key is None:
        return None
    return OmapiKey(omapi.key.name, omapi.key.algorithm, omapi.key.secret)


@contextlib.contextmanager
def omapi(server: Server) -> Iterator[Omapi]:
    """Connect to this server's OMAPI, or raise :class:`ActError` with what is missing."""
    configuration = server.configuration
    if configuration is None or configuration.omapi is None or not server.settings.omapi:
        raise ActError(f"this needs OMAPI: {OMAPI_HINT}")
    with server.host.omapi(
        server.settings.omapi_host,
        configuration.omapi.port,
        omapi_key(server),
        server.settings.omapi_timeout,
    ) as client:
        yield client


def names(server: Server) -> list[str]:
    """Return the names of this server's relationships."""
    assert server.configuration is not None
    return [relationship.name for relationship in server.configuration.relationships]
