"""`dialect: vertex` is Gemini's API at an address that the project and the location make."""

from __future__ import annotations

import pytest

from headworks.gateway.leaves import DIALECTS
from headworks.system.schema.credentials import GoogleCredential
from headworks.system.schema.system import Vertex
from tests.system.files import right, wrong


def provider(written: str) -> Vertex:
    found = right(f"providers: {{v: {written}}}\nmodels: {{a: v/gemini-3.5-flash}}", {}).providers["v"]
    assert isinstance(found, Vertex)
    return found


@pytest.mark.parametrize(
    ("more", "address"),
    [
        ("", "aiplatform.googleapis.com/v1/projects/p-1/locations/global"),
        (", location: global", "aiplatform.googleapis.com/v1/projects/p-1/locations/global"),
        (", location: europe-west4", "europe-west4-aiplatform.googleapis.com/v1/projects/p-1/locations/europe-west4"),
    ],
)
def test_the_project_and_the_location_make_the_address(more: str, address: str) -> None:
    found = provider(f"{{dialect: vertex, project: p-1{more}}}")
    assert found.base_url == f"https://{address}/publishers/google"
    assert found.credential == GoogleCredential()


def test_a_project_that_is_missing_is_told_and_an_address_of_ones_own_needs_none() -> None:
    [said] = wrong("providers: {v: {dialect: vertex}}\nmodels: {a: v/x}", {})
    assert "`project` is missing: the address has it" in said
    written = "{dialect: vertex, base_url: 'https://gate.example/publishers/google', api_key: 'k23456789012'}"
    found = provider(written)
    assert (found.base_url, found.credential) == ("https://gate.example/publishers/google", None)


def test_it_speaks_geminis_api() -> None:
    assert DIALECTS["vertex"] is DIALECTS["gemini"]
    assert DIALECTS["vertex"]["gemini.generate"].path("gemini-x", streamed=True) == (
        b"/models/gemini-x:streamGenerateContent?alt=sse"
    )
