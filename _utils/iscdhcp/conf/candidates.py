"""
New configuration files of one server, and what they would make together.

A *candidate* is a new file that lies beside the one that it is to replace, because profiles such as
Debian's AppArmor profile let dhcpd read nothing outside ``/etc/dhcp/``. Several candidates (the
main file and what it includes) are checked as the one configuration that they would be.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from ..errors import ConfError
from ..errors import StagingError
from ..patterns import lazy_pattern
from . import lint
from . import names
from . import normal
from . import syntax
from . import views
from .finding import ERROR
from .masking import text_of
from .masking import without_keys

_TOKEN = lazy_pattern(
    r'(?P<space>\s+|\#[^\n]*)|(?P<quoted>"[^"\\]*(?:\\.[^"\\]*)*"?)|(?P<word>[\w.:/-]+)|.',
    re.ASCII | re.DOTALL,
)


def includes(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield begin and end of the quoted name of every ``include`` in ``text``, and the name."""
    begins, include = True, False
    for token in _TOKEN.finditer(text):
        if token["space"]:
            continue
        if include and token["quoted"]:
            yield token.start(), token.end(), token["quoted"].strip('"')
        include = begins and (token["word"] or "").lower() == "include"
        begins = token[0] in ";{}"


@contextmanager
def composed(main: str, candidates: Mapping[str, str]) -> Iterator[tuple[str, dict[str, str]]]:
    """
    Give the configuration as it would be with ``candidates`` (target: candidate) in place.

    Files that include a target are copied beside themselves with the candidate's name instead;
    the lines stay the same. The copies are removed at the end of the ``with`` block.

    Yields the main file to read, and the real name of every file that has another one here.
    """
    wanted = {_absolute(target): path for target, path in candidates.items()}
    copies: dict[str, str] = {}
    seen: dict[str, str] = {}

    def standing_in(target: str) -> str:
        """The file that is to be read in place of ``target``."""
        target = _absolute(target)
        if target in seen:
            return seen[target]
        source = wanted.get(target, target)
        seen[target] = source
        text = text_of(source)
        parts, position = [], 0
        for begin, end, name in includes(text):
            other = standing_in(name)
            if other != _absolute(name):
                parts += [text[position:begin], f'"{other}"']
                position = end
        if parts:
            parts.append(text[position:])
            seen[target] = copies[target] = _beside(target, "".join(parts))
        return seen[target]

    try:
        path = standing_in(main)
        yield path, {other: target for target, other in seen.items() if other != target}
    finally:
        for copy in copies.values():
            Path(copy).unlink(missing_ok=True)


def _absolute(name: str) -> str:
    # dhcpd is started in /, and relative names count from there.
    return os.path.normpath(os.path.join("/", name))


def _beside(target: str, text: str) -> str:
    folder, name = os.path.split(os.path.realpath(target))
    handle, path = tempfile.mkstemp(dir=folder, prefix=f".{name}.check-")
    with os.fdopen(handle, "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write(text)
    return path


def check(
    main: str,
    candidates: Mapping[str, str],
    by_dhcpd: Callable[[str], str | None],
    addresses: Sequence[str] | None = None,
    resolve: names.Resolve | None = None,
) -> tuple[views.Configuration, list[str]]:
    """
    Check the configuration that ``candidates`` would make: our reading, dhcpd's own, and lint.

    by_dhcpd
        Called with the main file to check; returns dhcpd's complaint or ``None``.
    addresses, resolve
        The host's own, for :func:`iscdhcp.conf.lint.lint`, and who looks names up there.

    Returns what the configuration says, and as sentences what lint finds in it and not in the one
    that is there. Raises :class:`StagingError`, one sentence with the real file's name and the
    line, where dhcpd refuses it or lint finds an error that is new.
    """
    known = _known_findings(main, addresses, resolve)
    with composed(main, candidates) as (path, real):

        def named(text: str) -> str:
            for other in sorted(real, key=len, reverse=True):
                text = text.replace(other, real[other])
            return text

        try:
            tree = syntax.parse_file(path)
            configuration = views.views(tree)
        except ConfError as err:
            raise StagingError(named(str(err))) from None
        found = [
            replace(one, file=one.file and named(one.file), what=named(one.what))
            for one in lint.lint(tree, addresses, resolve)
        ]
        complaint = by_dhcpd(path)
        errors = [one for one in found if one.severity == ERROR]
        fresh = [one for one in found if (one.code, one.what) not in known]
        if complaint is not None and not errors:
            # dhcpd writes "FILE line N: what"; FILE:N is what editors and people jump to.
            text = re.sub(r"(\S+) line (\d+): ", r"\1:\2: ", named(complaint), count=1)
            raise StagingError(without_keys(configuration.keys, text))
        for one in errors if complaint is not None else fresh:
            if one.severity == ERROR:
                raise StagingError(str(one).partition(": ")[2])
    return configuration, [str(one) for one in fresh]


def _known_findings(
    main: str, addresses: Sequence[str] | None, resolve: names.Resolve | None
) -> set[tuple[str, str]]:
    """What is wrong already: no reason against a rollout that does not make it worse."""
    try:
        found = lint.lint(syntax.parse_file(main), addresses, resolve)
    except ConfError:
        return set()
    return {(one.code, one.what) for one in found}


def files_of(main: str, candidates: Mapping[str, str]) -> list[str]:
    """Return the real names of all files that the configuration with ``candidates`` consists of."""
    with composed(main, candidates) as (path, real):
        found = views.read(path)
    return [real.get(read.path, read.path) for read in found.files]


def meaning(main: str, candidates: Mapping[str, str] | None = None) -> str:
    """
    Return a digest of what the configuration says: without comments, layout, division into files.

    Between two configurations with the same one no restart is needed.

    Raises :class:`ConfError` for one that can't be read.
    """
    with composed(main, candidates or {}) as (path, _):
        return str(normal.normal_form(syntax.parse_file(path), "", whole=True)["digest"])
