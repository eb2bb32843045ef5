"""A task that fails twice before it succeeds, as Celery over SQS retries it."""

import os

from celery import Celery

app = Celery("compat", broker="sqs://")
app.conf.update(
    task_default_queue=os.environ["COMPAT_QUEUE"],
    broker_transport_options={"region": os.environ["AWS_REGION"], "wait_time_seconds": 5, "visibility_timeout": 30},
    broker_connection_retry_on_startup=True,
    worker_enable_remote_control=False,
)


@app.task(bind=True, max_retries=3, acks_late=True)
def flaky(self, place):
    """Write the attempt's number, fail at the first two."""
    with open(place, "a", encoding="utf-8") as log:
        log.write(f"{self.request.retries}\n")
    if self.request.retries < 2:
        raise self.retry(countdown=1)
