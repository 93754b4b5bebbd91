// The API of a host on a real socket, in front of a real store in a folder of the test's.
import { request } from 'node:http'
import { join } from 'node:path'
import { createApi } from '../../src/api/server.ts'
import { listenOn } from '../../src/api/socket.ts'
import { JournalBound } from '../../src/platform/host/journal-bound.ts'
import { aFolder, openParts } from '../platform/host/host-parts.ts'

export interface Answered {
  readonly status: number
  readonly body: Record<string, never>
}

export const openApi = async () => {
  const { folder, remove } = aFolder()
  const { database, objects, journal, people, store } = openParts(folder)
  const defects: unknown[] = []
  const api = createApi({
    objects,
    people,
    diary: journal,
    logs: async (_, { lines, back }) => [`line of run -${back}`, 'last line'].slice(-lines),
    discover: async (folder = '/usual') => [{ root: folder, failure: 'closed to us' }],
    now: () => new Date('2026-11-27T03:00:00.000Z'),
    onDefect: error => defects.push(error),
  })
  const socket = join(folder, 'switchyard.sock')
  await listenOn(api, { path: socket })

  const ask = (method: string, path: string, body?: unknown): Promise<Answered> =>
    new Promise((resolve, reject) => {
      const type = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json'
      const headers = {
        'x-switchyard-actor': 'cli:ann',
        ...(body === undefined ? {} : { 'content-type': type }),
      }
      const call = request({ socketPath: socket, method, path, headers }, answer => {
        const parts: Buffer[] = []
        answer.on('data', part => parts.push(part))
        answer.once('end', () => {
          const text = Buffer.concat(parts).toString('utf8')
          resolve({ status: answer.statusCode ?? 0, body: JSON.parse(text === '' ? '{}' : text) })
        })
      })
      call.once('error', reject)
      call.end(body === undefined ? undefined : JSON.stringify(body))
    })

  const close = async (): Promise<void> => {
    await api.close()
    database.close()
    remove()
  }
  /** Of the journal the newest entries stay. */
  const shorten = (entries: number): void => {
    const keeps = { entries, days: 36_500 }
    const bound = new JournalBound({
      database,
      objects,
      keeps,
      now: () => new Date(),
      onFailure: console.error,
    })
    bound.stop()
    bound.shorten()
  }
  return { ask, close, shorten, socket, folder, people, objects, journal, store, defects }
}

export const aModel = (name: string, repo = 'org/name') => ({
  apiVersion: 'switchyard.dev/v1alpha1',
  kind: 'Model',
  metadata: { name },
  spec: { source: { huggingFace: { repo } } },
})

export const aRuntime = (name: string, more: object = {}) => ({
  apiVersion: 'switchyard.dev/v1alpha1',
  kind: 'Runtime',
  metadata: { name },
  spec: { engine: 'VLLM', host: { port: 8000 }, ...more },
})
