"""What libraries work out anew for each call or client, though it never changes: worked out once.

A thousand clients for five hundred accounts read the same rules of endpoints; each call sanitizes the same names for its user agent, and moto asks
its classes for their methods.
"""

from functools import cache
from typing import Any

import botocore.regions
import botocore.useragent
import moto.core.responses
from botocore.endpoint_provider import EndpointProvider

_providers: dict[tuple[int, int], tuple[Any, ...]] = {}


def _provider(ruleset_data: Any, partition_data: Any, **more: Any) -> EndpointProvider:
    """One for each set of rules, which botocore's loader reads once: they resolve alike and remember what they resolved."""
    key = id(ruleset_data), id(partition_data)
    if key not in _providers:
        made = EndpointProvider(ruleset_data=ruleset_data, partition_data=partition_data, **more)
        _providers[key] = made, ruleset_data, partition_data  # kept, so that their ids stay theirs
    provider: EndpointProvider = _providers[key][0]
    return provider


botocore.regions.EndpointProvider = _provider  # type: ignore[attr-defined]
botocore.useragent.sanitize_user_agent_string_component = cache(botocore.useragent.sanitize_user_agent_string_component)
moto.core.responses.method_names_from_class = cache(moto.core.responses.method_names_from_class)
