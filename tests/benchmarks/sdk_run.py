"""Runs of the SageMaker SDK v2, timed in its own environment; what bench_clients.py starts."""

import json
import statistics
import time

from botocore.httpsession import URLLib3Session
from sagemaker.experiments import Run
from sagemaker.session import Session

WARM, TIMED = 5, 60
sent = []
send = URLLib3Session.send


def counted(self, request):
    sent.append(request.url)
    return send(self, request)


URLLib3Session.send = counted
session = Session()


def record(i):
    with Run("bench", f"run-{i}", sagemaker_session=session) as run:
        run.log_parameter("depth", i)
        run.log_metric("loss", 0.5, step=0)
        run.log_confusion_matrix([0, 1, 1, 0], [0, 1, 0, 0], title=f"matrix-{i}")


times, calls = [], []
for i in range(WARM + TIMED):
    sent.clear()
    began = time.perf_counter()
    record(i)
    times.append((time.perf_counter() - began) * 1000)
    calls.append(len(sent))
print(json.dumps({"ms": statistics.median(times[WARM:]), "calls": statistics.median(calls[WARM:])}))
