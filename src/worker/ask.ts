// ask: whether an engine behind an API key serves what it should, told by the only process that may read the key.
import type { Engine, Recipe } from '../domain/engine.ts'
import { toPodAddress } from '../domain/names.ts'
import type { EngineName } from '../domain/parts.ts'
import type { AskResult, AskTask } from '../domain/worker-task.ts'
import { fetchWithKey, keyNeeded, readKey, withoutKey } from './ask-key.ts'
import { WorkError } from './outcome.ts'

/** Makes an engine that speaks through this fetch. */
export type OpenEngine = (name: EngineName, fetch: typeof globalThis.fetch) => Engine

interface AskParts {
  readonly openEngine: OpenEngine
  readonly fetch: typeof globalThis.fetch
  readonly signal: AbortSignal
}

export const ask = async (task: AskTask, parts: AskParts): Promise<AskResult> => {
  const address = toPodAddress(task.address)
  const key = await readKey(task.keyFile)
  const engine = parts.openEngine(task.engine, fetchWithKey({ ...parts, address, key }))
  const timeoutMs = task.timeoutSeconds * 1000
  if (!task.wanted) {
    await checkKey(engine, address, timeoutMs)
    return {}
  }
  const recipe: Recipe = { ...task.wanted, engine: task.engine, args: [] }
  const proof = await engine.prove(address, recipe, { mode: task.mode, timeoutMs })
  if (proof.reason === 'EngineKeyNeeded') throw keyNeeded(refusal)
  return { proof: { ...proof, message: withoutKey(proof.message, key) } }
}

const refusal = 'the engine refuses the key that apiKeySecretRef names'

const checkKey = async (engine: Engine, address: string, timeoutMs: number): Promise<void> => {
  const { state, message = state } = await engine.ask(address, timeoutMs)
  if (state === 'KeyNeeded') throw keyNeeded(refusal)
  if (state !== 'Answers') throw new WorkError('EngineUnreachable', message, { retry: 'Later' })
}
