"""The one door for every API call, in process and over HTTP.

A call is read by the service's own model, signed for by a known key, looked up in `coverage.yaml`, costs its time, is decided by IAM, is answered by
the function registered for it or by moto, is written to the call log, and becomes a CloudTrail event where CloudTrail would record it. Nothing else
in localaws talks to moto's responses.
"""

import json
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import urlsplit, urlunsplit

import boto3
import botocore.handlers
import botocore.session
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.config import Config
from botocore.credentials import ReadOnlyCredentials
from botocore.loaders import Loader
from botocore.parsers import create_parser
from moto.core.botocore_stubber import BotocoreStubber, MockRawResponse
from moto.core.exceptions import ServiceException
from moto.core.model import OperationModel, ServiceModel
from moto.core.parse import PROTOCOL_PARSERS
from moto.core.request import Request, determine_request_protocol
from moto.core.routing import NotFound, get_service_router
from moto.core.serialize import SerializationContext, get_serializer_class
from moto.core.utils import get_service_model

import localaws.remembered  # noqa: F401 - makes botocore and moto remember
from localaws import cloudtrail, coverage
from localaws.authorization import authorize
from localaws.cloud import FOLLOWS, GUARDS, OPERATIONS, AwsError, Call, Cloud, Credentials, Principal, Refused
from localaws.policy.held import bucket_owner
from localaws.validation import check_answer, check_input
from localaws.wire import JsonRequest, json_body

Answer = tuple[int, Mapping[str, str], str | bytes]
Parsed: TypeAlias = Request | JsonRequest

_GLOBAL = {(service, "us-east-1") for service in ("ce", "iam", "organizations", "sts")}
"""Services with one endpoint for all Regions, or with one beside the others, and by which Region it is signed for."""

_SCOPE = re.compile(r"Credential=(?P<key>[^/]+)/\d{8}/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request")


@dataclass(frozen=True)
class Outcome:
    """What came of a call: the answer on the wire, and what it says."""

    answer: Answer
    output: dict[str, Any] | None = None
    error: AwsError | None = None


class Gateway:
    """The door of one `Cloud`."""

    def __init__(self, cloud: Cloud):
        self.cloud = cloud
        self._moto = BotocoreStubber()
        self._services = {_signing_name(service): service for service in coverage.services()}

    def handle(self, request: AWSPreparedRequest) -> Answer:
        """Answer one signed request. `Refused` for what localaws does not do."""
        call, parsed, access_key_id = self._read(request)
        self.cloud.clock.pass_turn(self.cloud.latency)
        self.cloud.faults.reach(call, access_key_id)
        with self.cloud.clock.atomic():
            try:
                call.principal = self.cloud.keys.principal(access_key_id)
                call.account = call.principal.account
                outcome = self._perform(call, request, parsed)
            except Refused as refused:
                self.cloud.record(call, "Refused", str(refused))
                raise
            except AwsError as error:
                outcome = Outcome(_error_answer(call, parsed, error), error=error)
            self.cloud.record(call, outcome.error.code if outcome.error else None)
            cloudtrail.record(self.cloud, call, outcome.output, outcome.error)
        self.cloud.faults.answer(call)
        return outcome.answer

    def _read(self, request: AWSPreparedRequest) -> tuple[Call, Parsed, str]:
        """Which operation is asked for, with which input, where, and with which access key."""
        scope = _SCOPE.search(_text(request.headers.get("Authorization", "")))
        if scope is None:
            raise Refused(f"{request.method} {request.url.split('?')[0]}: only requests signed with Signature Version 4 in a header are answered")
        service = self._services.get(scope["service"])
        if service is None:
            raise Refused(f"{scope['service']}: no operation of this service is in localaws/coverage.yaml")
        stream: Any = request.body
        if hasattr(stream, "read"):
            request.body = stream.read()
            stream.seek(0)  # as botocore does before it tries again, where it still sees a stream
        request.url = _amazon_url(request.url, service, scope["region"])
        parsed = JsonRequest.of(request) or Request.from_primitives(request.method, request.url, request.headers, request.body)
        name, uri = _operation_name(service, parsed)
        if (service, name) not in coverage.operations():
            raise Refused(f"{service}:{name}: not in localaws/coverage.yaml, so it is not answered")
        _check_region(self.cloud, service, name, scope["region"])
        nobody = Principal("000000000000", "nobody")
        call = Call(service, name, nobody.account, scope["region"], nobody, _input(service, name, parsed, uri), self.cloud.uuid())
        return call, parsed, scope["key"]

    def _perform(self, call: Call, request: AWSPreparedRequest, parsed: Parsed) -> Outcome:
        self.cloud.faults.ask(call)
        authorize(self.cloud, call)
        for check in GUARDS[call.service, call.operation]:
            check(self.cloud, call)
        own = OPERATIONS.get((call.service, call.operation))
        if own is None:
            return self._ask_moto(call, request, _protocol(call, parsed))
        check_input(call)
        output = own(self.cloud, call) or {}
        check_answer(call, output)
        status, headers, body = _serialize(call, parsed, output)
        return Outcome((_status_in(call, output) or status, headers, body), output)

    def _ask_moto(self, call: Call, request: AWSPreparedRequest, protocol: str) -> Outcome:
        owner = bucket_owner(call.params["Bucket"]) if call.service == "s3" and call.operation not in ("CreateBucket", "ListBuckets") else None
        request.headers["x-moto-account-id"] = owner or call.account
        try:
            answer = self._moto.process_request(request)
        except NotImplementedError as missing:
            raise Refused(f"{call.action}: {missing}") from missing
        if answer is None:
            raise Refused(f"{call.action}: moto has no answer for {request.url}")
        status, headers, body = int(answer[0]), {str(k).lower(): str(v) for k, v in answer[1].items()}, answer[2]
        output = _parse(call, protocol, status, headers, body)
        if status >= 300:
            error = output.get("Error", {})
            return Outcome((status, headers, body), error=AwsError(error.get("Code", str(status)), error.get("Message", ""), status))
        output.pop("ResponseMetadata", None)
        for follow in FOLLOWS[call.service, call.operation]:
            follow(self.cloud, call, output)
        return Outcome((status, headers, body), output)


# -- reading


def _signing_name(service: str) -> str:
    metadata = get_service_model(service).metadata
    return str(metadata.get("signingName", metadata["endpointPrefix"]))


def _check_region(cloud: Cloud, service: str, name: str, region: str) -> None:
    """AWS answers in Regions that nobody uses, and not in those that are not enabled: the organization's file does not say which is which."""
    if region not in cloud.organization.regions and (service, region) not in _GLOBAL:
        regions = ", ".join(cloud.organization.regions)
        raise Refused(f"{service}:{name} in {region}: the organization's file has {regions} as its regions (localaws/gateway.py)")


def _amazon_url(url: str, service: str, region: str) -> str:
    """The address that moto knows this call by: the path and query of a request to loopback are kept."""
    parts = urlsplit(url)
    if parts.netloc.endswith(".amazonaws.com"):
        return url
    prefix = get_service_model(service).metadata["endpointPrefix"]
    bucket, dot, _ = (parts.hostname or "").rpartition(".localhost")
    if service == "s3" and dot:  # the virtual-hosted style
        prefix = f"{bucket}.{prefix}"
    return urlunsplit(("https", f"{prefix}.{region}.amazonaws.com", parts.path or "/", parts.query, ""))


def _operation_name(service: str, request: Parsed) -> tuple[str, dict[str, Any]]:
    target = request.headers.get("X-Amz-Target")
    if target:
        return target.split(".")[-1], {}
    if action := request.values.get("Action"):
        return action, {}
    try:
        operation, uri = get_service_router(service).match(request)
    except NotFound:
        raise Refused(f"{service}: {request.method} {request.path} is no operation of this service") from None
    return str(operation.name), uri


def _model(call: Call) -> tuple[ServiceModel, OperationModel]:
    service = get_service_model(call.service)
    return service, service.operation_model(call.operation)


def _protocol(call: Call, request: Parsed) -> str:
    return str(determine_request_protocol(_model(call)[0], request.content_type))


def _input(service: str, name: str, request: Parsed, uri: dict[str, Any]) -> dict[str, Any]:
    model = get_service_model(service)
    parser = PROTOCOL_PARSERS[determine_request_protocol(model, request.content_type)](model.operation_model(name))
    return dict(
        parser.parse(
            {
                "method": request.method,
                "values": request.values,
                "headers": request.headers,
                "body": request.data,
                "url_path": request.path,
                "url_params": uri,
            }
        )
    )


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


# -- answering


def _serialize(call: Call, request: Parsed, result: dict[str, Any] | ServiceException) -> Answer:
    if isinstance(request, JsonRequest) and isinstance(result, dict):
        headers = {"Content-Type": request.content_type, "x-amzn-RequestId": call.request_id}
        return 200, headers, json_body(_model(call)[1].output_shape, result)
    serializer = get_serializer_class(call.service, _protocol(call, request))
    written = serializer(_model(call)[1], SerializationContext(call.request_id)).serialize(result)
    headers = {str(k): str(v) for k, v in written["headers"].items()} | {"x-amzn-RequestId": call.request_id}
    return written["status_code"], headers, written["body"]


def _status_in(call: Call, output: dict[str, Any]) -> int | None:
    """The HTTP status where it is a member of the answer, as Lambda's Invoke has it: moto's serializers pass over it."""
    shape = _model(call)[1].output_shape
    members = shape.members.items() if shape is not None else ()
    return next((output.get(name) for name, member in members if member.serialization.get("location") == "statusCode"), None)


class _Error(ServiceException):  # type: ignore[misc]
    """An error for moto's serializers, which look for an error's model by the module of its class: not in moto's."""


def _error_answer(call: Call, request: Parsed, error: AwsError) -> Answer:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # moto warns of codes that the service's model leaves out, such as every service's AccessDenied
        status, headers, body = _serialize(call, request, _Error(error.code, error.message))
    return (error.status if status == 400 else status), headers, "" if request.method == "HEAD" else body


def refusal_answer(refused: Refused, content_type: str) -> Answer:
    """What a client over HTTP sees: 501, which no SDK retries, and the reason, in the kind of writing it asked in."""
    if "json" in content_type:
        return 501, {"Content-Type": content_type}, json.dumps({"__type": "LocalawsRefused", "message": str(refused)})
    message = str(refused).replace("&", "and").replace("<", "(").replace(">", ")")
    body = f"<ErrorResponse><Error><Code>LocalawsRefused</Code><Message>{message}</Message></Error></ErrorResponse>"
    return 501, {"Content-Type": "text/xml", "x-amzn-ErrorType": "LocalawsRefused"}, body


def _parse(call: Call, protocol: str, status: int, headers: dict[str, str], body: str | bytes) -> dict[str, Any]:
    raw = body.encode() if isinstance(body, str) else body
    if status < 300 and _model(call)[1].has_streaming_output:
        raw = b""  # an object's content, which a client reads as a stream: nothing to be parsed
    response = {"status_code": status, "headers": headers, "body": raw}
    return dict(create_parser(protocol).parse(response, _model(call)[1].output_shape))


# -- clients


MOST_CLIENTS = 200
"""As many are kept, those used last: a client takes half a megabyte, and StackSets deploy as another role in each account."""


def client_for(cloud: Cloud, service: str, region: str, principal: Principal) -> Any:
    """See `Cloud.client`."""
    key = (service, region, principal)
    if key in cloud.clients:
        cloud.clients[key] = cloud.clients.pop(key)
    else:
        credentials = cloud.keys.issue(principal)
        if len(cloud.clients) >= MOST_CLIENTS:
            del cloud.clients[next(iter(cloud.clients))]
        cloud.clients[key] = as_somebody(_own_client(service, region), credentials)
    return cloud.clients[key]


@cache
def _own_client(service: str, region: str) -> Any:
    return botocore.session.get_session().create_client(
        service,
        region_name=region,
        aws_access_key_id="nobody",
        aws_secret_access_key="nobody",  # noqa: S106 - nobody's
        config=Config(retries={"total_max_attempts": 1}),
    )


def as_somebody(client: Any, credentials: Credentials) -> Any:
    """The same client with these keys: what is costly in a client is the same for everybody."""
    signer = client._request_signer  # noqa: SLF001
    if not isinstance(signer._credentials, _Signing):  # noqa: SLF001
        signer._credentials = _Signing()  # noqa: SLF001
    kind: Any = type(client)
    made: Any = object.__new__(_class_as_somebody(kind))
    made.__dict__.update(client.__dict__, signs_with=(signer._credentials, credentials))  # noqa: SLF001
    return made


class _Signing:
    """Whose keys sign the next request: those of the call that began last and is not over. Time that passes in a call, before it is tried again, can
    have others in it, never their halves."""

    method = "localaws"
    account_id = None
    now: Credentials | None = None

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        key = self.now
        if key is None:
            raise Refused("a signature outside of a call, such as a presigned address (localaws/gateway.py)")
        return ReadOnlyCredentials(key.access_key_id, key.secret_access_key, key.session_token)


@cache
def _class_as_somebody(kind: Any) -> type:
    def make_api_call(self: Any, operation_name: str, api_params: Any) -> Any:
        signing, credentials = self.signs_with
        before, signing.now = signing.now, credentials
        try:
            return kind._make_api_call(self, operation_name, api_params)  # noqa: SLF001
        finally:
            signing.now = before

    return type(kind.__name__, (kind,), {"_make_api_call": make_api_call})


_open: list[Gateway] = []


def open_gateway(cloud: Cloud) -> Gateway:
    """From now on every botocore request of this process comes in here. One local organization a process."""
    if _open:
        raise RuntimeError("this process has a local organization already: close it first")
    _open.append(Gateway(cloud))
    return _open[0]


def close_gateway() -> None:
    _open.clear()


def _before_send(request: AWSPreparedRequest, **_: Any) -> AWSResponse | None:
    if not _open:
        return None
    status, headers, body = _open[0].handle(request)
    return AWSResponse(request.url, status, HTTPHeaders.from_dict(dict(headers)), MockRawResponse(body))


class _OneLoader(Loader):
    """Reads each service's model once for all sessions: a fresh reader costs megabytes of JSON. What boto3 appends to its paths is there already."""

    @property
    def search_paths(self) -> list[str]:
        return list(super().search_paths)


_loader = _OneLoader(extra_search_paths=[str(Path(boto3.__file__).parent / "data")])
botocore.session.create_loader = lambda *_: _loader
botocore.handlers.BUILTIN_HANDLERS.append(("before-send", _before_send))
