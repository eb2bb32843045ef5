"""librdkafka (through confluent-kafka) as a compat client; the commands are in ../README.md."""

import json
import sys
import threading
import uuid

import confluent_kafka
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

BOOTSTRAP = {"bootstrap.servers": sys.argv[1]}
PATIENCE_S = 60


def say(**message):
    print(json.dumps(message), flush=True)


def from_hex(text):
    return None if text is None else bytes.fromhex(text)


def to_hex(data):
    return None if data is None else data.hex()


def consumer(group, **settings):
    return Consumer(
        BOOTSTRAP
        | {"group.id": group, "enable.auto.commit": False, "auto.offset.reset": "earliest"}
        | settings
    )


def group_settings(protocol):
    """The new protocol's timeouts are the broker's, and librdkafka refuses the client's there."""
    if protocol == "consumer":
        return {"group.protocol": "consumer"}
    return {"session.timeout.ms": 6000, "heartbeat.interval.ms": 1000}


def value_of(message):
    if message.error():
        raise KafkaException(message.error())
    return message.value()


def create(topic, partitions):
    admin = AdminClient(BOOTSTRAP)
    for future in admin.create_topics([NewTopic(topic, partitions, 1)]).values():
        future.result(PATIENCE_S)
    return {}


def produce(topic, partition, codec, records):
    producer = Producer(BOOTSTRAP | {"compression.codec": codec, "linger.ms": 100})
    offsets = [None] * len(records)

    def delivered(index):
        def report(error, message):
            if error:
                raise KafkaException(error)
            offsets[index] = message.offset()

        return report

    for index, record in enumerate(records):
        producer.produce(
            topic,
            partition=partition,
            key=from_hex(record["key"]),
            value=from_hex(record["value"]),
            headers=[(name, from_hex(value)) for name, value in record["headers"]],
            timestamp=record["timestamp"],
            on_delivery=delivered(index),
        )
    if left := producer.flush(PATIENCE_S):
        raise TimeoutError(f"{left} records were not confirmed")
    return {"offsets": offsets}


def read(topic, partition, start=None, since=None):
    reader = consumer(f"read-{uuid.uuid4()}")
    try:
        place = TopicPartition(topic, partition)
        _, end = reader.get_watermark_offsets(place, timeout=PATIENCE_S)
        if since is not None:
            [found] = reader.offsets_for_times([TopicPartition(topic, partition, since)], timeout=PATIENCE_S)
            start = found.offset if found.offset >= 0 else end
        records = []
        reader.assign([TopicPartition(topic, partition, start)])
        while start < end:
            message = reader.poll(PATIENCE_S)
            if message is None:
                raise TimeoutError(f"no record at offset {start} of {end}")
            value = value_of(message)
            start = message.offset() + 1
            records.append(
                {
                    "offset": message.offset(),
                    "timestamp": message.timestamp()[1],
                    "key": to_hex(message.key()),
                    "value": to_hex(value),
                    "headers": [[name, to_hex(value)] for name, value in message.headers() or []],
                }
            )
        return {"records": records}
    finally:
        reader.close()


def consume(topic, group, count):
    reader = consumer(group, **group_settings("classic"))
    try:
        reader.subscribe([topic])
        values = []
        while len(values) < count:
            message = reader.poll(PATIENCE_S)
            if message is None:
                raise TimeoutError(f"only {len(values)} of {count} records came")
            values.append(value_of(message).decode())
        reader.commit(message=message, asynchronous=False)
        return {"values": values}
    finally:
        reader.close()


def stream(topic, partition, count):
    producer = Producer(BOOTSTRAP | {"enable.idempotence": True, "linger.ms": 5})
    acked = 0

    def report(error, _message):
        nonlocal acked
        if error:
            raise KafkaException(error)
        acked += 1
        if acked % 500 == 0:
            say(event="acked", count=acked)

    for number in range(count):
        producer.produce(topic, partition=partition, value=str(number), on_delivery=report)
        if number % 100 == 99:
            producer.poll(0.02)
    if left := producer.flush(2 * PATIENCE_S):
        raise TimeoutError(f"{left} records were not confirmed")
    return {"acked": acked}


def member(topic, group, protocol):
    """Read as a member of the group until standard input closes, committing after every poll."""
    closing = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), closing.set()), daemon=True).start()
    reader = consumer(group, **group_settings(protocol))
    reader.subscribe([topic])
    while not closing.is_set():
        messages = reader.consume(50, timeout=0.2)
        next_offsets = {}
        for message in messages:
            value = value_of(message).decode()
            next_offsets[message.partition()] = message.offset() + 1
            say(event="got", partition=message.partition(), offset=message.offset(), value=value)
        if next_offsets:
            try:
                reader.commit(
                    offsets=[TopicPartition(topic, partition, offset) for partition, offset in next_offsets.items()],
                    asynchronous=False,
                )
                say(event="committed", offsets=next_offsets)
            except KafkaException as refused:
                # The group moved on; whoever owns the partition now reads these again.
                say(event="refused", reason=str(refused))
    reader.close()
    return {}


COMMANDS = {f.__name__: f for f in (create, produce, read, consume, stream, member)}

say(
    event="ready",
    version=f"librdkafka {confluent_kafka.libversion()[0]}",
    codecs=["none", "gzip", "snappy", "lz4", "zstd"],
    protocols=["classic", "consumer"],
)
while line := sys.stdin.readline():
    command = json.loads(line)
    try:
        say(done=COMMANDS[command.pop("do")](**command))
    except Exception as error:
        say(error=f"{type(error).__name__}: {error}")
