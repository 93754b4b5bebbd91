// How a proof is timed and how its outcome is worded.
import { type Reason, shortMessage } from '../domain/conditions.ts'
import type { Listed, ProofResult } from '../domain/engine.ts'
import { readError } from '../domain/engine-facts/vllm-answers.ts'
import { show } from '../domain/names.ts'
import type { Answered, Reply, Unanswered } from './http.ts'

export type Verdict = Omit<ProofResult, 'milliseconds'>

const messageBytes = 200

export const proved = (message: string): Verdict => ({
  isProved: true,
  reason: 'Active',
  message: shortMessage(message, messageBytes),
})

export const failed = (message: string, reason: Reason = 'ProofFailed'): Verdict => ({
  isProved: false,
  reason,
  message: shortMessage(message, messageBytes),
})

const unanswered: Readonly<Record<Unanswered['kind'], Reason>> = {
  Refused: 'EngineUnreachable',
  Silent: 'EngineSilent',
  TooLarge: 'WrongEngine',
}

/** Nothing came back from the list: the engine, not the model, is in question. */
export const unreachable = (address: string, reply: Unanswered): Verdict =>
  failed(`${address}${reply.message}`, unanswered[reply.kind])

/** An answer that is no list. */
export const notAList = (path: string, { status }: Answered): Verdict => {
  if (status === 401 || status === 403) return failed(`${path} answered ${status}`, 'EngineKeyNeeded')
  const reason = status >= 500 ? 'EngineUnhealthy' : 'WrongEngine'
  return failed(`${path} answered ${status} without a model list`, reason)
}

/** A request of the model's task that was not answered as it should be. */
export const badAnswer = (path: string, reply: Reply): Verdict => {
  if (!isAnswered(reply))
    return failed(reply.message, reply.kind === 'Silent' ? 'EngineSilent' : 'ProofFailed')
  const { status } = reply
  const error = readError(reply.body)
  if (status === 401 || status === 403) return failed(`${path} answered ${status}`, 'EngineKeyNeeded')
  const message = `${path} answered ${status}${error ? `: ${error}` : status === 200 ? ' without usage' : ''}`
  return failed(message, lacksRoute(status, error) ? 'TaskNotServed' : 'ProofFailed')
}

/** No such route at all, or a sentence that this model cannot do it; an unknown model is told by name. */
const lacksRoute = (status: number, error: string): boolean =>
  ((status === 404 || status === 405) && !error) ||
  (status >= 400 && status < 500 && /does not support (chat|generate|completion|embed|the)/i.test(error))

/** Runs the judge and never throws; `left` tells how much of the time remains. */
export const timeProof = async (
  options: { readonly timeoutMs: number; readonly now: () => number },
  judge: (left: () => number) => Promise<Verdict>,
): Promise<ProofResult> => {
  const start = options.now()
  const verdict = await judge(() => Math.max(1, options.timeoutMs - (options.now() - start))).catch(error =>
    failed(`unexpected: ${String(error)}`),
  )
  return { ...verdict, milliseconds: Math.round(options.now() - start) }
}

export const isAnswered = (reply: Reply): reply is Answered => reply.kind === 'Answered'

/** At most two models, then how many more. */
export const showListed = (listed: readonly Listed[]): string => {
  const first = listed.slice(0, 2).map(model => `${show(model.name)} = ${show(shorten(model.identity))}`)
  const more = listed.length > 2 ? ` and ${listed.length - 2} more` : ''
  return listed.length === 0 ? 'nothing' : `${first.join(', ')}${more}`
}

/** The end of a path and the beginning of a digest tell models apart. */
export const shorten = (identity: string): string =>
  identity.startsWith('sha256:') ? identity.slice(0, 19) : identity.slice(-56)
