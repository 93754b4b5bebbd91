// Writes as a controller does: what failed is looked at and, when it did not take effect, tried again; each verb three times.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from '../../../../src/platform/kubernetes/kernel/client.ts'
import { reasonOf } from '../../../../src/platform/kubernetes/kernel/no-answer.ts'
import { CONFIG_MAP, type KernelObject } from '../../../../src/platform/kubernetes/kernel/resources.ts'

interface Data extends KernelObject {
  readonly data?: Readonly<Record<string, string>>
}

interface Wish {
  readonly name: string
  send(): Promise<unknown>
  /** what the server then has; undefined = nothing */
  readonly data: Readonly<Record<string, string>> | undefined
}

const steps = ['1', '2', '3'] as const
const manyTries = 12

export class PersistentWriter {
  /** reasons of the errors that came */
  readonly heard = new Set<string>()
  readonly #client: Client
  readonly #direct: Client
  readonly #namespace: string
  readonly #wanted = new Map<string, Wish['data']>()

  constructor(place: { readonly client: Client; readonly direct: Client; readonly namespace: string }) {
    this.#client = place.client
    this.#direct = place.direct
    this.#namespace = place.namespace
  }

  async write(): Promise<void> {
    await Promise.all([
      this.#creates(),
      this.#merges(),
      this.#jsonPatches(),
      this.#applies(),
      this.#deletes(),
    ])
  }

  /** Names of what the server does not have as it was wanted. */
  async missing(): Promise<string[]> {
    const names = [...this.#wanted.keys()]
    const isThere = await Promise.all(names.map(name => this.#isDone(name)))
    return names.filter((_, n) => !isThere[n])
  }

  async #creates(): Promise<void> {
    for (const step of steps) {
      const object = { metadata: this.#at(`made-${step}`), data: { step } }
      const send = () => this.#client.create(CONFIG_MAP, object)
      await this.#persist({ name: `made-${step}`, data: { step }, send })
    }
  }

  /** Each from a fresh look, refused when another one wrote in between. */
  async #merges(): Promise<void> {
    await this.#direct.create(CONFIG_MAP, { metadata: this.#at('merged') })
    for (const step of steps) {
      const send = async () => {
        const { metadata } = await this.#client.get<Data>(CONFIG_MAP, this.#at('merged'))
        const patch = { metadata: { resourceVersion: metadata.resourceVersion }, data: { step } }
        await this.#client.mergePatch(CONFIG_MAP, { ...this.#at('merged'), patch })
      }
      await this.#persist({ name: 'merged', data: { step }, send })
    }
  }

  async #jsonPatches(): Promise<void> {
    await this.#direct.create(CONFIG_MAP, { metadata: this.#at('patched'), data: { step: '0' } } as never)
    for (const step of steps) {
      const patch = [
        { op: 'test', path: '/data/step', value: String(Number(step) - 1) },
        { op: 'replace', path: '/data/step', value: step },
      ]
      const send = () => this.#client.jsonPatch(CONFIG_MAP, { ...this.#at('patched'), patch })
      await this.#persist({ name: 'patched', data: { step }, send })
    }
  }

  async #applies(): Promise<void> {
    for (const step of steps) {
      const object = { metadata: this.#at('applied'), data: { step } }
      const send = () => this.#client.apply(CONFIG_MAP, object, { fieldManager: 'us', force: true })
      await this.#persist({ name: 'applied', data: { step }, send })
    }
  }

  async #deletes(): Promise<void> {
    for (const step of steps) {
      const name = `doomed-${step}`
      const { uid } = (await this.#direct.create<Data>(CONFIG_MAP, { metadata: this.#at(name) })).metadata
      const send = () => this.#client.delete(CONFIG_MAP, this.#at(name), { uid })
      await this.#persist({ name, data: undefined, send })
    }
  }

  async #persist({ name, data, send }: Wish): Promise<void> {
    this.#wanted.set(name, data)
    for (let n = 0; n < manyTries; n++) {
      try {
        return void (await send())
      } catch (error) {
        this.heard.add(reasonOf(error))
        if (await this.#isDone(name)) return
        await sleep(50)
      }
    }
  }

  async #isDone(name: string): Promise<boolean> {
    const found = await this.#direct.find<Data>(CONFIG_MAP, this.#at(name))
    const wanted = this.#wanted.get(name)
    return wanted ? found?.data?.['step'] === wanted['step'] : found === undefined
  }

  #at(name: string) {
    return { namespace: this.#namespace, name }
  }
}
