// What is looked at on every page: errors, what strangers wrote, what assistive programs need, widths.

import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** Text that would run if a page did not escape it; in every name, key, header and body. */
export const PAYLOAD = `<img src=x onerror="window.pwned=1"><script>window.pwned=2</script>'"><svg onload=window.pwned=3>`

const PAGE_BYTES_MAX = 100_000

/** Gathers what a page complains about. What the test itself provokes is told beforehand. */
export class Watcher {
  constructor(context) {
    this.errors = []
    this.expected = []
    context.on('page', (page) => {
      page.on('pageerror', (error) => this.errors.push(`${page.url()}: ${error.message}`))
      page.on('dialog', (dialog) => {
        this.errors.push(`${page.url()}: a dialog: ${dialog.message()}`)
        return dialog.dismiss()
      })
      page.on('console', (message) => {
        if (['error', 'warning'].includes(message.type())) this.errors.push(`${page.url()}: ${message.text()}`)
      })
      page.on('response', (response) => {
        if (response.status() >= 400) this.errors.push(`${response.url()}: status ${response.status()}`)
      })
    })
  }

  /** Fails if anything was complained about that matches none of these. */
  judge(...expected) {
    const errors = this.errors.filter((error) => !expected.some((pattern) => pattern.test(error)))
    this.errors = []
    if (errors.length > 0) throw new Error(errors.join('; '))
  }
}

export function ensure(condition, sentence) {
  if (!condition) throw new Error(sentence)
}

/** Opens a page and looks at everything that all pages promise. */
export async function inspect(page, address) {
  const response = await page.goto(address)
  ensure(response.status() === 200, `${address}: status ${response.status()}`)
  const bytes = (await response.body()).length
  ensure(bytes < PAGE_BYTES_MAX, `${address} has ${bytes} bytes`)
  const policy = response.headers()['content-security-policy'] ?? ''
  ensure(policy.includes("script-src 'self'") && !policy.includes('unsafe'), `${address}: the policy is ${policy}`)
  const found = await page.evaluate(() => ({
    pwned: window.pwned,
    inline: document.querySelectorAll('script:not([src]), style, [style]').length,
    handlers: [...document.querySelectorAll('*')].filter((one) => [...one.attributes].some((a) => a.name.startsWith('on'))).length,
    images: document.querySelectorAll('img').length,
    width: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    landmarks: ['header', 'nav', 'main', 'footer'].filter((name) => !document.querySelector(name)),
  }))
  ensure(found.pwned === undefined, `${address}: a script of a stranger has run`)
  ensure(found.inline === 0 && found.handlers === 0 && found.images === 0, `${address}: ${JSON.stringify(found)}`)
  ensure(found.width <= 0, `${address} is ${found.width} pixels wider than the screen`)
  ensure(found.landmarks.length === 0, `${address} lacks ${found.landmarks}`)
  return bytes
}

/** Serious findings of axe. */
export async function accessible(page, address) {
  await page.goto(address)
  await page.evaluate(axe)
  const { violations } = await page.evaluate(() => window.axe.run(document))
  const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical')
  const told = serious.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map(({ html }) => html).join(' ')}`)
  ensure(serious.length === 0, `${address}: ${told.join('; ')}`)
}
