"""Many clients, all kinds of requests: no answer goes to another's question."""

import asyncio
import os
import random

import httpx
import numpy as np

REQUESTS = int(os.environ.get("INKSIGHT_MIXED_REQUESTS", "500"))  # .ci/run asks more
CLIENTS = 24


def test_no_answer_is_swapped(server, reader, mnist, png, ask_tensor):
    """Every answer is the one that the library gives to that question alone."""
    images = mnist.test.images[:200]
    answers = [reader.predict(png(image)) for image in images]
    readings = [reader.read(png(image)).to_dict() for image in images[:20]]

    def same(found: dict, index: int, source: str) -> None:
        expected = answers[index].to_dict()
        assert (found["source"], found["label"], found["verdict"]) == (source, expected["label"], expected["verdict"])
        for name, value in expected["probabilities"].items():
            assert abs(found["probabilities"][name] - value) <= 1e-6

    async def one(client: httpx.AsyncClient, chance: random.Random, number: int) -> None:
        kind, index = chance.choice(["raw", "form", "tensor", "read", "bad"]), chance.randrange(len(images))
        if kind == "raw":
            answer = await client.post("/predict", content=png(images[index]), headers={"Content-Type": "image/png"})
            same(answer.json(), index, "the picture")
        elif kind == "form":
            chosen = [chance.randrange(len(images)) for _ in range(3)]
            files = [("file", (f"{number}-{each}.png", png(images[each]))) for each in chosen]
            found = (await client.post("/predict", files=files)).json()
            for each, entry in zip(chosen, found, strict=True):
                same(entry, each, f"{number}-{each}.png")
        elif kind == "tensor":
            start = chance.randrange(len(images) - 5)
            body = ask_tensor(images[start : start + 5], id=str(number))
            content = (await client.post("/v2/models/shipped/infer", json=body)).json()
            assert content["id"] == str(number)
            rows = np.float32(content["outputs"][0]["data"]).reshape(5, 10)
            expected = [list(each.probabilities.values()) for each in answers[start : start + 5]]
            assert np.abs(rows - np.float32(expected)).max() <= 1e-6
        elif kind == "read":
            index %= len(readings)
            answer = await client.post("/read", content=png(images[index]), headers={"Content-Type": "image/png"})
            assert answer.json() == readings[index]
        else:
            answer = await client.post("/predict", content=str(number).encode())
            assert answer.status_code == 422 and "is not a picture" in answer.json()["error"]

    async def everything() -> None:
        numbers = iter(range(REQUESTS))

        async def work(seed: int) -> None:
            chance = random.Random(seed)
            async with httpx.AsyncClient(base_url=server.address, timeout=60) as client:
                for number in numbers:
                    await one(client, chance, number)

        async with asyncio.TaskGroup() as group:
            for seed in range(CLIENTS):
                group.create_task(work(seed))

    asyncio.run(everything())
    text = server.client.get("/metrics").text
    batches = {
        line.split("{")[0].split()[0]: line.split()[-1] for line in text.splitlines() if "batch_pictures" in line
    }
    runs, pictures = (float(batches[f"inksight_batch_pictures_{name}"]) for name in ("count", "sum"))
    assert pictures > 1.5 * runs  # they did share runs of the network
