"""GET /metrics, read by Prometheus's own parser."""

from prometheus_client.parser import text_string_to_metric_families


def test_what_prometheus_is_told(start, drawing, mnist, ask_tensor):
    with start() as server:
        for content in (drawing, drawing, b"none"):
            server.client.post("/predict", content=content, headers={"Content-Type": "image/png"})
        server.client.post("/v2/models/shipped/infer", json=ask_tensor(mnist.test.images[:5]))
        server.client.post("/v2/models/mine/infer", json={})
        server.client.get("/nowhere/42")
        server.client.get("/predict")
        server.client.get("/v2", headers={"Host": "evil.example"})
        answer = server.client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    samples = [sample for family in text_string_to_metric_families(answer.text) for sample in family.samples]
    requests = {
        (each.labels["route"], each.labels["status"]): each.value
        for each in samples
        if each.name == "inksight_requests_total"
    }
    infer = "/v2/models/{model}/infer"
    assert requests == {
        ("/predict", "200"): 2,
        ("/predict", "422"): 1,
        ("/predict", "405"): 1,
        (infer, "200"): 1,
        (infer, "400"): 1,
        ("none", "404"): 1,
        ("none", "400"): 1,
    }
    values = {(each.name, *each.labels.values()): each.value for each in samples}
    assert values["inksight_request_seconds_count", infer] == 2
    assert values["inksight_batch_pictures_count",] == 3
    assert values["inksight_batch_pictures_sum",] == 7
    assert values["inksight_queue_requests",] == 0
    assert values["inksight_model_info", "shipped", "1"] == 1
    assert values["process_resident_memory_bytes",] > 0
