// A thousand flipped bits, each found before anything could be published: as they come, and as they lie on the disk between two attempts.
import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { toFailure } from '../../../src/worker/outcome.ts'
import { Connections } from '../../../src/worker/transfer/crew.ts'
import { fetchFile } from '../../../src/worker/transfer/fetch-file.ts'
import { FrontHasher } from '../../../src/worker/transfer/front-hasher.ts'

const size = 40_001
const partSize = 16_384
const content = Buffer.from(Array.from({ length: size }, (_, at) => (at * 31 + (at >> 8)) & 255))
const hex = createHash('sha256').update(content).digest('hex')

/** The same numbers for the same seed: a failure is told with it. */
const numbers = (seed: number) => () => {
  seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
  return seed / 2 ** 32
}

const flipped = (bytes: Buffer, bit: number): Buffer => {
  const copy = Buffer.from(bytes)
  copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7))
  return copy
}

/** A source of these bytes, with ranges, in this process: a thousand downloads take seconds. */
const serve =
  (bytes: Buffer): typeof fetch =>
  async (_, init) => {
    const range = new Headers(init?.headers).get('range')
    const [, from = '0', to = `${size - 1}`] = /^bytes=(\d+)-(\d+)$/.exec(range ?? '') ?? []
    const body = new Uint8Array(bytes.subarray(Number(from), Number(to) + 1))
    const headers = { 'content-length': `${body.length}`, 'content-range': `bytes ${from}-${to}/${size}` }
    return new Response(body, { status: range ? 206 : 200, headers })
  }

/** In memory where the machine has such a place: a disk that syncs six thousand times has nothing to say here. */
const folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'flips-'))
const tools = { connections: new Connections(4), hasher: new FrontHasher() }
const get = (
  target: string,
  from: Buffer,
  signal = new AbortController().signal,
  onBytes = (_: number) => {},
) =>
  fetchFile(
    {
      fetch: serve(from),
      signal,
      retry: { attempts: 1, baseMs: 1, idleMs: 5_000 },
      partSize: () => partSize,
    },
    {
      url: 'http://source.test/blob',
      path: 'blob',
      size,
      digest: { algorithm: 'sha256', hex },
      target,
      onBytes,
    },
    tools,
  )

it('in what a source sends: 700 of 700 end as Integrity', async () => {
  const random = numbers(20_261_126)
  for (let n = 0; n < 700; n++) {
    const bit = Math.floor(random() * size * 8)
    const target = join(folder, `sent-${n}`)
    const failure = await get(target, flipped(content, bit)).then(() => undefined, toFailure)
    expect(failure?.reason, `bit ${bit}`).toBe('Integrity')
    expect(existsSync(target)).toBe(false)
  }
})

it('on the disk between two attempts: 300 of 300 are fetched again', async () => {
  const random = numbers(42)
  for (let n = 0; n < 300; n++) {
    const target = join(folder, `kept-${n}`)
    const stop = new AbortController()
    await get(target, content, stop.signal, bytes => bytes >= size / 2 && stop.abort()).catch(() => {})
    const bit = Math.floor(random() * (size / 2) * 8)
    writeFileSync(target, flipped(readFileSync(target), bit))
    await get(target, content)
    expect(readFileSync(target).equals(content), `bit ${bit}`).toBe(true)
    rmSync(target)
  }
  await tools.hasher.close()
  rmSync(folder, { recursive: true, force: true })
})
