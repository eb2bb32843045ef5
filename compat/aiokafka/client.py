"""aiokafka as a compat client; the commands are in ../README.md."""

import asyncio
import json
import sys

import aiokafka
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError

BOOTSTRAP = sys.argv[1]
PATIENCE_S = 60


def say(**message):
    print(json.dumps(message), flush=True)


def from_hex(text):
    return None if text is None else bytes.fromhex(text)


def to_hex(data):
    return None if data is None else data.hex()


def consumer(group=None):
    return AIOKafkaConsumer(
        bootstrap_servers=BOOTSTRAP,
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        session_timeout_ms=6000,
        heartbeat_interval_ms=1000,
    )


async def create(topic, partitions):
    admin = AIOKafkaAdminClient(bootstrap_servers=BOOTSTRAP)
    await admin.start()
    try:
        answer = await admin.create_topics([NewTopic(topic, partitions, 1)])
        refused = [error for error in answer.topic_errors if error[1] != 0]
        if refused:
            raise RuntimeError(f"CreateTopics was refused: {refused}")
    finally:
        await admin.close()
    return {}


async def produce(topic, partition, codec, records):
    producer = AIOKafkaProducer(
        bootstrap_servers=BOOTSTRAP,
        compression_type=None if codec == "none" else codec,
        acks="all",
        linger_ms=100,
    )
    await producer.start()
    try:
        confirmations = [
            await producer.send(
                topic,
                partition=partition,
                key=from_hex(record["key"]),
                value=from_hex(record["value"]),
                headers=[(name, from_hex(value)) for name, value in record["headers"]],
                timestamp_ms=record["timestamp"],
            )
            for record in records
        ]
        return {"offsets": [(await confirmation).offset for confirmation in confirmations]}
    finally:
        await producer.stop()


async def read(topic, partition, start=None, since=None):
    reader = consumer()
    await reader.start()
    try:
        place = TopicPartition(topic, partition)
        reader.assign([place])
        end = (await reader.end_offsets([place]))[place]
        if since is not None:
            found = (await reader.offsets_for_times({place: since}))[place]
            start = end if found is None else found.offset
        reader.seek(place, start)
        records = []
        while start < end:
            message = await asyncio.wait_for(reader.getone(), PATIENCE_S)
            start = message.offset + 1
            records.append(
                {
                    "offset": message.offset,
                    "timestamp": message.timestamp,
                    "key": to_hex(message.key),
                    "value": to_hex(message.value),
                    "headers": [[name, to_hex(value)] for name, value in message.headers],
                }
            )
        return {"records": records}
    finally:
        await reader.stop()


async def consume(topic, group, count):
    reader = consumer(group)
    reader.subscribe([topic])
    await reader.start()
    try:
        values = []
        while len(values) < count:
            message = await asyncio.wait_for(reader.getone(), PATIENCE_S)
            values.append(message.value.decode())
        await reader.commit({TopicPartition(topic, message.partition): message.offset + 1})
        return {"values": values}
    finally:
        await reader.stop()


async def stream(topic, partition, count):
    producer = AIOKafkaProducer(bootstrap_servers=BOOTSTRAP, enable_idempotence=True, linger_ms=5)
    await producer.start()
    try:
        acked = 0

        async def settle(confirmation):
            nonlocal acked
            await confirmation
            acked += 1
            if acked % 500 == 0:
                say(event="acked", count=acked)

        settling = []
        for number in range(count):
            confirmation = await producer.send(topic, str(number).encode(), partition=partition)
            settling.append(asyncio.ensure_future(settle(confirmation)))
            if number % 100 == 99:
                await asyncio.sleep(0.02)
        await asyncio.wait_for(asyncio.gather(*settling), 2 * PATIENCE_S)
        return {"acked": acked}
    finally:
        await producer.stop()


async def member(topic, group, protocol):
    """Read as a member of the group until standard input closes, committing after every poll."""
    assert protocol == "classic"
    closing = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
    reader = consumer(group)
    reader.subscribe([topic])
    await reader.start()
    while not closing.done():
        next_offsets = {}
        for place, messages in (await reader.getmany(timeout_ms=200, max_records=50)).items():
            for message in messages:
                next_offsets[place] = message.offset + 1
                say(event="got", partition=place.partition, offset=message.offset, value=message.value.decode())
        if next_offsets:
            try:
                await reader.commit(next_offsets)
                say(event="committed", offsets={place.partition: offset for place, offset in next_offsets.items()})
            except KafkaError as refused:
                # The group moved on; whoever owns the partition now reads these again.
                say(event="refused", reason=repr(refused))
    await reader.stop()
    return {}


async def main():
    commands = {f.__name__: f for f in (create, produce, read, consume, stream, member)}
    say(
        event="ready",
        version=f"aiokafka {aiokafka.__version__}",
        codecs=["none", "gzip", "snappy", "lz4", "zstd"],
        protocols=["classic"],
    )
    while line := await asyncio.to_thread(sys.stdin.readline):
        command = json.loads(line)
        try:
            say(done=await commands[command.pop("do")](**command))
        except Exception as error:
            say(error=f"{type(error).__name__}: {error}")


asyncio.run(main())
