"""Pages of a list, as AWS answers them: a size, and an opaque token that only the same request understands."""

import base64
import json
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from localaws.cloud import AwsError

T = TypeVar("T")


def page(
    items: Iterable[T],
    *,
    key: Callable[[T], list[Any]],
    scope: list[Any],
    size: int,
    token: str | None,
    wrong_token: AwsError,
    descending: bool = False,
) -> tuple[list[T], str | None]:
    """Items in the order of `key` (JSON values that are different for each item), and the token for those that follow.

    The token remembers the last item's key, so what comes and goes between two pages neither repeats nor skips the rest.
    `scope` is what a token belongs to (operation, filters): with another one, or with anything that is no token, `wrong_token` is raised.
    """
    after = _read(token, scope, wrong_token) if token is not None else None
    ordered = sorted(((key(item), item) for item in items), key=lambda pair: pair[0], reverse=descending)
    if after is not None:
        ordered = [pair for pair in ordered if (pair[0] < after if descending else pair[0] > after)]
    shown = ordered[:size]
    return [item for _, item in shown], _write(scope, shown[-1][0]) if len(ordered) > size else None


def _write(scope: list[Any], key: list[Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps([scope, key]).encode()).decode()


def _read(token: str, scope: list[Any], wrong_token: AwsError) -> list[Any]:
    try:
        of, key = json.loads(base64.b64decode(token.encode(), altchars=b"-_", validate=True))
    except ValueError:
        raise wrong_token from None
    if of != scope or not isinstance(key, list):
        raise wrong_token
    return key
