"""A lab as a whole: a network and its hosts, up for as long as a ``with`` block lasts."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from types import TracebackType

from lab.errors import LabError
from lab.hosts import Host
from lab.isolation import require_isolation
from lab.network import Network
from lab.roots import Root


class Lab:
    """Hosts on a network of their own.

    :param names: the hosts' names.
    :param volumes: folders of each that are file systems of their own.
    :param system: the root that they are booted from; this machine's by default.
    :ivar network: the bridge, the relay, and where the lab itself is reached.
    :ivar hosts: by name.
    :raises LabError: outside ``lab/isolated``.
    """

    def __init__(
        self, names: Iterable[str], volumes: Iterable[str] = (), system: Root | None = None
    ) -> None:
        require_isolation()
        self._names = list(names)
        self._volumes = list(volumes)
        self._system = system
        self.network = Network()
        self.hosts: dict[str, Host] = {}

    def __getitem__(self, name: str) -> Host:
        return self.hosts[name]

    def __enter__(self) -> Lab:
        try:
            self.network.start()
            self.hosts = {
                name: Host(name, self.network, self._volumes, self._system) for name in self._names
            }
            with ThreadPoolExecutor(len(self.hosts)) as pool:
                list(pool.map(Host.start, self.hosts.values()))
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # Whatever does not go now, the kernel removes with the lab's namespaces.
        for host in self.hosts.values():
            with suppress(LabError):
                host.remove()
        with suppress(LabError):
            self.network.stop()
