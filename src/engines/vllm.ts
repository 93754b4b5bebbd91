// The vLLM engine: one process per model, told by its command line or config file, proved by the root of its model list.
import type { Engine, EngineAnswer } from '../domain/engine.ts'
import { readSign } from '../domain/engine-facts/load-log.ts'
import {
  type Counters,
  counterLines,
  readCounters,
  readModelList,
} from '../domain/engine-facts/vllm-answers.ts'
import { launchVllm } from '../domain/engine-facts/vllm-launch.ts'
import { vllmLog } from '../domain/engine-facts/vllm-log.ts'
import { toVllmRecipe } from '../domain/engine-facts/vllm-recipe.ts'
import { NotSupported } from '../domain/failure.ts'
import { createHttp, type EngineParts, type Http, type Reply } from './http.ts'
import { isAnswered } from './proof.ts'
import { sha256 } from './sha256.ts'
import { proveVllm } from './vllm-proof.ts'

export const createVllm = ({ fetch, now = () => performance.now() }: EngineParts): Engine => {
  const http = createHttp(fetch)
  return {
    name: 'VLLM',
    strategy: 'Recreate',
    defaultPort: 8000,
    layout: 'HubCache',
    recipe: wish => toVllmRecipe(wish, sha256),
    launch: launchVllm,
    loadSign: line => readSign(line, vllmLog),
    // The model is named by its folder, so nothing in the environment places it.
    storePath: () => undefined,
    ask: (address, timeoutMs, isBehindKey) =>
      isBehindKey ? askAround(http, address, timeoutMs) : ask(http, address, timeoutMs),
    prove: (address, recipe, options) => proveVllm(http, { address, recipe, ...options, now }),
    load: async () => neverInPlace(),
    unload: async () => neverInPlace(),
    commit: async () => {},
  }
}

const neverInPlace = (): never => {
  throw new NotSupported('vLLM changes its model only with a new process')
}

const ask = async (http: Http, address: string, timeoutMs: number): Promise<EngineAnswer> => {
  const start = performance.now()
  const get = (path: string, ms = timeoutMs) => http(address, { path, timeoutMs: ms })
  const [models, health, metrics] = await Promise.all([
    get('/v1/models'),
    get('/health'),
    getCounters(http, address, timeoutMs),
  ])
  const counters = isAnswered(metrics) && metrics.status === 200 ? readCounters(metrics.text) : {}
  const answer = judgeList(models, health, counters)
  if (answer.state !== 'Answers' || counters.isAsleep !== undefined) return answer
  const left = timeoutMs - (performance.now() - start)
  return { ...answer, isAsleep: left > 0 && saysAsleep(await get('/is_sleeping', left)) }
}

const getCounters = (http: Http, address: string, timeoutMs: number): Promise<Reply> =>
  http(address, { path: '/metrics', timeoutMs, only: counterLines })

/** Health and counters need no key. */
const askAround = async (http: Http, address: string, timeoutMs: number): Promise<EngineAnswer> => {
  const get = (path: string) => http(address, { path, timeoutMs })
  const [health, metrics, sleep] = await Promise.all([
    get('/health'),
    getCounters(http, address, timeoutMs),
    get('/is_sleeping'),
  ])
  const counters = isAnswered(metrics) && metrics.status === 200 ? readCounters(metrics.text) : {}
  const { isAsleep = saysAsleep(sleep), ...told } = counters
  const say = (state: EngineAnswer['state'], message: string): EngineAnswer => ({
    ...told,
    state,
    listed: [],
    isAsleep,
    message,
  })
  if (!isAnswered(health))
    return say(health.kind === 'TooLarge' ? 'NotThisEngine' : health.kind, health.message)
  if (health.status === 200) return { ...say('Answers', 'its list is behind a key'), isBehindKey: true }
  return say(health.status >= 500 ? 'Unhealthy' : 'NotThisEngine', `/health answered ${health.status}`)
}

/** The route is there in development mode only. */
const saysAsleep = (reply: Reply): boolean =>
  isAnswered(reply) &&
  reply.status === 200 &&
  (reply.body as { is_sleeping?: unknown } | null)?.is_sleeping === true

/** What a list of the OpenAI shape, a health route and counters say together. */
export const judgeList = (models: Reply, health: Reply, counters: Counters): EngineAnswer => {
  const { isAsleep = false, ...told } = counters
  const say = (state: EngineAnswer['state'], message?: string): EngineAnswer => ({
    state,
    listed: [],
    isAsleep,
    ...told,
    ...(message === undefined ? {} : { message }),
  })
  if (isAnswered(health) && health.status >= 500) return say('Unhealthy', `/health answered ${health.status}`)
  if (!isAnswered(models))
    return say(models.kind === 'TooLarge' ? 'NotThisEngine' : models.kind, models.message)
  if (models.status === 401 || models.status === 403)
    return say('KeyNeeded', `/v1/models answered ${models.status}`)
  const listed = models.status === 200 ? readModelList(models.body) : undefined
  if (listed) return { ...say('Answers'), listed }
  const isOverloaded = models.status >= 500
  return say(
    isOverloaded ? 'Unhealthy' : 'NotThisEngine',
    `/v1/models answered ${models.status} without a model list`,
  )
}
