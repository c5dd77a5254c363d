"""Who may ask: token, Host, Origin; and what every answer's head says."""

import os

import pytest


@pytest.fixture(scope="module")
def guarded(start):
    """A server with a token, a name and a page that may call it."""
    arguments = ("--allow-host", "digits.example", "--cors", "https://page.example")
    with start(*arguments, environment={"INKSIGHT_TOKEN": "an open sesame"}) as running:
        yield running


KNOWN = {"Authorization": "Bearer an open sesame"}


@pytest.mark.parametrize(
    "path", ["/predict", "/read", "/metrics", "/openapi.json", "/v2", "/v2/models/shipped", "/nowhere"]
)
@pytest.mark.parametrize(
    "value", [None, "Bearer", "Bearer an open sesam", "Basic an open sesame", "Bearer än", "an open sesame"]
)
def test_without_the_token_nothing_but_health_is_told(guarded, path, value):
    headers = {} if value is None else {"Authorization": value.encode()}
    answer = guarded.client.post(path, headers=headers)
    assert answer.status_code == 401
    assert answer.json() == {"error": "this service wants a token: Authorization: Bearer TOKEN."}
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/v2/health/live", "/v2/health/ready"])
def test_health_is_open(guarded, path):
    assert guarded.client.get(path).status_code == 200


def test_with_the_token_all_is_as_ever(guarded, drawing):
    answer = guarded.client.post("/predict", content=drawing, headers={**KNOWN, "Content-Type": "image/png"})
    assert answer.json()["label"] == "7"
    assert guarded.client.get("/v2", headers={"authorization": "bearer an open sesame"}).status_code == 200
    document = guarded.client.get("/openapi.json", headers=KNOWN).json()
    assert document["security"] == [{"token": []}]


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("LOCALHOST:8000", 200),
        ("127.0.0.1:1", 200),
        ("[::1]:8000", 200),
        ("192.168.7.7", 200),
        ("digits.example:8000", 200),
        ("evil.example", 400),
        ("localhost.evil.example", 400),
        ("127.0.0.1.evil.example", 400),
        ("digits.example@evil.example", 400),
        ("evil.example/localhost", 400),
        ("", 400),
        ("[::1", 400),
    ],
)
def test_only_names_of_its_own_are_answered_to(guarded, host, status):
    answer = guarded.client.get("/v2/health/ready", headers={"Host": host})
    assert answer.status_code == status
    if status == 400:
        text = f'the Host "{host}" is not one this service goes by; allow it with --allow-host.'
        assert answer.json() == {"error": text}


def test_pages_of_others_are_refused(guarded, server, drawing):
    headers = {"Content-Type": "image/png", "Origin": "https://evil.example"}
    for each in (guarded, server):
        answer = each.client.post("/predict", content=drawing, headers={**KNOWN, **headers})
        assert answer.status_code == 403
        assert answer.json()["error"].startswith("a page of https://evil.example asked; only this service's own may.")
        assert "access-control-allow-origin" not in answer.headers
    own = {"Content-Type": "image/png", "Origin": server.address}
    assert server.client.post("/predict", content=drawing, headers=own).status_code == 200
    assert server.client.post("/predict", content=drawing, headers={**own, "Origin": "null"}).status_code == 403


def test_an_allowed_page_may_call(guarded, drawing):
    page = {"Origin": "https://page.example"}
    wish = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}
    preflight = guarded.client.options("/predict", headers={**page, **wish})
    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-origin"] == "https://page.example"
    answer = guarded.client.post("/predict", content=drawing, headers={**KNOWN, **page, "Content-Type": "image/png"})
    assert (answer.status_code, answer.json()["label"]) == (200, "7")
    assert answer.headers["access-control-allow-origin"] == "https://page.example"
    refused = guarded.client.options("/predict", headers={**wish, "Origin": "https://evil.example"})
    assert refused.status_code == 400


def test_every_answer_has_the_security_headers(server, drawing):
    for answer in (
        server.client.get("/v2"),
        server.client.get("/nowhere"),
        server.client.post("/predict", content=b"none"),
        server.client.get("/v2", headers={"Host": "evil.example"}),
    ):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cache-control"] == "no-store"
        assert "server" not in answer.headers
        assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (("--token", ""), 2, "Error: the token is empty; a secret was wanted. Leave it out to ask for none."),
        (("--cors", "*"), 2, 'Error: the origin "*" came; one like https://example.org was wanted, without a path.'),
        (("--cors", "https://a.example/path"), 2, 'Error: the origin "https://a.example/path" came; one like'),
        (("--queue", "0"), 2, "Error: queue is 0; more than 0 was wanted."),
        (("--model", "nowhere"), 1, 'Error: no run "nowhere": there is no such folder.'),
        (("--port", "99999"), 2, "Usage: "),
        (("--host", "nowhere.invalid"), 1, "Error: nowhere.invalid port 8000 cannot be listened on: "),
    ],
)
def test_what_cannot_be_started_is_said(command, tmp_path, arguments, code, text):
    done = command(tmp_path, "serve", *arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith(text)
    assert "Traceback" not in done.stderr


def test_an_empty_variable_does_not_leave_the_door_open(command, tmp_path):
    done = command(tmp_path, "serve", "--port", "0", env={**os.environ, "INKSIGHT_TOKEN": ""})
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Error: the token is empty; a secret was wanted.")


def test_a_taken_port_is_said(server, command, tmp_path):
    done = command(tmp_path, "serve", "--port", str(server.port))
    assert done.returncode == 1
    assert f"127.0.0.1 port {server.port} cannot be listened on: Address already in use" in done.stderr
