// The sums of a journal: the same however the bytes arrive, and what a former attempt left is believed by them alone.
import { createHash, randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { Partial } from '../../../src/worker/transfer/partial.ts'

const partSize = 256 << 10
const content = randomBytes(3 * partSize + 12_345)
const digest = { algorithm: 'sha256', hex: createHash('sha256').update(content).digest('hex') } as const

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'sums-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const open = () => Partial.open({ target: join(folder, 'blob'), size: content.length, partSize, digest })

/** Writes all of it in pieces of these sizes, in turn. */
const fill = async (partial: Partial, sizes: readonly number[]): Promise<void> => {
  for (let index = 0; index < partial.parts; index++) {
    const { start, size } = partial.part(index)
    for (let [at, n] = [0, 0]; at < size; n++) {
      const length = Math.min(sizes[n % sizes.length] ?? 1, size - at)
      const piece = content.subarray(start + at, start + at + length)
      await partial.append(index, [piece.subarray(0, length >> 1), piece.subarray(length >> 1)])
      at += length
    }
  }
}

it.each([[[partSize]], [[4_096]], [[1, 4_095, 70_001]], [[32_768, 3]]])(
  'bytes that came in pieces of %j are believed when they are there',
  async sizes => {
    const first = await open()
    await fill(first, sizes)
    await first.close()
    const second = await open()
    await second.checkClaims()
    expect(second.bytes).toBe(content.length)
    await second.close()
  },
)

it('a part of which a stretch was lost begins anew, and only that', async () => {
  const first = await open()
  await fill(first, [50_000])
  await first.close()
  const bytes = readFileSync(join(folder, 'blob'))
  bytes.fill(0, partSize + 40_000, partSize + 40_000 + 32_768)
  writeFileSync(join(folder, 'blob'), bytes)
  const second = await open()
  await second.checkClaims()
  expect([0, 1, 2, 3].map(index => second.isWhole(index))).toEqual([true, false, true, true])
  await second.close()
})

it('all bytes of a part count when two attempts are compared', async () => {
  const first = await open()
  await fill(first, [50_000])
  const before = await first.checksums()
  const bytes = readFileSync(join(folder, 'blob'))
  bytes[2 * partSize + 20_000]! ^= 1
  writeFileSync(join(folder, 'blob'), bytes)
  const after = await first.checksums()
  expect(after.map((sum, index) => sum === before[index])).toEqual([true, true, false, true])
  await first.close()
})
