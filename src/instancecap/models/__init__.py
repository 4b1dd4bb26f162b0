"""Small neural networks, each in a file of its own, and where their weights come from."""

import os

# ONNX Runtime 1.31 counts its use and sends that to its maker, unless this stands there when it is
# loaded. Nothing that is captioned here is anybody else's business.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
