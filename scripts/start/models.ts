// The two models of the story: small ones of the Hub, or, where it cannot be reached, tiny ones that are constructed and served here.
import { join } from 'node:path'
import type { EngineName } from '../../src/domain/parts.ts'
import { filesOfFolder, startHub } from '../../test/stand-ins/hub.ts'
import { writeTinyModel } from '../../test/stand-ins/tiny-model.ts'

export interface StoryModel {
  readonly name: string
  readonly repo: string
  /** leaves one GGUF file; absent: safetensors */
  readonly include?: string
}
export type StoryModels = readonly [StoryModel, StoryModel]

export interface Shelf {
  readonly models: StoryModels
  /** absent: the Hub itself */
  readonly hubEndpoint: string | undefined
  /** which models these are, for people */
  readonly words: string
  close(): Promise<void>
}

const include = '*-Q4_K_M.gguf'
const ofHub: Readonly<Record<'gguf' | 'huggingFace', StoryModels>> = {
  gguf: [
    { name: 'smollm2-135m', repo: 'bartowski/SmolLM2-135M-Instruct-GGUF', include },
    { name: 'smollm2-360m', repo: 'bartowski/SmolLM2-360M-Instruct-GGUF', include },
  ],
  huggingFace: [
    { name: 'smollm2-135m', repo: 'HuggingFaceTB/SmolLM2-135M-Instruct' },
    { name: 'smollm2-360m', repo: 'HuggingFaceTB/SmolLM2-360M-Instruct' },
  ],
}

export const openModels = async (engine: EngineName, folder: string): Promise<Shelf> => {
  const form = engine === 'VLLM' ? 'huggingFace' : 'gguf'
  const hubEndpoint = process.env['SWITCHYARD_HUB_ENDPOINT'] || undefined
  const hub = hubEndpoint ?? 'https://huggingface.co'
  const why = await whyNotFrom(hub, ofHub[form])
  if (why) return constructModels(form, folder, `${hub}: ${why}`)
  const sizes = form === 'gguf' ? '105 and 271 MB' : '269 and 724 MB'
  const words = `SmolLM2-135M-Instruct and SmolLM2-360M-Instruct from ${hub} (${sizes})`
  return { models: ofHub[form], hubEndpoint, words, close: async () => {} }
}

/** Undefined when each of them can be had. */
const whyNotFrom = async (hub: string, models: StoryModels): Promise<string | undefined> => {
  for (const { repo } of models) {
    try {
      const answer = await fetch(`${hub}/api/models/${repo}`, { signal: AbortSignal.timeout(5_000) })
      if (!answer.ok) return `it answers ${answer.status} for ${repo}`
    } catch (error) {
      const { name, cause } = error as Error & { cause?: { code?: string } }
      return `it cannot be reached (${name === 'TimeoutError' ? 'no answer in 5 s' : (cause?.code ?? name)})`
    }
  }
  return undefined
}

const megabytes = 24_000_000
/** Slow enough to be seen. */
const pace = { kind: 'slow', bytesPerSecond: 12_000_000 } as const

const constructModels = async (form: 'gguf' | 'huggingFace', folder: string, why: string): Promise<Shelf> => {
  const make = (name: string, answer: string) => {
    const made = writeTinyModel(join(folder, name), { name, answer, padBytes: megabytes, forms: [form] })
    return {
      id: `constructed/${name}`,
      files: filesOfFolder(form === 'gguf' ? join(folder, name) : made.folder),
    }
  }
  const hub = await startHub({
    repos: [
      make('tiny-one', 'I am tiny-one, a stand-in that was constructed on this machine.'),
      make('tiny-two', 'And I am tiny-two, the other stand-in.'),
    ],
  })
  hub.setFault('*', pace)
  const [one, two] = ['tiny-one', 'tiny-two'].map(name => ({
    name,
    repo: `constructed/${name}`,
    ...(form === 'gguf' ? { include: '*.gguf' } : {}),
  })) as [StoryModel, StoryModel]
  const words = `tiny-one and tiny-two, constructed on this machine (24 MB each, one sentence each), because of ${why}`
  return { models: [one, two], hubEndpoint: hub.url, words, close: hub.close }
}
