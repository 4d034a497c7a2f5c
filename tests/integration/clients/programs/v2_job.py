"""A training script that was written for SageMaker: it asks for its run, and knows nothing of who started it."""

import json

from sagemaker.experiments import load_run

with load_run() as run:
    run.log_parameter("from_sdk", 7)
    print(json.dumps(run.run_name))
