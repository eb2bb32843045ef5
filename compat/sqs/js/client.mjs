// The AWS SDK for JavaScript v3 with sqs-consumer as a compat client; the commands are in ../README.md.
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'
import * as sdk from '@aws-sdk/client-sqs'
import { Consumer } from 'sqs-consumer'

const require = createRequire(import.meta.url)
const versionOf = (name) => require('./package-lock.json').packages[`node_modules/${name}`].version

// Endpoint, region and credentials come from the environment, as they would in production.
const client = new sdk.SQSClient({})

const say = (message) => console.log(JSON.stringify(message))

/** Binary values are base64 in commands and answers, and bytes in the SDK. */
const fromBase64 = (name, value) => (name === 'BinaryValue' ? new Uint8Array(Buffer.from(value, 'base64')) : value)
const toBase64 = (value) => {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64')
  if (Array.isArray(value)) return value.map(toBase64)
  if (value === null || typeof value !== 'object' || value instanceof Date) return value
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, toBase64(item)]))
}

async function call({ action, input }) {
  try {
    const command = new sdk[`${action}Command`](JSON.parse(JSON.stringify(input), fromBase64))
    const { $metadata, ...output } = await client.send(command)
    return { output: toBase64(output) }
  } catch (error) {
    if (!(error instanceof sdk.SQSServiceException)) throw error
    return { refused: `${error.name} ${error.Error?.Code ?? ''}`.trim(), message: error.message }
  }
}

/** Works on `count` messages with sqs-consumer, each for `take_ms`, its lease renewed by the heartbeat. */
async function work({ queue, count, take_ms, visibility_s, heartbeat_s }) {
  const bodies = []
  await new Promise((resolve, reject) => {
    const consumer = Consumer.create({
      queueUrl: queue,
      sqs: client,
      waitTimeSeconds: 1,
      visibilityTimeout: visibility_s,
      heartbeatInterval: heartbeat_s,
      handleMessage: async (message) => {
        say({ event: 'working', body: message.Body })
        await new Promise((done) => setTimeout(done, take_ms))
        return message
      },
    })
    for (const failure of ['error', 'processing_error', 'timeout_error']) consumer.on(failure, reject)
    consumer.on('message_processed', (message) => {
      bodies.push(message.Body)
      if (bodies.length === count) consumer.stop()
    })
    consumer.on('stopped', resolve)
    consumer.start()
  })
  return { bodies }
}

const commands = { call, work }

say({
  event: 'ready',
  version: `AWS SDK for JavaScript ${versionOf('@aws-sdk/client-sqs')}, sqs-consumer ${versionOf('sqs-consumer')}`,
  works: true,
})
for await (const line of createInterface({ input: process.stdin })) {
  const { do: name, ...command } = JSON.parse(line)
  try {
    say({ done: await commands[name](command) })
  } catch (error) {
    say({ error: `${error.name}: ${error.message}` })
  }
}
process.exit(0)
