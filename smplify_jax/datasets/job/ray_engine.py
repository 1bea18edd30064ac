"""A job done by a cluster: Ray Data streams batches to actors, which fit and write them.

The plan, the files and what a killed process costs are those of the local engine. One task reads, wherever Ray puts it, and every actor
writes its parts itself: input and output lie on a disk that all nodes see.
"""

from __future__ import annotations

import pickle
import time
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import jax
import numpy as np

from smplify_jax.datasets.job.engine import BatchDone
from smplify_jax.datasets.job.intake import Intake
from smplify_jax.datasets.job.plan import Batch
from smplify_jax.errors import InputError

_READER_CPUS = 0
"""Reading must find room beside actors that have taken all cores; and it must differ from theirs, or Ray fuses it into one of them."""

_Columns = dict[str, np.ndarray]


@dataclass(frozen=True)
class RayEngine:
    """The Ray cluster that this process is connected to, or the one at RAY_ADDRESS, or a new one on this machine.

    Attributes:
        workers: actors; by default one per GPU, or one per `threads` cores where there is no GPU.
        threads: that each may use on a CPU.
    """

    workers: int | None = None
    threads: int = 1

    def run(self, intake: Intake, box_factor: float | None) -> Iterator[BatchDone]:
        """Do the job, and tell of each batch when its file is there."""
        ray = _require_ray()
        if not ray.is_initialized():
            ray.init(log_to_driver=False)
        has_gpus = ray.cluster_resources().get("GPU", 0) >= 1
        # A row is a batch, in one piece, and a block is a row: whatever Ray does with blocks, it neither splits nor joins batches.
        context = ray.data.DataContext.get_current().copy()
        context.target_max_block_size = 1
        context.enable_progress_bars = False
        with ray.data.DataContext.current(context):
            done = (
                ray.data.from_items([{"number": 0}])
                .map_batches(_read, fn_args=(intake,), batch_size=1, num_cpus=_READER_CPUS)
                .map_batches(
                    _Worker,
                    fn_constructor_args=(intake, box_factor),
                    batch_size=1,
                    compute=ray.data.ActorPoolStrategy(size=self._num_workers(ray)),
                    num_cpus=self.threads,
                    num_gpus=1 if has_gpus else 0,
                    runtime_env={"env_vars": self._environment()},
                )
            )
        for row in done.iter_rows():
            problem = row.pop("problem")
            if problem:
                raise InputError(problem)
            # Workers on other machines have other clocks.
            yield BatchDone(**{**row, "fitted_at": time.perf_counter()})

    def _num_workers(self, ray: ModuleType) -> int:
        resources = ray.cluster_resources()
        return self.workers or int(resources.get("GPU", 0)) or max(1, int(resources.get("CPU", 1)) // self.threads)

    def _environment(self) -> dict[str, str]:
        """XLA sizes its pool of threads by NPROC when a process starts; and programs are compiled once for all actors that share a disk."""
        cache = jax.config.values["jax_compilation_cache_dir"]
        shared = {} if cache is None else {"JAX_COMPILATION_CACHE_DIR": cache}
        return {"NPROC": str(self.threads), **shared}


def _read(_: _Columns, intake: Intake) -> Iterator[_Columns]:
    """The shard's batches, each as it is read."""
    try:
        for batch in intake.batches():
            yield {"batch": np.array([pickle.dumps(batch)], object), "problem": np.array([""])}
    except InputError as error:
        yield {"batch": np.array([b""], object), "problem": np.array([str(error)])}


class _Worker:
    """Fits and writes batches; lives as long as the job, so that it keeps what it has compiled."""

    def __init__(self, intake: Intake, box_factor: float | None) -> None:
        self._intake = intake
        self._box_factor = box_factor

    def __call__(self, row: _Columns) -> _Columns:
        problem, done = str(row["problem"][0]), BatchDone(-1, 0, 0.0)
        try:
            # Told in a row: what is raised comes to the user wrapped in pages, and not as what it was.
            done = done if problem else self._fit(pickle.loads(row["batch"][0]))
        except InputError as error:
            problem = str(error)
        fields: dict[str, Any] = {**vars(done), "problem": problem}
        return {name: np.array([value]) for name, value in fields.items()}

    def _fit(self, batch: Batch) -> BatchDone:
        fitter, folder = self._intake.fitter, self._intake.folder
        # Ray repeats what a killed node had finished, too.
        if not folder.part(batch.number).exists():
            result = fitter.fit(batch.people)
            folder.write_part(batch, result, fitter.provenance(batch.layout), self._box_factor)
        return BatchDone(batch.number, len(batch.people), time.perf_counter())


def _require_ray() -> ModuleType:
    try:
        import ray
        import ray.data
    except ImportError:
        raise InputError(
            "a cluster needs the package ray, which is not installed: pip install 'smplify-jax[ray]'."
        ) from None
    return ray
