"""Traces of programs, kept from one process to the next."""

import subprocess
import sys
from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from people import IMAGE_SIZE, draw_people

from smplify_jax import fit
from smplify_jax.execution import compilation, traces
from smplify_jax.execution.traces import traces_folder
from smplify_jax.fitting import batches


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class _Scaled:
    array: jax.Array
    factor: int = field(metadata={"static": True})


class _Counting:
    """A function that counts how often it is traced."""

    def __init__(self):
        self.num_traces = 0
        self.__module__, self.__qualname__ = __name__, "counting"

    def __call__(self, scaled, other):
        self.num_traces += 1
        return {"sum": scaled.factor * scaled.array + other, "nested": {"other": other}}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(compilation, "traces_folder", lambda: tmp_path / "traces")
    return tmp_path / "traces"


def _call(function, size=3, factor=2):
    """As a new process would."""
    result = compilation.jit(function, keeps_traces=True)(_Scaled(jnp.ones(size), factor), np.ones(size, np.float32))
    np.testing.assert_array_equal(result["sum"], np.full(size, factor + 1.0))
    np.testing.assert_array_equal(result["nested"]["other"], np.ones(size))
    return function


def test_a_kept_trace_is_not_traced_again(folder):
    assert _call(_Counting()).num_traces == 1
    assert len(list(folder.iterdir())) == 1
    assert _call(_Counting()).num_traces == 0


def test_other_shapes_fixed_parts_and_sources_are_other_traces(folder, monkeypatch):
    _call(_Counting())
    assert _call(_Counting(), size=4).num_traces == 1
    assert _call(_Counting(), factor=5).num_traces == 1
    monkeypatch.setattr(traces, "_sources", lambda: "changed")
    assert _call(_Counting()).num_traces == 1
    assert len(list(folder.iterdir())) == 4


@pytest.mark.parametrize("damage", [lambda data: data[:100], lambda data: b"", lambda data: data[:-1] + b"?"])
def test_a_damaged_trace_is_traced_anew_and_written_anew(folder, damage):
    _call(_Counting())
    (path,) = folder.iterdir()
    path.write_bytes(damage(path.read_bytes()))
    assert _call(_Counting()).num_traces == 1
    assert _call(_Counting()).num_traces == 0


def test_what_cannot_be_kept_is_run_all_the_same(folder):
    folder.write_text("a file where the folder should be")
    assert _call(_Counting()).num_traces == 1
    assert folder.is_file()


def test_the_folder_is_in_that_of_compiled_programs_unless_jax_is_set_otherwise(tmp_path):
    before = jax.config.values["jax_compilation_cache_dir"]
    try:
        jax.config.update("jax_compilation_cache_dir", str(tmp_path))
        assert traces_folder() == tmp_path / "smplify_jax_traces"
        jax.config.update("jax_debug_infs", True)
        assert traces_folder() is None
        jax.config.update("jax_debug_infs", False)
        jax.config.update("jax_compilation_cache_dir", "gs://bucket/folder")
        assert traces_folder() is None
        jax.config.update("jax_compilation_cache_dir", None)
        assert traces_folder() is None
    finally:
        jax.config.update("jax_debug_infs", False)
        jax.config.update("jax_compilation_cache_dir", before)


def test_fits_by_a_kept_trace_are_the_same(folder, monkeypatch):
    keypoints = draw_people(2, "coco17").keypoints
    with monkeypatch.context() as patch:
        patch.setattr(compilation, "traces_folder", lambda: None)
        usual = fit(keypoints, layout="coco17", image_size=IMAGE_SIZE)
    for _ in ("traced and kept", "read"):
        batches._compiled.cache_clear()
        kept = fit(keypoints, layout="coco17", image_size=IMAGE_SIZE)
        assert len(list(folder.iterdir())) == 1
        for one, other in zip(jax.tree.leaves(kept), jax.tree.leaves(usual), strict=True):
            np.testing.assert_allclose(one, other, atol=1e-5)
    batches._compiled.cache_clear()


_LAPACK = """
import sys
import jax
import numpy as np
from smplify_jax.execution.compilation import jit

jax.config.update("jax_compilation_cache_dir", sys.argv[1])
print(jit(jax.lax.linalg.cholesky, keeps_traces=True)(np.diag(np.float32([4, 9]))).tolist())
"""


def test_a_process_that_only_read_its_traces_has_lapack(tmp_path):
    command = [sys.executable, "-c", _LAPACK, str(tmp_path)]
    for _ in ("traced and kept", "read"):
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert done.stdout == "[[2.0, 0.0], [0.0, 3.0]]\n"
        assert len(list((tmp_path / "smplify_jax_traces").iterdir())) == 1
