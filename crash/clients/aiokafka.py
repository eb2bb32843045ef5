"""aiokafka under a broker that is killed again and again; ../README.md tells the roles."""

import sys

# This file is named like the library it drives.
sys.path.pop(0)

import asyncio
import json
import time

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

ROLE, BOOTSTRAP, DIRECTORY, PROCESS, CLIENT = sys.argv[1:6]
CLIENT = int(CLIENT)
RECORDS_PER_TURN = 10
TURN_S = 0.1
OPEN_MAX = 2000
STOP_S = 60
PATIENCE_MS = 60_000

file = open(f"{DIRECTORY}/{PROCESS}.jsonl", "w", buffering=1 << 16)


def write(kind, operation, **fields):
    event = {"time": time.monotonic_ns(), "process": PROCESS, "type": kind, "op": operation} | fields
    file.write(json.dumps(event, separators=(",", ":")) + "\n")


async def produce(topic, partitions):
    """Send records to the partitions in turn until standard input closes."""
    closing = asyncio.create_task(asyncio.to_thread(sys.stdin.read))
    producer = AIOKafkaProducer(
        bootstrap_servers=BOOTSTRAP,
        enable_idempotence=True,
        linger_ms=5,
        request_timeout_ms=60_000,
        retry_backoff_ms=50,
    )
    while True:
        try:
            await producer.start()
            break
        except Exception:
            # The broker is down at this moment.
            await asyncio.sleep(0.2)
    under_way = set()

    def reporter(fields):
        def report(confirmation):
            under_way.discard(confirmation)
            if confirmation.cancelled() or confirmation.exception():
                write("info", "send", note="" if confirmation.cancelled() else repr(confirmation.exception()), **fields)
            else:
                # -1 is how this client says that the broker had the record already.
                offset = confirmation.result().offset
                write("ok", "send", **fields | ({"offset": offset} if offset >= 0 else {}))

        return report

    n = 0
    while not closing.done():
        for _ in range(RECORDS_PER_TURN):
            fields = {
                "id": n + 1, "topic": topic, "partition": n % partitions,
                "client": CLIENT, "n": n, "count": 1, "once": True,
            }
            write("invoke", "send", **fields)
            value = f"{CLIENT}:{n}:".encode()
            try:
                confirmation = await producer.send(topic, value, partition=n % partitions)
            except Exception as error:
                write("info", "send", note=repr(error), **fields)
            else:
                under_way.add(confirmation)
                confirmation.add_done_callback(reporter(fields))
            n += 1
        await asyncio.sleep(TURN_S)
        while len(under_way) > OPEN_MAX:
            await asyncio.sleep(TURN_S)
    if under_way:
        await asyncio.wait(under_way, timeout=STOP_S)
    await asyncio.wait_for(producer.stop(), STOP_S)


async def drain(places):
    """Read every partition from its start to its end."""
    reader = AIOKafkaConsumer(
        bootstrap_servers=BOOTSTRAP, enable_auto_commit=False, auto_offset_reset="none", check_crcs=True
    )
    await reader.start()
    for operation, (topic, partition) in enumerate(places, 1):
        place, fields = TopicPartition(topic, partition), {"topic": topic, "partition": partition}
        write("invoke", "drain", id=operation, **fields)
        reader.assign([place])
        low = (await reader.beginning_offsets([place]))[place]
        high = (await reader.end_offsets([place]))[place]
        write("ok", "seek", offset=low, **fields)
        reader.seek(place, low)
        following = low
        while following < high:
            messages = (await reader.getmany(place, timeout_ms=PATIENCE_MS, max_records=10000)).get(place, [])
            if not messages:
                raise TimeoutError(f"{topic}/{partition} stands at {following} of {high}")
            runs = []
            for message in messages:
                client, n, _ = message.value.split(b":", 2)
                client, n = int(client), int(n)
                if runs and (runs[-1][0] + runs[-1][3], runs[-1][1], runs[-1][2] + runs[-1][3]) == (
                    message.offset, client, n,
                ):
                    runs[-1][3] += 1
                else:
                    runs.append([message.offset, client, n, 1])
            following = messages[-1].offset + 1
            write("ok", "poll", runs=runs, **fields)
        write("ok", "drain", id=operation, low=low, high=high, **fields)
    await reader.stop()


if ROLE == "drain":
    asyncio.run(drain(json.loads(sys.argv[6])))
else:
    asyncio.run(produce(sys.argv[6], int(sys.argv[7])))
file.close()
