// The console in a real browser: a newcomer's way, then every page. Arguments: the broker, the browser, a directory for
// screenshots, a file for what the broker logs. Each check is a line of JSON on standard output; what went wrong is told by it, and by nothing else.

import { spawn } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { chromium } from 'playwright-core'
import { Broker, firstLine } from './broker.mjs'
import { PAYLOAD, Watcher, accessible, ensure, inspect } from './checks.mjs'

const [, , binary, executablePath, shots, log] = process.argv
// A machine that has much to do may take long for what a page shows after a moment.
const PATIENCE_MS = 60_000
const LEASE_MS = 1_000

const say = (message) => console.log(JSON.stringify(message))

async function check(name, work) {
  try {
    await work()
    say({ check: name, error: null })
  } catch (error) {
    say({ check: name, error: String(error?.message ?? error).slice(0, 2_000) })
  }
}

async function newContext(browser, settings = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, reducedMotion: 'reduce', ...settings })
  context.setDefaultTimeout(PATIENCE_MS)
  return context
}

/** Sends the form that a button belongs to, and says yes when asked. */
async function press(page, name, { confirmed = false } = {}) {
  await page.getByRole('button', { name }).click()
  if (confirmed) await page.getByRole('button', { name: 'Yes, do it' }).click()
}

const said = (page) => page.getByRole('status').first()

/** Takes the message like a consumer and is killed with it. */
async function crash(broker, stream) {
  const consumer = spawn(process.execPath, [join(import.meta.dirname, 'consumer.mjs'), broker.url, stream, String(LEASE_MS)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const taken = await firstLine(consumer, 'the consumer')
  consumer.kill('SIGKILL')
  return taken
}

async function newcomer(broker, page) {
  await check('the printed address logs in', async () => {
    await page.goto(broker.ready.console_url)
    await page.getByRole('heading', { name: 'Overview' }).waitFor()
    ensure(!page.url().includes('token'), 'the token still stands in the address')
  })
  await check('it logs in once', async () => {
    const other = await newContext(page.context().browser())
    const second = await other.newPage()
    await second.goto(broker.ready.console_url)
    await second.getByText('it was used already').waitFor()
    await second.getByLabel('Admin token').fill(await broker.adminToken())
    await second.getByRole('button', { name: 'Log in' }).click()
    await second.getByRole('heading', { name: 'Overview' }).waitFor()
    await other.close()
  })
  await check('a queue and one for its dead letters are created', async () => {
    for (const [name, dead] of [['dead', ''], ['orders', 'dead']]) {
      await page.goto(`${broker.url}/streams`)
      await page.getByText('Create a stream').click()
      await page.getByLabel('Name', { exact: true }).fill(name)
      await page.getByLabel('Dead letters to the stream').fill(dead)
      await page.getByLabel('after so many deliveries').fill(dead && '2')
      await press(page, 'Create')
      await said(page).getByText(`The stream ${name} is there.`).waitFor()
    }
  })
  await check('a message that is published arrives on the page without being asked for', async () => {
    await page.goto(`${broker.url}/streams/orders/records`)
    const watching = await page.context().newPage()
    await watching.goto(`${broker.url}/streams/orders/records`)
    await page.getByText('Publish a record').click()
    await page.getByLabel('Key').fill('order-1')
    await page.getByLabel('Value', { exact: true }).fill('{"order": 1, "amount": "12.50"}')
    await page.getByLabel('Headers').fill('tenant: acme')
    await press(page, 'Publish')
    await said(page).getByText('The record is stored').waitFor()
    await watching.getByRole('region', { name: 'Records', exact: true }).getByText('"amount": "12.50"').first().waitFor()
    await watching.close()
    await page.goto(`${broker.url}/streams/orders/records/0/0`)
    await page.getByText('acme').waitFor()
  })
  await check('a consumer takes it and is killed, and it is delivered again', async () => {
    const first = await crash(broker, 'orders')
    ensure(first.deliveries === 1 && first.value.includes('12.50'), JSON.stringify(first))
    await page.goto(`${broker.url}/streams/orders/records`)
    await page.getByText('delivered 1 time').first().waitFor()
    const second = await crash(broker, 'orders')
    ensure(second.deliveries === 2, JSON.stringify(second))
  })
  await check('it was delivered too often and waits among the dead letters', async () => {
    // Whoever asks next finds that it was delivered too often.
    for (let waiting = 0; waiting === 0; ) {
      const received = await broker.api('POST', '/streams/orders/groups/default/receive', { wait_ms: 500 })
      ensure(received.records.length === 0, JSON.stringify(received))
      waiting = (await broker.api('GET', '/streams/dead')).counts.ready
    }
    await page.goto(`${broker.url}/dead-letters`)
    // The page goes on looking by itself.
    await page.getByRole('row').filter({ hasText: 'dead' }).filter({ hasText: 'orders' }).getByText('1', { exact: true }).waitFor()
    await page.getByRole('link', { name: 'dead', exact: true }).click()
    await page.getByRole('cell', { name: 'limit', exact: true }).first().waitFor()
    await page.screenshot({ path: join(shots, 'console-dead-letters.png') })
  })
  await check('it is replayed and taken again', async () => {
    await page.getByLabel('Choose the letter').check()
    await press(page, 'Replay the chosen', { confirmed: true })
    await said(page).getByText('1 letters are on their way').waitFor()
    const again = await crash(broker, 'orders')
    ensure(again.value?.includes('12.50') && again.deliveries === 1, JSON.stringify(again))
  })
  await check('all of that stands in the audit log', async () => {
    await page.goto(`${broker.url}/audit`)
    for (const entry of ['log in', 'create "orders"', 'redrive 1: 0:0']) await page.getByText(entry).first().waitFor()
  })
}

/** Streams whose names and contents are a stranger's, among them one for dead letters with one in it. */
async function strangers(broker) {
  const name = encodeURIComponent(PAYLOAD)
  const record = { key: PAYLOAD, value: PAYLOAD, headers: [{ name: PAYLOAD, value: PAYLOAD }] }
  await broker.api('PUT', `/streams/${name}`, { settings: { leased: true } })
  await broker.api('PUT', '/streams/strange', { settings: { leased: true, dead_letter_stream: PAYLOAD } })
  for (const stream of [name, 'strange']) {
    await broker.api('POST', `/streams/${stream}/records`, { records: [record, { value: JSON.stringify({ a: [PAYLOAD] }) }, { value_base64: 'AAECA/8=' }] })
  }
  await broker.api('PUT', `/routes/${name}`, { match: 'exact' })
  await broker.api('POST', `/routes/${name}/bindings`, { stream: PAYLOAD, key: PAYLOAD })
  await broker.api('PUT', `/namespaces/${name}`)
  await broker.api('PUT', `/streams/${name}?namespace=${name}`, { settings: {} })
  await broker.api('POST', '/alarms/no_consumer/silence', { reason: PAYLOAD, for_ms: 3_600_000 })
  await broker.run('consume', 'clicks', '--group', PAYLOAD, '--count', '1')
  await broker.api('PUT', '/routes/shop', { match: 'exact' })
  await broker.api('POST', '/routes/shop/bindings', { stream: PAYLOAD, key: 'order' })
  const { records } = await broker.api('POST', '/streams/strange/groups/default/receive', { records_max: 3 })
  const leases = records.map(({ token }) => ({ token, action: 'reject' }))
  await broker.api('POST', '/streams/strange/groups/default/settle', { leases })
}

function pages(broker) {
  const name = encodeURIComponent(PAYLOAD)
  return [
    '/',
    '/streams',
    '/streams?leased=true&prefix=o',
    `/streams/${name}`,
    '/streams/orders',
    `/streams/${name}/records`,
    `/streams/${name}/records?key=${name}&value=${name}&headers=${name}`,
    `/streams/${name}/records/0/0`,
    `/streams/${name}/records/0/1`,
    `/streams/${name}/records/0/2`,
    `/streams/${name}/settings`,
    '/dead-letters',
    `/dead-letters/${name}`,
    `/dead-letters/${name}?reason=rejected&key=${name}`,
    '/groups',
    `/groups/${name}`,
    '/groups/readers',
    '/routes',
    `/routes/${name}`,
    `/routes/${name}?test=yes&key=${name}&headers=a%3A+${name}`,
    `/streams?namespace=${name}`,
    `/streams/${name}?namespace=${name}`,
    '/routes/shop?test=yes&key=order',
    '/connections',
    '/jobs',
    '/storage',
    '/configuration',
    '/alarms',
    '/audit',
  ].map((path) => broker.url + path)
}

async function everyPage(broker, browser, state) {
  const views = [
    { name: 'wide and light', viewport: { width: 1280, height: 800 }, colorScheme: 'light' },
    { name: 'narrow and dark', viewport: { width: 360, height: 740 }, colorScheme: 'dark' },
  ]
  for (const { name, ...settings } of views) {
    const context = await newContext(browser, { ...settings, storageState: state })
    const watcher = new Watcher(context)
    const page = await context.newPage()
    await check(`every page, ${name}: small, fits, complains about nothing, runs nothing of a stranger`, async () => {
      for (const address of pages(broker)) await inspect(page, address)
      watcher.judge()
    })
    await check(`every page, ${name}: axe finds nothing serious`, async () => {
      for (const address of pages(broker)) await accessible(page, address)
    })
    await context.close()
  }
}

/** Screenshots for the documentation, with something going on. */
async function pictures(broker, browser, state) {
  await check('the overview shows what comes in', async () => {
    for (let second = 0; second < 5; second += 1) {
      const records = Array.from({ length: 40 + 30 * (second % 3) }, (_, index) => ({ key: `k${index % 7}`, value: `{"n": ${index}}` }))
      for (const stream of ['clicks', 'payments']) {
        if (second === 0) await broker.api('PUT', `/streams/${stream}`, { settings: {} })
        await broker.api('POST', `/streams/${stream}/records`, { records })
      }
      await new Promise((resolve) => setTimeout(resolve, 1_000))
    }
    await broker.run('consume', 'clicks', '--group', 'readers', '--count', '30')
    for (const [colorScheme, viewport] of [['light', { width: 1280, height: 800 }], ['dark', { width: 390, height: 800 }]]) {
      const context = await newContext(browser, { storageState: state, colorScheme, viewport })
      const page = await context.newPage()
      await page.goto(`${broker.url}/`)
      await page.locator('svg.line polyline').first().waitFor({ state: 'attached' })
      await page.screenshot({ path: join(shots, `console-overview-${colorScheme}.png`) })
      if (colorScheme === 'light') {
        await page.goto(`${broker.url}/streams`)
        await page.screenshot({ path: join(shots, 'console-streams.png') })
        // The lag over time has a line once the broker has looked twice.
        await page.goto(`${broker.url}/groups/readers`)
        await page.locator('svg.line polyline').first().waitFor({ state: 'attached' })
        await page.screenshot({ path: join(shots, 'console-group.png') })
      }
      await context.close()
    }
  })
}

async function keyboard(broker, browser, state) {
  await check('the keyboard gets to the content first', async () => {
    const context = await newContext(browser, { storageState: state })
    const page = await context.newPage()
    await page.goto(`${broker.url}/streams`)
    await page.keyboard.press('Tab')
    ensure((await page.evaluate(() => document.activeElement.textContent)) === 'Skip to the content', 'the first stop is another')
    await page.keyboard.press('Enter')
    await page.waitForFunction(() => document.activeElement?.id === 'main')
    await context.close()
  })
}

async function withoutScript(broker, browser, state) {
  await check('without a script messages are published, seen and purged', async () => {
    const context = await newContext(browser, { storageState: state, javaScriptEnabled: false })
    const page = await context.newPage()
    await page.goto(`${broker.url}/streams/strange/records?publish=1`)
    await page.getByLabel('Value', { exact: true }).fill('without a script')
    await press(page, 'Publish')
    await page.getByRole('cell', { name: 'without a script' }).first().waitFor()
    await page.goto(`${broker.url}/streams/strange`)
    await press(page, 'Purge what is ready', { confirmed: true })
    await said(page).getByText('are done with').waitFor()
    await context.close()
  })
}

async function guarded(broker, browser, state) {
  await check('a script in the page is not run', async () => {
    const context = await newContext(browser, { storageState: state })
    const page = await context.newPage()
    await page.goto(`${broker.url}/`)
    const ran = await page.evaluate(() => {
      const script = document.createElement('script')
      script.textContent = 'window.pwned = 4'
      document.body.append(script)
      return window.pwned
    })
    ensure(ran === undefined, 'it has run')
    await context.close()
  })
  await check('who has not logged in sees the form, and comes back to where he wanted to go', async () => {
    const context = await newContext(browser)
    const page = await context.newPage()
    await page.goto(`${broker.url}/streams/orders/settings`)
    await page.getByLabel('Admin token').fill('wrong-token-wrong-token')
    await page.getByRole('button', { name: 'Log in' }).click()
    await page.getByText('not the admin token').waitFor()
    await page.getByLabel('Admin token').fill(await broker.adminToken())
    await page.getByRole('button', { name: 'Log in' }).click()
    await page.getByRole('heading', { name: 'orders' }).waitFor()
    ensure(page.url() === `${broker.url}/streams/orders/settings`, page.url())
    await page.getByRole('button', { name: 'Log out' }).click()
    await page.getByLabel('Admin token').waitFor()
    await context.close()
  })
}

await mkdir(shots, { recursive: true })
const broker = await Broker.start(binary, log)
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage', '--disable-gpu'] })
try {
  say({ version: `Chromium ${browser.version()}` })
  const context = await newContext(browser)
  const watcher = new Watcher(context)
  const page = await context.newPage()
  await newcomer(broker, page)
  await check('the newcomer saw no error', async () => watcher.judge())
  const state = await context.storageState()
  await pictures(broker, browser, state)
  await strangers(broker)
  await everyPage(broker, browser, state)
  await keyboard(broker, browser, state)
  await withoutScript(broker, browser, state)
  await guarded(broker, browser, state)
} finally {
  await browser.close()
  await broker.stop()
}
say({ done: true })
