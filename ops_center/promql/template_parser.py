"""Go's template syntax, the subset that rule files use: text to a tree; knows neither functions' meaning nor data."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

MAX_TEMPLATE = 16 * 1024
MAX_NESTING = 50


class TemplateError(ValueError):
    """The template is wrong, or failed while it ran."""


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant."""

    value: Any


@dataclass(frozen=True, slots=True)
class Field:
    """`.a.b`, `$x.a.b` or `(pipe).a`; `base` None is the dot."""

    base: Any
    path: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Variable:
    """`$name`."""

    name: str


@dataclass(frozen=True, slots=True)
class Command:
    """A function with arguments, or a single operand when `function` is empty."""

    function: str
    args: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Pipe:
    """Commands, each fed to the next; `names` are declared or, with `assign`, set."""

    names: tuple[str, ...]
    assign: bool
    commands: tuple[Command, ...]


@dataclass(frozen=True, slots=True)
class Text:
    """Plain text between actions."""

    value: str


@dataclass(frozen=True, slots=True)
class Block:
    """`if`, `with` or `range` with its two branches."""

    kind: str
    pipe: Pipe
    body: tuple[Any, ...]
    otherwise: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Definition:
    """`define`: a template with a name."""

    name: str
    body: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Use:
    """`template`: the one of a name, run with the pipe's value as its dot; None where it gets nothing."""

    name: str
    pipe: Pipe | None


@dataclass(frozen=True, slots=True)
class Leave:
    """`break` or `continue`, inside of a range."""

    word: str


_ACTION = re.compile(r"\{\{(-\s)?(.*?)(\s-)?\}\}", re.DOTALL)
_TOKEN = re.compile(
    r"""\s*(?:(?P<string>"(?:[^"\\\n]|\\.)*"|`[^`]*`)|(?P<char>'(?:[^'\\]|\\.)')
    |(?P<number>[+-]?(?:0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+|\d[\d_]*\.?\d*(?:[eE][+-]?\d+)?|\.\d+))|(?P<variable>\$\w*)|(?P<field>\.[A-Za-z_]\w*)
    |(?P<dot>\.)|(?P<word>[A-Za-z_]\w*)|(?P<op>:=|=|\||\(|\)|,))""",
    re.VERBOSE,
)
_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", '"': '"', "\\": "\\", "'": "'"}
_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|(.))", re.DOTALL)
Token = tuple[str, str, bool]


def parse_template(text: str, functions: frozenset[str], variables: frozenset[str]) -> tuple[Any, ...]:
    """The nodes of a template.

    Raises:
        TemplateError: syntax, unknown function or variable, over 16 KiB.
    """
    if len(text) > MAX_TEMPLATE:
        raise TemplateError(f"template too long: saw {len(text)} characters, expected at most {MAX_TEMPLATE}")
    parser = _Parser(_pieces(text), functions, [set(variables)])
    nodes, stop = parser.nodes(0)
    if stop:
        raise TemplateError(f"unexpected {{{{{stop}}}}}")
    return (*parser.blocks, *nodes)


def _pieces(text: str) -> list[tuple[str, str]]:
    out: list[tuple[str, str]] = []
    position, trim_next = 0, False
    for match in _ACTION.finditer(text):
        plain = text[position : match.start()]
        plain = plain.lstrip() if trim_next else plain
        out.append(("text", plain.rstrip() if match.group(1) else plain))
        if not match.group(2).strip().startswith("/*"):
            out.append(("action", match.group(2).strip()))
        position, trim_next = match.end(), bool(match.group(3))
    rest = text[position:]
    if "{{" in rest:
        raise TemplateError("unclosed action: saw '{{' without '}}'")
    out.append(("text", rest.lstrip() if trim_next else rest))
    return out


def _tokens(action: str) -> list[Token]:
    out: list[Token] = []
    position = 0
    while position < len(action):
        match = _TOKEN.match(action, position)
        if match is None or match.lastgroup is None:
            raise TemplateError(f"unexpected {action[position:].strip()[:10]!r} in {action!r}")
        glued = match.start() == match.start(match.lastgroup)
        out.append((match.lastgroup, match.group(match.lastgroup), glued))
        position = match.end()
    return out


class _Parser:
    """Nodes from pieces; scopes hold the variables known at each depth."""

    def __init__(self, pieces: list[tuple[str, str]], functions: frozenset[str], scopes: list[set[str]]) -> None:
        self.pieces, self.functions, self.scopes = pieces, functions, scopes
        self.index = self.open = self.ranges = 0
        self.blocks: list[Definition] = []
        self.tokens: list[Token] = []
        self.at = 0

    def nodes(self, depth: int) -> tuple[tuple[Any, ...], str]:
        """Nodes up to an `else` or `end`, and which it was."""
        if depth > MAX_NESTING:
            raise TemplateError(f"nested too deep: expected at most {MAX_NESTING} levels")
        out: list[Any] = []
        while self.index < len(self.pieces):
            kind, text = self.pieces[self.index]
            self.index += 1
            if kind == "text":
                out.extend([Text(text)] if text else [])
                continue
            word = text.split(None, 1)[0] if text else ""
            if word in ("else", "end"):
                return tuple(out), text
            out.extend(self._action(word, text, depth))
        return tuple(out), ""

    def _action(self, word: str, text: str, depth: int) -> tuple[Any, ...]:
        rest = text[len(word) :]
        if word in ("if", "with", "range"):
            return (self._block(word, rest, depth),)
        if word == "define":
            return (self._define(rest, depth),)
        if word == "template":
            return (self._use(rest),)
        if word == "block":
            return self._named_block(rest, depth)
        if text in ("break", "continue"):
            if not self.ranges:
                raise TemplateError(f"{{{{{text}}}}} outside {{{{range}}}}")
            return (Leave(text),)
        return (self._whole_pipe(text),)

    def _block(self, kind: str, header: str, depth: int) -> Block:
        self.scopes.append(set(self.scopes[-1]))
        pipe = self._whole_pipe(header)
        self.ranges += kind == "range"
        body, stop = self.nodes(depth + 1)
        self.ranges -= kind == "range"
        otherwise: tuple[Any, ...] = ()
        if stop.startswith("else"):
            rest = stop[4:].strip()
            if rest:
                word, _, tail = rest.partition(" ")
                if word not in ("if", "with"):
                    raise TemplateError(f"unexpected {rest!r} after else")
                otherwise = (self._block(word, tail, depth + 1),)
                self.scopes.pop()
                return Block(kind, pipe, body, otherwise)
            otherwise, stop = self.nodes(depth + 1)
        if stop != "end":
            raise TemplateError(f"unexpected end of template: {{{{{kind}}}}} has no {{{{end}}}}")
        self.scopes.pop()
        return Block(kind, pipe, body, otherwise)

    def _define(self, header: str, depth: int) -> Definition:
        if depth:
            raise TemplateError("unexpected {{define}}: expected it outside of everything else")
        name, rest = _name_of("define", header)
        if rest:
            raise TemplateError(f"unexpected {rest!r} in define clause")
        return self._body_of(name, "define", 1)

    def _body_of(self, name: str, word: str, depth: int) -> Definition:
        ranges, self.ranges = self.ranges, 0
        self.scopes.append(set())  # it sees nothing of where it stands
        body, stop = self.nodes(depth)
        self.scopes.pop()
        self.ranges = ranges
        if stop != "end":
            raise TemplateError(f"unexpected end of template: {{{{{word}}}}} has no {{{{end}}}}")
        return Definition(name, body)

    def _named_block(self, header: str, depth: int) -> tuple[Use]:
        """A definition, used where it stands."""
        name, rest = _name_of("block", header)
        pipe = self._whole_pipe(rest)
        self.blocks.append(self._body_of(name, "block", depth + 1))
        return (Use(name, pipe),)

    def _use(self, header: str) -> Use:
        name, rest = _name_of("template", header)
        return Use(name, self._whole_pipe(rest) if rest else None)

    def _whole_pipe(self, text: str) -> Pipe:
        self.tokens, self.at, self.open = _tokens(text), 0, 0
        pipe = self._pipe()
        if self.at < len(self.tokens):
            raise TemplateError(f"unexpected {self.tokens[self.at][1]!r} in {text!r}")
        return pipe

    def _peek(self) -> Token:
        return self.tokens[self.at] if self.at < len(self.tokens) else ("end", "", False)

    def _pipe(self) -> Pipe:
        names, assign = self._declaration()
        commands = [self._command()]
        while self._peek()[1] == "|" and self._peek()[0] == "op":
            self.at += 1
            commands.append(self._command())
        for name in names:
            if assign:
                self._known(name)
            self.scopes[-1].add(name)
        return Pipe(names, assign, tuple(commands))

    def _declaration(self) -> tuple[tuple[str, ...], bool]:
        values = [t[1] for t in self.tokens[self.at : self.at + 4]]
        if self._peek()[0] != "variable":
            return (), False
        if len(values) > 1 and values[1] in (":=", "="):
            self.at += 2
            return (values[0],), values[1] == "="
        if len(values) > 3 and values[1] == "," and values[3] == ":=":
            self.at += 4
            return (values[0], values[2]), False
        return (), False

    def _command(self) -> Command:
        kind, text, _ = self._peek()
        if kind == "word" and text not in ("true", "false", "nil"):
            if text not in self.functions:
                raise TemplateError(f'function "{text}" not defined')
            self.at += 1
            return Command(text, self._operands())
        operands = self._operands()
        if not operands:
            raise TemplateError("missing value for command")
        if operands == (Literal(None),):
            raise TemplateError("nil is not a command")
        return Command("", operands)

    def _operands(self) -> tuple[Any, ...]:
        out: list[Any] = []
        while self._peek()[0] != "end" and not (self._peek()[0] == "op" and self._peek()[1] in "|)"):
            out.append(self._operand())
        return tuple(out)

    def _operand(self) -> Any:
        kind, text, _ = self._peek()
        self.at += 1
        if kind == "string":
            return Literal(_unquote(text))
        if kind == "char":
            return Literal(ord(_unquote('"' + text[1:-1] + '"')))
        if kind == "number":
            return Literal(_number(text))
        if kind == "word":
            return self._word(text)
        if kind in ("dot", "field"):
            return Field(None, self._path([text[1:]] if kind == "field" else []))
        if kind == "variable":
            self._known(text)
            path = self._path([])
            return Field(Variable(text), path) if path else Variable(text)
        if text == "(":
            return self._parenthesis()
        raise TemplateError(f"unexpected {text!r} in operand")

    def _word(self, text: str) -> Any:
        if text in ("true", "false", "nil"):
            return Literal({"true": True, "false": False, "nil": None}[text])
        if text not in self.functions:
            raise TemplateError(f'function "{text}" not defined')
        return Pipe((), False, (Command(text, ()),))

    def _parenthesis(self) -> Any:
        self.open += 1
        if self.open > MAX_NESTING:
            raise TemplateError(f"nested too deep: expected at most {MAX_NESTING} parentheses")
        pipe = self._pipe()
        if self._peek()[1] != ")":
            raise TemplateError("unclosed left paren")
        self.at += 1
        self.open -= 1
        path = self._path([])
        return Field(pipe, path) if path else pipe

    def _path(self, start: list[str]) -> tuple[str, ...]:
        while self._peek()[0] == "field" and self._peek()[2]:
            start.append(self._peek()[1][1:])
            self.at += 1
        return tuple(start)

    def _known(self, name: str) -> None:
        if name != "$" and name not in self.scopes[-1]:
            raise TemplateError(f'undefined variable "{name}"')


def _name_of(word: str, header: str) -> tuple[str, str]:
    """The quoted name after a word, and what follows it."""
    match = re.match(r'\s*("(?:[^"\\]|\\.)*"|`[^`]*`)\s*', header)
    if match is None:
        raise TemplateError(f"{word}: saw {header.strip()[:20]!r}, expected a name in quotes")
    return _unquote(match.group(1)), header[match.end() :]


def _unquote(text: str) -> str:
    """A constant's text, without its quotes; what escapes say in bytes is read as UTF-8. Raises TemplateError."""
    if text[0] == "`":
        return text[1:-1]
    out, at = bytearray(), 1
    for match in _ESCAPE.finditer(text, 1, len(text) - 1):
        out += text[at : match.start()].encode()
        out += _escaped(match, text)
        at = match.end()
    out += text[at:-1].encode()
    return out.decode("utf-8", "replace")


def _escaped(match: re.Match[str], text: str) -> bytes:
    byte, short, long, octal, letter = match.groups()
    if byte or octal:
        code = int(byte, 16) if byte else int(octal, 8)
        if code < 256:
            return bytes([code])
    elif short or long:
        code = int(short or long, 16)
        if code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF:
            return chr(code).encode()
    elif letter in _ESCAPES:
        return _ESCAPES[letter].encode()
    raise TemplateError(f"unexpected escape {match.group()!r} in {text[:40]}")


def _number(text: str) -> int | float:
    """A number as Go reads it: `017` is octal."""
    digits = text.lstrip("+-")
    try:
        if re.fullmatch(r"0[0-7_]+", digits):
            return int(text.replace("_", ""), 8)
        return int(text, 0) if re.fullmatch(r"0[xXbBoO]\w+|[\d_]+", digits) else float(text)
    except ValueError:
        raise TemplateError(f"bad number syntax: {text!r}") from None
