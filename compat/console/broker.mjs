// A broker of its own for the test: started on free ports in a directory that is emptied first, spoken to as programs do.

import { spawn } from 'node:child_process'
import { openSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

const START_MS = 60_000

/** The first line that a child says, or why there was none. */
export function firstLine(child, what) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${what} said nothing in time`)), START_MS)
    const lines = createInterface({ input: child.stdout })
    lines.once('line', (line) => {
      clearTimeout(timer)
      resolve(JSON.parse(line))
    })
    child.once('exit', (code) => reject(new Error(`${what} ended with ${code} before it said anything`)))
  })
}

export class Broker {
  static async start(binary, log) {
    const broker = new Broker()
    broker.binary = binary
    broker.dir = await mkdtemp(join(tmpdir(), 'millstream-console-'))
    const anywhere = ['kafka', 'amqp', 'amqp-management', 'aws', 'http'].flatMap((front) => [`--listen-${front}`, '127.0.0.1:0'])
    broker.child = spawn(binary, ['serve', '--json', '--data-dir', broker.dir, ...anywhere], { stdio: ['ignore', 'pipe', openSync(log, 'a')] })
    broker.ready = await firstLine(broker.child, 'the broker')
    broker.url = `http://${broker.ready.listen.http}`
    return broker
  }

  /** The admin token, as whoever runs the broker finds it. */
  async adminToken() {
    return (await readFile(join(this.dir, 'admin.token'), 'utf8')).trim()
  }

  /** A request to the admin API. */
  async api(method, path, body) {
    const headers = body === undefined ? {} : { 'content-type': 'application/json' }
    const answer = await fetch(`${this.url}/api/v1${path}`, { method, headers, body: body && JSON.stringify(body) })
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`)
    return answer.status === 204 ? null : answer.json()
  }

  /** A command of the binary, to this broker. */
  async run(...args) {
    const environment = { ...process.env, MILLSTREAM_SERVER: this.url, MILLSTREAM_BOOTSTRAP: this.ready.listen.kafka }
    const child = spawn(this.binary, args, { stdio: ['ignore', 'ignore', 'inherit'], env: environment })
    const code = await new Promise((resolve) => child.once('exit', resolve))
    if (code !== 0) throw new Error(`${args.join(' ')} ended with ${code}`)
  }

  async stop() {
    const ended = new Promise((resolve) => this.child.once('exit', resolve))
    this.child.kill('SIGTERM')
    await ended
    await rm(this.dir, { recursive: true, force: true })
  }
}
