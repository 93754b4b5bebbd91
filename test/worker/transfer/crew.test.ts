// The crew of one blob, against a source in this process: however often it pushes back, the crew ends with every part.
import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { Connections } from '../../../src/worker/transfer/crew.ts'
import { fetchFile } from '../../../src/worker/transfer/fetch-file.ts'
import { FrontHasher } from '../../../src/worker/transfer/front-hasher.ts'

const partSize = 4_096
const size = 24 * partSize + 5
const content = Buffer.from(Array.from({ length: size }, (_, at) => (at * 31 + (at >> 8)) & 255))
const hex = createHash('sha256').update(content).digest('hex')

/** Answers ranges in groups, all of a group at once, and each so-manieth request with 429. */
const pushingBack = (every: number, group: number): typeof fetch => {
  let asked = 0
  let waiting: (() => void)[] = []
  const release = (): void => {
    for (const go of waiting) go()
    waiting = []
  }
  return async (_, init) => {
    if (++asked % every === 0) return new Response('', { status: 429, headers: { 'retry-after': '0' } })
    const timer = setTimeout(release, 5)
    await new Promise<void>(resolve => {
      waiting.push(resolve)
      if (waiting.length >= group) release()
    })
    clearTimeout(timer)
    const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(new Headers(init?.headers).get('range') ?? '') ?? []
    const body = new Uint8Array(content.subarray(Number(from), Number(to) + 1))
    const headers = { 'content-length': `${body.length}`, 'content-range': `bytes ${from}-${to}/${size}` }
    return new Response(body, { status: 206, headers })
  }
}

it('ends with every part although a source pushes back again and again', async () => {
  const folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'crew-'))
  const hasher = new FrontHasher()
  const get = (fetch: typeof globalThis.fetch, target: string): Promise<string> =>
    fetchFile(
      {
        ...{ fetch, signal: new AbortController().signal, partSize: () => partSize },
        retry: { attempts: 50, baseMs: 1, idleMs: 5_000 },
      },
      {
        ...{ url: 'http://source.test/blob', path: 'blob', size, target, onBytes: () => {} },
        digest: { algorithm: 'sha256', hex },
      },
      { connections: new Connections(32), hasher },
    )
  for (let n = 0; n < 15; n++) {
    const target = join(folder, `${n}`)
    await get(pushingBack(5 + (n % 7), 1 + (n % 4)), target)
    expect(readFileSync(target).equals(content)).toBe(true)
  }
  await hasher.close()
  rmSync(folder, { recursive: true, force: true })
})
