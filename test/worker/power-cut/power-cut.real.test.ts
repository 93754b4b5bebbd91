// A power cut at every moment of a download, from a trace of its own system calls: no name ever stands over wrong bytes, what ended
// well is there, and the next start ends verified. SWITCHYARD_CUTS=all starts again from every state, not from a sample.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Layout, TaskSource } from '../../../src/domain/worker-task.ts'
import { type Hub, startHub } from '../../stand-ins/hub.ts'
import { type Registry, startRegistry } from '../../stand-ins/registry.ts'
import { ollamaLayers, writeTinyModel } from '../../stand-ins/tiny-model.ts'
import { toSafetensors } from '../../stand-ins/weights.ts'
import { openWorkplace, quick } from '../workplace.ts'
import { type History, leastAfterEnd, listKills, listStates, type Tree, toHistory } from './disk-states.ts'
import { findBroken, hasReceipt } from './promises.ts'
import { type Call, traceProgram, whyNoTrace } from './trace.ts'

const why = whyNoTrace()
if (why) console.log(`left out: power cuts of a download, ${why}`)

const seed = Number(process.env['SWITCHYARD_SEED'] ?? 20_261_126)
const mostStarts = process.env['SWITCHYARD_CUTS'] === 'all' ? Number.POSITIVE_INFINITY : 8

/** In memory where the machine has such a place: what a real disk keeps is not asked here. */
if (existsSync('/dev/shm')) process.env['TMPDIR'] = '/dev/shm'
const scratch = mkdtempSync(join(tmpdir(), 'cuts-'))
let hub: Hub
let registry: Registry
beforeAll(async () => {
  const weights = Buffer.from(Array.from({ length: 150_000 }, (_, at) => (at * 7 + (at >> 9)) & 255))
  const files = { 'model.safetensors': toSafetensors(weights), 'config.json': '{}', 'a/b.json': '{"a":1}' }
  hub = await startHub({ repos: [{ id: 'acme/tiny', files }] })
  const model = writeTinyModel(join(scratch, 'model'), { name: 'tiny', forms: ['gguf'] })
  registry = await startRegistry({ models: { 'library/tiny:latest': ollamaLayers(model) } })
})
afterAll(async () => {
  await Promise.all([hub.close(), registry.close()])
  rmSync(scratch, { recursive: true, force: true })
})

interface Story {
  readonly kind: Layout['kind']
  readonly url: () => string
  /** downloaded one after the other into the same volume */
  readonly sources: readonly [TaskSource, ...TaskSource[]]
}

const repo = (more: object = {}): TaskSource => ({
  huggingFace: { repo: 'acme/tiny', revision: 'main', ...more },
})
const stories: [string, Story][] = [
  ['of a repository', { kind: 'HubCache', url: () => hub.url, sources: [repo()] }],
  [
    'of more files of a repository that is there',
    { kind: 'HubCache', url: () => hub.url, sources: [repo({ exclude: ['a/*'] }), repo()] },
  ],
  [
    'of an Ollama model',
    { kind: 'OllamaStore', url: () => registry.url, sources: [{ ollama: { name: 'tiny' } }] },
  ],
]

const program = new URL('./one-work.ts', import.meta.url).pathname

/** The downloads of a story, each as a process of its own under the tracer. */
const traceStory = async ({ kind, url, sources }: Story): Promise<History> => {
  const place = openWorkplace(kind, url())
  const calls: Call[] = []
  for (const source of sources) {
    const { result } = await place.resolve(source)
    const { revision, listDigest } = result.resolution!
    const endpoint = kind === 'HubCache' ? { hubEndpoint: url() } : { registryEndpoint: url() }
    const start = { command: 'download', owner: 'owner-1', sourceHash: 'hash', ...endpoint }
    const task = JSON.stringify({ ...start, source, revision, listDigest, layout: place.layout })
    const later = calls.at(-1)?.ended ?? 0
    const more = await traceProgram([process.execPath, program, task], join(scratch, 'trace'))
    calls.push(...more.map(call => ({ ...call, begun: call.begun + later, ended: call.ended + later })))
  }
  place.close()
  return toHistory(calls, place.root)
}

const lay = (root: string, tree: Tree): void => {
  for (const [path, what] of [...tree].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const at = join(root, path)
    if (what === 'folder') mkdirSync(at)
    else if (Buffer.isBuffer(what)) writeFileSync(at, what)
    else symlinkSync(what.target, at)
  }
}

/** Thousands of starts on a busy machine: silence is no verdict here. */
const patient = { ...quick, idleMs: 60_000 }

/** What does not come right when a worker starts on this state; what it leaves besides is among that. */
const startAgain = async ({ kind, url, sources }: Story, tree: Tree): Promise<string | undefined> => {
  const place = openWorkplace(kind, url(), { partSize: () => 64 << 10, retry: patient })
  lay(place.root, tree)
  const source = sources.at(-1)!
  const fetched = await place.fetch(source)
  const revision =
    kind === 'HubCache'
      ? hub.commitOf('acme/tiny')
      : (await place.resolve(source)).result.resolution!.revision
  const verified = fetched.result.failure ? fetched : await place.verify(source, { revision })
  const left = readdirSync(place.root, { recursive: true }).filter(path =>
    /\.(part|journal)$/.test(`${path}`),
  )
  place.close()
  return verified.result.failure?.message ?? left[0]?.toString()
}

const pick = <T>(all: readonly T[], most: number): readonly T[] => {
  let at = seed
  const random = () => {
    at = (Math.imul(at, 1_664_525) + 1_013_904_223) >>> 0
    return at / 2 ** 32
  }
  return all.length <= most
    ? all
    : Array.from({ length: most }, () => all[Math.floor(random() * all.length)]!)
}

describe.skipIf(why !== undefined)('a power cut at any moment of the download', () => {
  it.each(stories)(
    '%s leaves names only over right bytes, and the next start ends verified',
    async (_, story) => {
      const history = await traceStory(story)
      const states = listStates(history)
      const broken = states.flatMap(findBroken)
      expect([...new Set(broken)]).toEqual([])
      const least = leastAfterEnd(history)
      expect(hasReceipt(least), 'the receipt of a download that ended').toBe(true)
      const starts = pick(states, mostStarts)
      for (const [n, tree] of starts.entries()) {
        expect(await startAgain(story, tree), `start ${n}, SWITCHYARD_SEED=${seed}`).toBeUndefined()
      }
      console.log(`${history.steps.length} steps, ${states.length} states, ${starts.length} starts`)
    },
    3_600_000,
  )
})

describe.skipIf(why !== undefined)('a kill once the last byte of a blob is on the disk', () => {
  it('costs no byte of it, and leaves no journal behind', async () => {
    const [, story] = stories[0]!
    const kills = listKills(await traceStory(story))
    const hasJournal = (tree: Tree) =>
      [...tree.keys()].some(path => /[0-9a-f]{64}\.part\.journal$/.test(path))
    const isNamed = (tree: Tree) => [...tree.keys()].some(path => /\/blobs\/[0-9a-f]{64}$/.test(path))
    const begun = kills.findIndex(hasJournal)
    const last = kills.findIndex((tree, n) => n > begun && (isNamed(tree) || !hasJournal(tree))) - 1
    expect(begun).toBeGreaterThan(0)
    for (const tree of kills.slice(last, last + 8)) {
      hub.requests.length = 0
      expect(await startAgain(story, tree)).toBeUndefined()
      expect(hub.requests.filter(({ origin }) => origin === 'cdn')).toEqual([])
    }
  })
})
