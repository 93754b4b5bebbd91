// Who may read what, and the Hub's own words and headers when one may not.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { sendJson } from '../listening.ts'
import type { Repository } from './repository.ts'

export interface Refusal {
  readonly status: number
  readonly code?: string
  readonly message: string
}

export const tokenOf = (request: IncomingMessage) =>
  /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1]

export function sendRefusal(response: ServerResponse, { status, code, message }: Refusal) {
  sendJson(
    response,
    { error: message },
    {
      status,
      headers: { ...(code === undefined ? {} : { 'X-Error-Code': code }), 'X-Error-Message': message },
    },
  )
}

export const badToken: Refusal = { status: 401, message: 'Invalid credentials in Authorization header' }
export const noRevision = (revision: string): Refusal => ({
  status: 404,
  code: 'RevisionNotFound',
  message: `Invalid rev id: ${revision}`,
})
export const noEntry: Refusal = { status: 404, code: 'EntryNotFound', message: 'Entry not found' }

/** A repository that is not there looks like one that may not be seen. */
const noRepository = (token: string | undefined): Refusal =>
  token === undefined
    ? { status: 401, code: 'RepoNotFound', message: 'Invalid username or password.' }
    : { status: 404, code: 'RepoNotFound', message: 'Repository not found' }

/** Listing asks only for privacy; bytes also for the gate. */
export function refusalFor(
  repository: Repository | undefined,
  token: string | undefined,
  what: 'list' | 'bytes',
): Refusal | undefined {
  if (repository === undefined) return noRepository(token)
  const isReader = token !== undefined && repository.readers.has(token)
  if (repository.options.disabled) return { status: 403, message: 'Access to this resource is disabled.' }
  if (repository.options.private && !isReader) return noRepository(token)
  if (repository.gated === false || isReader || what === 'list') return undefined
  return token === undefined
    ? {
        status: 401,
        code: 'GatedRepo',
        message: `Access to model ${repository.id} is restricted. You must have access to it and be authenticated to access it. Please log in.`,
      }
    : {
        status: 403,
        code: 'GatedRepo',
        message: `Access to model ${repository.id} is restricted and you are not in the authorized list. Visit https://huggingface.co/${repository.id} to ask for access.`,
      }
}
