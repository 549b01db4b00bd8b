"""JSON and XML: changes to the tree, and an independent view of what a document says."""

from __future__ import annotations

import copy
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from random import Random
from typing import Any
from xml.etree import ElementTree

from lxml import etree

from tests.fuzz.text import changed as changed_text

Leaf = tuple[tuple[str, ...], str]
"""Names from the root (lists have none), and the text as written."""
_MARK = "Q7MARK7Q"
_NOT_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_DECLARED = re.compile(rb"^\s*(?:<\?[^>]*\?>\s*)+")
_WRONG_TYPES: tuple[Any, ...] = (None, True, 0, -1, 7.5, "", "x", [], {}, [[]], [None], {"a": 1})
_NAMES = ("x", "", "Item", "info ", "INFO", "__proto__", "0", "n" * 300)
_RAW = ("\x00", "<", "&", "]]>", "&#0;", "&x;", '"', "\\", "\\ud800", "NaN", "1e999", "{", "]")
"""Put in as they are, without escape."""


# --- what a document says ---------------------------------------------------------------


def leaves(payload: bytes, form: str) -> list[Leaf] | None:
    """Every value with its names; None where strict parsers of others find no document.

    A JSON object that gives a name two values says two things, and counts as none.
    """
    try:
        if form == "json":
            return _json_leaves(payload)
        return _xml_leaves(payload)
    except (ValueError, RecursionError, ElementTree.ParseError, LookupError):
        return None


def _json_leaves(payload: bytes) -> list[Leaf]:
    found: list[Leaf] = []
    value = json.loads(
        payload.decode("utf-8-sig"),
        object_pairs_hook=_once_each,
        parse_float=str,
        parse_int=str,
        parse_constant=_no_number,
    )
    stack: list[tuple[tuple[str, ...], Any]] = [((), value)]
    while stack:
        names, node = stack.pop()
        if isinstance(node, dict) and node:
            stack += [((*names, key), child) for key, child in node.items()]
        elif isinstance(node, list) and node:
            stack += [(names, child) for child in node]
        else:
            found.append((names, "" if node in (None, [], {}) else str(node).strip()))
    return found


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs) and any(found[name] != value for name, value in pairs):
        raise ValueError("a name stands twice, with two values")
    return found


def _no_number(name: str) -> str:
    raise ValueError(name)


def _xml_leaves(payload: bytes) -> list[Leaf]:
    if b"<!DOCTYPE" in payload.replace(b"\0", b""):
        raise ValueError("a document type")
    found: list[Leaf] = []
    root = _root(payload)
    stack = [((_plain(root.tag),), root)]
    while stack:
        names, node = stack.pop()
        found += [((*names, "@" + _plain(key)), value.strip()) for key, value in node.items()]
        if (node.text or "").strip() or not len(node):
            found.append((names, (node.text or "").strip()))
        stack += [((*names, _plain(child.tag)), child) for child in node]
    return found


def is_tolerated(payload: bytes) -> bool:
    """Whether the parser that we use takes it for XML, though a stricter one does not."""
    try:
        root = etree.fromstring(payload.lstrip(), etree.XMLParser(resolve_entities=False))
    except (etree.XMLSyntaxError, ValueError):
        return False
    return root.getroottree().docinfo.internalDTD is None


def _root(payload: bytes) -> ElementTree.Element:
    """In any encoding that shows itself, whatever the declaration says."""
    for mark, name in (
        (b"\xff\xfe\0\0", "utf-32"),
        (b"\0\0\xfe\xff", "utf-32"),
        (b"\xff\xfe", "utf-16"),
        (b"\xfe\xff", "utf-16"),
        (b"<\0", "utf-16-le"),
        (b"\0<", "utf-16-be"),
    ):
        if payload.startswith(mark):
            return ElementTree.fromstring(payload.decode(name))
    return ElementTree.fromstring(payload.lstrip())


def _plain(tag: Any) -> str:
    return str(tag).rpartition("}")[2]


def things(payload: bytes, form: str) -> Counter[frozenset[Leaf]]:
    """The values that stand together, as sets, and how often each set stands there: an exchange
    between two of them changes both.

    Raises:
        ValueError, ElementTree.ParseError: no document; see `leaves`.
    """
    found: Counter[frozenset[Leaf]] = Counter()
    for node in _nodes(payload, form):
        if isinstance(node, list):
            # An order of things means nothing, one of figures does.
            plain = not any(isinstance(value, dict | list) for value in node)
            own = [("", tuple(node))] if plain else []
        elif isinstance(node, dict):
            own = [
                (key, value) for key, value in node.items() if not isinstance(value, dict | list)
            ]
        else:
            own = [(_plain(child.tag), (child.text or "").strip()) for child in node]
            own += [("@" + key, value) for key, value in node.items()]
        found[frozenset(((key,), str(value)) for key, value in own)] += 1
    return found


def _nodes(payload: bytes, form: str) -> Iterator[Any]:
    if form == "xml":
        yield from _root(payload).iter()
        return
    stack = [json.loads(payload.decode("utf-8-sig"))]
    while stack:
        node = stack.pop()
        if isinstance(node, dict | list):
            yield node
            stack += list(node.values() if isinstance(node, dict) else node)


# --- changes ----------------------------------------------------------------------------


def changed(payload: bytes, form: str, rng: Random) -> bytes:
    """One to four changes to the tree, written again."""
    steps = rng.choice((1, 1, 1, 2, 4))
    return _changed_json(payload, rng, steps) if form == "json" else _xml(payload, rng, steps)


def _spots(value: Any) -> list[tuple[Any, Any]]:
    """(container, key or index) of every node below the root."""
    found: list[tuple[Any, Any]] = []
    stack = [value]
    while stack:
        node = stack.pop()
        keys = node.keys() if isinstance(node, dict) else range(len(node))
        for key in list(keys):
            found.append((node, key))
            if isinstance(node[key], dict | list):
                stack.append(node[key])
    return found


def _drop(holder: Any, key: Any, _: Any, __: Random) -> None:
    del holder[key]


def _double(holder: Any, key: Any, _: Any, rng: Random) -> None:
    copy = json.loads(json.dumps(holder[key]))
    if isinstance(holder, list):
        holder.insert(rng.randint(0, len(holder)), copy)
    else:
        holder[key] = [holder[key], copy]


def _rename(holder: Any, key: Any, _: Any, rng: Random) -> None:
    if isinstance(holder, dict):
        name = rng.choice((*_NAMES, key.upper(), key.lower(), key + "1", f" {key}"))
        holder[name] = holder.pop(key)


def _shuffle(holder: Any, _: Any, __: Any, rng: Random) -> None:
    if isinstance(holder, list):
        rng.shuffle(holder)
    else:
        items = list(holder.items())
        rng.shuffle(items)
        holder.clear()
        holder.update(items)


def _exchange(holder: Any, key: Any, spots: Any, rng: Random) -> None:
    other, at = rng.choice(spots)
    if isinstance(holder[key], dict | list) or isinstance(other[at], dict | list):
        return
    holder[key], other[at] = other[at], holder[key]


def _retype(holder: Any, key: Any, _: Any, rng: Random) -> None:
    others = (*_WRONG_TYPES, [holder[key]], {"v": holder[key]}, str(holder[key]))
    holder[key] = copy.deepcopy(rng.choice(others))


def _empty(holder: Any, key: Any, spots: Any, rng: Random) -> None:
    lists = [spot for spot in spots if isinstance(spot[0][spot[1]], dict | list)]
    if lists:
        inside, at = rng.choice(lists)
        inside[at] = type(inside[at])()


def _retext(holder: Any, key: Any, _: Any, rng: Random) -> None:
    value = holder[key]
    if isinstance(value, str):
        holder[key] = changed_text(value, rng)
    elif isinstance(value, int | float):
        large = (10**30, 10**400, -1e300)
        holder[key] = rng.choice((-value, value * 1000, value + 1, *large, f"{value}", 0.1))


def _multiply(holder: Any, key: Any, _: Any, rng: Random) -> None:
    if isinstance(holder, list):
        holder.extend([holder[key]] * rng.choice((1, 20, 600)))


_JSON_CHANGES: tuple[Callable[[Any, Any, Any, Random], None], ...] = (
    _drop,
    _drop,
    _double,
    _rename,
    _shuffle,
    _exchange,
    _retype,
    _retype,
    _empty,
    _multiply,
    *[_retext] * 8,
)


def _changed_json(payload: bytes, rng: Random, steps: int) -> bytes:
    document = [json.loads(payload.decode("utf-8-sig"))]
    for _ in range(steps):
        spots = [spot for spot in _spots(document) if spot[0] is not document or rng.random() < 0.1]
        if spots:
            holder, key = rng.choice(spots)
            rng.choice(_JSON_CHANGES)(holder, key, spots, rng)
    value = document[0] if document else None
    out = _json_bytes(value, rng)
    return _with_a_name_twice(out, rng) if rng.random() < 0.03 else out


def _json_bytes(value: Any, rng: Random) -> bytes:
    text = json.dumps(
        value,
        ensure_ascii=rng.random() < 0.5,
        indent=rng.choice((None, None, 2)),
        separators=rng.choice(((",", ":"), (", ", ": "))),
    )
    return text.encode("utf-8", "surrogatepass")


def _with_a_name_twice(payload: bytes, rng: Random) -> bytes:
    """`{"a": 1}` → `{"a": 1, "a": []}` somewhere."""
    names = list(re.finditer(rb'[{,]\s*("[A-Za-z_]{1,20}")\s*:', payload))
    if not names:
        return payload
    spot = rng.choice(names)
    more = b"%s:%s," % (spot[1], rng.choice((b"[]", b'""', b"null", b"{}", b'"0"')))
    at = spot.start(1)
    return payload[:at] + more + payload[at:]


# --- XML --------------------------------------------------------------------------------


def _xml(payload: bytes, rng: Random, steps: int) -> bytes:
    root = etree.fromstring(payload.lstrip(), etree.XMLParser(remove_comments=True))
    raw: dict[str, str] = {}
    for number in range(steps):
        nodes = [node for node in root.iter() if isinstance(node.tag, str)]
        node = rng.choice(nodes)
        rng.choice(_XML_CHANGES)(node, nodes, rng)
        if rng.random() < 0.08:
            raw[f"{_MARK}{number}"] = rng.choice(_RAW)
            node.text = f"{(node.text or '')[:20]}{_MARK}{number}"
    head = _DECLARED.match(payload)
    out = etree.tostring(root, encoding="unicode").encode("utf-8", "surrogatepass")
    for mark, text in raw.items():
        out = out.replace(mark.encode(), text.encode("utf-8", "surrogatepass"))
    return (head.group() if head else b"") + out


def _parent(node: Any) -> Any:
    return node.getparent()


def _x_drop(node: Any, nodes: Any, rng: Random) -> None:
    if (parent := _parent(node)) is not None:
        parent.remove(node)


def _x_double(node: Any, nodes: Any, rng: Random) -> None:
    if (parent := _parent(node)) is not None:
        copy = etree.fromstring(etree.tostring(node))
        parent.insert(rng.randint(0, len(parent)), copy)


def _x_multiply(node: Any, nodes: Any, rng: Random) -> None:
    if (parent := _parent(node)) is not None and len(nodes) < 2_000:
        text = etree.tostring(node)
        for _ in range(rng.choice((2, 20, 300))):
            parent.append(etree.fromstring(text))


def _x_rename(node: Any, nodes: Any, rng: Random) -> None:
    tag = etree.QName(node)
    name = rng.choice((tag.localname + "1", tag.localname.upper(), "x", "info", "item", "n" * 300))
    space = rng.choice((tag.namespace, tag.namespace, None, "urn:other"))
    node.tag = f"{{{space}}}{name}" if space else name


def _x_other_space(node: Any, nodes: Any, rng: Random) -> None:
    node.tag = f"{{urn:other}}{etree.QName(node).localname}"


def _x_shuffle(node: Any, nodes: Any, rng: Random) -> None:
    children = list(node)
    rng.shuffle(children)
    for child in children:
        node.remove(child)
        node.append(child)


def _x_exchange(node: Any, nodes: Any, rng: Random) -> None:
    other = rng.choice(nodes)
    node.text, other.text = other.text, node.text


def _x_empty(node: Any, nodes: Any, rng: Random) -> None:
    holder = rng.choice([n for n in nodes if len(n)] or [node])
    for child in list(holder):
        holder.remove(child)


def _x_wrap(node: Any, nodes: Any, rng: Random) -> None:
    if (parent := _parent(node)) is not None:
        box = etree.Element(rng.choice(("x", str(parent.tag), str(node.tag))))
        parent.replace(node, box)
        box.append(node)


def _x_unwrap(node: Any, nodes: Any, rng: Random) -> None:
    if (parent := _parent(node)) is not None:
        at = parent.index(node)
        parent.remove(node)
        for child in reversed(list(node)):
            parent.insert(at, child)


def _x_move(node: Any, nodes: Any, rng: Random) -> None:
    parent, target = _parent(node), rng.choice(nodes)
    if parent is not None and node not in (target, *target.iterancestors()):
        parent.remove(node)
        target.insert(rng.randint(0, len(target)), node)


def _x_comment(node: Any, nodes: Any, rng: Random) -> None:
    """A comment or an instruction in the middle of a text."""
    text = node.text or ""
    at = rng.randint(0, len(text))
    node.text = text[:at]
    mark = etree.Comment(" x ") if rng.random() < 0.5 else etree.ProcessingInstruction("php", "x")
    mark.tail = text[at:]
    node.insert(0, mark)


def _x_cdata(node: Any, nodes: Any, rng: Random) -> None:
    if node.text and "]]>" not in node.text:
        node.text = etree.CDATA(node.text)


def _x_attribute(node: Any, nodes: Any, rng: Random) -> None:
    if node.attrib and rng.random() < 0.8:
        key = rng.choice(list(node.attrib))
        if rng.random() < 0.2:
            del node.attrib[key]
        else:
            _set(lambda text: node.set(key, text), changed_text(node.get(key), rng))
    else:
        node.set("x", "1")


def _x_text(node: Any, nodes: Any, rng: Random) -> None:
    worded = [n for n in nodes if (n.text or "").strip()]
    node = rng.choice(worded) if worded and rng.random() < 0.9 else node
    _set(lambda text: setattr(node, "text", text), changed_text(node.text or "", rng))


def _set(act: Callable[[str], None], text: str) -> None:
    """As much of the text as XML can hold."""
    try:
        act(text)
    except ValueError:
        act(
            "".join(c for c in text if c in "\t\n\r" or (c >= " " and not "\ud800" <= c < "\ue000"))
        )


_XML_CHANGES: tuple[Callable[[Any, Any, Random], None], ...] = (
    _x_drop,
    _x_drop,
    _x_double,
    _x_multiply,
    _x_rename,
    _x_rename,
    _x_other_space,
    _x_shuffle,
    _x_exchange,
    _x_empty,
    _x_wrap,
    _x_unwrap,
    _x_move,
    _x_comment,
    _x_cdata,
    _x_attribute,
    *[_x_text] * 12,
)
