"""Asks TF Serving's REST interface for one image per label, as PNG files.

python examples/client.py http://localhost:8501 generator 3 7
"""

import base64
import json
import pathlib
import sys
import urllib.request


def fetch(address: str, model: str, labels: list[int], truncation: float) -> list:
    """PNG files as bytes, one per label.

    Args:
      address: of the server, such as http://localhost:8501.
      model: its name on the server.
      labels: classes.
      truncation: in (0, 1]; smaller is less varied.
    """
    count = len(labels)
    inputs = {"label": labels, "seed": list(range(count))}
    inputs["truncation"] = [truncation] * count
    body = json.dumps({"signature_name": "serving_png", "inputs": inputs})
    url = f"{address}/v1/models/{model}:predict"
    with urllib.request.urlopen(url, body.encode(), timeout=60) as answer:
        outputs = json.load(answer)["outputs"]
    # The server leaves the name out where a signature has one output.
    images = outputs["image_bytes"] if isinstance(outputs, dict) else outputs
    return [base64.b64decode(image["b64"]) for image in images]


if __name__ == "__main__":
    address, model, *labels = sys.argv[1:]
    for label, png in zip(labels, fetch(address, model, list(map(int, labels)), 0.7)):
        pathlib.Path(f"class_{label}.png").write_bytes(png)
