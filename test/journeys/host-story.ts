// One namespace of a host in which one story is played: its folder, its objects as people write them, and what the watch told.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from '../stand-ins/engine/start.ts'
import type { HostScene } from './host-scene.ts'
import { followHost } from './story.ts'
import { conditionOf, isReady, type Seen } from './town.ts'

const apiVersion = 'switchyard.dev/v1alpha1'

export type HostStory = Awaited<ReturnType<typeof beginStory>>

export const beginStory = async (scene: HostScene, namespace: string) => {
  const { machine } = scene
  const folder = join(scene.folder, 'of', namespace)
  mkdirSync(folder, { recursive: true })
  const port = await freePort()
  const pathOf = (plural: string) => `/api/v1/${plural}?namespace=${namespace}`
  const story = followHost(
    (plural, signal) => machine.watch(pathOf(plural), signal) as AsyncIterable<{ object: Seen }>,
  )

  const find = async (kind: 'Model' | 'Runtime', name: string): Promise<Seen> => {
    const { items } = (await machine.look(pathOf(`${kind.toLowerCase()}s`))) as { items: readonly Seen[] }
    return items.find(one => one.metadata.name === name)
  }
  /** Answers the object as it was when that held. */
  const until = async (
    [kind, name]: readonly ['Model' | 'Runtime', string],
    what: string,
    holds: (seen: Seen) => unknown,
  ): Promise<Seen> => {
    let seen: Seen
    const look = async (): Promise<unknown> => {
      seen = await find(kind, name).catch(() => undefined)
      return seen && holds(seen)
    }
    await scene.until(`${kind} ${name} ${what}`, look).catch(error => {
      throw new Error(`${error.message}\n${story.lines.join('\n')}\n${JSON.stringify(seen?.status, null, 1)}`)
    })
    return seen
  }
  const object = (kind: string, name: string, spec: object) => ({
    apiVersion,
    kind,
    metadata: { name, namespace },
    spec,
  })
  return {
    story,
    /** for its models */
    folder,
    port,
    find,
    until,
    type: (words: readonly string[], input?: string) => scene.done([...words, '-n', namespace], input),
    apply: scene.apply,
    /** Without more: a vLLM that is made, and serves nothing yet. */
    runtime: (name: string, spec: object = {}) =>
      object('Runtime', name, {
        engine: 'VLLM',
        host: { port },
        storage: { directory: folder },
        switch: { drainSeconds: 1 },
        ...spec,
      }),
    fromHub: (name: string, runtime: string, more: object = {}) =>
      object('Model', name, {
        source: { huggingFace: { repo: `tiny/${name}`, ...more } },
        runtimes: [{ name: runtime }],
      }),
    fromRegistry: (name: string, more: object = {}) =>
      object('Model', `${name}-ollama`, { source: { ollama: { name } }, ...more }),
    serves: (runtime: string, model: string) =>
      until(
        ['Runtime', runtime],
        `serves ${model}`,
        seen => isReady(seen) && seen.status.active?.model === model && !seen.status.switch,
      ),
    isReady: (model: string) => until(['Model', model], 'is ready', isReady),
    says: (kind: 'Model' | 'Runtime', name: string, reason: string) =>
      until([kind, name], `says ${reason}`, seen => conditionOf(seen, 'Ready')?.reason === reason),
    /** Its engine goes; what is waited for no longer. */
    end: async (): Promise<void> => {
      story.end()
      const { items } = (await machine.look(pathOf('runtimes'))) as { items: readonly Seen[] }
      for (const { metadata } of items)
        await machine.ask('DELETE', `/api/v1/runtimes/${metadata.name}?namespace=${namespace}`)
    },
  }
}
