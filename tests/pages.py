"""What tests read from a report page."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import numpy as np


def data_of(path: Path) -> dict[str, Any]:
    (text,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', path.read_text(), re.DOTALL)
    return json.loads(text)


def unpacked(packed: dict[str, Any]) -> np.ndarray:
    array = np.frombuffer(base64.b64decode(packed["data"]), packed["type"]).reshape(packed["shape"])
    return array * packed.get("scale", 1)
