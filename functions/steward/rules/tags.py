"""Which cost tags should a user profile or a space carry, and why? Pure: what is known comes in, a decision with its reasons goes out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from unicodedata import category, normalize

LONGEST_VALUE = 256
NOTHING: Mapping[str, str] = {}
FULL = 45
"""AWS takes 50 tags on one thing. The last five are not ours to use: whoever tags next would fail, and with TagPropagation so would their jobs."""


@dataclass(frozen=True)
class Known:
    """What a tag is to say, and where that is from. An empty value: somebody should know it and nobody does."""

    value: str
    source: str


@dataclass(frozen=True)
class TagToSet:
    """A tag that is missing (`before` is None) or has another value, and where the right value comes from."""

    key: str
    before: str | None
    after: str
    reason: str


@dataclass(frozen=True)
class Decision:
    """`to_set` is what to write, empty when all is well. `missing` are keys whose value nobody knows: never a guess. `without_room` are keys that
    would be added, were the thing not full."""

    to_set: tuple[TagToSet, ...]
    missing: tuple[str, ...] = ()
    without_room: tuple[str, ...] = ()


def user_of_profile(profile_name: str, single_sign_on_user: str | None) -> Known:
    """Who uses a profile: in a domain with IAM Identity Center the user it belongs to, else whoever it is named after."""
    if single_sign_on_user:
        return Known(single_sign_on_user, "user in IAM Identity Center")
    return Known(profile_name, "name of the user profile")


def decide_cost_tags(
    user: Known | None,
    account_tags: Mapping[str, str],
    domain_tags: Mapping[str, str],
    present: Mapping[str, str],
    *,
    user_key: str,
    account_keys: Sequence[str],
    copied: Mapping[str, str] = NOTHING,
) -> Decision:
    """The user's tag, unless it is nobody's alone (`user` is None), and those of the account, each overridden by the domain's own.

    `copied` are tags of the domain, key and value, that are copies of the account's from before: they override nothing. `present` are the tags that
    the profile or space has. Those under other keys are not ours: they are counted and never looked at.
    """
    wanted = {} if user is None else {user_key: user}
    of_domain = {key: value for key, value in domain_tags.items() if not account_tags.get(key) or value not in (account_tags[key], copied.get(key))}
    wanted |= {key: _of_the_project(key, account_tags, of_domain) for key in account_keys}
    fitting = {key: _fitting(known) for key, known in wanted.items()}
    different = [
        TagToSet(key, present.get(key), known.value, known.source)
        for key, known in fitting.items()
        if known.value and known.value != present.get(key)
    ]
    full = len(present) >= FULL
    return Decision(
        to_set=tuple(tag for tag in different if not (full and tag.before is None)),
        missing=tuple(key for key, known in fitting.items() if not known.value),
        without_room=tuple(tag.key for tag in different if full and tag.before is None),
    )


def differ(domain_tags: Mapping[str, str], account_tags: Mapping[str, str], keys: Sequence[str]) -> bool:
    """Does the domain say anything else than its account? Only then it matters which of its tags are copies."""
    return any(domain_tags.get(key) and account_tags.get(key) and domain_tags[key] != account_tags[key] for key in keys)


def fit_for_tag(value: str) -> tuple[str, str]:
    """The nearest value that a tag of SageMaker takes, and in words what was done to it: no words where nothing was.

    Letters, separators and numbers of any script and ``_.:/=+-@``, 256 characters
    (https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_Tag.html). The value is empty where nothing readable is left.
    """
    if all(map(_is_taken, value)):
        fitted, done = value, []
    else:
        composed = normalize("NFC", value)  # a letter with its accent beside it is two characters, of which AWS takes the first
        fitted = "".join(letter if _is_taken(letter) else "_" for letter in composed)
        done = ["with _ for each character that AWS does not take" if fitted != composed else "with its accents composed"]
        if not any(_is_taken(letter) and not letter.isspace() for letter in composed):
            fitted = ""
    if len(fitted) > LONGEST_VALUE:
        fitted = fitted[:LONGEST_VALUE]
        done.append(f"cut to {LONGEST_VALUE} characters")
    return (fitted, ", ".join(done)) if fitted.strip() else ("", "")


def _is_taken(letter: str) -> bool:
    return category(letter)[0] in "LZN" or letter in "_.:/=+-@"


def _fitting(known: Known) -> Known:
    value, done = fit_for_tag(known.value)
    return Known(value, f"{known.source}, {done}" if done else known.source)


def _of_the_project(key: str, account_tags: Mapping[str, str], domain_tags: Mapping[str, str]) -> Known:
    of_account, of_domain = account_tags.get(key, ""), domain_tags.get(key, "")
    if not fit_for_tag(of_domain)[0]:
        return Known(of_account, f"account tag {key}")
    return Known(of_domain, f"domain tag {key}" + (", which goes before the account's" if of_account else ""))
