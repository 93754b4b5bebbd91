// Lines out of bytes: whatever the cuts between chunks, the same lines come out.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type LineLimits, LineTooLong, splitLines } from '../../../../src/platform/kubernetes/kernel/lines.ts'

const standard: LineLimits = { maxBytes: 1000, tooLong: 'throw', keepLast: false }

async function* chunksOf(bytes: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  let from = 0
  for (const size of sizes) {
    yield bytes.subarray(from, from + size)
    from += size
  }
  yield bytes.subarray(from)
}

async function linesOf(text: string, limits: Partial<LineLimits> = {}, sizes: readonly number[] = []) {
  const lines: string[] = []
  for await (const line of splitLines(chunksOf(Buffer.from(text), sizes), { ...standard, ...limits }))
    lines.push(line)
  return lines
}

describe('splitting lines', () => {
  it('a character of four bytes that is cut between chunks stays whole', async () => {
    for (const cut of [1, 2, 3, 4]) expect(await linesOf('🚉ü\n', {}, [cut])).toEqual(['🚉ü'])
  })

  it('a torn last line is dropped in a watch and kept in a log', async () => {
    expect(await linesOf('a\nb')).toEqual(['a'])
    expect(await linesOf('a\nb', { keepLast: true })).toEqual(['a', 'b'])
  })

  it('a line over the limit ends a watch, and is cut in a log', async () => {
    const text = `${'x'.repeat(11)}\nok\n`
    await expect(linesOf(text, { maxBytes: 10 })).rejects.toBeInstanceOf(LineTooLong)
    expect(await linesOf(text, { maxBytes: 10, tooLong: 'cut' }, [3, 4])).toEqual(['x'.repeat(10), 'ok'])
  })

  it('a line exactly at the limit passes', async () => {
    expect(await linesOf(`${'x'.repeat(10)}\n`, { maxBytes: 10 }, [5])).toEqual(['x'.repeat(10)])
  })

  it('any text, cut anywhere, comes out as its lines', async () => {
    const texts = fc.array(
      fc.string({ unit: 'grapheme', maxLength: 20 }).map(each => each.replaceAll('\n', '')),
    )
    await fc.assert(
      fc.asyncProperty(
        texts,
        fc.array(fc.nat({ max: 7 }), { maxLength: 40, size: 'max' }),
        async (lines, sizes) => {
          const text = lines.map(line => `${line}\n`).join('')
          expect(await linesOf(text, {}, sizes)).toEqual(lines)
        },
      ),
      { numRuns: 200 },
    )
  })
})
