"""
Whether two configurations mean the same: their normal forms, and the difference of two of them.

Two servers of a failover relationship must agree on everything but their own part of it.
:func:`normal_form` brings that part of a configuration into plain data that may leave the server:
files that are included stand in their place, comments are gone, what dhcpd takes in any order is
sorted, what it takes in order is in order, and a key is one token made with the caller's nonce.
:func:`compare` says how two forms differ, :func:`lines` shows it to a person.

What dhcpd does with order (4.4.3-P1): statements of a scope run in order and the last of a kind
wins (common/execute.c), also for what was declared before them, except ``authoritative``
(common/memory.c, clone_group) and a shared network's ``failover peer`` (server/confpars.c), which
reach only what comes after them; classes are matched in order (server/class.c).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections import Counter
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Any

from . import conf
from .conf_syntax import Statement
from .conf_syntax import Tree
from .conf_syntax import walk
from .conf_write import quoted
from .conf_write import word_text

#: Deeper configurations are no one's (dhcpd itself parses them by recursion).
MAX_DEPTH = 100
#: Statements of a block that only one side has which are shown.
MAX_SHOWN = 12

#: What a server has of its own in the relationship.
ROLE = frozenset({"primary", "secondary", "address", "port", "peer", "mclt", "split", "hba"})
#: What a server has of its own elsewhere.
OWN = frozenset(
    {
        "server-identifier",
        "server-duid",
        "lease-file-name",
        "pid-file-name",
        "log-facility",
        "local-address",
        "db-time-format",
        "lease-id-format",
    }
)
#: includes/failover.h; a value that is written out means the same as one that is not.
DEFAULTS = frozenset(
    {
        "max-response-delay 20",
        "max-unacked-updates 100",
        "max-lease-misbalance 15",
        "max-lease-ownership 10",
        "min-balance 60",
        "max-balance 3600",
        "auto-partner-down 0",
        "load balance max seconds 0",
    }
)
#: Statements whose second word is a name, with or without quotes.
NAMED = frozenset(
    {"host", "group", "class", "subclass", "vendor-class", "user-class", "shared-network"}
)
CLASSES = frozenset({"class", "vendor-class", "user-class"})
#: Statements that dhcpd runs, whose place among each other matters.
IN_ORDER = frozenset(
    {"if", "elsif", "else", "switch", "on", "set", "unset", "define", "eval", "execute", "log"}
    | {"return", "break", "case", "default:", "case:", "parse-vendor-option", "add", "send"}
)
#: Statements that may stand any number of times side by side.
REPEATABLE = frozenset({"range6", "prefix6", "subclass", "fixed-prefix6", "%", ""})
_OPTION_VERBS = frozenset({"option", "supersede", "append", "prepend", "default"})
_AUTHORITY = frozenset({"subnet", "subnet6", "shared-network", "group"})

_SIMPLE = re.compile(r"[\w.:/,\s-]*", re.ASCII)
_NAME = re.compile(r"[\w-]+\s+([\w.:/-]+)\s*", re.ASCII)
_GAP = re.compile(r" [.:/,]|[.:/,] ")
_SPACED = re.compile(r"\s*([.:/,])\s*")
_JOINING = ".:/,()="
#: Longer keys of blocks are kept as their digest.
_LONG = 4096
_WORDS = re.compile(r"[\w-]+", re.ASCII)

#: A node: text, file, line; a block's also has its statements, those in any order and those in one.
Node = list[Any]


def normal_form(
    tree: Tree, nonce: str, relationship: str | None = None, whole: bool = False
) -> dict[str, Any]:
    """
    Return what a configuration means, as plain data without secrets.

    :param tree: the configuration.
    :param nonce: a secret of the call, for the tokens that stand for keys. Tokens of the same key
        are equal for the same nonce only.
    :param relationship: leave out the networks and relationships that are only shared with other
        partners; without it, nothing.
    :param whole: keep also what a server has of its own (role, addresses, files).

    Returns ``digest`` (equal for equal meanings, with the same nonce), ``nodes`` and ``ordered``
    (lists of ``[text, file, line]`` or ``[text, file, line, nodes, ordered]``).

    Raises :class:`~iscdhcp.errors.ConfError` where the configuration has no meaning.
    """
    names = {
        one.words[2].text
        for one in walk(tree.statements)
        if one.keyword == "failover" and one.block is not None and len(one.words) > 2
    }
    only = relationship if relationship is not None and len(names) > 1 else None
    normal = _Normal(tree, nonce, only, whole)
    nodes, ordered = normal.scope(tree.statements, None, None, 0)
    digest = hmac.new(nonce.encode(), _digest(nodes, ordered).encode(), hashlib.sha256)
    return {"digest": digest.hexdigest(), "nodes": nodes, "ordered": ordered}


def key_token(nonce: str, key: conf.Key) -> str:
    """
    Return what stands for a key: equal for equal name, algorithm and secret, and one nonce.

    One token for all three: the name alone could be guessed, and is worth as much as the secret.
    """
    algorithm = key.algorithm.lower().rstrip(".").removesuffix(".sig-alg.reg.int")
    try:
        secret = base64.b64decode(key.secret, validate=True)
    except (binascii.Error, ValueError):
        secret = key.secret.encode("utf-8", "surrogatepass")
    message = b"\0".join((key.name.lower().encode(), algorithm.encode(), secret))
    return hmac.new(nonce.encode(), message, hashlib.sha256).hexdigest()[:32]


class _Normal:
    """One configuration on its way into its normal form."""

    def __init__(self, tree: Tree, nonce: str, only: str | None, whole: bool) -> None:
        self._nonce = nonce
        self._only = only
        self._whole = whole
        self._tokens = {
            key.name.lower(): f"({key_token(nonce, key)})" for key in conf.keys(tree.statements)
        }
        #: A reference says which key by its place among the names: a token would tell too much.
        self._places = {
            name: f"(key {place} of {len(self._tokens)} by name)"
            for place, name in enumerate(sorted(self._tokens), start=1)
        }
        self._keys_seen: set[str] = set()
        #: Relationships of the pools of the network that is being read.
        self._peers: set[str] = set()

    def scope(
        self, statements: Sequence[Statement], owner: Statement | None, peer: str | None, depth: int
    ) -> tuple[list[Node], list[Node]]:
        """The statements of one scope: those in any order, sorted, and those in order."""
        around = owner.keyword if owner is not None else ""
        if depth > MAX_DEPTH and owner is not None:
            raise owner.error(f"blocks are nested more than {MAX_DEPTH} deep")
        nodes: list[Node] = []
        classes: list[Node] = []
        runs: list[tuple[int, Node]] = []
        mentioned: set[str] = set()
        settings: list[tuple[int, str, str, Node]] = []
        ranges: list[tuple[int, int, bool, Statement]] = []
        authority: str | None = None
        reached: list[tuple[str | None, Node]] = []
        for index, statement in enumerate(statements):
            keyword = statement.keyword
            if self._is_own(statement, around):
                continue
            if keyword == "failover" or (keyword == "no" and statement.says("no", "failover")):
                if statement.block is not None:
                    node = self._relationship(statement)
                    if node is not None:
                        nodes.append(node)
                    if around != "shared-network":
                        continue
                peer = None if keyword == "no" else conf.peer_name(statement)
            elif keyword == "key" and statement.block is not None:
                name = statement.text().lower()
                if name not in self._keys_seen:
                    self._keys_seen.add(name)
                    nodes.append(_leaf(f"key {self._tokens[name]}", statement))
            elif keyword == "range":
                first, last = conf.range_numbers(statement)
                ranges.append((first, last, statement.says("range", "dynamic-bootp"), statement))
            elif keyword in ("authoritative", "not"):
                authority = self._text(statement)
                settings.append((index, "authoritative", keyword, _leaf(authority, statement)))
            elif keyword in IN_ORDER:
                runs.append((index, self._node(statement, peer, depth)))
                mentioned.update(_mentions(statement))
            elif statement.block is not None:
                outside, self._peers = self._peers, set()
                node = self._node(statement, peer, depth)
                inside, self._peers = self._peers, outside
                if self._only and inside and self._only not in inside:
                    if keyword in ("subnet", "shared-network"):
                        continue
                self._peers = outside | inside
                (classes if keyword in CLASSES else nodes).append(node)
                if keyword in _AUTHORITY:
                    reached.append((authority, node))
            else:
                text = self._text(statement)
                subject = _subject(keyword, text, around)
                settings.append((index, subject, keyword, _leaf(text, statement)))
        if around == "pool" and peer is not None and owner is not None:
            self._peers.add(peer)
            place = next((one for one in statements if one.keyword == "failover"), owner)
            nodes.append(_leaf(f"failover peer {quoted(peer)}", place))
        nodes.extend(_merged(ranges))
        for at, node in reached:
            if at != authority:
                reach = f"{at}; before it" if at else "nothing said of authority before it"
                node[3].append([reach, node[1], node[2]])
                node[3].sort(key=_key)
        runs.extend(_effective(settings, nodes, mentioned))
        nodes.sort(key=_key)
        runs.sort(key=lambda run: run[0])
        return nodes, classes + [node for _, node in runs]

    def _is_own(self, statement: Statement, around: str) -> bool:
        keyword = statement.keyword
        if keyword == "" and statement.raw.startswith("%"):
            return True  # dhcpd skips it
        if self._whole:
            return False
        if keyword != "option":
            return keyword in OWN
        return "identifier" in statement.raw and statement.says("option", "dhcp-server-identifier")

    def _node(self, statement: Statement, peer: str | None, depth: int) -> Node:
        head = self._text(statement)
        if statement.block is None:
            return _leaf(head, statement)
        inside = (
            peer if statement.keyword in ("subnet", "pool", "shared-network", "group") else None
        )
        nodes, ordered = self.scope(statement.block, statement, inside, depth + 1)
        return [head, statement.file, statement.line, nodes, ordered]

    def _relationship(self, statement: Statement) -> Node | None:
        name = conf.peer_name(statement)
        if self._only and name != self._only:
            return None
        inside: dict[str, Node] = {}
        for one in statement.block or ():
            text = self._text(one)
            if not self._whole and (one.keyword in ROLE or text in DEFAULTS):
                inside.pop(one.keyword, None)
                continue
            key = " ".join(text.split(" ")[:2]) if one.keyword == "peer" else one.keyword
            inside[key] = _leaf(text, one)
        head = f"failover peer {quoted(name)}"
        return [head, statement.file, statement.line, sorted(inside.values(), key=_key), []]

    def _text(self, statement: Statement) -> str:
        """The words of a statement, the same for all ways to write them."""
        keyword = statement.keyword
        if keyword == "key" or keyword == "omapi-key":
            name = statement.text().lower()
            return f"{keyword} {self._places.get(name, '(not declared)')}"
        if keyword in ("secret", "ldap-password"):
            return f"{keyword} ({self._masked(statement.text())})"
        if keyword == "subnet":
            return f"subnet {conf.subnet_name(statement)}"
        if keyword in NAMED and statement.raw.strip().lower() != keyword:
            match = _NAME.fullmatch(statement.raw)
            if match:
                return f'{keyword} "{match[1]}"'
            named, *rest = statement.words[1:]
            words = [word_text(word) if word.quoted else word.text.lower() for word in rest]
            return _joined([keyword, quoted(named.text), *words])
        text = _plain(statement)
        if keyword == "hardware":
            kind, _, address = text.rpartition(" ")
            text = f"{kind} {':'.join(part.zfill(2) for part in address.split(':'))}"
        return text

    def _masked(self, text: str) -> str:
        secret = text.encode("utf-8", "surrogatepass")
        return hmac.new(self._nonce.encode(), secret, hashlib.sha256).hexdigest()[:32]


def _plain(statement: Statement) -> str:
    raw = statement.raw
    if _SIMPLE.fullmatch(raw):
        text = " ".join(raw.lower().split())
        return _SPACED.sub(r"\1", text) if _GAP.search(text) else text
    return _joined(
        word_text(word) if word.quoted else word.text.lower() for word in statement.words
    )


def _joined(words: Iterable[str]) -> str:
    """Words as one text, which does not depend on the white space between them."""
    text, last = "", "("
    for word in words:
        together = word[0] in _JOINING or (last[-1] in _JOINING and last[0] != '"')
        text += word if together else f" {word}"
        last = word
    return text


def _leaf(text: str, statement: Statement) -> Node:
    return [text, statement.file, statement.line]


def _subject(keyword: str, text: str, around: str) -> str:
    """What a statement sets: the last of two with the same subject counts."""
    if keyword in REPEATABLE:
        return text
    words = text.split(" ")
    if keyword in ("allow", "deny", "ignore"):
        # In a pool they are its list of permits, elsewhere switches.
        return text if around in ("pool", "pool6") else " ".join(words[1:])
    if keyword == "option" and len(words) > 3 and words[2] in ("code", "space"):
        return f"definition {words[1]}"
    if keyword == "option" and len(words) > 1 and words[1] == "space":
        return text
    if keyword in _OPTION_VERBS and len(words) > 1:
        return words[1].split("=")[0]
    return keyword


def _effective(
    settings: list[tuple[int, str, str, Node]], nodes: list[Node], mentioned: set[str]
) -> list[tuple[int, Node]]:
    """Add to ``nodes`` what counts in the end; return what has a place among what dhcpd runs."""
    by_subject: dict[str, list[tuple[int, str, Node]]] = {}
    for index, subject, keyword, node in settings:
        by_subject.setdefault(subject, []).append((index, keyword, node))
    placed: list[tuple[int, Node]] = []
    for subject, those in by_subject.items():
        if mentioned and not mentioned.isdisjoint(_WORDS.findall(subject)):
            placed.extend((index, node) for index, _, node in those)
            continue
        start = len(those) - 1
        while start and those[start][1] in ("append", "prepend", "default"):
            start -= 1
        if start == len(those) - 1:
            nodes.append(those[-1][2])
        else:
            placed.extend((index, node) for index, _, node in those[start:])
    return placed


def _mentions(statement: Statement) -> Iterable[str]:
    yield from _WORDS.findall(statement.raw.lower())
    for inside in walk(statement.block or []):
        yield from _WORDS.findall(inside.raw.lower())


def _merged(ranges: list[tuple[int, int, bool, Statement]]) -> list[Node]:
    """The ranges of a scope; two that touch are one to dhcpd."""
    found: list[Node] = []
    for bootp in (False, True):
        those = sorted(
            ((first, last, one) for first, last, is_bootp, one in ranges if is_bootp == bootp),
            key=lambda each: each[:2],
        )
        joined: list[tuple[int, int, Statement]] = []
        for first, last, one in those:
            if joined and first == joined[-1][1] + 1:
                joined[-1] = (joined[-1][0], last, joined[-1][2])
            else:
                joined.append((first, last, one))
        word = "range dynamic-bootp" if bootp else "range"
        for first, last, one in joined:
            found.append(_leaf(f"{word} {conf.dotted(first)} {conf.dotted(last)}", one))
    return found


# -- comparison ----------------------------------------------------------------------------------


def _key(node: Node) -> str:
    """What a node means: equal for equal nodes."""
    if len(node) == 3:
        return str(node[0])
    inside = "\1".join(sorted(map(_key, node[3]))) + "\2" + "\1".join(map(_key, node[4]))
    if len(inside) > _LONG:
        inside = hashlib.sha256(inside.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{node[0]}\0{inside}\3"


def _digest(nodes: Iterable[Node], ordered: Iterable[Node]) -> str:
    found = hashlib.sha256()
    for key in sorted(map(_key, nodes)):
        found.update(key.encode("utf-8", "surrogatepass") + b"\1")
    found.update(b"\2")
    for node in ordered:
        found.update(_key(node).encode("utf-8", "surrogatepass") + b"\1")
    return found.hexdigest()


def compare(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[dict[str, Any]]:
    """
    Return how two normal forms differ; an empty list if and only if they mean the same.

    :param one, other: what :func:`normal_form` returned, with the same nonce.

    Each difference has ``where`` (the heads of the blocks around it), and ``one`` and ``other``:
    a node, or None on the side that has nothing like it.
    """
    if one["digest"] == other["digest"]:
        return []
    differences: list[dict[str, Any]] = []
    _compare((one["nodes"], one["ordered"]), (other["nodes"], other["ordered"]), (), differences)
    return differences


def _compare(
    these: tuple[list[Node], list[Node]],
    those: tuple[list[Node], list[Node]],
    where: tuple[str, ...],
    found: list[dict[str, Any]],
) -> None:
    left, right = _unequal(these[0], those[0])
    _pair(left, right, where, found)
    mine, others = these[1], those[1]
    keys, other_keys = [_key(node) for node in mine], [_key(node) for node in others]
    if keys == other_keys:
        return
    matcher = SequenceMatcher(None, keys, other_keys, autojunk=len(keys) > 2000)
    gone: list[Node] = []
    come: list[Node] = []
    for kind, first, last, other_first, other_last in matcher.get_opcodes():
        if kind != "equal":
            gone.extend(mine[first:last])
            come.extend(others[other_first:other_last])
    _pair(gone, come, where, found, in_order=True)


def _unequal(these: list[Node], those: list[Node]) -> tuple[list[Node], list[Node]]:
    """What is left of both when equal nodes are taken away in pairs."""
    keys, other_keys = [_key(node) for node in these], [_key(node) for node in those]
    common = Counter(keys) & Counter(other_keys)
    rest = []
    for nodes, their_keys in ((these, keys), (those, other_keys)):
        still, left = common.copy(), []
        for node, key in zip(nodes, their_keys, strict=True):
            if still[key] > 0:
                still[key] -= 1
            else:
                left.append(node)
        rest.append(left)
    return rest[0], rest[1]


def _pair(
    left: list[Node],
    right: list[Node],
    where: tuple[str, ...],
    found: list[dict[str, Any]],
    in_order: bool = False,
) -> None:
    """Match what differs by what it is about, and look inside the blocks that match."""
    by_subject: dict[tuple[str, bool], list[Node]] = {}
    for node in right:
        by_subject.setdefault(_about(node), []).append(node)
    for node in left:
        candidates = by_subject.get(_about(node))
        match = _closest(node, candidates) if candidates else None
        if match is None:
            found.append({"where": list(where), "one": node, "other": None})
            continue
        assert candidates is not None
        candidates.remove(match)
        if in_order and _key(match) == _key(node):
            found.append({"where": list(where), "one": node, "other": match, "moved": True})
        elif len(node) == 3 or node[0] != match[0]:
            found.append({"where": list(where), "one": node, "other": match})
        else:
            _compare((node[3], node[4]), (match[3], match[4]), (*where, node[0]), found)
    for rest in by_subject.values():
        for node in rest:
            found.append({"where": list(where), "one": None, "other": node})


def _about(node: Node) -> tuple[str, bool]:
    text, is_block = str(node[0]), len(node) > 3
    if is_block:
        return text, True
    words = text.split(" ")
    if words[0] in ("option", "allow", "deny", "append", "prepend", "default", "supersede"):
        return " ".join(words[:2]), False
    return words[0], False


def _closest(node: Node, candidates: list[Node]) -> Node | None:
    """The block that has most in common (pools have no names); any leaf of the subject."""
    if not candidates:
        return None
    if len(node) == 3 or len(candidates) == 1 or len(candidates) > 200:
        return candidates[0]
    mine = {_key(one) for one in node[3]}
    return max(candidates, key=lambda each: len(mine & {_key(one) for one in each[3]}))


def lines(differences: Iterable[Mapping[str, Any]], one: str, other: str) -> list[str]:
    """
    Return differences for a person: ``-`` is what only ``one`` has, ``+`` what only ``other`` has.

    :param one, other: names of the two sides, put before file and line.
    """
    shown: list[str] = []
    last: list[str] = []
    for difference in differences:
        where = difference["where"]
        for depth, head in enumerate(where):
            if where[: depth + 1] != last[: depth + 1]:
                shown.append(f"  {'  ' * depth}{_shown(head)}")
        last = where
        if difference.get("moved"):
            shown.append(_line("~", len(where), difference["one"], one) + " in another order")
            continue
        sides = difference["one"], difference["other"]
        if all(node is not None and _TOKEN.match(node[0]) for node in sides):
            places = f"[{one}:{sides[0][1]}:{sides[0][2]}] [{other}:{sides[1][1]}:{sides[1][2]}]"
            indent = "  " * len(where)
            shown.append(f"~ {indent}the secret of a key (or its name or algorithm)    {places}")
            continue
        for mark, side, name in (("-", "one", one), ("+", "other", other)):
            node = difference[side]
            if node is None:
                continue
            shown.append(_line(mark, len(where), node, name))
            if len(node) > 3:
                shown.extend(_inside(mark, len(where) + 1, node))
    return shown


def _line(mark: str, depth: int, node: Node, name: str) -> str:
    place = f"{name}:{node[1]}:{node[2]}" if name else f"{node[1]}:{node[2]}"
    return f"{mark} {'  ' * depth}{_shown(node[0])}    [{place}]"


def _inside(mark: str, depth: int, node: Node) -> list[str]:
    inside: list[str] = []
    stack = [(depth, one) for one in reversed(node[3] + node[4])]
    while stack:
        if len(inside) == MAX_SHOWN:
            inside.append(f"{mark} {'  ' * depth}... and more")
            break
        at, one = stack.pop()
        inside.append(f"{mark} {'  ' * at}{_shown(one[0])}")
        if len(one) > 3:
            stack.extend((at + 1, each) for each in reversed(one[3] + one[4]))
    return inside


_TOKEN = re.compile(r"^(key|secret|ldap-password) \([0-9a-f]{32}\)")
_SAID = {
    "key": "a key (not shown)",
    "secret": "a secret (not shown)",
    "ldap-password": "ldap-password (not shown)",
}


def _shown(text: str) -> str:
    return _TOKEN.sub(lambda match: _SAID[match[1]], text)


# -- the partnership itself ----------------------------------------------------------------------


def crossed(
    one: conf.Relationship, other: conf.Relationship, name: str, other_name: str
) -> list[str]:
    """
    Return what keeps two ends of a relationship from finding each other, as sentences.

    :param one, other: the relationship as each of the two servers has it.
    :param name, other_name: the servers.
    """
    return crossed_facts(relationship_facts(one), relationship_facts(other), name, other_name)


def relationship_facts(one: conf.Relationship) -> dict[str, Any]:
    """Return what :func:`crossed_facts` needs of a relationship, as plain data."""
    keys = ("role", "address", "port", "peer_address", "peer_port", "file", "line")
    return {key: getattr(one, key) for key in keys}


def crossed_facts(
    one: Mapping[str, Any], other: Mapping[str, Any], name: str, other_name: str
) -> list[str]:
    """The same as :func:`crossed`, of what :func:`relationship_facts` returned."""
    found = []
    places = f"{name}:{one['file']}:{one['line']}, {other_name}:{other['file']}:{other['line']}"
    if one["role"] == other["role"]:
        found.append(
            f"both servers are {one['role']}, so they never get normal: one has to be "
            f"{'secondary' if one['role'] == 'primary' else 'primary'} ({places})"
        )
    for here, there, who, partner in (
        (one, other, name, other_name),
        (other, one, other_name, name),
    ):
        if here["peer_port"] != there["port"]:
            found.append(
                f"{who} calls its partner at port {here['peer_port']} (peer port), but {partner} "
                f"listens at port {there['port']} (port): make them equal ({places})"
            )
        addresses = (here["peer_address"], there["address"])
        if addresses[0] != addresses[1] and all(map(_is_number, addresses)):
            found.append(
                f"{who} expects its partner at {addresses[0]} (peer address), but {partner} uses "
                f"{addresses[1]} (address): make them equal ({places})"
            )
    return found


def _is_number(address: str) -> bool:
    return address.replace(".", "").isdigit()
