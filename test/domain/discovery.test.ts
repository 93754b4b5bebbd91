// What lies on a volume, as the worker tells it and the host's `discover` reads it: whole, or not at all.
import { describe, expect, it } from 'vitest'
import { Discovery } from '../../src/domain/discovery.ts'

const copy = { layout: 'HubCache', path: 'hub', model: 'org/a', bytes: 7, isComplete: true, receipt: 'None' }
const told = { root: '/models', bytes: 7, copies: [copy], unreadable: [] }

describe('What was found on a volume', () => {
  it.each([
    ['nothing', { ...told, copies: [] }],
    ['a copy that nobody knows', told],
    ['all that can be told of one', { ...told, copies: [{ ...copy, revision: 'r', runtimes: ['ai/gpu'] }] }],
    ['a folder that is closed to us', { ...told, unreadable: ['private'] }],
    ...['HubCache', 'OllamaStore', 'Folder'].map(layout => [
      layout,
      { ...told, copies: [{ ...copy, layout }] },
    ]),
    ...['Fetched', 'Adopted', 'None'].map(receipt => [receipt, { ...told, copies: [{ ...copy, receipt }] }]),
  ] as [string, object][])('arrives whole: %s', (_, found) =>
    expect(Discovery.parse(found)).toStrictEqual(found),
  )

  it('is all readable where an older worker says nothing of it', () => {
    const { unreadable: _, ...older } = told
    expect(Discovery.parse(older)).toStrictEqual(told)
  })

  it.each([
    ['no root', { ...told, root: undefined }],
    ['no bytes', { ...told, bytes: '7' }],
    ['no list', { ...told, copies: {} }],
    ['a list of nothing', { ...told, copies: [{}] }],
    ['another layout', { ...told, copies: [{ ...copy, layout: 'Zip' }] }],
    ['another receipt', { ...told, copies: [{ ...copy, receipt: 'Lost' }] }],
    ['a Runtime that is no name', { ...told, copies: [{ ...copy, runtimes: [7] }] }],
    ['a folder that is no path', { ...told, unreadable: [7] }],
    ...Object.keys(copy).map(key => [
      `a copy without ${key}`,
      { ...told, copies: [{ ...copy, [key]: undefined }] },
    ]),
  ] as [string, object][])('is refused: %s', (_, found) =>
    expect(Discovery.safeParse(found).success).toBe(false),
  )
})
