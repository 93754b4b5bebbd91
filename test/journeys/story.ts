// A story as people read it: what the watch of a namespace showed, one line per change of phase, reason or outcome.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { execa } from 'execa'
import { expect } from 'vitest'
import type { Seen } from './town.ts'

export type Story = {
  /** every line so far, oldest first */
  readonly lines: readonly string[]
  end(): void
}

const lineOf = (object: Seen): string => {
  const ready = object.status?.conditions?.find((one: Seen) => one.type === 'Ready')
  const last = object.status?.lastSwitch
  const outcome =
    last && object.kind === 'Runtime' ? ` (last switch: ${last.to?.model ?? 'idle'} ${last.result})` : ''
  const active = object.status?.active ? ` serving ${object.status.active.model}` : ''
  const what = `${object.kind} ${object.metadata.name}`
  return `${what}: ${object.status?.phase ?? 'new'}, Ready=${ready?.status ?? '-'} ${ready?.reason ?? ''}${active}${outcome}`.trimEnd()
}

/** Follows Models and Runtimes of the namespace through the API server's own watch, until `end`. */
export function follow(kubectl: string, kubeconfig: string, namespace: string): Story {
  const { lines, note } = createBook()
  const watches = ['models', 'runtimes'].map(kind => {
    const args = ['get', kind, '-n', namespace, '--watch', '-o', 'json', '--output-watch-events']
    const child = execa(kubectl, args, { env: { KUBECONFIG: kubeconfig }, reject: false, buffer: false })
    let rest = ''
    child.stdout.on('data', chunk => {
      rest = takeObjects(rest + chunk, event => note(event.object))
    })
    return child
  })
  return { lines, end: () => watches.forEach(watch => void watch.kill()) }
}

/** The same from a host: one watch for each kind, which the next daemon goes on with. */
export function followHost(
  watch: (plural: string, signal: AbortSignal) => AsyncIterable<{ readonly object: Seen }>,
): Story {
  const { lines, note } = createBook()
  const over = new AbortController()
  const read = async (plural: string): Promise<void> => {
    for await (const { object } of watch(plural, over.signal)) note(object)
  }
  for (const plural of ['models', 'runtimes']) void read(plural)
  return { lines, end: () => over.abort() }
}

/** Two watches tell of one store: its versions say what came first. */
const createBook = () => {
  const lines: string[] = []
  const versions: number[] = []
  const known = new Map<string, string>()
  const note = (object: Seen) => {
    const key = `${object.kind}/${object.metadata.name}`
    const line = lineOf(object)
    if (known.get(key) === line) return
    known.set(key, line)
    const version = Number(object.metadata.resourceVersion)
    const at = versions.findLastIndex(one => one <= version) + 1
    versions.splice(at, 0, version)
    lines.splice(at, 0, line)
  }
  return { lines, note }
}

/** kubectl prints each event on a line of its own; the last may be cut. */
const takeObjects = (text: string, each: (event: Seen) => void): string => {
  const lines = text.split('\n')
  const rest = lines.pop() ?? ''
  for (const line of lines) if (line.trim()) each(JSON.parse(line))
  return rest
}

/**
 * Holds the story against its golden file: every line of the file must have been told, in that order. Lines that the cluster's
 * own pace adds or leaves out are not in the file. UPDATE_GOLDEN=1 writes all lines, to be cut by hand.
 */
export function expectStory(story: Story, file: URL, without: readonly string[] = []): void {
  if (process.env['UPDATE_GOLDEN']) writeFileSync(file, `${story.lines.join('\n')}\n`)
  const missing = firstMissing(story, file, without)
  expect(story.lines.join('\n'), `missing, or not in this order: ${missing}`).toSatisfy(
    () => missing === undefined,
  )
}

/** The same, after the watches had a moment to tell the last line. `without`: reasons of what the platform has no part for. */
export async function awaitStory(story: Story, file: URL, without: readonly string[] = []): Promise<void> {
  const deadline = Date.now() + 5_000
  const isWhole = () =>
    existsSync(file) && !process.env['UPDATE_GOLDEN'] && !firstMissing(story, file, without)
  while (!isWhole() && Date.now() < deadline) await sleep(50)
  expectStory(story, file, without)
}

const firstMissing = (story: Story, file: URL, without: readonly string[]): string | undefined => {
  const isHad = (line: string) => !without.some(reason => line.includes(` ${reason}`))
  const wanted = readFileSync(file, 'utf8').split('\n').filter(Boolean).filter(isHad)
  let at = 0
  for (const line of story.lines) if (line === wanted[at]) at++
  return wanted[at]
}
