// The proof of vLLM: the folder stands in the model list, and one minimal request of the task is answered with usage.
import type { Task } from '../domain/capabilities.ts'
import type { Listed, ProofOptions, ProofResult, Recipe } from '../domain/engine.ts'
import { readModelList, readUsage } from '../domain/engine-facts/vllm-answers.ts'
import type { Http, Reply } from './http.ts'
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

export interface ProofWish extends ProofOptions {
  readonly address: string
  readonly recipe: Recipe
  readonly now: () => number
}

export const proveVllm = (http: Http, wish: ProofWish): Promise<ProofResult> =>
  timeProof(wish, async left => {
    const misfit = wish.listed ? judgeListed(wish, wish.listed) : await checkList(http, wish, left())
    if (misfit) return misfit
    if (wish.mode === 'ListOnly')
      return proved(`listed with root ${shorten(wish.recipe.identity)}; no request was made`)
    return askTask(http, wish, left)
  })

const checkList = async (http: Http, wish: ProofWish, timeoutMs: number): Promise<Verdict | undefined> => {
  const { address } = wish
  const reply = await http(address, { path: '/v1/models', timeoutMs })
  if (!isAnswered(reply)) return unreachable(address, reply)
  const listed = reply.status === 200 ? readModelList(reply.body) : undefined
  return listed ? judgeListed(wish, listed) : notAList('/v1/models', reply)
}

const judgeListed = ({ recipe }: ProofWish, listed: readonly Listed[]): Verdict | undefined => {
  const fits = listed.some(
    model => model.identity === recipe.identity && recipe.servedNames.includes(model.name),
  )
  const message = `listed: ${showListed(listed)}; wanted root …${shorten(recipe.identity)}`
  return fits ? undefined : failed(message, 'WrongModel')
}

interface Request {
  readonly path: string
  readonly body: Readonly<Record<string, unknown>>
}

const requests: Readonly<Record<Task, Request>> = {
  Chat: {
    path: '/v1/chat/completions',
    body: { messages: [{ role: 'user', content: 'Hi' }], max_tokens: 1, temperature: 0 },
  },
  Completion: { path: '/v1/completions', body: { prompt: 'Hi', max_tokens: 1, temperature: 0 } },
  Embedding: { path: '/v1/embeddings', body: { input: 'Hi' } },
  Rerank: { path: '/v1/rerank', body: { query: 'Hi', documents: ['Hi'] } },
}

const askTask = async (http: Http, wish: ProofWish, left: () => number): Promise<Verdict> => {
  const { address, recipe } = wish
  const send = (task: Task): Promise<Reply> => {
    const { path, body } = requests[task]
    return http(address, { path, timeoutMs: left(), post: { model: recipe.servedNames[0], ...body } })
  }
  const first = await send(recipe.task)
  const hasNoTemplate =
    recipe.task === 'Chat' && isAnswered(first) && first.status === 400 && /chat.?template/i.test(first.text)
  return hasNoTemplate ? judge('Completion', await send('Completion')) : judge(recipe.task, first)
}

const judge = (task: Task, reply: Reply): Verdict => {
  const { path } = requests[task]
  const isGood = isAnswered(reply) && reply.status === 200 && readUsage(reply.body) > 0
  return isGood ? proved(`${path} answered with usage`) : badAnswer(path, reply)
}
