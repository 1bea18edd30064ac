"""Run jobs in processes that can be killed: `python job_process.py INPUT LOG SECONDS [tracks]`.

Each line of stdin is the folder of a job. A child process continues the job; its process id is printed, then how it ended. All children
are forks of this process, which has imported everything that they need: the imports take longer than such a job.
"""

import os
import sys
import traceback

from dataset_jobs import BATCH_SIZE, FakeFitter

from smplify_jax.datasets.job.job import fit_dataset
from smplify_jax.datasets.job.tracks import TrackChoices

BATCHES_AT_ONCE = 2


def main(path, log, seconds, what="people"):
    choices = TrackChoices() if what == "tracks" else None
    fitter = FakeFitter(log, float(seconds), num_at_once=BATCHES_AT_ONCE * BATCH_SIZE, tracks=choices)
    print("ready", flush=True)
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            try:
                fit_dataset(path, line.strip(), fitter=fitter, batch_size=BATCH_SIZE, resume=True)
            except BaseException:
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        print(child, flush=True)
        print(os.waitpid(child, 0)[1], flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
