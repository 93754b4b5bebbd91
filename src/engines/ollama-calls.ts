// Ollama's calls that change something: load, unload until the list is empty of it, and the alias.
import { shortMessage } from '../domain/conditions.ts'
import type { Listed, Recipe } from '../domain/engine.ts'
import { loadErrorReason, readOllamaList } from '../domain/engine-facts/ollama-answers.ts'
import { toListedName } from '../domain/engine-facts/ollama-names.ts'
import { field, readError } from '../domain/engine-facts/vllm-answers.ts'
import { Transient } from '../domain/failure.ts'
import { show } from '../domain/names.ts'
import type { Call, Http, Reply } from './http.ts'
import { isAnswered } from './proof.ts'

const pollMs = 100
const commitTimeoutMs = 10_000

interface LoadWish {
  readonly address: string
  readonly recipe: Recipe
  readonly timeoutMs: number
}

/** An embedding model refuses an empty `generate`; one word to embed loads it. */
export const loadOllama = async (http: Http, { address, recipe, timeoutMs }: LoadWish): Promise<void> => {
  const { model, task } = recipe
  const pinned = { model, keep_alive: -1, stream: false }
  const call: Call =
    task === 'Embedding'
      ? { path: '/api/embed', timeoutMs, post: { ...pinned, input: 'Hi' } }
      : { path: '/api/generate', timeoutMs, post: pinned }
  const reply = await http(address, call)
  const body = take(reply, `load of ${show(model)}`, 'LoadFailed')
  if (task === 'Embedding' || field(body, 'done') === true) return
  throw new Transient('LoadFailed', `load of ${show(model)}: the answer does not say that it is done`)
}

interface UnloadWish {
  readonly address: string
  readonly keep: Recipe | undefined
  readonly timeoutMs: number
  readonly now: () => number
}

/** A 200 is no proof (a stream holds the model): only the list is. What clients use all the time never leaves it, and ends the wait. */
export const unloadOllama = async (
  http: Http,
  { address, keep, timeoutMs, now }: UnloadWish,
): Promise<void> => {
  const start = now()
  const left = () => timeoutMs - (now() - start)
  let asked = new Set<string>()
  const expiry = new Map<string, number>()
  while (true) {
    const rest = (await listLoaded(http, address, left())).filter(model => model.identity !== keep?.identity)
    if (rest.length === 0 || rest.every(model => asked.has(model.name) && isUsedAgain(expiry, model))) return
    if (left() <= pollMs)
      throw new Transient('Unloading', `still loaded: ${show(rest.map(model => model.name).join(', '))}`)
    for (const { name } of rest.filter(model => !asked.has(model.name))) {
      await http(address, {
        path: '/api/generate',
        timeoutMs: left(),
        post: { model: name, keep_alive: 0, stream: false },
      })
    }
    asked = new Set(rest.map(model => model.name))
    await new Promise(resolve => setTimeout(resolve, pollMs))
  }
}

/** Since we asked: our call brought its end nearer, and only a request of somebody else puts it off. */
const isUsedAgain = (expiry: Map<string, number>, { name, expiresAt }: Listed): boolean => {
  const before = expiry.get(name)
  if (expiresAt !== undefined) expiry.set(name, expiresAt)
  return before !== undefined && expiresAt !== undefined && expiresAt > before
}

const listLoaded = async (http: Http, address: string, timeoutMs: number): Promise<Listed[]> => {
  const reply = await http(address, { path: '/api/ps', timeoutMs })
  const listed = readOllamaList(take(reply, 'list of loaded models', 'EngineUnreachable'), true)
  if (listed) return listed
  throw new Transient('EngineUnreachable', '/api/ps does not answer as Ollama does')
}

/** Copies the source's manifest to the alias, unless the alias is that manifest already. */
export const commitOllama = async (http: Http, address: string, recipe: Recipe): Promise<void> => {
  const timeoutMs = commitTimeoutMs
  const stored = readOllamaList(
    take(await http(address, { path: '/api/tags', timeoutMs }), 'list of models', 'EngineUnreachable'),
    false,
  )
  for (const alias of recipe.servedNames.filter(name => name !== recipe.model)) {
    const name = toListedName(alias)
    if (stored?.some(model => model.name === name && model.identity === recipe.identity)) continue
    const post = { source: recipe.model, destination: name }
    take(await http(address, { path: '/api/copy', timeoutMs, post }), `alias ${show(alias)}`, 'Unexpected')
  }
}

/** The body of a 200, else Transient with the engine's own sentence. */
const take = (
  reply: Reply,
  what: string,
  reason: 'LoadFailed' | 'EngineUnreachable' | 'Unexpected',
): unknown => {
  if (!isAnswered(reply)) {
    const isStalled = reply.kind === 'Silent' && reason === 'LoadFailed'
    throw new Transient(isStalled ? 'LoadStalled' : 'EngineUnreachable', `${what}: ${reply.message}`)
  }
  if (reply.status === 200) return reply.body
  const error = readError(reply.body)
  throw new Transient(
    reason === 'LoadFailed' ? loadErrorReason(error) : reason,
    shortMessage(`${what}: answered ${reply.status}: ${error}`, 200),
  )
}
