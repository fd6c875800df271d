"""Looks for words that must appear nowhere: in processes' arguments, in files, on the event bus."""

from __future__ import annotations

import os
import threading
from pathlib import Path


class Search:
    """
    A search for some words.

    :param words: the OMAPI key's secret and its name.
    """

    def __init__(self, words):
        self._words = [word.encode() for word in words]

    def _has(self, data):
        return any(word in data for word in self._words)

    def in_text(self, text):
        return self._has(text.encode())

    def in_files(self, folder):
        """The files below ``folder`` that hold one; links are not followed."""
        found = []
        for parent, _, names in os.walk(folder):
            for path in (Path(parent, name) for name in names):
                if path.is_file() and not path.is_symlink() and self._has(_read(path)):
                    found.append(path)
        return found

    def in_arguments(self):
        """The command lines of all living processes that hold one."""
        found = set()
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                line = _read(Path("/proc", entry, "cmdline"))
                if self._has(line):
                    found.add(line.replace(b"\0", b" "))
        return found


def _read(path):
    try:
        return path.read_bytes()
    except OSError:
        return b""  # gone meanwhile


class Repeated:
    """Calls a function that returns a set again and again, in a thread, and keeps all of it."""

    def __init__(self, look):
        self._look = look
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work)
        self.found = set()
        self.times = 0

    def _work(self):
        while not self._ended.is_set():
            self.found |= self._look()
            self.times += 1
            self._ended.wait(0.02)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        self._thread.join()


def bus_messages(bus):
    """A function that returns what has come over an event bus since its last call."""

    def look():
        found = set()
        while event := bus.get_event(wait=0.05, full=True):
            found.add(repr(event))
        return found

    return look
