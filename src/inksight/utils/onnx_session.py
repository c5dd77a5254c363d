"""The way ONNX Runtime is used everywhere in this package."""

from __future__ import annotations

import os

import onnxruntime

MAX_THREADS = 4


def open_session(content: bytes, num_threads: int | None = None) -> onnxruntime.InferenceSession:
    """Return a session on the CPU that logs nothing and whose threads do not spin while they wait.

    Args:
        content: the ONNX file.
        num_threads: for one operator; default one for each core, at most MAX_THREADS.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = num_threads or min(os.cpu_count() or 1, MAX_THREADS)
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
