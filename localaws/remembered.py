"""What libraries work out anew for each call or client, though it never changes: worked out once.

A thousand clients for five hundred accounts read the same rules of endpoints and have the same methods; each call sanitizes the same names for its
user agent, and moto asks its classes for their methods.
"""

from functools import cache
from typing import Any

import botocore.regions
import botocore.useragent
import moto.core.responses
from botocore.client import ClientCreator
from botocore.endpoint_provider import EndpointProvider
from botocore.model import ServiceModel

_providers: dict[tuple[int, int], tuple[Any, ...]] = {}


def _provider(ruleset_data: Any, partition_data: Any, **more: Any) -> EndpointProvider:
    """One for each set of rules, which botocore's loader reads once: they resolve alike and remember what they resolved."""
    key = id(ruleset_data), id(partition_data)
    if key not in _providers:
        made = EndpointProvider(ruleset_data=ruleset_data, partition_data=partition_data, **more)
        _providers[key] = made, ruleset_data, partition_data  # kept, so that their ids stay theirs
    provider: EndpointProvider = _providers[key][0]
    return provider


_make_methods = ClientCreator._create_methods  # type: ignore[attr-defined] # noqa: SLF001
_read_model = ClientCreator._load_service_model  # type: ignore[attr-defined] # noqa: SLF001
_models: dict[tuple[str, str | None], ServiceModel] = {}
_methods: dict[str, dict[str, Any]] = {}


def _model(creator: ClientCreator, service_name: str, api_version: str | None = None) -> ServiceModel:
    """One for all clients of a service, which looks through its operations once."""
    key = service_name, api_version
    if key not in _models:
        _models[key] = _read_model(creator, service_name, api_version)
    return _models[key]


def _methods_of(creator: ClientCreator, model: ServiceModel) -> dict[str, Any]:
    """A client's methods, of SageMaker's four hundred: each knows its operation's name, and nothing of the client. Hooks add to what is returned."""
    if model.service_name not in _methods:
        _methods[model.service_name] = _make_methods(creator, model)
    return dict(_methods[model.service_name])


ClientCreator._load_service_model = _model  # type: ignore[attr-defined] # noqa: SLF001
ClientCreator._create_methods = _methods_of  # type: ignore[attr-defined] # noqa: SLF001
botocore.regions.EndpointProvider = _provider  # type: ignore[attr-defined]
botocore.useragent.sanitize_user_agent_string_component = cache(botocore.useragent.sanitize_user_agent_string_component)
moto.core.responses.method_names_from_class = cache(moto.core.responses.method_names_from_class)
