"""Files that users give are opened in one place, which bounds what they ask for; what opens others says why."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from import_graph import ROOT

OPENERS = {
    *("open", "load", "loadtxt", "genfromtxt", "fromfile", "memmap", "read_bytes", "read_text", "ZipFile", "GzipFile"),
    *("File", "ParquetFile", "read_table", "read_parquet", "decompress", "loads", "iterparse", "Unpickler"),
}
"""Last parts of the names of what opens a file, or unpacks or parses one."""

OWN = "smplify_jax's own file"
BOUNDED = "of a file that was opened in `files`, within its budget"
ALLOWED = {
    ("cli/example.py", "source.read_bytes"): OWN,
    ("body/surface_files.py", "json.loads"): "text that read_plain has read, of a bounded size",
    ("camera/calibration.py", "json.loads"): "text that read_plain has read, of a bounded size",
    ("camera/calibration.py", "tomllib.loads"): "text that read_plain has read, of a bounded size",
    ("cli/program.py", "os.open"): "the null device",
    ("cli/view_command.py", "FitResult.load"): "by load_npz",
    ("datasets/checksums.py", "own.open"): "written",
    ("datasets/exports/webdataset.py", "tarfile.open"): "written",
    ("datasets/job/folder.py", "json.loads"): BOUNDED,
    ("datasets/job/lock.py", "os.open"): "a lock, which has to be opened for writing, and is not read as a file",
    ("datasets/job/ray_engine.py", "pickle.loads"): "from another process of the same job",
    ("datasets/named_stores.py", "FitStore.open"): "by open_plain",
    ("datasets/store.py", "self.path.open"): "written; open_plain has opened it before",
    ("datasets/store_file.py", "path.open"): "written; open_plain has opened it before",
    ("datasets/store_file.py", "np.memmap"): "its length is compared with its header before",
    ("datasets/store_sources.py", "FitStore.open"): "by open_plain",
    ("detectors/mediapipe.py", "os.open"): "the null device",
    ("execution/traces.py", "path.read_bytes"): OWN,
    ("keypoints/formats/npz_columns.py", "archive.open"): BOUNDED,
    (
        "keypoints/formats/pandas_h5.py",
        "h5py.File",
    ): "HDF5 opens by name; open_plain has opened it before, to recognise it",
    ("keypoints/formats/recognition.py", "archive.open"): BOUNDED,
    ("keypoints/formats/recognition.py", "json.loads"): BOUNDED,
    (
        "pictures/report/page.py",
        "resources.files('smplify_jax.pictures.report').joinpath('assets', name).read_text",
    ): OWN,
    ("keypoints/points3d/scenes.py", "json.loads"): "text that read_plain has read; read_scenes bounds its size",
}
"""Why a module may open something itself."""

ROOMS_OF_DEVELOPERS = ("learn",)
"""What builds the files that we ship, from files that its user has chosen one by one."""


def _calls(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            if name.rsplit(".", 1)[-1] in OPENERS:
                yield name


def _opened() -> set[tuple[str, str]]:
    """Module and call of everything outside of `files` that opens a file."""
    found = set()
    for path in ROOT.rglob("*.py"):
        module = path.relative_to(ROOT).as_posix()
        if module.split("/")[0] not in ("files", *ROOMS_OF_DEVELOPERS):
            found |= {(module, call) for call in _calls(path.read_text())}
    return found


def test_files_are_opened_where_their_budget_is():
    assert _opened() - ALLOWED.keys() == set()


def test_no_reason_is_left_over():
    assert ALLOWED.keys() - _opened() == set()


def test_the_search_sees_what_it_is_for():
    source = "with open(p) as f: np.load(f); Image.open(p); pq.ParquetFile(p); Path(p).read_text(); json.load(f)"
    assert set(_calls(source)) == {"open", "np.load", "Image.open", "pq.ParquetFile", "Path(p).read_text", "json.load"}
