"""What must hold of a credential that changes."""

from __future__ import annotations

from urllib.parse import urlsplit

from headworks.core.extras import install
from headworks.system.checks.machine import Machine
from headworks.system.derived.aws_region import aws_region
from headworks.system.preset_words import KEY_HEADERS, unsaid
from headworks.system.schema.credentials import NEEDS, AwsCredential, GoogleCredential
from headworks.system.schema.notations import Address
from headworks.system.schema.system import OpenAI
from headworks.system.syntax.findings import Findings, KeyPath
from headworks.system.syntax.scalars import shown


def check_credential(provider: OpenAI, where: KeyPath, findings: Findings, machine: Machine) -> None:
    """Reports what is wrong with the credential of a provider that has one."""
    at, credential = (*where, "credential"), provider.credential
    assert credential is not None
    module, extra = NEEDS[type(credential)]
    if not machine.has_module(module):
        findings.error(at, "the library for this credential is not installed", install(extra))
    twice = ["api_key"] if provider.api_key is not None else []
    twice += [name for name in provider.headers if name.lower() in KEY_HEADERS]
    if twice:
        findings.error(at, f"`{twice[0]}` is our key at this vendor, too", "keep one of the two")
    url = urlsplit(provider.base_url)
    if url.scheme == "http" and not Address(host=url.hostname or "", port=0).is_loopback:
        findings.warn((*where, "base_url"), "the token is sent over the network unencrypted", "use https")
    if isinstance(credential, AwsCredential):
        if not aws_region(provider) and not unsaid(provider.base_url):
            findings.error(at, "the AWS region is not known", "write it: region: eu-central-1")
        if credential.external_id is not None and credential.role is None:
            findings.error((*at, "external_id"), "it goes with a role, and none is named", "write role: ARN")
    elif isinstance(credential, GoogleCredential):
        _google(credential, at, findings, machine)
    elif credential.secret is not None:
        missing = [name for name in ("tenant", "client") if getattr(credential, name) is None]
        if missing:
            findings.error(at, f"`{missing[0]}` is missing: a secret is that of a client", f"write {missing[0]}: ID")


def _google(credential: GoogleCredential, at: KeyPath, findings: Findings, machine: Machine) -> None:
    if credential.file is None or not findings.is_valid((*at, "file")):
        return
    try:
        machine.read(credential.file, 1)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else "not a path"
        remedy = "the path is relative to the system file's folder"
        findings.error((*at, "file"), f"{shown(credential.file)} cannot be read: {why}", remedy)
