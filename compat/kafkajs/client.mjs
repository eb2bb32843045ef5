// kafkajs as a compat client; the commands are in ../README.md.

import { createInterface } from 'node:readline'
import { randomUUID } from 'node:crypto'
import { createRequire } from 'node:module'
import kafkajs from 'kafkajs'
import snappy from 'kafkajs-snappy'
import LZ4Codec from '@2l/kafkajs-lz4'
import { init as initZstd, compress as zstdCompress, decompress as zstdDecompress } from '@bokuweb/zstd-wasm'

const { Kafka, CompressionTypes, CompressionCodecs, Partitioners, logLevel } = kafkajs
const version = createRequire(import.meta.url)('kafkajs/package.json').version

CompressionCodecs[CompressionTypes.Snappy] = snappy
CompressionCodecs[CompressionTypes.LZ4] = new LZ4Codec().codec
await initZstd()
CompressionCodecs[CompressionTypes.ZSTD] = () => ({
  compress: async (encoder) => Buffer.from(zstdCompress(encoder.buffer, 3)),
  decompress: async (bytes) => Buffer.from(zstdDecompress(bytes)),
})

const CODECS = {
  none: CompressionTypes.None,
  gzip: CompressionTypes.GZIP,
  snappy: CompressionTypes.Snappy,
  lz4: CompressionTypes.LZ4,
  zstd: CompressionTypes.ZSTD,
}

const kafka = new Kafka({
  brokers: [process.argv[2]],
  logLevel: logLevel.WARN,
  // kafkajs logs to standard output, which is the harness's.
  logCreator: () => ({ label, log }) => console.error(label, log.message, log.error ?? ''),
  retry: { initialRetryTime: 100, maxRetryTime: 1000, retries: 60 },
})
const say = (message) => console.log(JSON.stringify(message))
const fromHex = (text) => (text === null ? null : Buffer.from(text, 'hex'))
const toHex = (bytes) => (bytes === null || bytes === undefined ? null : Buffer.from(bytes).toString('hex'))

/** Runs `work` with a connected producer, consumer or admin, and disconnects it whatever happens. */
async function using(connection, work) {
  await connection.connect()
  try {
    return await work(connection)
  } finally {
    await connection.disconnect()
  }
}

function newProducer(settings = {}) {
  return kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner, ...settings })
}

function newConsumer(groupId) {
  return kafka.consumer({ groupId, sessionTimeout: 6000, heartbeatInterval: 1000, maxWaitTimeInMs: 200 })
}

/** kafkajs holds headers as an object: a repeated name becomes an array. */
function headersToObject(headers) {
  const object = {}
  for (const [name, value] of headers) {
    const bytes = fromHex(value)
    object[name] = name in object ? [object[name], bytes].flat() : bytes
  }
  return object
}

function headersFromObject(object) {
  return Object.entries(object ?? {}).flatMap(([name, values]) => [values].flat().map((value) => [name, toHex(value)]))
}

async function create({ topic, partitions }) {
  await using(kafka.admin(), (admin) =>
    admin.createTopics({ topics: [{ topic, numPartitions: partitions }], waitForLeaders: true }),
  )
  return {}
}

async function produce({ topic, partition, codec, records }) {
  const messages = records.map(({ key, value, headers, timestamp }) => ({
    partition,
    key: fromHex(key),
    value: fromHex(value),
    headers: headersToObject(headers),
    timestamp: String(timestamp),
  }))
  return using(newProducer(), async (producer) => {
    const [{ baseOffset }] = await producer.send({ topic, messages, acks: -1, compression: CODECS[codec] })
    return { offsets: records.map((_, index) => Number(baseOffset) + index) }
  })
}

/** kafkajs has no reading without a group: a group of its own, moved to the place by seek. */
async function read({ topic, partition, start, since }) {
  const { end, from } = await using(kafka.admin(), async (admin) => {
    const ends = await admin.fetchTopicOffsets(topic)
    const end = Number(ends.find((each) => each.partition === partition).high)
    if (since === undefined) return { end, from: start }
    const found = await admin.fetchTopicOffsetsByTimestamp(topic, since)
    const offset = Number(found.find((each) => each.partition === partition).offset)
    return { end, from: offset < 0 ? end : offset }
  })
  if (from >= end) return { records: [] }
  return using(newConsumer(`read-${randomUUID()}`), async (consumer) => {
    await consumer.subscribe({ topic, fromBeginning: true })
    const records = []
    await new Promise((resolve, reject) => {
      consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error))
      consumer
        .run({
          autoCommit: false,
          eachMessage: async ({ message }) => {
            const offset = Number(message.offset)
            if (offset < from || offset >= end || records.length === end - from) return
            records.push({
              offset,
              timestamp: Number(message.timestamp),
              key: toHex(message.key),
              value: toHex(message.value),
              headers: headersFromObject(message.headers),
            })
            if (offset === end - 1) resolve()
          },
        })
        .catch(reject)
      consumer.seek({ topic, partition, offset: String(from) })
    })
    return { records }
  })
}

async function consume({ topic, group, count }) {
  return using(newConsumer(group), async (consumer) => {
    await consumer.subscribe({ topic, fromBeginning: true })
    const values = []
    let last
    await new Promise((resolve, reject) => {
      consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error))
      consumer
        .run({
          autoCommit: false,
          eachMessage: async ({ partition, message }) => {
            if (values.length === count) return
            values.push(message.value.toString())
            last = { topic, partition, offset: String(Number(message.offset) + 1) }
            if (values.length === count) resolve()
          },
        })
        .catch(reject)
    })
    await consumer.commitOffsets([last])
    return { values }
  })
}

async function stream({ topic, partition, count }) {
  return using(newProducer({ idempotent: true, maxInFlightRequests: 1 }), async (producer) => {
    for (let first = 0; first < count; first += 100) {
      const messages = Array.from({ length: 100 }, (_, index) => ({ partition, value: String(first + index) }))
      await producer.send({ topic, messages })
      if ((first + 100) % 500 === 0) say({ event: 'acked', count: first + 100 })
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    return { acked: count }
  })
}

/** Reads as a member of the group until standard input closes, committing after every batch. */
async function member({ topic, group }, closing) {
  return using(newConsumer(group), async (consumer) => {
    await consumer.subscribe({ topic, fromBeginning: true })
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      eachBatch: async ({ batch: { partition, messages }, resolveOffset, isStale }) => {
        if (messages.length === 0 || isStale()) return
        for (const { offset, value } of messages) {
          say({ event: 'got', partition, offset: Number(offset), value: value.toString() })
          resolveOffset(offset)
        }
        const next = Number(messages.at(-1).offset) + 1
        try {
          await consumer.commitOffsets([{ topic, partition, offset: String(next) }])
          say({ event: 'committed', offsets: { [partition]: next } })
        } catch (refused) {
          // The group moved on; whoever owns the partition now reads these again.
          say({ event: 'refused', reason: String(refused) })
        }
      },
    })
    await closing
    return {}
  })
}

const commands = { create, produce, read, consume, stream, member }

say({
  event: 'ready',
  version: `kafkajs ${version}`,
  codecs: Object.keys(CODECS),
  protocols: ['classic'],
  // It reads a header without a value but refuses to write one.
  writes_null_headers: false,
})
const lines = createInterface({ input: process.stdin })
const closing = new Promise((resolve) => lines.once('close', resolve))
let turn = Promise.resolve()
lines.on('line', (line) => {
  const { do: name, ...command } = JSON.parse(line)
  turn = turn
    .then(() => commands[name](command, closing))
    .then((done) => say({ done }))
    .catch((error) => say({ error: `${error.name}: ${error.message}` }))
})
await closing
await turn
process.exit(0)
