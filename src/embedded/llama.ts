// llama.cpp behind a few words of ours: one model, some slots that answer at the same time, and a queue before them.
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { ServeWish } from './arguments.ts'
import { Refusal, StartFailure } from './failure.ts'
import type { JinjaPackage, LlamaCompletion, LlamaContext, LlamaModel, LlamaPackage } from './packages.ts'

export interface Prompt {
  readonly text: string
  /** absent: as much as there is room for */
  readonly maxTokens: number | undefined
  readonly temperature: number
  readonly topP: number
  readonly seed: number | undefined
  readonly stop: readonly string[]
  readonly onText: (text: string) => void
  readonly signal: AbortSignal
}

export interface Answer {
  readonly text: string
  readonly promptTokens: number
  readonly tokens: number
  readonly reason: 'stop' | 'length'
}

export interface Llama {
  /** tokens that one request takes at most */
  readonly contextSize: number
  /** messages → the prompt of the model's own template; undefined when the GGUF has none */
  readonly toPrompt: ((messages: readonly object[]) => string) | undefined
  readonly counters: {
    readonly running: number
    readonly waiting: number
    readonly read: number
    readonly written: number
  }
  /** Throws Refusal for what does not fit, and what `signal` says. */
  complete(prompt: Prompt): Promise<Answer>
  close(): Promise<void>
}

/** What a model was trained for is often more than a small machine has memory for. */
const usualContext = 4096

const load = async <T>(folder: string, name: string): Promise<T> =>
  (await import(pathToFileURL(join(folder, 'node_modules', name, 'dist/index.js')).href)) as T

export interface OpenWish {
  readonly folder: string
  readonly gguf: string
  readonly serve: Pick<ServeWish, 'contextSize' | 'parallel' | 'threads'>
  readonly onPercent: (percent: number) => void
  readonly onLog: (line: string) => void
}

/** Throws StartFailure. */
export const openLlama = async (wish: OpenWish): Promise<Llama> => {
  const library = await load<LlamaPackage>(wish.folder, 'node-llama-cpp')
  const { Template } = await load<JinjaPackage>(wish.folder, '@huggingface/jinja')
  const llama = await library.getLlama({
    gpu: false,
    build: 'never',
    skipDownload: true,
    progressLogs: false,
    logLevel: 'error',
    logger: (_, message) => wish.onLog(message.trim()),
  })
  const model = await llama
    .loadModel({ modelPath: wish.gguf, onLoadProgress: done => wish.onPercent(Math.floor(done * 100)) })
    .catch(error => {
      throw new StartFailure(`the model cannot be read: ${(error as Error).message}`)
    })
  const context = await makeContext(model, wish.serve)
  const source = model.fileInfo.metadata.tokenizer?.chat_template
  const toPrompt = source === undefined ? undefined : templateOf(new Template(source), model)
  const makeSlot = () => new library.LlamaCompletion({ contextSequence: context.getSequence() })
  const slots = Array.from({ length: wish.serve.parallel }, makeSlot)
  return { ...createSlots({ model, context, slots }), toPrompt, close: () => llama.dispose() }
}

const makeContext = async (
  model: LlamaModel,
  { contextSize, parallel, threads }: OpenWish['serve'],
): Promise<LlamaContext> => {
  const size = contextSize ?? Math.min(model.trainContextSize, usualContext)
  const how = { contextSize: size, sequences: parallel, threads }
  return model.createContext(how).catch(error => {
    const why = `${size} tokens for each of ${parallel} requests: ${(error as Error).message}`
    throw new StartFailure(`not enough memory for ${why}; lower --ctx-size or --parallel in engineArgs`)
  })
}

const templateOf =
  (template: InstanceType<JinjaPackage['Template']>, { tokens }: LlamaModel) =>
  (messages: readonly object[]): string => {
    try {
      const special = { bos_token: tokens.bosString ?? '', eos_token: tokens.eosString ?? '' }
      return template.render({ messages, add_generation_prompt: true, ...special })
    } catch (error) {
      throw new Refusal(
        400,
        `the chat template of the model refuses these messages: ${(error as Error).message}`,
      )
    }
  }

interface Slots {
  readonly model: LlamaModel
  readonly context: LlamaContext
  readonly slots: LlamaCompletion[]
}

const createSlots = ({ model, context, slots }: Slots) => {
  const counters = { running: 0, waiting: 0, read: 0, written: 0 }
  const queue: (() => void)[] = []
  const take = async (signal: AbortSignal): Promise<LlamaCompletion> => {
    counters.waiting += 1
    while (slots.length === 0) await new Promise<void>(resolve => queue.push(resolve))
    counters.waiting -= 1
    if (signal.aborted) queue.shift()?.()
    signal.throwIfAborted()
    return slots.pop()!
  }
  const complete = async (prompt: Prompt): Promise<Answer> => {
    const tokens = model.tokenize(prompt.text, true)
    const room = context.contextSize - tokens.length - 1
    if (room < 1) throw new Refusal(400, tooLong(context.contextSize, tokens.length))
    const slot = await take(prompt.signal)
    counters.running += 1
    counters.read += tokens.length
    try {
      return await generate(slot, tokens, { ...prompt, maxTokens: Math.min(room, prompt.maxTokens ?? room) })
    } finally {
      counters.running -= 1
      slots.push(slot)
      queue.shift()?.()
    }
  }
  const generate = async (
    slot: LlamaCompletion,
    tokens: readonly number[],
    prompt: Prompt,
  ): Promise<Answer> => {
    let written = 0
    const { response, metadata } = await slot.generateCompletionWithMeta([...tokens], {
      maxTokens: prompt.maxTokens ?? 0,
      temperature: prompt.temperature,
      topP: prompt.topP,
      ...(prompt.seed === undefined ? {} : { seed: prompt.seed }),
      customStopTriggers: prompt.stop,
      signal: prompt.signal,
      onTextChunk: prompt.onText,
      onToken: made => {
        written += made.length
        counters.written += made.length
      },
    })
    const reason = metadata.stopReason === 'maxTokens' ? 'length' : 'stop'
    return { text: response, promptTokens: tokens.length, tokens: written, reason }
  }
  return { contextSize: context.contextSize, counters, complete }
}

const tooLong = (most: number, asked: number): string =>
  `This model's maximum context length is ${most} tokens; the prompt has ${asked}`
