// Hashing behind the front: one thread for all blobs of a work, started with the first blob that is worth it.
import { Worker } from 'node:worker_threads'
import { WorkError } from '../outcome.ts'
import type { FileDigest } from './digest.ts'

export type HashOrder =
  | {
      readonly do: 'follow'
      readonly id: number
      readonly path: string
      readonly algorithm: FileDigest['algorithm']
      readonly size: number
    }
  | { readonly do: 'advance'; readonly id: number; readonly front: number }
  | { readonly do: 'drop'; readonly id: number }

interface Digests {
  readonly sha256: string
  /** by the algorithm that the source uses */
  readonly named: string
}

export type HashAnswer = ({ readonly id: number } & Digests) | { readonly id: number; readonly error: string }

/** The thread is told of the front in steps of this size: each message wakes it. */
const stepBytes = 1 << 20

export interface Following {
  /** The blob has so many bytes from its start without a gap. Never goes down. */
  advance(front: number): void
  /** Settles when the whole blob was hashed. */
  readonly digests: Promise<Digests>
  drop(): void
}

/** Beside this module: the source in development, the bundle's neighbour in the image. */
const entry = (): URL =>
  new URL(import.meta.url.endsWith('.ts') ? './hash-thread.ts' : './hash-thread.mjs', import.meta.url)

interface Waiting {
  readonly resolve: (digests: Digests) => void
  readonly reject: (error: Error) => void
}

export class FrontHasher {
  readonly #waiting = new Map<number, Waiting>()
  #thread: Worker | undefined
  #last = 0

  follow(path: string, algorithm: FileDigest['algorithm'], size: number): Following {
    const id = ++this.#last
    const thread = this.#start()
    const digests = new Promise<Digests>((resolve, reject) => this.#waiting.set(id, { resolve, reject }))
    digests.catch(() => {})
    const send = (order: HashOrder): void => thread.postMessage(order)
    send({ do: 'follow', id, path, algorithm, size })
    let told = 0
    return {
      digests,
      advance: front => {
        if (front < told + stepBytes && (front < size || told === size)) return
        told = front
        send({ do: 'advance', id, front })
      },
      drop: () => {
        this.#waiting.delete(id)
        send({ do: 'drop', id })
      },
    }
  }

  async close(): Promise<void> {
    await this.#thread?.terminate()
  }

  #start(): Worker {
    if (this.#thread) return this.#thread
    const thread = new Worker(entry(), { execArgv: [] })
    thread.on('message', (answer: HashAnswer) => this.#settle(answer))
    thread.on('error', error => this.#fail(error as Error))
    this.#thread = thread
    return thread
  }

  #settle(answer: HashAnswer): void {
    const waiting = this.#waiting.get(answer.id)
    this.#waiting.delete(answer.id)
    if ('error' in answer) waiting?.reject(new WorkError('Volume', `hashing stopped: ${answer.error}`))
    else waiting?.resolve(answer)
  }

  #fail(error: Error): void {
    for (const { reject } of this.#waiting.values()) reject(error)
    this.#waiting.clear()
  }
}
