"""Types and sanity of a syntax tree, before any data is touched; knows nothing of the series store."""

from __future__ import annotations

from ops_center.promql import ast
from ops_center.promql.errors import ParseError, PromQLError, Span, UnsupportedError
from ops_center.promql.lexer import MAX_DEPTH, SKIP
from ops_center.promql.numbers import quoted
from ops_center.promql.signatures import (
    EXTENDED,
    MATRIX,
    SCALAR,
    SIGNATURES,
    STRING,
    UNSUPPORTED_FUNCTIONS,
    VECTOR,
    signature_of,
)

_SHOWN = {SCALAR: "scalar", VECTOR: "instant vector", MATRIX: "range vector", STRING: "string"}


def type_of(expr: ast.Expr) -> str:
    """The result type of an expression: scalar, vector, matrix or string."""
    while isinstance(expr, ast.Paren | ast.Unary):
        expr = expr.expr
    match expr:
        case ast.Number():
            return SCALAR
        case ast.String():
            return STRING
        case ast.Matrix() | ast.Subquery():
            return MATRIX
        case ast.Call():
            return signature_of(expr.func).result
        case ast.Binary():
            return _binary_type(expr)
        case ast.Selector() | ast.Aggregate():
            return VECTOR


def _binary_type(expr: ast.Binary) -> str:
    """Scalar when every leaf of the left spine is one; a loop, because a chain may be 500 long."""
    node: ast.Expr = expr
    while isinstance(node, ast.Binary):
        if type_of(node.rhs) != SCALAR:
            return VECTOR
        node = ast.unwrap(node.lhs)
    return SCALAR if type_of(node) == SCALAR else VECTOR


def check(expr: ast.Expr, text: str) -> None:
    """Raise where an expression is ill-typed, too deep, or asks for what cannot be.

    Raises:
        ParseError: with the place of the offending node.
    """
    _check_depth(expr, text)
    _check_names(expr, text)
    loose = _label_selectors(expr)
    for node in ast.walk(expr):
        try:
            if id(node) not in loose:
                _check_node(node, text)
        except ParseError:
            raise
        except PromQLError as why:
            kind = UnsupportedError if str(why).startswith("unsupported") else ParseError
            raise kind(str(why), text, node.span) from None


def _label_selectors(expr: ast.Expr) -> set[int]:
    """Selectors that only choose labels, in `info()`: these may match everything."""
    calls = [node for node in ast.walk(expr) if isinstance(node, ast.Call) and node.func == "info" and len(node.args) > 1]
    return {id(node.args[1]) for node in calls}


def _check_depth(expr: ast.Expr, text: str) -> None:
    stack = [(expr, 1)]
    while stack:
        node, depth = stack.pop()
        if depth > MAX_DEPTH:
            raise ParseError(f"nested too deep: saw depth {depth}, expected at most {MAX_DEPTH}", text, node.span)
        spine = node.lhs if isinstance(node, ast.Binary) else None
        stack.extend((child, depth if child is spine else depth + 1) for child in ast.children(node))


def _check_names(expr: ast.Expr, text: str) -> None:
    """Functions that nobody knows come first, the innermost of them before all: types of what is around cannot be told."""
    unknown = [n for n in ast.walk(expr) if isinstance(n, ast.Call) and n.func not in SIGNATURES]
    unknown = [node for node in unknown if node.func not in UNSUPPORTED_FUNCTIONS]
    if unknown:
        first = min(unknown, key=lambda node: node.span.end)
        raise ParseError(f"unknown function with name {quoted(first.func)}", text, first.span)


def _check_node(node: ast.Expr, text: str) -> None:
    match node:
        case ast.Call():
            _check_call(node, text)
        case ast.Aggregate():
            _check_aggregate(node, text)
        case ast.Binary():
            _check_binary(node, text)
        case ast.Unary():
            if type_of(node.expr) not in (SCALAR, VECTOR):
                kind = _SHOWN[type_of(node.expr)]
                message = "unary expression only allowed on expressions of type scalar or instant vector"
                raise ParseError(f'{message}, got "{kind}"', text, node.span)
        case ast.Subquery():
            _wrong_unless(node.expr, (VECTOR,), "subquery is only allowed on instant vector", text)
        case ast.Selector():
            if all(m.matches_empty() for m in node.matchers):
                raise ParseError("vector selector must contain at least one non-empty matcher", text, node.span)
        case ast.Number() | ast.String() | ast.Matrix() | ast.Paren():
            pass


def _wrong_unless(node: ast.Expr, kinds: tuple[str, ...], message: str, text: str) -> None:
    if type_of(node) not in kinds:
        _wrong(message, node, text)


def _wrong(message: str, node: ast.Expr, text: str) -> None:
    raise ParseError(f"{message}, got {_SHOWN[type_of(node)]}", text, node.span)


def _check_call(node: ast.Call, text: str) -> None:
    if node.func in UNSUPPORTED_FUNCTIONS:
        raise UnsupportedError(f"unsupported function {node.func!r}: native histograms are out of scope", text, node.span)
    signature = signature_of(node.func)
    least, most = len(signature.args) - signature.optional, len(signature.args)
    count = len(node.args)
    if count < least or (count > most and not signature.repeat):
        wanted = f"at least {least}" if signature.repeat else (str(most) if least == most else f"{least} to {most}")
        raise ParseError(f"expected {wanted} argument(s) in call to {node.func!r}, got {count}", text, node.span)
    _check_extended(node, text)
    if node.func == "info" and len(node.args) > 1 and not _is_plain_selector(node.args[1]):
        raise ParseError("expected label selectors only as second argument in call to 'info'", text, node.args[1].span)
    for index, arg in enumerate(node.args):
        wanted_type = signature.args[min(index, most - 1)]
        if type_of(arg) != wanted_type:
            _wrong(f"expected type {_SHOWN[wanted_type]} in call to function {node.func!r}", arg, text)


def _is_plain_selector(arg: ast.Expr) -> bool:
    return isinstance(arg, ast.Selector) and not (arg.metric or arg.has_offset or arg.at or arg.extended)


def _check_extended(node: ast.Call, text: str) -> None:
    for arg in (ast.unwrap(a) for a in node.args):
        how = arg.selector.extended if isinstance(arg, ast.Matrix) else ""
        allowed = EXTENDED.get(how, ())
        if how and node.func not in allowed:
            message = f"{how} modifier can only be used with: {', '.join(allowed)} - not with {node.func}"
            raise ParseError(message, text, arg.span)


def _check_aggregate(node: ast.Aggregate, text: str) -> None:
    if type_of(node.expr) != VECTOR:
        _wrong("expected type instant vector in aggregation expression", node.expr, text)
    if node.param is not None:
        wanted = STRING if node.op == "count_values" else SCALAR
        if type_of(node.param) != wanted:
            _wrong(f"expected type {_SHOWN[wanted]} in aggregation parameter", node.param, text)


def _check_binary(node: ast.Binary, text: str) -> None:
    kinds = [type_of(node.lhs), type_of(node.rhs)]
    for kind, side in zip(kinds, (node.lhs, node.rhs), strict=True):
        if kind not in (SCALAR, VECTOR):
            _wrong("binary expression must contain only scalar and instant vector types", side, text)
    if node.return_bool and node.op not in ast.COMPARISONS:
        raise ParseError("bool modifier can only be used on comparison operators", text, _operator(node, text))
    if node.op in ast.COMPARISONS and kinds == [SCALAR, SCALAR] and not node.return_bool:
        raise ParseError("comparisons between scalars must use BOOL modifier", text, _operator(node, text))
    if node.op in ast.SET_OPS:
        if SCALAR in kinds:
            raise ParseError(f"set operator {node.op!r} not allowed in binary scalar expression", text, node.span)
        if node.matching.group:
            raise ParseError(f"no grouping allowed for {node.op!r} operation", text, node.span)
    _check_matching(node, kinds, text)


def _operator(node: ast.Binary, text: str) -> Span:
    """Where the operator itself stands."""
    between = SKIP.match(text, node.lhs.span.end)
    start = between.end() if between else node.lhs.span.end
    return Span(start, start + len(node.op))


def _check_matching(node: ast.Binary, kinds: list[str], text: str) -> None:
    how = node.matching
    filled = how.fill_left is not None or how.fill_right is not None
    if filled and (SCALAR in kinds or node.op in ast.SET_OPS):
        raise ParseError("fill modifiers only allowed between instant vectors that are calculated with", text, node.span)
    if SCALAR in kinds and how.labels:
        raise ParseError("vector matching only allowed between instant vectors", text, node.span)
    if how.on:
        both = [name for name in how.include if name in how.labels]
        if both:
            message = f"label {both[0]!r} must not occur in ON and GROUP clause at once"
            raise ParseError(message, text, Span(node.span.start, node.span.end))
