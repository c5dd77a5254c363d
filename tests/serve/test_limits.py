"""What is too much is refused: bodies, pictures, time, and requests at once."""

import pytest

PNG = {"Content-Type": "image/png"}
MIB = 1024**2


@pytest.fixture(scope="module")
def small(start):
    """A server that takes little: 1 MiB, three pictures, two requests at a time, half a second."""
    limits = ("--max-body-mib", "1", "--max-pictures", "3", "--queue", "2", "--time-limit", "0.5")
    with start(*limits) as running:
        yield running


def chunks(size: int):
    for _ in range(size // 1000):
        yield bytes(1000)


@pytest.mark.parametrize("path", ["/predict", "/read", "/v2/models/shipped/infer"])
@pytest.mark.parametrize("declared", [True, False], ids=["declared", "chunked"])
def test_a_body_over_the_limit_is_413(small, path, declared):
    content = bytes(2 * MIB) if declared else chunks(2 * MIB)
    answer = small.client.post(path, content=content, headers=PNG)
    assert answer.status_code == 413
    assert answer.json() == {"error": "the body has more than 1 MiB; send less at a time."}


def test_a_declared_body_over_the_limit_is_not_waited_for(small, finish):
    connection = small.connect()
    head = "POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\nContent-Length: 99999999999"
    connection.sendall(f"{head}\r\n\r\n".encode())
    status, _, content = finish(connection)
    assert (status, b"more than 1 MiB" in content) == (413, True)


def test_an_endless_body_is_413_while_it_comes(small, finish):
    connection = small.connect()
    head = "POST /predict HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\nTransfer-Encoding: chunked"
    connection.sendall(f"{head}\r\n\r\n".encode())
    for _ in range(12):
        connection.sendall(b"20000\r\n" + bytes(0x20000) + b"\r\n")  # and never the last one
    status, _, content = finish(connection)
    assert (status, b"more than 1 MiB" in content) == (413, True)


def test_a_body_below_the_limit_is_taken_in_any_pieces(small, drawing):
    answer = small.client.post("/predict", content=(drawing[i : i + 7] for i in range(0, len(drawing), 7)), headers=PNG)
    assert (answer.status_code, answer.json()["label"]) == (200, "7")


def test_pictures_over_the_limit_are_413(small, mnist, drawing, ask_tensor):
    files = [("file", (str(index), drawing)) for index in range(4)]
    assert small.client.post("/predict", files=files[:3]).status_code == 200
    answer = small.client.post("/predict", files=files)
    assert (answer.status_code, answer.json()["error"]) == (413, "more than 3 pictures came; send less at a time.")
    answer = small.client.post("/v2/models/shipped/infer", json=ask_tensor(mnist.test.images[:4]))
    assert (answer.status_code, answer.json()["error"]) == (413, "4 images came; at most 3 are taken at a time.")


def test_a_request_that_takes_too_long_is_504(small, drawing, finish):
    status, _, content = finish(small.half_a_request(drawing))
    assert status == 504
    assert content == b'{"error":"no answer was ready after 0.5 s; send less at a time."}'
    assert small.inside() == 0


def test_a_full_queue_is_503_at_once_and_those_inside_are_answered(start, drawing, finish):
    with start("--queue", "2") as server:
        inside = [server.half_a_request(drawing) for _ in range(2)]
        while server.inside() < 2:
            pass
        for path in ("/predict", "/read", "/v2/models/shipped/infer"):
            answer = server.client.post(path, content=drawing, headers=PNG)
            assert answer.status_code == 503
            assert answer.headers["retry-after"] == "1"
            assert answer.json() == {"error": "2 requests wait already; try again in a second."}
        assert server.client.get("/v2/health/ready").status_code == 200  # full is not the same as not ready
        for connection in inside:
            connection.sendall(drawing[-1:])
            status, _, content = finish(connection)
            assert status == 200 and b'"label":"7"' in content
        assert server.client.post("/predict", content=drawing, headers=PNG).status_code == 200


def test_clients_that_leave_do_not_keep_their_place(server, drawing):
    for _ in range(300):
        server.half_a_request(drawing).close()
    while server.inside():
        pass
    assert server.client.post("/predict", content=drawing, headers=PNG).json()["label"] == "7"


def test_all_bodies_together_are_bounded(drawing):
    import asyncio

    import httpx

    from inksight.serve.app import create_app
    from inksight.serve.service import Service
    from inksight.serve.settings import Settings

    async def ask() -> list[httpx.Response]:
        app = create_app(Service("shipped", Settings(held_bytes=len(drawing) + 1000)))
        arrived = asyncio.Event()

        async def slow(content: bytes):
            yield content[:-1]
            arrived.set()
            await last.wait()
            yield content[-1:]

        last = asyncio.Event()
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=PNG) as client:
            first = asyncio.create_task(client.post("/predict", content=slow(drawing)))
            await arrived.wait()
            second = await client.post("/predict", content=drawing)
            last.set()
            return [await first, second, await client.post("/predict", content=drawing)]

    inside, refused, after = asyncio.run(ask())
    assert [inside.status_code, refused.status_code, after.status_code] == [200, 503, 200]
    assert refused.headers["retry-after"] == "1"
    assert refused.json() == {"error": "the bodies that wait fill the memory for them; try again in a second."}
