"""librdkafka (through confluent-kafka) under a broker that is killed again and again; ../README.md tells the roles."""

import json
import sys
import threading
import time

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

ROLE, BOOTSTRAP, DIRECTORY, PROCESS, CLIENT = sys.argv[1:6]
CLIENT = int(CLIENT)
RECORDS_PER_TURN = 15
TURN_S = 0.1
FLUSH_S = 60
PATIENCE_S = 60
SETTINGS = {
    "bootstrap.servers": BOOTSTRAP,
    "reconnect.backoff.ms": 20,
    "reconnect.backoff.max.ms": 200,
    "retry.backoff.ms": 20,
    "log_level": 3,
}


class History:
    def __init__(self):
        self.file = open(f"{DIRECTORY}/{PROCESS}.jsonl", "w", buffering=1 << 16)
        self.last_id = 0

    def write(self, kind, operation, **fields):
        event = {"time": time.monotonic_ns(), "process": PROCESS, "type": kind, "op": operation} | fields
        self.file.write(json.dumps(event, separators=(",", ":")) + "\n")

    def next_id(self):
        self.last_id += 1
        return self.last_id


history = History()
closing = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), closing.set()), daemon=True).start()


def produce(topic, partitions):
    """Send records to the partitions in turn until standard input closes."""
    idempotent = ROLE == "idempotent"

    def failed(error):
        if error.fatal():
            history.write("fail", "fatal", topic=topic, client=CLIENT, note=str(error))

    producer = Producer(
        SETTINGS | {"enable.idempotence": idempotent, "acks": "all", "linger.ms": 5, "error_cb": failed}
    )

    def reporter(fields):
        def report(error, message):
            if error:
                # Only the broker could say that it did not store it, and then librdkafka may have sent it before.
                history.write("info", "send", note=str(error), **fields)
            else:
                history.write("ok", "send", offset=message.offset(), **fields)

        return report

    n = 0
    while not closing.is_set():
        for _ in range(RECORDS_PER_TURN):
            fields = {
                "id": n + 1, "topic": topic, "partition": n % partitions,
                "client": CLIENT, "n": n, "count": 1, "once": idempotent,
            }
            history.write("invoke", "send", **fields)
            producer.produce(
                topic, partition=n % partitions, value=f"{CLIENT}:{n}:", on_delivery=reporter(fields)
            )
            n += 1
        deadline = time.monotonic() + TURN_S
        while (left := deadline - time.monotonic()) > 0 or len(producer) > 5000:
            producer.poll(max(left, 0.01))
    producer.flush(FLUSH_S)


class Runs:
    """Records that follow one another, as a poll's `runs` of one partition."""

    def __init__(self):
        self.partitions = {}

    def add(self, message):
        client, n, _ = message.value().split(b":", 2)
        client, n = int(client), int(n)
        runs = self.partitions.setdefault((message.topic(), message.partition()), [])
        if runs:
            offset, last_client, first, count = runs[-1]
            if (offset + count, last_client, first + count) == (message.offset(), client, n):
                runs[-1][3] += 1
                return
        runs.append([message.offset(), client, n, 1])

    def write(self):
        for (topic, partition), runs in self.partitions.items():
            history.write("ok", "poll", topic=topic, partition=partition, runs=runs)
        self.partitions = {}


def follow(topic, group):
    """Read as the only member of a group, committing what was read, until standard input closes."""
    assigned = []

    def on_assign(_, partitions):
        for place in partitions:
            history.write("ok", "seek", topic=place.topic, partition=place.partition)
        assigned[:] = partitions

    reader = Consumer(
        SETTINGS
        | {
            "group.id": group,
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "session.timeout.ms": 6000,
            "heartbeat.interval.ms": 200,
        }
    )
    reader.subscribe([topic], on_assign=on_assign)
    # A reader starts again at a commit that was acknowledged or nobody knows of; it never commits a lower offset.
    highest = {}
    while not closing.is_set():
        runs, next_offsets = Runs(), {}
        for message in reader.consume(500, timeout=0.1):
            if not message.error():
                runs.add(message)
                next_offsets[message.partition()] = message.offset() + 1
        runs.write()
        for partition, offset in next_offsets.items():
            if offset <= highest.get(partition, -1):
                continue
            highest[partition] = offset
            fields = {
                "id": history.next_id(), "topic": topic, "partition": partition,
                "group": group, "offset": offset,
            }
            history.write("invoke", "commit", **fields)
            try:
                [answer] = reader.commit(
                    offsets=[TopicPartition(topic, partition, offset)], asynchronous=False
                )
                history.write("info" if answer.error else "ok", "commit", **fields)
            except KafkaException as error:
                history.write("info", "commit", note=str(error), **fields)
        for place in assigned:
            fields = {
                "id": history.next_id(), "topic": topic, "partition": place.partition, "group": group,
            }
            history.write("invoke", "committed", **fields)
            try:
                [answer] = reader.committed([TopicPartition(topic, place.partition)], timeout=5)
                if answer.error:
                    history.write("info", "committed", **fields)
                else:
                    history.write("ok", "committed", offset=max(answer.offset, -1), **fields)
            except KafkaException as error:
                history.write("info", "committed", note=str(error), **fields)
    reader.close()


def drain(places):
    """Read every partition from its start to its end."""
    reader = Consumer(
        SETTINGS
        | {"group.id": "drain", "enable.auto.commit": False, "auto.offset.reset": "error", "check.crcs": True}
    )
    for topic, partition in places:
        place = {"topic": topic, "partition": partition}
        operation = history.next_id()
        history.write("invoke", "drain", id=operation, **place)
        low, high = reader.get_watermark_offsets(TopicPartition(topic, partition), timeout=PATIENCE_S)
        history.write("ok", "seek", offset=low, **place)
        reader.assign([TopicPartition(topic, partition, low)])
        following, silence_s = low, 0
        while following < high:
            messages = reader.consume(10000, timeout=1)
            runs = Runs()
            for message in messages:
                if message.error():
                    raise KafkaException(message.error())
                runs.add(message)
                following = message.offset() + 1
            runs.write()
            silence_s = 0 if messages else silence_s + 1
            if silence_s > PATIENCE_S:
                raise TimeoutError(f"{topic}/{partition} stands at {following} of {high}")
        history.write("ok", "drain", id=operation, low=low, high=high, **place)
    reader.close()


if ROLE == "group":
    follow(sys.argv[6], sys.argv[7])
elif ROLE == "drain":
    drain([(topic, int(partition)) for topic, partition in json.loads(sys.argv[6])])
else:
    produce(sys.argv[6], int(sys.argv[7]))
history.file.close()
