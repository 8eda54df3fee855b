"""An expression with some of its parts changed; knows nothing of what they mean. What is not changed stays the same object."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ops_center.promql import ast


def rewritten(expr: ast.Expr, changes: Mapping[int, ast.Expr]) -> ast.Expr:
    """The expression with other parts, given by the identity of those that they replace; without recursion, as `ast.walk`."""
    made: dict[int, ast.Expr] = {}
    for node in reversed(ast.walk(expr)):
        if id(node) in changes:
            made[id(node)] = changes[id(node)]
            continue
        children = ast.children(node)
        fresh = [made[id(child)] for child in children]
        same = all(new is old for new, old in zip(fresh, children, strict=True))
        made[id(node)] = node if same else over(node, fresh)
    return made[id(expr)]


def over(node: ast.Expr, children: list[ast.Expr]) -> ast.Expr:
    """The node over other children, given in the order of `ast.children`; a range over none keeps its selector."""
    match node:
        case ast.Matrix() if children:
            selector = children[0]
            return replace(node, selector=selector) if isinstance(selector, ast.Selector) else node
        case ast.Subquery() | ast.Unary() | ast.Paren():
            return replace(node, expr=children[0])
        case ast.Call():
            return replace(node, args=tuple(children))
        case ast.Aggregate():
            return replace(node, expr=children[-1], param=children[0] if len(children) > 1 else None)
        case ast.Binary():
            return replace(node, lhs=children[0], rhs=children[1])
        case _:
            return node
