"""Pictures go in; predictions come out, on ONNX Runtime alone: one picture, a row of digits, or a store of pictures."""
