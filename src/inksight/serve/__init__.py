"""The service: pictures and tensors over HTTP, answered on ONNX Runtime alone.

    bytes ──guard──▶ route ──gate──▶ uploads, tensors ──pool──▶ inputs ──batching──▶ network ──▶ JSON

`app.create_app(Service(...))` is the whole of it as an ASGI application; `server` runs it in this process.
"""
