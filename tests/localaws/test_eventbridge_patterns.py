"""Which events match, and which patterns AWS would not take. Expectations: "Comparison operators" in the EventBridge User Guide; Event Ruler."""

import time
from typing import Any

import pytest

from localaws.eventbridge.patterns import InvalidPattern, compile_pattern

EVENT: dict[str, Any] = {
    "version": "0",
    "id": "e1",
    "detail-type": "Order Placed",
    "source": "shop.orders",
    "account": "111122223333",
    "time": "2026-11-02T08:00:00Z",
    "region": "eu-west-1",
    "resources": ["arn:aws:s3:::one", "arn:aws:s3:::two"],
    "detail": {
        "count": 5,
        "price": 301.8,
        "paid": True,
        "coupon": None,
        "note": "",
        "state": "Running",
        "path": "dir/lib/photo.PNG",
        "literal": "a*b\\c",
        "address": "10.0.0.7",
        "v6": "2001:db8:1234:1a00::7",
        "tags": ["red", "blue"],
        "none": [],
        "nothing": {},
        "buyer": {"name": "alice", "age": 30},
        "lines": [{"sku": "a", "qty": 1}, {"sku": "b", "qty": 9, "gift": True}],
        "parcels": [{"items": [{"sku": "a", "ok": True}]}, {"items": [{"sku": "b", "ok": False}]}],
        "mixed": [{"a": 1}, {"z": 3}],
        "grid": [[], [{"x": 1, "y": 2}]],
        "letter": "Dear all,\nhello",
        "dotted.name": {"inner": 1},
    },
}


def in_detail(name: str, *values: Any) -> dict[str, Any]:
    return {"detail": {name: list(values)}}


MATCHES = {
    "one of several texts": {"source": ["shop.returns", "shop.orders"]},
    "all fields together": {"source": ["shop.orders"], "detail": {"state": ["Running"], "count": [5]}},
    "an array that shares a value": {"resources": ["arn:aws:s3:::two", "arn:aws:s3:::three"]},
    "a number written otherwise": in_detail("count", 5.0),
    "true": in_detail("paid", True),
    "null": in_detail("coupon", None),
    "the empty text": in_detail("note", ""),
    "a nested object": {"detail": {"buyer": {"name": ["alice"]}}},
    "a dotted name across objects": {"detail": {"buyer.name": ["alice"]}},
    "a dotted name in the event": {"detail": {"dotted.name": {"inner": [1]}}},
    "prefix": {"time": [{"prefix": "2026-11-02"}]},
    "an empty prefix": in_detail("state", {"prefix": ""}),
    "prefix, ignoring case": in_detail("state", {"prefix": {"equals-ignore-case": "rUN"}}),
    "suffix": in_detail("path", {"suffix": ".PNG"}),
    "suffix, ignoring case": in_detail("path", {"suffix": {"equals-ignore-case": ".png"}}),
    "equals, ignoring case": in_detail("state", {"equals-ignore-case": "RUNNING"}),
    "a value beside a comparison": in_detail("state", "Stopped", {"prefix": "Run"}),
    "anything but a text": in_detail("state", {"anything-but": "Stopped"}),
    "anything but a list": in_detail("state", {"anything-but": ["Stopped", "Pending"]}),
    "anything but a number": in_detail("count", {"anything-but": 4}),
    "anything but numbers": in_detail("count", {"anything-but": [1, 2]}),
    "anything but a text, of null": in_detail("coupon", {"anything-but": "x"}),
    "anything but a text, of a number": in_detail("count", {"anything-but": "5"}),
    "anything but a prefix, of a number": in_detail("count", {"anything-but": {"prefix": "5"}}),
    "anything but a prefix": in_detail("state", {"anything-but": {"prefix": "Stop"}}),
    "anything but prefixes": in_detail("state", {"anything-but": {"prefix": ["Stop", "Pend"]}}),
    "anything but a suffix": in_detail("path", {"anything-but": {"suffix": ".txt"}}),
    "anything but a text, ignoring case": in_detail("state", {"anything-but": {"equals-ignore-case": ["stopped", "pending"]}}),
    "anything but a wildcard": in_detail("path", {"anything-but": {"wildcard": "*/bin/*"}}),
    "anything but wildcards": in_detail("path", {"anything-but": {"wildcard": ["*/bin/*", "*.txt"]}}),
    "anything but, one value of an array": in_detail("tags", {"anything-but": ["red"]}),
    "a numeric range": in_detail("count", {"numeric": [">", 0, "<=", 5]}),
    "a numeric equality": in_detail("price", {"numeric": ["=", 3.018e2]}),
    "one numeric bound": in_detail("count", {"numeric": [">=", 5]}),
    "exists": in_detail("state", {"exists": True}),
    "exists, of null": in_detail("coupon", {"exists": True}),
    "does not exist": in_detail("errorCode", {"exists": False}),
    "does not exist, of an object": in_detail("buyer", {"exists": False}),
    "does not exist, of an empty array": in_detail("none", {"exists": False}),
    "does not exist, of an empty object": in_detail("nothing", {"exists": False}),
    "does not exist, or is something": in_detail("errorCode", "Denied", {"exists": False}),
    "a network": in_detail("address", {"cidr": "10.0.0.0/24"}),
    "a network with host bits": in_detail("address", {"cidr": "10.0.0.5/24"}),
    "a network of IPv6": in_detail("v6", {"cidr": "2001:db8:1234:1a00::/56"}),
    "a wildcard": in_detail("path", {"wildcard": "dir/*.PNG"}),
    "a wildcard for nothing": in_detail("state", {"wildcard": "Running*"}),
    "escaped characters": in_detail("literal", {"wildcard": r"a\*b\\c"}),
    "or, at the top": {"$or": [{"source": ["other"]}, {"detail": {"count": [5]}}]},
    "or, in detail": {"detail": {"$or": [{"count": [9]}, {"state": [{"prefix": "Run"}]}]}},
    "two ors": {"$or": [{"source": ["x"]}, {"region": ["eu-west-1"]}], "detail": {"$or": [{"count": [5]}, {"state": ["x"]}]}},
    "or within or": {"$or": [{"source": ["x"]}, {"source": ["shop.orders"], "$or": [{"region": ["x"]}, {"account": ["111122223333"]}]}]},
    "an object of an array": {"detail": {"lines": {"sku": ["b"]}}},
    "two fields of one object of an array": {"detail": {"lines": {"sku": ["b"], "qty": [9]}}},
    "a field that this object of an array lacks": {"detail": {"parcels": {"items": {"x": [{"exists": False}], "sku": ["b"]}}}},
    "a field that another object of an array has": {"detail": {"mixed": {"z": [{"exists": False}], "a": [1]}}},
    "an array of arrays": {"detail": {"grid": {"x": [1], "y": [2]}}},
    "a name replaced inside or": {"source": ["x"], "$or": [{"source": ["shop.orders"]}, {"source": ["y"]}]},
    "a wildcard over lines": in_detail("letter", {"wildcard": "Dear*"}),
    "arrays in arrays": {"detail": {"parcels": {"items": {"sku": ["b"], "ok": [False]}}}},
}

DIFFERS = {
    "another text": {"source": ["shop.returns"]},
    "one field of several": {"source": ["shop.orders"], "detail": {"count": [6]}},
    "a text's case": in_detail("state", "running"),
    "a number for a text": in_detail("count", "5"),
    "one for true": in_detail("paid", 1),
    "true for a number": in_detail("count", True),
    "a field that is missing": in_detail("missing", "x"),
    "null for a missing field": in_detail("missing", None),
    "a field of the envelope that is missing": {"nope": ["x"]},
    "a prefix of a number": in_detail("count", {"prefix": "5"}),
    "anything but, of a missing field": in_detail("missing", {"anything-but": "x"}),
    "anything but this one": in_detail("state", {"anything-but": ["Running", "x"]}),
    "anything but this number": in_detail("count", {"anything-but": [5.0]}),
    "anything but this prefix": in_detail("state", {"anything-but": {"prefix": ["x", "Run"]}}),
    "anything but this text, ignoring case": in_detail("state", {"anything-but": {"equals-ignore-case": "RUNNING"}}),
    "anything but this wildcard": in_detail("path", {"anything-but": {"wildcard": "*/lib/*"}}),
    "anything but, all values of an array": in_detail("tags", {"anything-but": ["red", "blue"]}),
    "a range's open end": in_detail("count", {"numeric": [">", 5]}),
    "numeric, of a boolean": in_detail("paid", {"numeric": [">", 0]}),
    "numeric, of a text": in_detail("state", {"numeric": [">", 0]}),
    "exists, of an object": in_detail("buyer", {"exists": True}),
    "exists, of an empty array": in_detail("none", {"exists": True}),
    "does not exist, of a value": in_detail("state", {"exists": False}),
    "another network": in_detail("address", {"cidr": "10.0.1.0/24"}),
    "a network, of a text": in_detail("state", {"cidr": "10.0.0.0/24"}),
    "a wildcard's case": in_detail("path", {"wildcard": "*.png"}),
    "or, and something else": {"source": ["x"], "detail": {"$or": [{"count": [5]}, {"state": ["Running"]}]}},
    "a field that another object of an array has, of an earlier name": {"detail": {"mixed": {"z": [3], "a": [{"exists": False}]}}},
    "or, none of them": {"detail": {"$or": [{"count": [6]}, {"state": ["x"]}]}},
    "fields of two objects of an array": {"detail": {"lines": {"sku": ["a"], "qty": [9]}}},
    "fields of two objects of nested arrays": {"detail": {"parcels": {"items": {"sku": ["b"], "ok": [True]}}}},
}


@pytest.mark.parametrize("pattern", MATCHES.values(), ids=MATCHES.keys())
def test_matches(pattern: dict[str, Any]) -> None:
    assert compile_pattern(pattern).matches(EVENT) is True


@pytest.mark.parametrize("pattern", DIFFERS.values(), ids=DIFFERS.keys())
def test_does_not_match(pattern: dict[str, Any]) -> None:
    assert compile_pattern(pattern).matches(EVENT) is False


NOT_OURS = {
    "detail": {
        "userIdentity": {"sessionContext": {"sessionIssuer": {"arn": [{"exists": False}, {"anything-but": {"wildcard": "*:role/steward/*"}}]}}}
    }
}


@pytest.mark.parametrize(
    ("identity", "expected"),
    [
        ({"sessionContext": {"sessionIssuer": {"arn": "arn:aws:iam::444444444444:role/steward/profile_cost_tagging"}}}, False),
        ({"sessionContext": {"sessionIssuer": {"arn": "arn:aws:iam::444444444444:role/DataScientist"}}}, True),
        ({"type": "AWSService", "invokedBy": "servicecatalog.amazonaws.com"}, True),
        ({"type": "IdentityCenterUser", "sessionContext": {"attributes": {}}}, True),
    ],
)
def test_what_our_own_roles_did_is_left_out_and_nothing_else(identity: dict[str, Any], expected: bool) -> None:
    assert compile_pattern(NOT_OURS).matches({"detail": {"userIdentity": identity}}) is expected


INVALID: dict[str, tuple[Any, str, str]] = {
    "no JSON": ("{'a': 1}", "", "it is not JSON"),
    "no object": ('["a"]', "", "Filter is not an object"),
    "an empty pattern": ({}, "", "Empty objects"),
    "an empty object": ({"detail": {}}, "detail", "Empty objects"),
    "a bare value": ({"detail": {"count": 5}}, "detail.count", '"count" must be an object or an array'),
    "an empty array": (in_detail("state"), "detail.state", "Empty arrays"),
    "an array in an array": (in_detail("state", ["a"]), "detail.state", "Match value must be"),
    "an unknown operator": (in_detail("state", {"EXISTS": True}), "detail.state", "Unrecognized match type EXISTS"),
    "no operator": (in_detail("state", {}), "detail.state", "name not found"),
    "two operators": (in_detail("state", {"prefix": "a", "suffix": "b"}), "detail.state", "Only one key"),
    "a prefix of a number": (in_detail("state", {"prefix": 5}), "detail.state", "prefix match pattern must be a string"),
    "a list of prefixes": (in_detail("state", {"prefix": ["a"]}), "detail.state", "prefix match pattern must be a string"),
    "an operator in a suffix": (in_detail("state", {"suffix": {"wildcard": "a"}}), "detail.state", "Unsupported suffix pattern: wildcard"),
    "a list, ignoring case": (in_detail("state", {"equals-ignore-case": ["a"]}), "detail.state", "must be a string"),
    "exists, of a text": (in_detail("state", {"exists": "true"}), "detail.state", "must be either true or false"),
    "two stars": (in_detail("state", {"wildcard": "a**b"}), "detail.state", "Consecutive wildcard characters at pos 2"),
    "a lone backslash": (in_detail("state", {"wildcard": "a\\b"}), "detail.state", "Invalid escape character at pos 2"),
    "too many stars": (in_detail("state", {"wildcard": "*:*:*:*:*:event-bus/*"}), "detail.state", "Rule is too complex"),
    "no mask": (in_detail("address", {"cidr": "10.0.0.0"}), "detail.address", "one '/' required"),
    "no number for a mask": (in_detail("address", {"cidr": "10.0.0.0/x"}), "detail.address", "must be an integer"),
    "too long a mask": (in_detail("address", {"cidr": "10.0.0.0/32"}), "detail.address", "IPv4 mask bits must be < 32"),
    "no address": (in_detail("address", {"cidr": "xx.1/8"}), "detail.address", "Nonstandard IP address: xx.1"),
    "numeric without a list": (in_detail("count", {"numeric": 5}), "detail.count", "must be an array"),
    "an unknown relation": (in_detail("count", {"numeric": ["!=", 5]}), "detail.count", "Unrecognized numeric range operator: !="),
    "two lower bounds": (in_detail("count", {"numeric": [">", 0, ">", 1]}), "detail.count", "Bad numeric range operator: >"),
    "a bound without a number": (in_detail("count", {"numeric": [">", 0, "<"]}), "detail.count", "Value of < must be numeric"),
    "a boolean bound": (in_detail("count", {"numeric": ["=", True]}), "detail.count", "Value of equals must be numeric"),
    "a range of nothing": (in_detail("count", {"numeric": [">", 5, "<", 5]}), "detail.count", "Bottom must be less than top"),
    "upper bound first": (in_detail("count", {"numeric": ["<", 5, ">", 0]}), "detail.count", "Too many elements"),
    "anything but null": (in_detail("state", {"anything-but": None}), "detail.state", "must be an array or single"),
    "anything but a mixture": (in_detail("state", {"anything-but": ["a", 1]}), "detail.state", "mixed type"),
    "anything but nothing": (in_detail("state", {"anything-but": []}), "detail.state", "mixed type"),
    "anything but booleans": (in_detail("state", {"anything-but": [True]}), "detail.state", "start|null|boolean"),
    "anything but the empty prefix": (in_detail("state", {"anything-but": {"prefix": ""}}), "detail.state", "Null prefix/suffix"),
    "anything but a number's prefix": (in_detail("state", {"anything-but": {"prefix": [1, "a"]}}), "detail.state", "prefix/suffix match pattern"),
    "anything but a range": (
        in_detail("state", {"anything-but": {"numeric": ["=", 1]}}),
        "detail.state",
        "Unsupported anything-but pattern: numeric",
    ),
    "or of one": ({"detail": {"$or": [{"a": [1]}]}}, "detail.$or", "at least 2 Objects"),
    "or without a list": ({"$or": {"a": [1]}}, "$or", "must be an Array"),
    "or of values": ({"$or": ["a", "b"]}, "$or", "Only JSON object"),
    "a keyword for a name in or": ({"$or": [{"numeric": [1]}, {"a": [1]}]}, "numeric", "reserved fieldName"),
    "too many combinations": ({"detail": {f"f{n}": {"$or": [{"a": [1]}, {"b": [1]}]} for n in range(10)}}, "detail.f9.$or", "more than 1000"),
}


@pytest.mark.parametrize(("pattern", "path", "reason"), INVALID.values(), ids=INVALID.keys())
def test_invalid_patterns_say_where_and_why(pattern: Any, path: str, reason: str) -> None:
    with pytest.raises(InvalidPattern) as raised:
        compile_pattern(pattern)
    assert raised.value.path == path
    assert reason in raised.value.reason
    assert str(raised.value).startswith("Event pattern is not valid. Reason: ")


def test_a_pattern_is_compiled_once() -> None:
    assert compile_pattern('{"source": ["a"]}') is compile_pattern('{"source": ["a"]}')


def test_thousands_of_events_take_no_time_to_speak_of() -> None:
    patterns = [compile_pattern(pattern) for pattern in [*MATCHES.values(), *DIFFERS.values()]]
    start = time.monotonic()
    for _ in range(100):
        for pattern in patterns:
            pattern.matches(EVENT)
    assert (time.monotonic() - start) / (100 * len(patterns)) < 0.001
