// A server of one endless pattern: as fast as a process that copies from memory can be. Its own program, so that it has its own core.
// Prints its address, then on SIGUSR2 the bytes that it has sent.
import { createHash, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { setTimeout as sleep } from 'node:timers/promises'

const [size, perConnection, key, cert] = process.argv.slice(2)
const block = randomBytes(1 << 20)
const total = Number(size)
const limit = Number(perConnection)
let sent = 0

const digest = () => {
  if (total > 1e11) return '' // nobody gets to its end
  const hash = createHash('sha256')
  for (let at = 0; at < total; at += block.length)
    hash.update(block.subarray(0, Math.min(block.length, total - at)))
  return hash.digest('hex')
}

const span = range => {
  const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(range ?? '') ?? []
  return from === undefined ? [0, total] : [Number(from), Number(to) + 1]
}

const writable = response =>
  new Promise(resolve => {
    const go = () => {
      response.off('drain', go).off('close', go)
      resolve()
    }
    response.on('drain', go).on('close', go)
  })

const answer = async (request, response) => {
  const [from, end] = span(request.headers.range)
  const headers = { 'content-length': end - from, etag: '"pattern"', 'accept-ranges': 'bytes' }
  if (request.headers.range) headers['content-range'] = `bytes ${from}-${end - 1}/${total}`
  response.writeHead(request.headers.range ? 206 : 200, headers)
  const begun = performance.now()
  for (let at = from; at < end && !response.destroyed; ) {
    const offset = at % block.length
    const piece = block.subarray(offset, Math.min(block.length, offset + Math.min(end - at, 256 << 10)))
    at += piece.length
    sent += piece.length
    if (!response.write(piece)) await writable(response)
    if (limit > 0) await sleep(Math.max(0, ((at - from) / limit) * 1000 - (performance.now() - begun)))
  }
  response.end()
}

const server = key
  ? createTlsServer({ key: readFileSync(key), cert: readFileSync(cert) }, answer)
  : createServer(answer)
process.on('SIGUSR2', () => console.log(`sent ${sent}`))
server.listen(0, '127.0.0.1', () => console.log(`ready ${server.address().port} ${digest()}`))
