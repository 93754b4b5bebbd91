// The embedded llama.cpp: one process of ours per model, proved by the digest of the manifest that its model list names.
import type { Engine, EngineAnswer } from '../domain/engine.ts'
import { readLlamaCppCounters } from '../domain/engine-facts/llama-cpp-answers.ts'
import { llamaCppLog } from '../domain/engine-facts/llama-cpp-log.ts'
import { launchLlamaCpp, toLlamaCppRecipe } from '../domain/engine-facts/llama-cpp-recipe.ts'
import { readSign } from '../domain/engine-facts/load-log.ts'
import { NotSupported } from '../domain/failure.ts'
import { createHttp, type EngineParts, type Http } from './http.ts'
import { isAnswered } from './proof.ts'
import { sha256 } from './sha256.ts'
import { judgeList } from './vllm.ts'
import { proveVllm } from './vllm-proof.ts'

export const createLlamaCpp = ({ fetch, now = () => performance.now() }: EngineParts): Engine => {
  const http = createHttp(fetch)
  return {
    name: 'LlamaCpp',
    strategy: 'Recreate',
    defaultPort: 8080,
    // A GGUF of Ollama's store is served where it lies: the two engines share one copy.
    layout: 'OllamaStore',
    recipe: wish => toLlamaCppRecipe(wish, sha256),
    launch: launchLlamaCpp,
    loadSign: line => readSign(line, llamaCppLog),
    storePath: () => undefined,
    ask: (address, timeoutMs) => ask(http, address, timeoutMs),
    // The server lists as vLLM does, with the digest in the place of the folder.
    prove: (address, recipe, options) => proveVllm(http, { address, recipe, ...options, now }),
    load: async () => neverInPlace(),
    unload: async () => neverInPlace(),
    commit: async () => {},
  }
}

const neverInPlace = (): never => {
  throw new NotSupported('LlamaCpp changes its model only with a new process')
}

const ask = async (http: Http, address: string, timeoutMs: number): Promise<EngineAnswer> => {
  const get = (path: string) => http(address, { path, timeoutMs })
  const [models, health, metrics] = await Promise.all([get('/v1/models'), get('/health'), get('/metrics')])
  const counters = isAnswered(metrics) && metrics.status === 200 ? readLlamaCppCounters(metrics.text) : {}
  return judgeList(models, health, counters)
}
