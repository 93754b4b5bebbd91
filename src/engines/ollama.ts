// The Ollama engine: the running process loads and unloads through its API, proved by the digest of what is loaded.
import type { Engine, EngineAnswer } from '../domain/engine.ts'
import { readSign } from '../domain/engine-facts/load-log.ts'
import { joinLists, readOllamaList } from '../domain/engine-facts/ollama-answers.ts'
import { ollamaLog } from '../domain/engine-facts/ollama-log.ts'
import { findOllamaStore, toOllamaRecipe } from '../domain/engine-facts/ollama-recipe.ts'
import { field } from '../domain/engine-facts/vllm-answers.ts'
import { createHttp, type EngineParts, type Http, type Reply } from './http.ts'
import { commitOllama, loadOllama, unloadOllama } from './ollama-calls.ts'
import { proveOllama } from './ollama-proof.ts'
import { isAnswered } from './proof.ts'
import { sha256 } from './sha256.ts'

export const createOllama = ({ fetch, now = () => performance.now() }: EngineParts): Engine => {
  const http = createHttp(fetch)
  return {
    name: 'Ollama',
    strategy: 'InPlace',
    defaultPort: 11_434,
    layout: 'OllamaStore',
    recipe: wish => toOllamaRecipe(wish, sha256),
    launch: recipe => ({ hash: recipe.hash }),
    loadSign: line => readSign(line, ollamaLog),
    storePath: findOllamaStore,
    ask: (address, timeoutMs) => ask(http, address, timeoutMs),
    prove: (address, recipe, options) => proveOllama(http, { address, recipe, ...options, now }),
    load: (address, recipe, timeoutMs) => loadOllama(http, { address, recipe, timeoutMs }),
    unload: (address, keep, timeoutMs) => unloadOllama(http, { address, keep, timeoutMs, now }),
    commit: (address, recipe) => commitOllama(http, address, recipe),
  }
}

const ask = async (http: Http, address: string, timeoutMs: number): Promise<EngineAnswer> => {
  const get = (path: string) => http(address, { path, timeoutMs })
  const [version, loaded, stored] = await Promise.all([get('/api/version'), get('/api/ps'), get('/api/tags')])
  const say = (state: EngineAnswer['state'], message: string): EngineAnswer => ({
    state,
    listed: [],
    isAsleep: false,
    message,
  })
  for (const reply of [version, loaded, stored]) {
    if (!isAnswered(reply))
      return say(reply.kind === 'TooLarge' ? 'NotThisEngine' : reply.kind, reply.message)
    if (reply.status === 401 || reply.status === 403) return say('KeyNeeded', `answered ${reply.status}`)
    if (reply.status >= 500) return say('Unhealthy', `answered ${reply.status}`)
  }
  const known = toVersion(version)
  const lists = { loaded: toList(loaded, true), stored: toList(stored, false) }
  if (known === undefined || !lists.loaded || !lists.stored)
    return say('NotThisEngine', 'it does not answer as Ollama does')
  return { state: 'Answers', listed: joinLists(lists.loaded, lists.stored), isAsleep: false, version: known }
}

const toVersion = (reply: Reply): string | undefined => {
  const version = isAnswered(reply) && reply.status === 200 ? field(reply.body, 'version') : undefined
  return typeof version === 'string' ? version.slice(0, 64) : undefined
}

const toList = (reply: Reply, isLoaded: boolean) =>
  isAnswered(reply) && reply.status === 200 ? readOllamaList(reply.body, isLoaded) : undefined
