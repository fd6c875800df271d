"""
The normal form of a configuration: what it means, as plain data that shows no key.

Files that are included stand in their place, comments are gone, what dhcpd takes in any order is
sorted, what it takes in order is in order, and a key is one token made with the caller's nonce.

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
from collections.abc import Iterable
from collections.abc import Sequence
from typing import Any

from ..patterns import lazy_pattern
from . import spelling
from . import views
from .options import OPTIONS
from .options import PARAMETERS
from .syntax import Statement
from .syntax import Tree
from .syntax import walk
from .write import quoted
from .write import word_text

#: Deeper configurations are no one's (dhcpd itself parses them by recursion).
MAX_DEPTH = 100

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
#: dhcpd.conf(5), 4.4.3-P1: what dhcpd does of itself, written out in the outermost scope.
GLOBAL_DEFAULTS = frozenset(
    {f"allow {one}" for one in ("unknown-clients", "bootp", "booting", "duplicates")}
    | {"allow client-updates", "deny leasequery"}
    | {f"{one} true" for one in ("ping-check", "ddns-updates", "do-forward-updates")}
    | {f"{one} true" for one in ("update-optimization", "update-conflict-detection")}
    | {f"{one} false" for one in ("get-lease-hostnames", "update-static-leases")}
    | {f"{one} false" for one in ("dont-use-fsync", "echo-client-id", "check-secs-byte-order")}
    | {"default-lease-time 43200", "max-lease-time 86400", "abandon-lease-time 86400"}
    | {"ping-timeout 1", "dhcp-cache-threshold 25", "ddns-update-style none"}
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

_SIMPLE = lazy_pattern(r"[\w.:/,\s-]*", re.ASCII)
_NAME = lazy_pattern(r"[\w-]+\s+([\w.:/-]+)\s*", re.ASCII)
_GAP = lazy_pattern(r" [.:/,]|[.:/,] ")
_SPACED = lazy_pattern(r"\s*([.:/,])\s*")
#: Strings, which stay as they are, and bytes in hexadecimal.
_BYTES = lazy_pattern(r'"(?:[^"\\]|\\.)*"|(?<![\w:.])[0-9a-f]{1,2}(?::[0-9a-f]{1,2})+(?![\w:.])')
#: Clients that are known or not, written in two words.
_CLIENTS = lazy_pattern(r"\b((?:un)?)known clients\b")
_FLAGS = {"on": "true", "off": "false"}
_JOINING = ".:/,()="
#: Longer keys of blocks are kept as their digest.
_LONG = 4096
_WORDS = lazy_pattern(r"[\w-]+", re.ASCII)

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
    digest = hmac.new(nonce.encode(), digest_of(nodes, ordered).encode(), hashlib.sha256)
    return {"digest": digest.hexdigest(), "nodes": nodes, "ordered": ordered}


def key_token(nonce: str, key: views.Key) -> str:
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
            key.name.lower(): f"({key_token(nonce, key)})" for key in views.keys(tree.statements)
        }
        #: A reference says which key by its place among the names: a token would tell too much.
        self._places = {
            name: f"(key {place} of {len(self._tokens)} by name)"
            for place, name in enumerate(sorted(self._tokens), start=1)
        }
        self._authoritative = any(one.keyword == "authoritative" for one in tree.statements)
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
        for index, statement in enumerate(spelling.statements(statements)):
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
                peer = None if keyword == "no" else views.peer_name(statement)
            elif keyword == "key" and statement.block is not None:
                name = statement.text().lower()
                if name not in self._keys_seen:
                    self._keys_seen.add(name)
                    nodes.append(_leaf(f"key {self._tokens[name]}", statement))
            elif keyword == "range":
                first, last = views.range_numbers(statement)
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
                node[3].sort(key=meaning)
        runs.extend(_effective(settings, nodes, mentioned))
        nodes = [node for node in nodes if around or node[0] not in GLOBAL_DEFAULTS]
        nodes.sort(key=meaning)
        runs.sort(key=lambda run: run[0])
        return nodes, classes + [node for _, node in runs]

    def _is_own(self, statement: Statement, around: str) -> bool:
        keyword = statement.keyword
        if keyword == "" and statement.raw.startswith("%"):
            return True  # dhcpd skips it
        if keyword == "not" and not around and not self._authoritative:
            return True  # dhcpd's default
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
        name = views.peer_name(statement)
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
        return [head, statement.file, statement.line, sorted(inside.values(), key=meaning), []]

    def _text(self, statement: Statement) -> str:
        """The words of a statement, the same for all ways to write them."""
        keyword = statement.keyword
        if keyword == "key" or keyword == "omapi-key":
            name = statement.text().lower()
            return f"{keyword} {self._places.get(name, '(not declared)')}"
        if keyword in ("secret", "ldap-password"):
            return f"{keyword} ({self._masked(statement.text())})"
        if keyword == "subnet":
            return f"subnet {views.subnet_name(statement)}"
        if keyword in NAMED and len(statement.words) > 1:
            match = _NAME.fullmatch(statement.raw)
            if match:
                return f'{keyword} "{match[1]}"'
            named, *rest = (spelling.words_of(statement) or statement.words)[1:]
            words = [word_text(word) if word.quoted else word.text.lower() for word in rest]
            return _BYTES.sub(_padded, _joined([keyword, quoted(named.text), *words]))
        text = _BYTES.sub(_padded, _plain(statement))
        if keyword in ("allow", "deny"):
            return _CLIENTS.sub(r"\1known-clients", text)
        if keyword == "else":
            return text.replace("else if ", "elsif ", 1)
        if keyword == "zone":
            return text.rstrip(".")
        if _takes_flag(statement):
            head, _, value = text.rpartition(" ")
            text = f"{head} {_FLAGS.get(value, value)}"
        return text

    def _masked(self, text: str) -> str:
        secret = text.encode("utf-8", "surrogatepass")
        return hmac.new(self._nonce.encode(), secret, hashlib.sha256).hexdigest()[:32]


def _padded(match: re.Match[str]) -> str:
    """Bytes with two digits each: 1:0:5e and 01:00:5e are the same."""
    if match[0].startswith('"'):
        return match[0]
    return ":".join(part.zfill(2) for part in match[0].split(":"))


def _takes_flag(statement: Statement) -> bool:
    words = statement.words
    if statement.keyword == "option":
        return len(words) == 3 and OPTIONS.get(words[1].text.lower()) == "f"
    return len(words) == 2 and PARAMETERS.get(statement.keyword) == "f"


def _plain(statement: Statement) -> str:
    raw, spelt = statement.raw, spelling.words_of(statement)
    if spelt is None and _SIMPLE.fullmatch(raw):
        text = " ".join(raw.lower().split())
        return _SPACED.sub(r"\1", text) if _GAP.search(text) else text
    words = statement.words if spelt is None else spelt
    return _joined(word_text(word) if word.quoted else word.text.lower() for word in words)


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
            found.append(_leaf(f"{word} {views.dotted(first)} {views.dotted(last)}", one))
    return found


def meaning(node: Node) -> str:
    """What a node means: equal for equal nodes."""
    if len(node) == 3:
        return str(node[0])
    inside = "\1".join(sorted(map(meaning, node[3]))) + "\2" + "\1".join(map(meaning, node[4]))
    if len(inside) > _LONG:
        inside = hashlib.sha256(inside.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{node[0]}\0{inside}\3"


def digest_of(nodes: Iterable[Node], ordered: Iterable[Node]) -> str:
    """Return a digest of what a scope's nodes mean."""
    found = hashlib.sha256()
    for key in sorted(map(meaning, nodes)):
        found.update(key.encode("utf-8", "surrogatepass") + b"\1")
    found.update(b"\2")
    for node in ordered:
        found.update(meaning(node).encode("utf-8", "surrogatepass") + b"\1")
    return found.hexdigest()
