// Headers of weight files: right ones of every kind pass, each way to lie is named, and no bytes make the reader fall.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { findGgufFault } from '../../../src/worker/inspect/gguf-header.ts'
import { findSafetensorsFault } from '../../../src/worker/inspect/safetensors-header.ts'
import { writeTinyModel } from '../../stand-ins/tiny-model.ts'
import { toSafetensors } from '../../stand-ins/weights.ts'

const folder = mkdtempSync(join(tmpdir(), 'headers-'))
const model = writeTinyModel(folder, { name: 'tiny' })
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const weights = readFileSync(join(model.folder, 'model.safetensors'))
const gguf = readFileSync(model.gguf)

const file = (header: unknown, data = 4, text = JSON.stringify(header)): Buffer => {
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(Buffer.byteLength(text)))
  return Buffer.concat([length, Buffer.from(text), Buffer.alloc(data)])
}
const tensor = (more: object = {}) => ({ dtype: 'F32', shape: [1], data_offsets: [0, 4], ...more })

describe('a safetensors header', () => {
  it.each([
    ['of a constructed model', weights],
    ['with one tensor', file({ a: tensor() })],
    ['with words beside it', file({ __metadata__: { format: 'pt' }, a: tensor() })],
    ['with a scalar', file({ a: tensor({ shape: [] }) })],
    ['with an empty tensor', file({ a: tensor(), b: tensor({ shape: [0], data_offsets: [4, 4] }) })],
    ['with two in another order', file({ b: tensor({ data_offsets: [4, 8] }), a: tensor() }, 8)],
    ['with keys below that repeat', file({ a: { ...tensor(), x: { dtype: 1, shape: 2 } } })],
  ])('%s is right', (_, bytes) => {
    expect(findSafetensorsFault(bytes, bytes.length)).toBeUndefined()
  })

  it.each([
    ['nothing', Buffer.alloc(3), 'too short'],
    [
      'a pickle',
      Buffer.concat([Buffer.from([0x80, 2, 0x63, 0x6f, 0x73, 0x0a, 1, 1]), Buffer.alloc(64)]),
      'ends at byte',
    ],
    ['no JSON', file(undefined, 4, '{"a":'), 'not a JSON object'],
    ['a list', file([]), 'not a JSON object'],
    ['bytes that are no text', file(undefined, 4, '').fill(255, 8), 'no tensors'],
    [
      'a key twice',
      file(undefined, 4, `{"a":${JSON.stringify(tensor())},"a":${JSON.stringify(tensor())}}`),
      'names a twice',
    ],
    ['a dtype of its own', file({ a: tensor({ dtype: 'constructor' }) }), 'unknown dtype'],
    ['a shape that is too large', file({ a: tensor({ shape: [2] }) }), 'not its shape'],
    ['a shape beyond all numbers', file({ a: tensor({ shape: [2 ** 52, 2 ** 52] }) }), 'not its shape'],
    ['a negative count', file({ a: tensor({ shape: [-1] }) }), 'has no shape'],
    ['a range that runs back', file({ a: tensor({ data_offsets: [4, 0] }) }), 'no range'],
    ['a gap', file({ a: tensor({ data_offsets: [4, 8] }) }, 8), 'begins at 4 and not at 0'],
    ['two tensors in one place', file({ a: tensor(), b: tensor() }), 'begins at 0 and not at 4'],
    ['bytes after the last tensor', file({ a: tensor() }, 9), 'end at 4 of 9'],
    ['a tensor beyond the file', file({ a: tensor() }, 2), 'end at 4 of 2'],
  ])('with %s is named', (_, bytes, says) => {
    const fault = findSafetensorsFault(bytes, bytes.length)
    if (says === 'no tensors') expect(fault).toBeDefined()
    else expect(fault).toContain(says)
  })

  it('of any bytes never makes the reader fall', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), bytes => {
        findSafetensorsFault(Buffer.from(bytes), bytes.length)
      }),
    )
  })

  it('of any JSON never makes the reader fall', () => {
    fc.assert(
      fc.property(fc.json(), text => {
        const bytes = file(undefined, 4, text)
        findSafetensorsFault(bytes, bytes.length)
      }),
    )
  })

  it('around any bytes is right', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), data => {
        const bytes = toSafetensors(Buffer.from(data))
        expect(findSafetensorsFault(bytes, bytes.length)).toBeUndefined()
      }),
    )
  })
})

describe('a GGUF header', () => {
  const changed = (at: number, value: number): Buffer => {
    const copy = Buffer.from(gguf)
    copy.writeUInt32LE(value, at)
    return copy
  }

  it('of a constructed model is right, and more bytes are asked for while it is not whole', () => {
    expect(findGgufFault(gguf, gguf.length)).toBeUndefined()
    for (const length of [0, 3, 8, 24, 100, 1000])
      expect(findGgufFault(gguf.subarray(0, length), gguf.length)).toBe('More')
  })

  it.each([
    ['another magic', changed(0, 7), 'does not begin with GGUF'],
    ['a version of its own', changed(4, 9), 'GGUF version 9'],
    ['more tensors than there can be', changed(8, 4_000_000_000), 'tensors'],
    ['more keys than there can be', changed(16, 4_000_000_000), 'keys'],
    ['a key longer than the file', changed(24, 4_000_000_000), 'longer than the file'],
  ])('with %s is named', (_, bytes, says) => {
    expect(findGgufFault(bytes, bytes.length)).toContain(says)
  })

  it('of a file that is cut short is named', () => {
    const cut = gguf.subarray(0, gguf.length - 4096)
    expect(findGgufFault(cut, cut.length)).toMatch(/its tensors end at byte \d+ of \d+|ends beyond/)
  })

  it('with any change never makes the reader fall', () => {
    const head = gguf.subarray(0, Math.min(gguf.length, 20_000))
    fc.assert(
      fc.property(fc.nat(head.length - 1), fc.nat(255), (at, value) => {
        const copy = Buffer.from(head)
        copy[at] = value
        findGgufFault(copy, gguf.length)
      }),
    )
  })
})
