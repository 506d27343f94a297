"""Invocations: an execution environment for each function that runs at a time, a context, and what comes back.

Source: AWS Lambda Developer Guide, "Lambda runtime environment", "Using the Lambda context object in Python" and "Lambda function errors in Python".
"""

import importlib
import io
import json
import os
import shutil
import sys
import tempfile
import traceback
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from moto.awslambda.exceptions import UnknownFunctionException
from moto.awslambda.models import LambdaFunction
from moto.awslambda.utils import get_backend

from localaws.authorization import authorize, may_take
from localaws.clock import Promise
from localaws.cloud import AwsError, Call, Cloud, Principal, Refused, guard
from localaws.functions.code import check_layer, unpack
from localaws.strands import Crashed, DeadlinePassed
from localaws.turns import Surroundings, Task

SERVICE = "lambda.amazonaws.com"
NOT_ASSUMABLE = "The role defined for the function cannot be assumed by Lambda."

Handler = Callable[[Any, "Context"], Any]


@guard("lambda", "CreateFunction", "UpdateFunctionConfiguration")
def check_role(cloud: Cloud, call: Call) -> None:
    """The role trusts Lambda."""
    role = call.params.get("Role")
    if role is not None and not may_take(cloud, SERVICE, role, call.account).decision.allowed:
        raise AwsError("InvalidParameterValueException", NOT_ASSUMABLE)


@dataclass(frozen=True)
class Invocation:
    """What an invocation answers: `payload` is JSON text, `function_error` is ``Unhandled`` where the handler failed."""

    payload: str
    function_error: str | None = None


class Context:
    """The context object of one invocation."""

    identity = None
    client_context = None
    function_version = "$LATEST"

    def __init__(self, cloud: Cloud, function: LambdaFunction, request_id: str, stream: str):
        self.function_name = function.function_name
        self.invoked_function_arn = function.function_arn
        self.memory_limit_in_mb = str(function.memory_size)
        self.aws_request_id = request_id
        self.log_group_name, self.log_stream_name = f"/aws/lambda/{function.function_name}", stream
        self._clock, self._deadline = cloud.clock, cloud.clock.now + float(function.timeout)

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int((self._deadline - self._clock.now) * 1000))


@dataclass
class Environment:
    """One execution environment: a warm one has its modules loaded, and serves one invocation at a time."""

    surroundings: Surroundings
    stream: str
    output: io.StringIO
    handler: Handler | None = None

    def take_log(self) -> str:
        text = self.output.getvalue()
        self.output.seek(0)
        self.output.truncate()
        return text


@dataclass
class _Pool:
    idle: list[Environment] = field(default_factory=list)
    deployed: str = ""


class Functions:
    """All Lambda functions of the organization, by what runs of them. Their configuration is kept by moto."""

    def __init__(self, cloud: Cloud):
        self._cloud = cloud
        self._pools: dict[str, _Pool] = defaultdict(_Pool)
        self._folder = Path(tempfile.mkdtemp(prefix="localaws-functions-"))

    def close(self) -> None:
        for pool in self._pools.values():
            for environment in pool.idle:
                environment.surroundings.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def invoke(self, function_arn: str, payload: str, principal: Principal) -> Promise:
        """Run the function with this JSON; the promise resolves to an `Invocation`, or is rejected with what AWS refuses the call with."""
        _, _, _, region, account, _, name = function_arn.split(":")[:7]
        call = Call("lambda", "Invoke", account, region, principal, {"FunctionName": name})
        return self._cloud.faults.through(call, lambda: self._invoke(call, function_arn, payload))

    def _invoke(self, call: Call, function_arn: str, payload: str) -> Promise:
        done = self._cloud.clock.promise()
        try:
            authorize(self._cloud, call)
            function: LambdaFunction = get_backend(call.account, call.region).get_function(call.params["FunctionName"])
            environment, cold = self._environment_for(function)
        except UnknownFunctionException:
            error = AwsError("ResourceNotFoundException", f"Function not found: {function_arn}", 404)
            return self._refused(call, error, done)
        except AwsError as denied:
            return self._refused(call, denied, done)
        self._cloud.record(call)
        self._start(function, environment, payload, done, cold=cold)
        return done

    def _refused(self, call: Call, error: AwsError, done: Promise) -> Promise:
        self._cloud.record(call, error.code)
        done.reject(error)
        return done

    def run(self, function_arn: str, payload: str, request_id: str) -> Promise:
        """Run the function on an event that Lambda took in before, under that request's id.

        Rejected if the function or its role is gone, or by a fault of ``lambda:Invoke``, whose principal is Lambda.
        """
        _, _, _, region, account, _, name = function_arn.split(":")[:7]
        call = Call("lambda", "Invoke", account, region, Principal(account, SERVICE, service=SERVICE), {"FunctionName": name})
        return self._cloud.faults.through(call, lambda: self._run_event(call, function_arn, payload, request_id))

    def _run_event(self, call: Call, function_arn: str, payload: str, request_id: str) -> Promise:
        done = self._cloud.clock.promise()
        try:
            function: LambdaFunction = get_backend(call.account, call.region).get_function(call.params["FunctionName"])
            environment, cold = self._environment_for(function)
        except UnknownFunctionException:
            done.reject(AwsError("ResourceNotFoundException", f"Function not found: {function_arn}", 404))
        except AwsError as denied:
            done.reject(denied)
        else:
            self._start(function, environment, payload, done, cold=cold, request_id=request_id)
        return done

    def warm(self, function_arn: str) -> None:
        """Start an execution environment ahead of the first invocation, as provisioned concurrency does."""
        _, _, _, region, account, _, name = function_arn.split(":")[:7]
        function: LambdaFunction = get_backend(account, region).get_function(name)
        environment = self._new_environment(function)
        environment.surroundings.enter()
        try:
            environment.handler = _load(function.handler)
        finally:
            environment.surroundings.leave()
        pool = self._pools[function.function_arn]
        pool.deployed = _deployed(function)
        pool.idle.append(environment)

    def _environment_for(self, function: LambdaFunction) -> tuple[Environment, bool]:
        """A warm environment if one is idle, else a new one, and whether it is new."""
        pool = self._pools[function.function_arn]
        deployed = _deployed(function)
        if pool.deployed != deployed:
            for environment in pool.idle:
                environment.surroundings.close()
            pool.idle, pool.deployed = [], deployed
        return (pool.idle.pop(), False) if pool.idle else (self._new_environment(function), True)

    def _start(
        self, function: LambdaFunction, environment: Environment, payload: str, done: Promise, *, cold: bool, request_id: str | None = None
    ) -> None:
        pool, deployed = self._pools[function.function_arn], _deployed(function)
        context = Context(self._cloud, function, request_id or self._cloud.uuid(), environment.stream)
        task = Task(
            self._cloud.clock,
            lambda: self._run(function, lambda: _handle(environment, function.handler, json.loads(payload), context)),
            environment.surroundings,
            float(function.timeout),
            label=function.function_name,
        )
        started = self._cloud.clock.now

        def finish(promise: Promise) -> None:
            if isinstance(promise.error, Refused):
                done.reject(promise.error)
                return
            if isinstance(promise.error, DeadlinePassed):
                invocation = _timed_out(context, function)
            elif isinstance(promise.error, SystemExit | Crashed):
                invocation = _exited(context, promise.error)
            else:
                invocation = promise.result()
            if promise.error is None and pool.deployed == deployed:
                pool.idle.append(environment)
            else:
                environment.surroundings.close()
            self._log(function, context, invocation, environment.take_log(), started, cold=cold)
            done.resolve(invocation)

        task.done.then(finish)

    def _run(self, function: LambdaFunction, work: Callable[[], Invocation]) -> Invocation:
        return self._cloud.faults.invocation(function.function_name, function.account_id, function.region, work)

    def _new_environment(self, function: LambdaFunction) -> Environment:
        """Its credentials are the role's: `AwsError` if that does not trust Lambda any more."""
        if not may_take(self._cloud, SERVICE, function.role, function.account_id).decision.allowed:
            raise AwsError("AccessDeniedException", NOT_ASSUMABLE, 403)
        for layer in function.layers:
            version = get_backend(function.account_id, function.region).layers_versions_by_arn(layer["Arn"])
            if version is None or version.code_bytes is None:
                raise Refused(f"{function.function_name}: layer {layer['Arn']} has no archive here")
            check_layer(layer["Arn"], version.code_bytes)
        root = unpack(function.code_bytes, self._folder)
        output = io.StringIO()
        stream = f"{self._cloud.clock.datetime():%Y/%m/%d}/[$LATEST]{self._cloud.identifier(32)}"
        return Environment(Surroundings([root], self._variables(function, root, stream), output), stream, output)

    def _variables(self, function: LambdaFunction, root: Path, stream: str) -> dict[str, str]:
        key = self._cloud.keys.issue(Principal.of_role(function.role, function.function_name))
        return {
            "PATH": os.environ.get("PATH", ""),
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            "AWS_ACCESS_KEY_ID": key.access_key_id,
            "AWS_SECRET_ACCESS_KEY": key.secret_access_key,
            "AWS_SESSION_TOKEN": str(key.session_token),
            "AWS_REGION": function.region,
            "AWS_DEFAULT_REGION": function.region,
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.run_time}",
            "AWS_LAMBDA_FUNCTION_NAME": function.function_name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_size),
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.function_name}",
            "AWS_LAMBDA_LOG_STREAM_NAME": stream,
            "LAMBDA_TASK_ROOT": str(root),
            "_HANDLER": function.handler,
            **{name: str(value) for name, value in function.environment_vars.items()},
        }

    def _log(self, function: LambdaFunction, context: Context, invocation: Invocation, text: str, started: float, *, cold: bool) -> None:
        self._cloud.log.invocations.append(
            {
                "time": self._cloud.clock.iso(),
                "account": function.account_id,
                "region": function.region,
                "function": function.function_name,
                "request_id": context.aws_request_id,
                "error": json.loads(invocation.payload)["errorType"] if invocation.function_error else None,
                "seconds": round(self._cloud.clock.now - started, 3),
                "cold": cold,
                "log": text,
            }
        )


def _deployed(function: LambdaFunction) -> str:
    """What an environment was started with: where it changed, a new one is started."""
    layers = [layer["Arn"] for layer in function.layers]
    return json.dumps([function.code_sha_256, function.environment_vars, function.handler, function.role, layers], sort_keys=True)


def _handle(environment: Environment, name: str, event: Any, context: Context) -> Invocation:
    """Load the handler if this environment is cold, call it, and say what came of it as the Python runtime does."""
    try:
        if environment.handler is None:
            environment.handler = _load(name)
        result = environment.handler(event, context)
    except Refused:
        raise
    except Exception as error:  # noqa: BLE001 - the Lambda runtime reports whatever a handler raises
        return _failed(type(error).__name__, str(error), context, traceback.format_tb(error.__traceback__)[1:])
    try:
        return Invocation(json.dumps(result))
    except (TypeError, ValueError) as error:
        return _failed("Runtime.MarshalError", f"Unable to marshal response: {error}", context)


class HandlerNotFound(Exception):
    """The archive has no such handler."""


def _load(name: str) -> Handler:
    module, _, function = name.rpartition(".")
    importlib.invalidate_caches()
    loaded = importlib.import_module(module.replace("/", "."))
    handler: Handler | None = getattr(loaded, function, None)
    if handler is None:
        raise HandlerNotFound(f"Handler '{function}' missing on module '{module}'")
    return handler


def _failed(kind: str, message: str, context: Context, stack: list[str] | None = None) -> Invocation:
    names = {"HandlerNotFound": "Runtime.HandlerNotFound", "ModuleNotFoundError": "Runtime.ImportModuleError"}
    body = {
        "errorMessage": message,
        "errorType": names.get(kind, kind),
        "requestId": context.aws_request_id,
        "stackTrace": stack or [],
    }
    sys.stdout.write(f"[ERROR] {body['errorType']}: {message}\n{''.join(stack or [])}")
    return Invocation(json.dumps(body), "Unhandled")


def _exited(context: Context, exited: SystemExit | Crashed) -> Invocation:
    how = "signal: killed" if isinstance(exited, Crashed) else f"exit status {_status(exited)}"
    message = f"RequestId: {context.aws_request_id} Error: Runtime exited with error: {how}"
    return Invocation(json.dumps({"errorType": "Runtime.ExitError", "errorMessage": message}), "Unhandled")


def _status(exited: SystemExit) -> int:
    return exited.code if isinstance(exited.code, int) else 0 if exited.code is None else 1


def _timed_out(context: Context, function: LambdaFunction) -> Invocation:
    message = f"RequestId: {context.aws_request_id} Error: Task timed out after {float(function.timeout):.2f} seconds"
    return Invocation(json.dumps({"errorType": "Sandbox.Timedout", "errorMessage": message}), "Unhandled")
