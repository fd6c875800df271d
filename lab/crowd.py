"""Many minions in one light process: fakes that speak Salt's own protocol.

A real minion is a process of 100 MiB; a thousand of them can't be had on one machine. These have
one key, one subscription and a few connections together, but each one has its own id, its own
session with the master, and sends its answer itself: for the master they are a thousand minions.
What they answer is a template, a real minion's answer in which names are put, and the time.

Run by :class:`Crowd`; ``python -m lab.crowd FOLDER`` is the process.
"""

from __future__ import annotations

import asyncio
import fnmatch
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from lab.errors import LabError
from lab.isolation import RUN_DIR
from lab.salt import Salt
from lab.waiting import wait_until

#: Connections that they share; each is used for one request at a time.
CONNECTIONS = 8
#: How many sign in at once.
AT_ONCE = 16


class Crowd:
    """So many fakes, up for as long as a ``with`` block lasts.

    :param salt: with its master up.
    :param answers: by id, what each one answers: by function, the answer.
    :param dead: ids of further minions whose key is accepted and that never answer.
    """

    def __init__(
        self, salt: Salt, answers: dict[str, dict[str, Any]], dead: list[str] | None = None
    ) -> None:
        self._salt, self._answers, self._dead = salt, answers, list(dead or ())
        self._folder = RUN_DIR / "crowd"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Crowd:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, timeout: float = 300.0) -> None:
        """Start them, and wait until all of them take jobs.

        :param timeout: seconds.
        :raises LabError: when they do not, with what the process said.
        """
        shutil.rmtree(self._folder, ignore_errors=True)
        pki = self._folder / "pki"
        pki.mkdir(parents=True)
        told = {"address": self._salt.address, "answers": self._answers}
        (self._folder / "told.json").write_text(json.dumps(told), encoding="utf-8")
        log = self._folder / "log"
        with log.open("wb") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "lab.crowd", self._folder],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
            )

        def ready() -> bool:
            if self._process and self._process.poll() is not None:
                raise LabError(f"the simulated minions ended\n{log.read_text('utf-8', 'replace')}")
            return (self._folder / "ready").exists()

        wait_until(ready, "the simulated minions take jobs", timeout)
        for name in self._dead:
            self.accept(name)

    def accept(self, name: str) -> None:
        """Accept a key for a minion that is not there."""
        shutil.copy(self._folder / "pki" / "minion.pub", self._salt.accepted_keys / name)

    @property
    def pid(self) -> int:
        """The process in which they are."""
        assert self._process is not None
        return self._process.pid

    def stop(self) -> None:
        """End them and have the master forget their keys."""
        if self._process is not None:
            process, self._process = self._process, None
            process.kill()
            process.wait()
        for name in (*self._answers, *self._dead):
            (self._salt.accepted_keys / name).unlink(missing_ok=True)


# The process


class _Fakes:
    def __init__(self, folder: Path) -> None:
        self._folder = folder
        told = json.loads((folder / "told.json").read_text("utf-8"))
        self._answers: dict[str, dict[str, Any]] = told["answers"]
        self._address: str = told["address"]
        self._channels: dict[str, Any] = {}
        #: What they are sending; the loop itself keeps no hold of a task.
        self._sending: set[asyncio.Task[None]] = set()

    async def serve(self) -> None:
        """Sign in, subscribe, answer for ever."""
        # Salt's modules are slow to import, and Crowd needs none of them.
        import salt.channel.client
        import salt.config
        import salt.crypt
        import salt.transport.base
        import salt.utils.asynchronous
        from tornado.ioloop import IOLoop

        loop = IOLoop.current()
        opts = salt.config.minion_config(None)
        opts.update(
            master=self._address,
            master_ip=self._address,
            master_uri=f"tcp://{self._address}:{opts['master_port']}",
            pki_dir=str(self._folder / "pki"),
            cachedir=str(self._folder / "cache"),
            sock_dir=str(self._folder / "sock"),
            keysize=2048,
            acceptance_wait_time=1,
            request_channel_timeout=60,
            log_level="warning",
        )
        for name in ("cache", "sock"):
            (self._folder / name).mkdir()
        shared = [salt.transport.base.request_client(opts, loop) for _ in range(CONNECTIONS)]
        for number, name in enumerate(sorted(self._answers)):
            own = {**opts, "id": name}
            auth = salt.crypt.AsyncAuth(own, io_loop=loop)
            connection = shared[number % CONNECTIONS]
            channel = salt.channel.client.AsyncReqChannel
            self._channels[name] = channel(own, connection, auth, timeout=60, tries=3)
        turns = asyncio.Semaphore(AT_ONCE)

        async def sign_in(channel: Any) -> None:
            async with turns:
                await channel.auth.authenticate()

        await asyncio.gather(*map(sign_in, self._channels.values()))
        first = {**opts, "id": min(self._channels)}
        published = salt.channel.client.AsyncPubChannel.factory(first, io_loop=loop)
        await published.connect()
        published.on_recv(self.take)
        (self._folder / "ready").touch()
        await asyncio.Event().wait()

    async def take(self, payload: dict[str, Any]) -> None:
        """Answer a job, in the name of each one that it is for."""
        job = payload["load"]
        for name in self.meant(job):
            task = asyncio.ensure_future(self.answer(name, job))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)

    def meant(self, job: dict[str, Any]) -> list[str]:
        """Return whom a job is for."""
        target, kind = job["tgt"], job.get("tgt_type", "glob")
        if kind == "list":
            wanted = target.split(",") if isinstance(target, str) else target
            return [name for name in wanted if name in self._answers]
        if kind == "glob":
            return [name for name in self._answers if fnmatch.fnmatch(name, target)]
        return []

    async def answer(self, name: str, job: dict[str, Any]) -> None:
        """Send one minion's answer, as :mod:`salt.minion` does."""
        function = job["fun"]
        known = function in self._answers[name]
        ret = self._answers[name].get(function, f"'{function}' is not available.")
        if isinstance(ret, dict) and "time" in ret:
            ret = {**ret, "time": time.time()}
        load = {
            "cmd": "_return",
            "id": name,
            "jid": job["jid"],
            "fun": function,
            "fun_args": job.get("arg", []),
            "return": ret,
            "retcode": 0 if known else 254,
            "success": known,
        }
        if "metadata" in job:
            load["metadata"] = job["metadata"]
        try:
            await self._channels[name].send(load, timeout=60)
        except Exception as error:  # what one of them could not say must not end the others
            print(f"{name}: {function}: {error!r}", flush=True)


if __name__ == "__main__":
    asyncio.run(_Fakes(Path(sys.argv[1])).serve())
