"""A job on a Ray cluster of two nodes on this machine; needs the extra `ray`."""

import os
import signal
import sys
import threading
import time
import warnings
from pathlib import Path

import pytest
from dataset_jobs import BATCH_SIZE, FakeFitter, files_of, num_lines, write_people

from smplify_jax.datasets.job.job import fit_dataset
from smplify_jax.datasets.job.ray_engine import RayEngine
from smplify_jax.errors import InputError

pytest.importorskip("ray", reason="needs the extra `ray`")
# Ray leaves sockets and files to the garbage collector.
pytestmark = [pytest.mark.ray, pytest.mark.filterwarnings("ignore")]

NUM_BATCHES = 40


class PidFitter(FakeFitter):
    """Tells which process fits."""

    def fit(self, people):
        (Path(self.log).parent / f"pid {os.getpid()}").write_text(os.environ["NPROC"])
        return super().fit(people)


@pytest.fixture(scope="module")
def cluster():
    """Two nodes with a core each."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import ray
        from ray.cluster_utils import Cluster

        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
        cluster.add_node(num_cpus=1)
        paths = os.pathsep.join([str(Path(__file__).parent), *sys.path])
        ray.init(
            address=cluster.address,
            log_to_driver=False,
            runtime_env={"env_vars": {"PYTHONPATH": paths, "JAX_PLATFORMS": "cpu"}},
        )
        yield cluster
        ray.shutdown()
        cluster.shutdown()


@pytest.fixture
def people(tmp_path):
    return write_people(tmp_path / "people.parquet", NUM_BATCHES * BATCH_SIZE - 3)


def _pids(folder):
    return [int(path.name.removeprefix("pid ")) for path in folder.glob("pid *")]


def test_a_killed_worker_changes_nothing(cluster, people, tmp_path):
    fitter = PidFitter(str(tmp_path / "log"), 0.1)
    killed = []

    def kill():
        while num_lines(tmp_path / "log") < 10:
            time.sleep(0.02)
        killed.append(_pids(tmp_path)[0])
        os.kill(killed[0], signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    report = fit_dataset(
        people, tmp_path / "out", fitter=fitter, batch_size=BATCH_SIZE, engine=RayEngine(workers=2, threads=1)
    )
    killer.join()
    fit_dataset(people, tmp_path / "local", fitter=FakeFitter(str(tmp_path / "log2")), batch_size=BATCH_SIZE)
    assert report.is_complete
    assert files_of(tmp_path / "out") == files_of(tmp_path / "local")
    assert len(_pids(tmp_path)) == 3, "two workers, and one in the place of the killed"
    assert {path.read_text() for path in tmp_path.glob("pid *")} == {"1"}
    # The killed worker's batch, and at most one that it had fitted and not written.
    assert num_lines(tmp_path / "log") <= NUM_BATCHES + 1


def test_a_cluster_goes_on_with_what_one_process_began(cluster, people, tmp_path):
    class Failing(FakeFitter):
        def fit(self, people):
            if num_lines(self.log) == NUM_BATCHES - 2:
                raise RuntimeError("killed")
            return super().fit(people)

    with pytest.raises(RuntimeError, match="killed"):
        fit_dataset(people, tmp_path / "out", fitter=Failing(str(tmp_path / "log")), batch_size=BATCH_SIZE)
    fitter = FakeFitter(str(tmp_path / "log"))
    report = fit_dataset(
        people, tmp_path / "out", fitter=fitter, batch_size=BATCH_SIZE, resume=True, engine=RayEngine(workers=1)
    )
    assert report.is_complete
    assert num_lines(tmp_path / "log") == NUM_BATCHES


def test_what_a_task_cannot_do_is_told_as_one_process_tells_it(cluster, people, tmp_path):
    fitter = FakeFitter(str(tmp_path / "log"))
    fit_dataset(people, tmp_path / "out", fitter=fitter, batch_size=BATCH_SIZE)
    write_people(people, NUM_BATCHES * BATCH_SIZE - 3, seed=1)
    with pytest.raises(InputError, match="holds fits of other people"):
        fit_dataset(
            people, tmp_path / "out", fitter=fitter, batch_size=BATCH_SIZE, resume=True, engine=RayEngine(workers=1)
        )
