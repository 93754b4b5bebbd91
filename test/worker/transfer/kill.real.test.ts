// kill −9 of a real download at many random moments: it goes on each time, nothing is lost that was told, every blob ends right.
// No life is long enough for the whole blob, so one that is whole was made of what earlier lives left. How many bytes a kill costs is a
// figure (`npm run bench:download`): a busy reader leaves megabytes in the buffers of its connections, and they count as sent.
// SWITCHYARD_KILLS=300 for the long run.
import { spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { bundle } from '../../../scripts/build.ts'
import { startHub } from '../../stand-ins/hub.ts'

const repo = 'acme/killed'
const name = 'model.safetensors'
const kills = Number(process.env['SWITCHYARD_KILLS'] ?? 60)
const content = randomBytes(24 << 20)
const hex = createHash('sha256').update(content).digest('hex')
const seed = Number(process.env['SWITCHYARD_SEED'] ?? Date.now() % 1_000_000)

const numbers = (from: number) => {
  let at = from
  return () => {
    at = (Math.imul(at, 1_664_525) + 1_013_904_223) >>> 0
    return at / 2 ** 32
  }
}

const wordsOf = (program: string, hub: string, target: string): string[] => [
  program,
  `${hub}/${repo}/resolve/main/${name}`,
  target,
  `${content.length}`,
  hex,
]

it(`a download killed at ${kills} random moments goes on and ends right (SWITCHYARD_SEED=${seed})`, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'kills-'))
  const entry = new URL('./one-download.ts', import.meta.url).pathname
  const program = await bundle(join(folder, 'one-download.mjs'), entry)
  const hub = await startHub({ repos: [{ id: repo, files: { [name]: content } }] })
  hub.setFault(name, { kind: 'slow', bytesPerSecond: 3_000_000 })
  const random = numbers(seed)
  const target = join(folder, 'blob')
  let [killed, finished] = [0, 0]
  // also on a machine so busy that a life brings hardly more than its first bytes
  while (killed < kills || finished === 0) {
    const child = spawn(process.execPath, wordsOf(program, hub.url, target), {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const ended = once(child, 'exit')
    await Promise.race([ended, once(child.stdout, 'data')])
    await Promise.race([ended, sleep(random() * 500)])
    if (child.exitCode === null) child.kill('SIGKILL')
    await ended
    if (child.signalCode) killed++
    else {
      expect(child.exitCode).toBe(0)
      expect(readFileSync(target).equals(content)).toBe(true)
      rmSync(target)
      finished++
    }
  }
  const sent = hub.requests.filter(one => one.origin === 'cdn').reduce((sum, one) => sum + one.bytesSent, 0)
  const again = (sent - finished * content.length) / killed
  console.log(
    `${killed} kills, ${finished} whole downloads, ${Math.round(again / 1024)} KiB per kill unfinished or sent again`,
  )
  hub.setFault(name, undefined)
  await once(spawn(process.execPath, wordsOf(program, hub.url, target)), 'exit')
  expect(readFileSync(target).equals(content)).toBe(true)
  await hub.close()
  rmSync(folder, { recursive: true, force: true })
}, 600_000)
