"""What a function runs: its unpacked archive, and the third-party packages of its layers.

A layer's packages are not loaded from the layer, whose wheels are for Lambda's processor and Python: they come from the interpreter localaws runs on,
and are refused where its versions are not the layer's.
"""

import hashlib
import io
import re
import zipfile
from importlib import metadata
from pathlib import Path

from localaws.cloud import Refused

_PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)(\[[^\]]*\])?==(?P<version>[^\s;\\]+)(?P<marker>\s*;[^\\]*)?")
_DISTRIBUTION = re.compile(r"^python/(?P<name>[^/]+)-(?P<version>[^-/]+)\.dist-info/METADATA$")


def unpack(archive: bytes, below: Path) -> Path:
    """The folder with the archive's files, unpacked once for each content."""
    folder = below / hashlib.sha256(archive).hexdigest()[:16]
    if not folder.exists():
        with zipfile.ZipFile(io.BytesIO(archive)) as files:
            files.extractall(folder)
    return folder


def check_layer(name: str, archive: bytes) -> None:
    """Refuse a layer whose packages this interpreter has not, in the same versions; and one that carries code of its own."""
    with zipfile.ZipFile(io.BytesIO(archive)) as files:
        names = files.namelist()
        pins = _pins_of_requirements(files.read("requirements.txt").decode()) if "requirements.txt" in names else _pins_of_distributions(names)
    if not pins:
        raise Refused(f"layer {name}: neither a requirements.txt nor built packages below python/; code of a layer's own is not run here")
    for package, wanted in sorted(pins.items()):
        try:
            here = metadata.version(package)
        except metadata.PackageNotFoundError:
            here = "not installed"
        if here != wanted:
            raise Refused(f"layer {name}: {package} {wanted} in the layer, {here} in the interpreter localaws runs on; install the same version")


def _pins_of_requirements(text: str) -> dict[str, str]:
    """``name==version`` lines, but those whose marker another platform or Python is meant by."""
    found = (_PIN.match(line) for line in text.splitlines())
    return {pin["name"]: pin["version"] for pin in found if pin and not (pin["marker"] or "").strip()}


def _pins_of_distributions(names: list[str]) -> dict[str, str]:
    found = (_DISTRIBUTION.match(name) for name in names)
    return {pin["name"]: pin["version"] for pin in found if pin}
