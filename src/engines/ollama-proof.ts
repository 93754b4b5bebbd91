// The proof of Ollama: the wanted digest is loaded before and after one minimal request that is answered with counts.
import type { Task } from '../domain/capabilities.ts'
import type { Listed, ProofResult, Recipe } from '../domain/engine.ts'
import { readOllamaList, readOllamaUsage } from '../domain/engine-facts/ollama-answers.ts'
import { field } from '../domain/engine-facts/vllm-answers.ts'
import type { Call, Http } from './http.ts'
import {
  badAnswer,
  failed,
  isAnswered,
  notAList,
  proved,
  shorten,
  showListed,
  timeProof,
  unreachable,
  type Verdict,
} from './proof.ts'
import type { ProofWish } from './vllm-proof.ts'

export const proveOllama = (http: Http, wish: ProofWish): Promise<ProofResult> =>
  timeProof(wish, async left => {
    const before = wish.listed ? judgeLoaded(wish, wish.listed) : await checkLoaded(http, wish, left())
    if (before) return before
    const digest = shorten(wish.recipe.identity)
    if (wish.mode === 'ListOnly') return proved(`${digest} is loaded; no request was made`)
    const answer = await askTask(http, wish, left())
    if (!answer.isProved) return answer
    return (await checkLoaded(http, wish, left())) ?? answer
  })

const checkLoaded = async (http: Http, wish: ProofWish, timeoutMs: number): Promise<Verdict | undefined> => {
  const { address } = wish
  const reply = await http(address, { path: '/api/ps', timeoutMs })
  if (!isAnswered(reply)) return unreachable(address, reply)
  const listed = reply.status === 200 ? readOllamaList(reply.body, true) : undefined
  return listed ? judgeLoaded(wish, listed) : notAList('/api/ps', reply)
}

const judgeLoaded = ({ recipe }: ProofWish, listed: readonly Listed[]): Verdict | undefined => {
  const loaded = listed.filter(model => model.isLoaded)
  if (loaded.some(model => model.identity === recipe.identity)) return undefined
  const isOther = loaded.some(model => model.name === recipe.model)
  const message = `loaded: ${showListed(loaded)}; wanted ${shorten(recipe.identity)}`
  return failed(message, isOther ? 'WrongModel' : 'ModelEvicted')
}

/** keep_alive −1 again: a request without it would set the expiry back to five minutes. */
const toCall = (recipe: Recipe, timeoutMs: number): Call | undefined => {
  const post = {
    model: recipe.model,
    stream: false,
    keep_alive: -1,
    options: { num_predict: 1, temperature: 0 },
  }
  const calls: Readonly<Record<Task, Call | undefined>> = {
    Chat: { path: '/api/chat', timeoutMs, post: { ...post, messages: [{ role: 'user', content: 'Hi' }] } },
    Completion: { path: '/api/generate', timeoutMs, post: { ...post, prompt: 'Hi' } },
    Embedding: { path: '/api/embed', timeoutMs, post: { model: recipe.model, keep_alive: -1, input: 'Hi' } },
    Rerank: undefined,
  }
  return calls[recipe.task]
}

const askTask = async (http: Http, wish: ProofWish, timeoutMs: number): Promise<Verdict> => {
  const call = toCall(wish.recipe, timeoutMs)
  if (!call) return failed('Ollama has no route to rerank', 'TaskNotServed')
  const reply = await http(wish.address, call)
  const isDone = isAnswered(reply) && (wish.recipe.task === 'Embedding' || field(reply.body, 'done') === true)
  const isGood = isDone && reply.status === 200 && readOllamaUsage(reply.body) > 0
  return isGood ? proved(`${call.path} answered with counts`) : badAnswer(call.path, reply)
}
