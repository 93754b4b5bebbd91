// What a disk may hold after a power cut, by the letter of POSIX: what was synced is there; of the rest any part may be lost, the name
// without the bytes and the bytes without the name. Stricter than any file system of today.
import { createHash } from 'node:crypto'
import { basename, dirname } from 'node:path'
import type { Call } from './trace.ts'

type Inode = number

/** One change that a sync makes durable. */
interface Step {
  readonly begun: number
  readonly ended: number
  /** the folder or file whose sync makes it durable */
  readonly inode: Inode
  readonly names?: readonly { readonly folder: Inode; readonly name: string; readonly to?: Inode }[]
  readonly bytes?: { readonly at: number; readonly data: Buffer } | { readonly length: number }
}

interface Sync {
  readonly begun: number
  readonly ended: number
  readonly inode: Inode
}

export interface History {
  readonly steps: readonly Step[]
  readonly syncs: readonly Sync[]
  readonly kinds: ReadonlyMap<Inode, 'folder' | 'file' | { readonly target: string }>
}

/** Path below the root → what stands there. */
export type Tree = ReadonlyMap<string, Buffer | 'folder' | { readonly target: string }>

interface Opened {
  readonly inode: Inode
  offset: number
}

/** Follows the calls as the running system does. */
class Recorder {
  readonly steps: Step[] = []
  readonly syncs: Sync[] = []
  readonly kinds = new Map<Inode, 'folder' | 'file' | { readonly target: string }>([[0, 'folder']])
  readonly #names = new Map<Inode, Map<string, Inode>>([[0, new Map()]])
  readonly #open = new Map<number, Opened>()
  readonly #root: string

  constructor(root: string) {
    this.#root = root
  }

  take(call: Call): void {
    const { name, texts } = call
    const [first = '', second = ''] = texts.map(String)
    if (/^(open|openat|creat)$/.test(name)) this.#opened(call, first)
    else if (name === 'close') this.#open.delete(Number(call.words))
    else if (/write/.test(name)) this.#written(call)
    else if (/^f(data)?sync$/.test(name)) this.#synced(call)
    else if (name === 'ftruncate') this.#cut(call)
    else if (/^mkdir/.test(name)) this.#make(call, first, 'folder')
    else if (/^symlink/.test(name)) this.#make(call, second, { target: first })
    else if (/^rename/.test(name)) this.#moved(call, first, second)
    else if (/^link/.test(name)) this.#name(call, second, this.#find(first))
    else if (/^(unlink|rmdir)/.test(name)) this.#name(call, first, undefined)
  }

  #isOurs(path: string): boolean {
    return path === this.#root || path.startsWith(`${this.#root}/`)
  }

  #find(path: string): Inode | undefined {
    let at: Inode | undefined = 0
    for (const part of path.slice(this.#root.length).split('/').filter(Boolean)) {
      at = at === undefined ? undefined : this.#names.get(at)?.get(part)
    }
    return at
  }

  #make(call: Call, path: string, kind: 'folder' | 'file' | { readonly target: string }): void {
    if (!this.#isOurs(path)) return
    const inode = this.kinds.size
    this.kinds.set(inode, kind)
    if (kind === 'folder') this.#names.set(inode, new Map())
    this.#name(call, path, inode)
  }

  #name(call: Call, path: string, to: Inode | undefined): void {
    if (!this.#isOurs(path)) return
    const change = this.#change(path, to)
    this.steps.push({ ...spanOf(call), inode: change.folder, names: [change] })
  }

  #change(path: string, to: Inode | undefined) {
    const [folder, name] = [this.#find(dirname(path))!, basename(path)]
    const names = this.#names.get(folder)!
    if (to === undefined) names.delete(name)
    else names.set(name, to)
    return { folder, name, ...(to === undefined ? {} : { to }) }
  }

  #moved(call: Call, from: string, path: string): void {
    if (!this.#isOurs(path)) return
    const inode = this.#find(from)
    const left = this.#change(from, undefined)
    const come = this.#change(path, inode)
    this.steps.push({ ...spanOf(call), inode: come.folder, names: [left, come] })
  }

  #opened(call: Call, path: string): void {
    if (!this.#isOurs(path)) {
      this.#open.delete(call.result)
      return
    }
    if (this.#find(path) === undefined) this.#make(call, path, 'file')
    const inode = this.#find(path)!
    if (call.words.includes('O_TRUNC')) this.steps.push({ ...spanOf(call), inode, bytes: { length: 0 } })
    this.#open.set(call.result, { inode, offset: 0 })
  }

  #written(call: Call): void {
    const [fd = '', ...rest] = call.words.split(', ')
    const opened = this.#open.get(Number(fd))
    if (!opened) return
    const at = call.name.startsWith('p') ? Number(rest.at(-1)) : opened.offset
    const data = Buffer.concat(call.texts).subarray(0, call.result)
    if (!call.name.startsWith('p')) opened.offset += data.length
    this.steps.push({ ...spanOf(call), inode: opened.inode, bytes: { at, data } })
  }

  #cut(call: Call): void {
    const [fd, length] = call.words.split(', ').map(Number)
    const opened = this.#open.get(fd!)
    if (opened) this.steps.push({ ...spanOf(call), inode: opened.inode, bytes: { length: length! } })
  }

  #synced(call: Call): void {
    const opened = this.#open.get(Number(call.words))
    if (opened) this.syncs.push({ ...spanOf(call), inode: opened.inode })
  }
}

const spanOf = ({ begun, ended }: Call) => ({ begun, ended })

export const toHistory = (calls: readonly Call[], root: string): History => {
  const recorder = new Recorder(root)
  for (const call of calls) recorder.take(call)
  return recorder
}

/** The steps that had happened and were not synced when the power went after so many steps. */
const pendingAfter = ({ steps, syncs }: History, count: number): ReadonlySet<Step> => {
  const cutAt = steps[count]?.begun ?? Number.POSITIVE_INFINITY
  const isDurable = (step: Step): boolean =>
    syncs.some(sync => sync.inode === step.inode && step.ended < sync.begun && sync.ended < cutAt)
  return new Set(steps.slice(0, count).filter(step => !isDurable(step)))
}

/** What of the unsynced steps may have reached the disk: nothing, each beginning of them, names alone, bytes alone, all but one, only one. */
const survivals = (pending: ReadonlySet<Step>): ReadonlySet<Step>[] => {
  const list = [...pending]
  const beginnings = list.map((_, n) => new Set(list.slice(0, n + 1)))
  const kinds = [new Set(list.filter(step => step.names)), new Set(list.filter(step => step.bytes))]
  const but = list.map(lost => new Set(list.filter(step => step !== lost)))
  return [new Set(), ...beginnings, ...kinds, ...but, ...list.map(only => new Set([only]))]
}

class Contents {
  readonly #known = new Map<string, Buffer>()

  of(inode: Inode, kept: readonly Step[], numbers: readonly number[]): Buffer {
    const key = `${inode}:${numbers.join()}`
    const known = this.#known.get(key) ?? write(kept)
    this.#known.set(key, known)
    return known
  }
}

const write = (steps: readonly Step[]): Buffer => {
  let content = Buffer.alloc(0)
  const grow = (length: number): void => {
    if (content.length < length) content = Buffer.concat([content, Buffer.alloc(length - content.length)])
  }
  for (const { bytes } of steps) {
    if (bytes && 'length' in bytes) {
      grow(bytes.length)
      content = Buffer.from(content.subarray(0, bytes.length))
    } else if (bytes) {
      grow(bytes.at + bytes.data.length)
      bytes.data.copy(content, bytes.at)
    }
  }
  return content
}

const toTree = (history: History, kept: (step: Step) => boolean, contents: Contents): Tree => {
  const names = new Map<Inode, Map<string, Inode>>()
  const bytes = new Map<Inode, number[]>()
  history.steps.forEach((step, number) => {
    if (!kept(step)) return
    if (step.bytes) bytes.set(step.inode, [...(bytes.get(step.inode) ?? []), number])
    for (const { folder, name, to } of step.names ?? []) {
      const inside = names.get(folder) ?? new Map<string, Inode>()
      names.set(folder, inside)
      if (to === undefined) inside.delete(name)
      else inside.set(name, to)
    }
  })
  const tree = new Map<string, Buffer | 'folder' | { readonly target: string }>()
  const walk = (folder: Inode, path: string): void => {
    for (const [name, inode] of names.get(folder) ?? []) {
      const kind = history.kinds.get(inode)!
      const numbers = bytes.get(inode) ?? []
      const steps = numbers.map(number => history.steps[number]!)
      tree.set(`${path}${name}`, kind === 'file' ? contents.of(inode, steps, numbers) : kind)
      if (kind === 'folder') walk(inode, `${path}${name}/`)
    }
  }
  walk(0, '')
  return tree
}

class Digests {
  readonly #known = new WeakMap<Buffer, string>()

  of(tree: Tree): string {
    const lines = [...tree].map(([path, what]) => {
      if (what === 'folder') return `${path}/`
      return Buffer.isBuffer(what) ? `${path} ${this.#content(what)}` : `${path} > ${what.target}`
    })
    return createHash('sha256').update(lines.sort().join('\n')).digest('hex')
  }

  #content(bytes: Buffer): string {
    const digest = this.#known.get(bytes) ?? createHash('sha256').update(bytes).digest('hex')
    this.#known.set(bytes, digest)
    return digest
  }
}

/** Every different state that a cut after any step may leave. */
export const listStates = (history: History): readonly Tree[] => {
  const states = new Map<string, Tree>()
  const [contents, digests] = [new Contents(), new Digests()]
  for (let count = 0; count <= history.steps.length; count++) {
    const pending = pendingAfter(history, count)
    const happened = new Set(history.steps.slice(0, count))
    for (const survived of survivals(pending)) {
      const isKept = (step: Step) => happened.has(step) && (!pending.has(step) || survived.has(step))
      const tree = toTree(history, isKept, contents)
      states.set(digests.of(tree), tree)
    }
  }
  return [...states.values()]
}

/** What a process finds that comes after one killed between two steps: the kernel has all of them. */
export const listKills = (history: History): readonly Tree[] => {
  const contents = new Contents()
  return Array.from({ length: history.steps.length + 1 }, (_, count) => {
    const happened = new Set(history.steps.slice(0, count))
    return toTree(history, step => happened.has(step), contents)
  })
}

/** The least that the disk holds once the program has ended. */
export const leastAfterEnd = (history: History): Tree => {
  const pending = pendingAfter(history, history.steps.length)
  return toTree(history, step => !pending.has(step), new Contents())
}
