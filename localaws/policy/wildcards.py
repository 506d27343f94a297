"""How policies compare names: wildcards, ARNs part by part, and policy variables."""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from localaws.policy.keys import Context, has, value_of

_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_LITERAL = {"*": "\0star\0", "?": "\0mark\0", "$": "$"}
"""``${*}`` and ``${?}`` stand for the characters themselves: they are kept apart from wildcards until the comparison is made."""


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    expression = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    for character, mark in (("*", _LITERAL["*"]), ("?", _LITERAL["?"])):
        expression = expression.replace(re.escape(mark), re.escape(character))
    return re.compile(expression, re.DOTALL)


def text_matches(pattern: str, value: str) -> bool:
    """``*`` is any number of characters, ``?`` is one."""
    return _compiled(pattern).fullmatch(value) is not None


def arn_matches(pattern: str, arn: str) -> bool:
    """Part by part: a wildcard does not reach over one of the first five colons. What is no ARN matches nothing."""
    wanted, parts = pattern.split(":", 5), arn.split(":", 5)
    return len(wanted) == len(parts) == 6 and all(text_matches(want, part) for want, part in zip(wanted, parts, strict=True))


def plain(text: str) -> str:
    """A text of a policy for operators that know no wildcards."""
    return text.replace(_LITERAL["*"], "*").replace(_LITERAL["?"], "?")


def fill_variables(text: str, keys: Context | None) -> str | None:
    """Replace ``${aws:PrincipalAccount}`` and the like. `keys` are in lower case, None for documents whose version has no variables.

    None if a variable has no value, or several, and no default (``${key, 'default'}``): then the text stands for nothing.
    """
    if keys is None or "${" not in text:
        return text
    missing = False

    def value(variable: re.Match[str]) -> str:
        nonlocal missing
        name, _, default = (part.strip() for part in variable.group(1).partition(","))
        if name in _LITERAL:
            return _LITERAL[name]
        found = value_of(keys, name) if has(keys, name) else None
        if isinstance(found, str):
            # What a caller calls itself must not work as a wildcard.
            return found.replace("*", _LITERAL["*"]).replace("?", _LITERAL["?"])
        missing = missing or not default
        return default.strip("'")

    filled = _VARIABLE.sub(value, text)
    return None if missing else filled


def variables_in(texts: Iterable[str]) -> Iterator[str]:
    """The names of the policy variables in these texts."""
    for text in texts:
        for variable in _VARIABLE.finditer(text):
            name = variable.group(1).partition(",")[0].strip()
            if name not in _LITERAL:
                yield name
