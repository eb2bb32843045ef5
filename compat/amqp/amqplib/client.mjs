// amqplib as a compat client; the commands are in ../../README.md.
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { createRequire } from 'node:module'
import amqplib from 'amqplib'

const { version } = createRequire(import.meta.url)('./package-lock.json').packages['node_modules/amqplib']
const [hostname, port] = process.argv[2].split(':')
const PATIENCE_MS = 120_000
const REPLY_TO = 'amq.rabbitmq.reply-to'

const say = (message) => console.log(JSON.stringify(message))
const sleep = (ms) => new Promise((done) => setTimeout(done, ms))

/** The names of properties here and in commands. */
const PROPERTIES = {
  headers: 'headers', contentType: 'content_type', contentEncoding: 'content_encoding', deliveryMode: 'delivery_mode',
  priority: 'priority', correlationId: 'correlation_id', replyTo: 'reply_to', expiration: 'expiration',
  messageId: 'message_id', timestamp: 'timestamp', type: 'type', userId: 'user_id', appId: 'app_id',
}

/** A header's value as JSON. */
function plain(value) {
  if (Array.isArray(value)) return value.map(plain)
  if (Buffer.isBuffer(value)) return value.toString()
  if (value === null || typeof value !== 'object') return value
  if (value['!'] === 'timestamp') return value.value
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, plain(item)]))
}

function shown({ fields, properties, content }) {
  const message = { body: content.toString(), exchange: fields.exchange, key: fields.routingKey }
  for (const [name, known] of Object.entries(PROPERTIES)) message[known] = plain(properties[name] ?? null)
  // It shows an empty table where there is none.
  if (message.headers && Object.keys(message.headers).length === 0) message.headers = null
  return { ...message, redelivered: fields.redelivered }
}

function options(message) {
  const set = {}
  for (const [name, known] of Object.entries(PROPERTIES)) if (known in message) set[name] = message[known]
  return set
}

/** What the broker refuses is an answer. */
function refusal(error) {
  // How a virtual host was refused it does not tell.
  if (error.message.includes('got <ConnectionClose')) return { refused: { code: null, text: error.message } }
  const said = /(\d{3}) \([A-Z-]+\) with message "(.*)"/s.exec(error.message)
  if (!said) throw error
  return { refused: { code: Number(said[1]), text: said[2] } }
}

/** A connection; what breaks it is kept, and told to whoever waits. */
async function connect({ vhost = '/', user = 'guest', password = 'guest' } = {}) {
  const connection = await amqplib.connect({ hostname, port: Number(port), username: user, password, vhost, heartbeat: 60 })
  connection.lost = new Promise((_, reject) => {
    connection.on('error', reject)
    connection.on('close', () => reject(new Error('the connection is closed')))
  })
  connection.lost.catch(() => {})
  return connection
}

async function channelOf(connection, confirming = false) {
  const channel = await (confirming ? connection.createConfirmChannel() : connection.createChannel())
  channel.lost = new Promise((_, reject) => {
    channel.on('error', reject)
    channel.on('close', () => reject(new Error('the channel is closed')))
  })
  channel.lost.catch((error) => {
    channel.error = error
  })
  return channel
}

let connection = await connect()
const channels = {}
/** A channel of the connection, opened again after the broker closed it. */
async function channel(confirming = false) {
  if (!channels[confirming] || channels[confirming].error) channels[confirming] = await channelOf(connection, confirming)
  return channels[confirming]
}

/** Publishes and waits for every confirm; what is returned is told before. */
async function confirmed(on, exchange, key, messages, mandatory) {
  const outcome = { acked: 0, nacked: 0, returned: [] }
  const returned = (message) => {
    const { replyCode: code, replyText: text } = message.fields
    outcome.returned.push({ ...shown(message), code, text })
  }
  on.on('return', returned)
  const waits = messages.map(
    (message) =>
      new Promise((done) => {
        on.publish(exchange, key, Buffer.from(message.body), { ...options(message), mandatory }, (error) => {
          outcome[error ? 'nacked' : 'acked'] += 1
          done()
        })
      }),
  )
  try {
    await Promise.race([Promise.all(waits), on.lost])
  } finally {
    on.off('return', returned)
  }
  return outcome
}

const consumers = {}
let served = 0

const commands = {
  async connect(where) {
    await (await connect(where)).close()
    return {}
  },

  async reopen({ queue, times }) {
    for (let time = 0; time < times; time += 1) {
      const own = await connect()
      await (await own.createChannel()).assertQueue(queue, { exclusive: true, durable: false })
      await own.close()
    }
    return {}
  },

  async exchange({ name, type, passive = false, durable = true, auto_delete = false, internal = false, arguments: values }) {
    const on = await channel()
    if (passive) await on.checkExchange(name)
    else await on.assertExchange(name, type, { durable, autoDelete: auto_delete, internal, arguments: values })
    return {}
  },

  async queue({ name, passive = false, durable = true, exclusive = false, auto_delete = false, arguments: values }) {
    const on = await channel()
    const found = passive
      ? await on.checkQueue(name)
      : await on.assertQueue(name, { durable, exclusive, autoDelete: auto_delete, arguments: values })
    return { queue: found.queue, messages: found.messageCount, consumers: found.consumerCount }
  },

  async bind({ queue, exchange, key = '', arguments: values }) {
    await (await channel()).bindQueue(queue, exchange, key, values)
    return {}
  },

  async unbind({ queue, exchange, key = '', arguments: values }) {
    await (await channel()).unbindQueue(queue, exchange, key, values)
    return {}
  },

  async link({ destination, source, key = '', arguments: values }) {
    await (await channel()).bindExchange(destination, source, key, values)
    return {}
  },

  async delete({ queue }) {
    return { messages: (await (await channel()).deleteQueue(queue)).messageCount }
  },

  async publish({ exchange, key, messages, mandatory = false }) {
    return confirmed(await channel(true), exchange, key, messages, mandatory)
  },

  async flood({ queue, count, bytes }) {
    const on = await channel(true)
    const outcome = { acked: 0, nacked: 0 }
    const heard = (error) => {
      outcome[error ? 'nacked' : 'acked'] += 1
    }
    for (let number = 0; number < count; number += 1) {
      const body = Buffer.from(`${number} `.padEnd(bytes, 'x'))
      if (!on.publish('', queue, body, { persistent: true }, heard)) await once(on, 'drain')
    }
    await Promise.race([on.waitForConfirms(), on.lost])
    return outcome
  },

  async drain({ queue, count, prefetch }) {
    const on = await channelOf(connection)
    await on.prefetch(prefetch)
    const seen = []
    await new Promise((done, failed) => {
      on.lost.catch(failed)
      on.consume(queue, (message) => {
        seen.push(Number(message.content.toString().split(' ')[0]))
        if (seen.length % (prefetch / 2) === 0 || seen.length === count) on.ack(message, true)
        if (seen.length === count) done()
      })
    })
    await on.close()
    return { count: seen.length, in_order: seen.every((number, place) => number === place) }
  },

  async get({ queue }) {
    const message = await (await channel()).get(queue, { noAck: true })
    return { message: message ? shown(message) : null }
  },

  async consume({ consumer, queue, prefetch, no_ack = false, exclusive = false, then = 'ack', arguments: values }) {
    const on = await channelOf(connection)
    const running = { on, messages: [], held: [], cancelled: false, then }
    if (prefetch) await on.prefetch(prefetch)
    const got = (message) => {
      if (message === null) {
        running.cancelled = true
        return
      }
      running.messages.push(shown(message))
      if (no_ack) return
      running.held.push(message)
      if (then !== 'hold') settle(running, then)
    }
    running.tag = (await on.consume(queue, got, { noAck: no_ack, exclusive, arguments: values })).consumerTag
    consumers[consumer] = running
    return {}
  },

  async take({ consumer, count, wait_ms }) {
    const running = consumers[consumer]
    const until = Date.now() + wait_ms
    while (running.messages.length < count && Date.now() < until && !running.cancelled) {
      if (running.on.error) throw running.on.error
      await sleep(10)
    }
    return { messages: running.messages.splice(0, count), cancelled: running.cancelled }
  },

  async settle({ consumer, then }) {
    settle(consumers[consumer], then)
    return {}
  },

  async cancel({ consumer }) {
    await consumers[consumer].on.cancel(consumers[consumer].tag)
    return {}
  },

  async close({ consumer }) {
    await consumers[consumer].on.close()
    return {}
  },

  async serve({ queue }) {
    const on = await channelOf(connection)
    await on.consume(queue, (message) => {
      // Its queue is gone.
      if (message === null) return
      const { replyTo, correlationId } = message.properties
      on.sendToQueue(replyTo, Buffer.from(message.content.toString().toUpperCase()), { correlationId })
      on.ack(message)
    })
    return {}
  },

  async call({ queue, bodies }) {
    const on = await channelOf(connection)
    const waits = new Map()
    await on.consume(REPLY_TO, (message) => waits.get(message.properties.correlationId)(message.content.toString()), { noAck: true })
    const answers = []
    for (const body of bodies) {
      const correlationId = String((served += 1))
      const answer = new Promise((done) => waits.set(correlationId, done))
      on.sendToQueue(queue, Buffer.from(body), { correlationId, replyTo: REPLY_TO })
      answers.push(await Promise.race([answer, on.lost]))
    }
    await on.close()
    return { answers }
  },

  async stream({ queue, count }) {
    return through(async (own, state) => {
      const on = await channelOf(own, true)
      while (state.done < count) {
        const { acked } = await Promise.race([
          confirmed(on, '', queue, [{ body: String(state.done), delivery_mode: 2 }], false),
          own.lost,
        ])
        state.done += acked
        if (state.done % 100 === 0) say({ event: 'confirmed', count: state.done })
        await sleep(2)
      }
    }, 'confirmed')
  },

  async work({ queue, count }) {
    const seen = new Set()
    return through(async (own, state) => {
      const on = await channelOf(own)
      await on.prefetch(50)
      const all = new Promise((done) => {
        on.consume(queue, (message) => {
          seen.add(Number(message.content.toString()))
          on.ack(message)
          state.done = seen.size
          if (seen.size === count) done()
        }).catch(() => {})
      })
      await Promise.race([all, own.lost, on.lost])
    }, 'seen')
  },
}

/** Does something on a connection of its own, and again on the next one when that is lost. */
async function through(act, word) {
  const state = { done: 0, reconnects: 0 }
  const until = Date.now() + PATIENCE_MS
  for (let had = false; Date.now() < until; had = true) {
    try {
      const own = await connect()
      if (had) state.reconnects += 1
      await act(own, state)
      await own.close()
      break
    } catch (error) {
      console.error(String(error))
      await sleep(100)
    }
  }
  return { [word]: state.done, reconnects: state.reconnects }
}

function settle(running, how) {
  for (const message of running.held.splice(0)) {
    if (how === 'ack') running.on.ack(message)
    else running.on.nack(message, false, how === 'requeue')
  }
}

async function main() {
  say({ event: 'ready', version: `amqplib ${version}` })
  for await (const line of createInterface({ input: process.stdin })) {
    const { do: name, ...command } = JSON.parse(line)
    try {
      say({ done: await commands[name](command).catch(refusal) })
    } catch (error) {
      say({ error: String(error) })
    }
  }
  process.exit(0)
}

await main()
