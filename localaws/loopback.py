"""No connection leaves this machine: name look-ups and connections to anything but loopback are refused by name."""

import ipaddress
import socket
from typing import Any

from localaws.cloud import Refused

_connect, _connect_ex, _sendto, _getaddrinfo = socket.socket.connect, socket.socket.connect_ex, socket.socket.sendto, socket.getaddrinfo


def _refuse_unless_loopback(host: Any) -> None:
    text = host.decode() if isinstance(host, bytes) else str(host)
    try:
        inside = ipaddress.ip_address(text).is_loopback
    except ValueError:
        inside = text in {"", "localhost", "None"}
    if not inside:
        raise Refused(f"a connection to {text}: localaws answers all of AWS in this process, nothing leaves loopback")


def _check(own: socket.socket, address: Any) -> None:
    if own.family in (socket.AF_INET, socket.AF_INET6):
        _refuse_unless_loopback(address[0])


def _guarded_connect(self: socket.socket, address: Any) -> None:
    _check(self, address)
    _connect(self, address)


def _guarded_connect_ex(self: socket.socket, address: Any) -> int:
    _check(self, address)
    return _connect_ex(self, address)


def _guarded_sendto(self: socket.socket, *args: Any) -> int:
    _check(self, args[-1])
    return _sendto(self, *args)


def _guarded_getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
    _refuse_unless_loopback(host)
    return _getaddrinfo(host, *args, **kwargs)


def guard() -> None:
    """Keep this process on loopback, until `release`."""
    socket.socket.connect = _guarded_connect  # type: ignore[method-assign, assignment]
    socket.socket.connect_ex = _guarded_connect_ex  # type: ignore[method-assign, assignment]
    socket.socket.sendto = _guarded_sendto  # type: ignore[method-assign, assignment]
    socket.getaddrinfo = _guarded_getaddrinfo


def release() -> None:
    socket.socket.connect, socket.socket.connect_ex = _connect, _connect_ex  # type: ignore[method-assign]
    socket.socket.sendto, socket.getaddrinfo = _sendto, _getaddrinfo  # type: ignore[method-assign]
