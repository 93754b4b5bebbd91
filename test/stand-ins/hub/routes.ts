// The front of the hub stand-in: which request means what, and its answer.
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { FaultBook } from '../faults.ts'
import { readBody, sendJson } from '../listening.ts'
import { refuse, serveContent } from '../serve-content.ts'
import { badToken, noEntry, noRevision, type Refusal, refusalFor, sendRefusal, tokenOf } from './access.ts'
import { describeModel } from './model-info.ts'
import type { RateLimiter } from './rate-limit.ts'
import { type Commit, findCommit, type Repository, type RepositoryFile, splitRevision } from './repository.ts'
import { listPaths, listTree } from './tree.ts'

export interface HubWorld {
  readonly repositories: Map<string, Repository>
  readonly faults: FaultBook
  readonly limiter: RateLimiter
  readonly prefix: string
  readonly pageSize: number
  /** Undefined: any token is somebody's. */
  readonly tokens: ReadonlySet<string> | undefined
  readonly url: () => string
  readonly cdnUrl: () => string
}

interface Asked {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly url: URL
  readonly token: string | undefined
}

export const fileKeys = (repository: string, path: string) => [path, `${repository}/${path}`]

/** The CDN's own validator: it is not the file's digest. */
export const cdnEtag = (file: RepositoryFile) => `"${file.content.sha256.slice(0, 32)}"`

function splitAt(segments: readonly string[], words: readonly string[]) {
  const at = segments.findIndex((segment, i) => i > 0 && i <= 2 && words.includes(segment))
  if (at < 0) return { id: segments.join('/'), word: '', rest: [] }
  return { id: segments.slice(0, at).join('/'), word: segments[at]!, rest: segments.slice(at + 1) }
}

export function openRoutes(world: HubWorld) {
  const find = (asked: Asked, id: string, what: 'list' | 'bytes'): Repository | undefined => {
    const repository = world.repositories.get(id)
    const refusal = refusalFor(repository, asked.token, what)
    if (refusal === undefined) return repository
    sendRefusal(asked.response, refusal)
    return undefined
  }

  async function answerInfo(asked: Asked, repository: Repository, revision: string) {
    const commit = findCommit(repository, revision)
    if (commit === undefined) return sendRefusal(asked.response, noRevision(revision))
    sendJson(asked.response, await describeModel(repository, commit, asked.url.searchParams))
  }

  function answerTree(asked: Asked, repository: Repository, rest: readonly string[]) {
    const { commit, revision, path } = splitRevision(repository, rest)
    if (commit === undefined) return sendRefusal(asked.response, noRevision(revision))
    const query = asked.url.searchParams
    const isTrue = (key: string) => /^(true|1)$/i.test(query.get(key) ?? '')
    const entries = listTree(commit, path, { recursive: isTrue('recursive'), expand: isTrue('expand') })
    if (entries === undefined) return sendRefusal(asked.response, noEntry)
    const start = Number(query.get('cursor') ?? 0)
    const size = Number(query.get('limit') ?? world.pageSize)
    const headers: Record<string, string> = {}
    if (start + size < entries.length) {
      const next = new URL(world.url() + asked.url.pathname.slice(world.prefix.length) + asked.url.search)
      next.searchParams.set('cursor', String(start + size))
      headers['link'] = `<${next}>; rel="next"`
    }
    sendJson(asked.response, entries.slice(start, start + size), { headers })
  }

  async function answerPaths(asked: Asked, repository: Repository, rest: readonly string[]) {
    const { commit, revision } = splitRevision(repository, rest)
    if (commit === undefined) return sendRefusal(asked.response, noRevision(revision))
    const text = (await readBody(asked.request)).toString()
    const isForm = (asked.request.headers['content-type'] ?? '').includes('form')
    const form = new URLSearchParams(text)
    const body = isForm
      ? { paths: form.getAll('paths'), expand: /true/i.test(form.get('expand') ?? '') }
      : (JSON.parse(text) as { paths: string[]; expand?: boolean })
    sendJson(asked.response, listPaths(commit, body.paths, body.expand ?? false))
  }

  async function answerApi(asked: Asked, segments: readonly string[]) {
    const { id, word, rest } = splitAt(segments, ['revision', 'tree', 'paths-info'])
    const repository = find(asked, id, 'list')
    if (repository === undefined) return
    if (word === 'tree') return answerTree(asked, repository, rest)
    if (word === 'paths-info') return answerPaths(asked, repository, rest)
    return answerInfo(asked, repository, word === '' ? 'main' : rest.join('/'))
  }

  function answerFile(asked: Asked, repository: Repository, at: { commit: Commit; path: string }) {
    const { commit, path } = at
    const file = commit.files.get(path)
    const headers: Record<string, string> = { 'X-Repo-Commit': commit.id }
    if (file === undefined) {
      asked.response.setHeader('X-Repo-Commit', commit.id)
      return sendRefusal(asked.response, noEntry)
    }
    const keys = fileKeys(repository.id, path)
    if (file.lfs === undefined)
      return serveContent(asked.request, asked.response, {
        content: file.content,
        headers,
        etag: `"${file.oid}"`,
        faults: world.faults,
        keys,
      })
    const target = new URL(`${world.cdnUrl()}/${repository.id}/${file.lfs.oid}`)
    target.searchParams.set('path', path)
    target.searchParams.set('Signature', 'signed-by-the-hub')
    const body = `Found. Redirecting to ${target}`
    asked.response.writeHead(302, {
      ...headers,
      location: target.toString(),
      etag: `"${file.lfs.oid}"`,
      'X-Linked-Etag': `"${file.lfs.oid}"`,
      'X-Linked-Size': String(file.lfs.size),
      'accept-ranges': 'bytes',
      'content-type': 'text/plain',
      'content-length': Buffer.byteLength(body),
    })
    asked.response.end(asked.request.method === 'HEAD' ? undefined : body)
  }

  function answerResolve(asked: Asked, segments: readonly string[]) {
    const { id, rest } = splitAt(segments, ['resolve'])
    const { path, ...known } = withPath(world.repositories.get(id), rest)
    const fault = world.faults.takeRefusal([...fileKeys(id, path), asked.url.pathname], 'front')
    if (fault !== undefined) return refuse(asked.request, asked.response, fault)
    const repository = find(asked, id, 'bytes')
    if (repository === undefined) return
    if (known.commit === undefined) return sendRefusal(asked.response, noRevision(known.revision))
    return answerFile(asked, repository, { commit: known.commit, path })
  }

  function whoAmI(asked: Asked) {
    if (asked.token === undefined) return sendRefusal(asked.response, invalidUser)
    const auth = { type: 'access_token', accessToken: { displayName: 'test', role: 'read' } }
    sendJson(asked.response, { type: 'user', id: '1', name: 'tester', fullname: 'Tester', orgs: [], auth })
  }

  function answerSite(asked: Asked, segments: readonly string[]) {
    const fault = world.faults.takeRefusal([`/${segments.join('/')}`, asked.url.pathname], 'front')
    if (fault !== undefined) return refuse(asked.request, asked.response, fault)
    if (segments[1] === 'whoami-v2') return whoAmI(asked)
    if (segments[1] === 'models') return answerApi(asked, segments.slice(2))
    sendRefusal(asked.response, noPage)
  }

  function answerKnown(asked: Asked, path: string): void | Promise<void> {
    const segments = path.split('/').slice(1).map(decodeURIComponent)
    const isApi = segments[0] === 'api'
    if (!world.limiter.admit(isApi ? 'api' : 'resolvers', asked.response)) return
    const isUnknown = asked.token !== undefined && world.tokens?.has(asked.token) === false
    if (isUnknown) return sendRefusal(asked.response, badToken)
    return isApi ? answerSite(asked, segments) : answerResolve(asked, segments)
  }

  return function answer(request: IncomingMessage, response: ServerResponse): void | Promise<void> {
    const url = new URL(request.url ?? '/', 'http://hub')
    const asked: Asked = { request, response, url, token: tokenOf(request) }
    if (!url.pathname.startsWith(`${world.prefix}/`)) return sendRefusal(response, noPage)
    return answerKnown(asked, url.pathname.slice(world.prefix.length))
  }
}

const noPage: Refusal = { status: 404, message: "Sorry, we can't find the page you are looking for." }
const invalidUser: Refusal = { status: 401, message: 'Invalid username or password.' }

function withPath(repository: Repository | undefined, rest: readonly string[]) {
  if (repository === undefined) return { revision: '', commit: undefined, path: rest.slice(1).join('/') }
  return splitRevision(repository, rest)
}
