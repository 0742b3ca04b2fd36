"""Worked derivation as Markdown with LaTeX."""

import re
from collections.abc import Iterable

from ..drawing.player_steps import format_sum
from ..text import printable
from .derivation_steps import Equation, Rows, Value, is_direct, terms_of

LATEX_ESCAPES = {
    "\\": "\\textbackslash{}",
    "~": "\\textasciitilde{}",
    "^": "\\textasciicircum{}",
}
"""Escaped forms of the characters that a backslash does not escape."""

LATEX_FUNCTIONS = {
    f"np.{name}": f"\\{name}"
    for name in ("sin", "cos", "tan", "exp", "log", "sinh", "cosh", "tanh")
} | {"sech_squared": "\\operatorname{sech}^{2}"}
"""Functions that LaTeX has a command for, or writes otherwise than code."""

LATEX_OPERATORS = {
    "*": "\\cdot",
    "@": "\\,",
    "<=": "\\le",
    ">=": "\\ge",
    "==": "=",
    "!=": "\\ne",
    "&": "\\land",
    "|": "\\lor",
    ".T": "^{\\top}",
}
"""Signs of formulas as LaTeX writes them."""

FORMULA_TOKEN = re.compile(
    r"(?P<derivative>∂\w+/∂\w+)| \*\* (?P<power>[\w.]+|\([^()]*\))|(?P<transpose>\.T\b)"
    r"|(?P<function>[A-Za-z_]\w*(?:\.\w+)*(?=\())|(?P<name>[A-Za-z_]\w*)|(?P<number>\d[\w.+]*)"
    r"|(?P<operator>[<>=!]=|[*@&|])|(?P<space> )|(?P<sign>[-+/<>()\[\],=.:])|(?P<other>.)"
)
"""Token of a formula in Python."""


def markdown_block(output: str, values: Iterable[Value], equations: Iterable[Equation]) -> str:
    """Return a derivation of L as Markdown with LaTeX, given the name of L."""
    forward = " \\\\\n".join(map(latex_value, values))
    backward = " \\\\[4pt]\n".join(latex_equation(output, e) for e in equations)
    parts = ("Forward", forward), ("Backward", backward)
    return "\n".join(f"**{title}**\n\n{align_equations(part)}\n" for title, part in parts)


def align_equations(lines: str) -> str:
    """Return lines of LaTeX as a block of aligned equations."""
    return f"$$\\begin{{aligned}}\n{lines}\n\\end{{aligned}}$$"


def latex_value(v: Value) -> str:
    """Return a line of the forward phase as an aligned equation."""
    formula = f"{latex_formula(v.formula)} = " if v.formula else ""
    return f"{latex_symbol(v.name)} &= {formula}{latex_number(v.value, v.rows)}"


def latex_equation(output: str, e: Equation) -> str:
    """Return an equation as LaTeX, with its local derivatives in a last line."""
    left = latex_derivative(output, e.name)
    value = latex_number(e.value, e.rows)
    if not e.consumers:
        return f"{left} &= {value} && \\text{{already known}}"
    direct = "\\text{ (direct)}"
    formula = latex_formula(e.formula)
    if is_direct(e, output):
        sides = [formula + direct, value] if formula else [value + direct]
    else:
        terms = terms_of(e, output, latex_derivative, " ")
        terms = [term + direct if term == left else term for term in terms]
        known = ", ".join(latex_derivative(output, c) for c in e.known)
        note = f" && {known} \\text{{ already known}}" if known else ""
        chain = format_sum(terms, len(e.consumers)) + note
        sides = [chain, *filter(None, [formula, latex_dots(e.numbers)]), value]
    return f"{left} &= " + " \\\\\n&= ".join(sides) + latex_locals(output, e)


def latex_locals(output: str, e: Equation) -> str:
    """Return the local derivatives of an equation as one more line; nothing without any."""
    texts = [
        " = ".join(
            part
            for part in (
                latex_derivative(local.consumer, e.name)
                + ("\\text{ (direct)}" if local.consumer == output else ""),
                latex_formula(local.formula),
                local.value,
            )
            if part
        )
        for local in e.locals
    ]
    return " \\\\\n&\\qquad " + ",\\quad ".join(texts) if texts else ""


def latex_number(value: str, rows: Rows) -> str:
    """Return a value as LaTeX: a matrix in brackets, else its text."""
    if not rows:
        return latex_dots(value)
    elements = " \\\\ ".join(" & ".join(row) for row in rows)
    return f"\\begin{{bmatrix}} {elements} \\end{{bmatrix}}"


def latex_dots(text: str) -> str:
    """Return numbers with the signs of LaTeX for a product and for what is left out."""
    return text.replace("·", "\\cdot").replace("…", "\\dots")


def latex_derivative(y: str, x: str) -> str:
    """Return ∂y/∂x as a fraction in LaTeX."""
    return f"\\frac{{\\partial {latex_symbol(y)}}}{{\\partial {latex_symbol(x)}}}"


def latex_symbol(name: str) -> str:
    """Return a name as a symbol in LaTeX: `W1` is W with index 1; other names are set as text."""
    word = re.fullmatch(r"([A-Za-z]+?)_?(\d*)", name)
    if word is None:
        return latex_text(name)
    letters = word[1] if len(word[1]) == 1 else f"\\mathrm{{{word[1]}}}"
    return f"{letters}_{{{word[2]}}}" if word[2] else letters


def latex_formula(formula: str) -> str:
    r"""Return a formula in Python as LaTeX, token by token.

    >>> print(latex_formula("-a / v9 ** 2 + np.exp(W1.T @ g)"))
    -a / v_{9}^{2} + \exp(W_{1}^{\top} \, g)
    >>> print(latex_formula("g * sech_squared(z)"))
    g \cdot \operatorname{sech}^{2}(z)
    """
    return "".join(map(latex_token, FORMULA_TOKEN.finditer(formula)))


def latex_token(match: re.Match[str]) -> str:
    """Return a token of a formula as LaTeX."""
    text = match[0]
    match match.lastgroup:
        case "derivative":
            return latex_derivative(*(name.removeprefix("∂") for name in text.split("/")))
        case "power":
            return f"^{{{match['power']}}}"
        case "transpose" | "operator":
            return LATEX_OPERATORS[text]
        case "function":
            return LATEX_FUNCTIONS.get(text, f"\\operatorname{{{latex_text(text)}}}")
        case "name":
            return latex_symbol(text)
        case "other":
            return latex_text(text)
        case _:
            return text


def latex_text(text: str) -> str:
    """Return a text inside a formula in LaTeX, with its special characters escaped."""

    def escape_latex(match: re.Match[str]) -> str:
        """Return the escaped form of a special character."""
        return LATEX_ESCAPES.get(match[0], "\\" + match[0])

    return "\\text{" + re.sub(r"[\\{}$&#%_~^]", escape_latex, printable(text)) + "}"
