"""What /openapi.json says is so: every route is in it, and whatever is sent, the answer is one that it names."""

import hypothesis
import pytest

from inksight.serve.app import ROUTES

schemathesis = pytest.importorskip("schemathesis")

pytestmark = pytest.mark.slow
GenerationMode = schemathesis.GenerationMode

EVERY = list(hypothesis.HealthCheck)
CHECKS = [
    schemathesis.checks.not_a_server_error,
    schemathesis.checks.status_code_conformance,
    schemathesis.checks.content_type_conformance,
    schemathesis.checks.response_schema_conformance,
]


@pytest.fixture(scope="module")
def api(server):
    return schemathesis.openapi.from_url(f"{server.address}/openapi.json")


def test_it_names_every_route(server):
    document = server.client.get("/openapi.json").json()
    named = {
        (path, method.upper()) for path, item in document["paths"].items() for method in item if method != "parameters"
    }
    assert named == {(route.path, method) for route in ROUTES for method in route.methods - {"HEAD"}}


def test_whatever_is_sent_the_answer_is_one_that_it_names(api):
    for operation in api.get_all_operations():
        send_all_kinds(operation.ok())


def send_all_kinds(operation) -> None:
    """Forty requests to one operation, half of them not as the document wants them."""

    @hypothesis.settings(max_examples=20, deadline=None, derandomize=True, database=None, suppress_health_check=EVERY)
    @hypothesis.given(
        case=operation.as_strategy(GenerationMode.POSITIVE) | operation.as_strategy(GenerationMode.NEGATIVE)
    )
    def send(case) -> None:
        case.call_and_validate(checks=CHECKS)

    send()
