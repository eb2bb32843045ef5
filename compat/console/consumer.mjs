// A consumer that takes one message, says so, and never settles it: it is there to be killed.

const [, , api, stream, timeout] = process.argv
const answer = await fetch(`${api}/api/v1/streams/${encodeURIComponent(stream)}/groups/default/receive`, {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ wait_ms: 30_000, timeout_ms: Number(timeout) }),
})
const { records } = await answer.json()
console.log(JSON.stringify({ value: records[0]?.value ?? null, deliveries: records[0]?.delivery_count ?? 0 }))
setInterval(() => {}, 60_000)
