"""
New configuration files of one server: where they come from, and what they would make together.

A *candidate* is a new file that lies beside the one that it is to replace, because profiles such as
Debian's AppArmor profile let dhcpd read nothing outside ``/etc/dhcp/``. Several candidates (the
main file and what it includes) are checked as the one configuration that they would be.
"""

from __future__ import annotations

import difflib
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from . import conf
from . import lint
from . import parity
from .errors import ConfError
from .staged_files import StagingError
from .store import read_json
from .store import write_json

#: The folder that candidates are collected in, while a state file is only asked for them.
_collecting: list[Path] = []


#: What a rollout may name as the origin of the files.
ORIGINS = ("source", "contents_pillar", "sls", "file")


# -- where the files come from -------------------------------------------------------------------


def check_origins(origins: Mapping[str, Any]) -> None:
    """
    Raise :class:`StagingError` unless exactly one origin is named, and named only.

    Contents would stay in the master's job cache, with the keys in them. They are not quoted.
    """
    if len(origins) != 1 or set(origins) - set(ORIGINS):
        said = ", ".join(sorted(origins)) or "nothing"
        raise StagingError(
            "say where the new configuration comes from, by one of sls (your state file with "
            "dhcpd.config states), source (salt://...), contents_pillar (a key of the minion's "
            f"pillar) and file (a path on the server), or set dhcpd:rollout in its pillar; not "
            f"{said}"
        )
    if looks_like_contents(origins):
        raise StagingError(
            f"{next(iter(origins))} holds contents: name where they are instead, for the job "
            "cache keeps whatever is given here. If there was a secret in it, change the secret"
        )


def looks_like_contents(value: Any) -> bool:
    """Whether a value holds the text of a configuration where a name was expected."""
    if isinstance(value, Mapping):
        return any(looks_like_contents(one) for one in [*value.keys(), *value.values()])
    if isinstance(value, (list, tuple)):
        return any(looks_like_contents(one) for one in value)
    text = re.sub(r"\{\{.*?\}\}", "", str(value))
    return any(mark in text for mark in "\n;{}")


def by_target(origin: Any, main: str) -> dict[str, Any]:
    """Return an origin by the file that it is for: a plain one is for the main file."""
    if isinstance(origin, Mapping):
        return {str(target): one for target, one in origin.items()}
    return {main: origin}


# -- the configuration that candidates would make ------------------------------------------------

_TOKEN = re.compile(
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
        text = _text(source)
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


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return ""


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
) -> tuple[conf.Configuration, list[str]]:
    """
    Check the configuration that ``candidates`` would make: our reading, dhcpd's own, and lint.

    by_dhcpd
        Called with the main file to check; returns dhcpd's complaint or ``None``.
    addresses
        The host's own, for :func:`iscdhcp.lint.lint`.

    Returns what the configuration says, and as sentences what lint finds in it and not in the one
    that is there. Raises :class:`StagingError`, one sentence with the real file's name and the
    line, where dhcpd refuses it or lint finds an error that is new.
    """
    known = _known_findings(main, addresses)
    with composed(main, candidates) as (path, real):

        def named(text: str) -> str:
            for other in sorted(real, key=len, reverse=True):
                text = text.replace(other, real[other])
            return text

        try:
            tree = conf.parse_file(path)
            configuration = conf.views(tree)
        except ConfError as err:
            raise StagingError(named(str(err))) from None
        found = [
            replace(one, file=one.file and named(one.file), what=named(one.what))
            for one in lint.lint(tree, addresses)
        ]
        complaint = by_dhcpd(path)
        errors = [one for one in found if one.severity == lint.ERROR]
        fresh = [one for one in found if (one.code, one.what) not in known]
        if complaint is not None and not errors:
            # dhcpd writes "FILE line N: what"; FILE:N is what editors and people jump to.
            text = re.sub(r"(\S+) line (\d+): ", r"\1:\2: ", named(complaint), count=1)
            raise StagingError(_without(configuration.keys, text))
        for one in errors if complaint is not None else fresh:
            if one.severity == lint.ERROR:
                raise StagingError(str(one).partition(": ")[2])
    return configuration, [str(one) for one in fresh]


def _known_findings(main: str, addresses: Sequence[str] | None) -> set[tuple[str, str]]:
    """What is wrong already: no reason against a rollout that does not make it worse."""
    try:
        return {(one.code, one.what) for one in lint.lint(conf.parse_file(main), addresses)}
    except ConfError:
        return set()


def _without(keys: Iterable[conf.Key], text: str) -> str:
    for key in keys:
        for word in filter(None, (key.secret, key.name)):
            text = re.sub(rf"(?<![\w-]){re.escape(word)}(?![\w-])", "(a key)", text)
    return text


def files_of(main: str, candidates: Mapping[str, str]) -> list[str]:
    """Return the real names of all files that the configuration with ``candidates`` consists of."""
    with composed(main, candidates) as (path, real):
        found = conf.read(path)
    return [real.get(read.path, read.path) for read in found.files]


def meaning(main: str, candidates: Mapping[str, str] | None = None) -> str:
    """
    Return a digest of what the configuration says: without comments, layout, division into files.

    Between two configurations with the same one no restart is needed.

    Raises :class:`ConfError` for one that can't be read.
    """
    with composed(main, candidates or {}) as (path, _):
        return str(parity.normal_form(conf.parse_file(path), "", whole=True)["digest"])


# -- what a person is shown ----------------------------------------------------------------------

_SECRETS = re.compile(
    r"""(?P<what>\b(?:secret|omapi-key|key)\s+)(?P<value>"[^"\n]*"|[^\s;{"]+)""", re.IGNORECASE
)


def difference(old: str, new: str, name: str) -> str:
    """
    Return the unified diff of two texts, without any key's name or secret.

    Each of them is shown by a number of its own, so that a changed secret is seen as changed.
    """
    numbers: dict[str, int] = {}

    def masked(text: str) -> list[str]:
        def number(found: re.Match[str]) -> str:
            value = found["value"].strip('"')
            what = "secret" if found["what"].lower().startswith("secret") else "key"
            return f"{found['what']}({what} {numbers.setdefault(value, len(numbers) + 1)}, masked)"

        return _SECRETS.sub(number, text).splitlines(keepends=True)

    lines = difflib.unified_diff(masked(old), masked(new), name, f"{name} (new)", n=2)
    return "".join(line if line.endswith("\n") else line + "\n" for line in lines)


def differences(candidates: Mapping[str, str]) -> dict[str, str]:
    """Return the masked diff of every target whose candidate differs from it."""
    found = {}
    for target, candidate in sorted(candidates.items()):
        old, new = _text(target), _text(candidate)
        if old != new or not os.path.exists(target):
            found[target] = difference(old, new, target)
    return found


# -- candidates from a state file ----------------------------------------------------------------


@contextmanager
def collecting(folder: Path) -> Iterator[dict[str, str]]:
    """
    Have every candidate that a state makes in the block kept in ``folder``, and nothing replaced.

    Yields a dict that has target and candidate of each after the block. States that Salt runs in
    parallel are forked, so they leave files, not values.
    """
    found: dict[str, str] = {}
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _collecting.append(folder)
    try:
        yield found
    finally:
        _collecting.remove(folder)
        for note in sorted(folder.glob("*.json")):
            one = read_json(note)
            if one:
                found[one["target"]] = one["candidate"]
        shutil.rmtree(folder, ignore_errors=True)


def is_collecting() -> bool:
    """Whether candidates are only collected now (:func:`collecting`)."""
    return bool(_collecting)


def collect(target: str, candidate: str) -> None:
    """Hand over a candidate to :func:`collecting`."""
    number = hashlib.sha256(target.encode()).hexdigest()[:16]
    write_json(_collecting[-1] / f"{number}.json", {"target": target, "candidate": candidate})
