// A stand-in for the Hugging Face Hub: the routes that its own clients use, bytes from a CDN on another port, and
// faults on demand. The real Python client downloading from it keeps it honest.
import { type Fault, openFaultBook } from './faults.ts'
import { openRateLimiter, type RateLimits } from './hub/rate-limit.ts'
import {
  commitTo,
  type FileChanges,
  openRepository,
  type Repository,
  type RepositoryOptions,
} from './hub/repository.ts'
import { cdnEtag, fileKeys, openRoutes } from './hub/routes.ts'
import { listen, type Tls } from './listening.ts'
import { type LoggedRequest, openRequestLog } from './request-log.ts'
import { refuse, serveContent } from './serve-content.ts'

export { filesOfFolder } from './hub/repository.ts'

export interface HubOptions {
  readonly repos?: readonly RepositoryOptions[]
  /** Where to listen; default 127.0.0.1. */
  readonly host?: string
  readonly port?: number
  readonly cdnPort?: number
  /** The name by which others reach it, when it is not `host`. */
  readonly publicHost?: string
  /** A path under which everything lies, as a mirror's may: `/api/hf`. */
  readonly prefix?: string
  /** Entries per page of a tree; default 1,000. */
  readonly pageSize?: number
  /** When given, every other token is refused. */
  readonly tokens?: readonly string[]
  readonly rateLimits?: RateLimits
  /** Both the hub and its CDN speak TLS. */
  readonly tls?: Tls
}

export interface Hub {
  readonly url: string
  readonly cdnUrl: string
  readonly requests: LoggedRequest<'hub' | 'cdn'>[]
  /** A key is a file's path, `repo/path`, a URL path under the hub, or `*`. undefined takes the fault away. */
  readonly setFault: (key: string, fault: Fault | readonly Fault[] | undefined) => void
  readonly addRepo: (options: RepositoryOptions) => void
  readonly removeRepo: (repo: string) => void
  /** Returns the commit's id. A branch that does not exist starts from main. */
  readonly addCommit: (repo: string, branch: string, files: FileChanges) => string
  readonly addTag: (repo: string, tag: string, commit: string) => void
  readonly commitOf: (repo: string, revision?: string) => string
  /** Gates a repository; the tokens given may read it. */
  readonly gate: (repo: string, ...tokens: string[]) => void
  readonly close: () => Promise<void>
}

export async function startHub(options: HubOptions = {}): Promise<Hub> {
  const repositories = new Map<string, Repository>()
  const faults = openFaultBook()
  const log = openRequestLog<'hub' | 'cdn'>()
  const host = options.host ?? '127.0.0.1'
  const publicHost = options.publicHost ?? host
  const tokens = options.tokens === undefined ? undefined : new Set(options.tokens)
  const prefix = options.prefix ?? ''
  const scheme = options.tls ? 'https' : 'http'
  const addRepo = (repo: RepositoryOptions) => {
    repositories.set(repo.id, openRepository(repo))
    for (const token of repo.readers ?? []) tokens?.add(token)
  }
  const get = (repo: string) => {
    const repository = repositories.get(repo)
    if (repository === undefined) throw new Error(`the hub stand-in has no repository ${repo}`)
    return repository
  }
  for (const repo of options.repos ?? []) addRepo(repo)

  const cdn = await listen(
    (request, response) => {
      log.note('cdn', request, response)
      const url = new URL(request.url ?? '/', 'http://cdn')
      const segments = url.pathname.slice(1).split('/')
      const repository = repositories.get(segments.slice(0, -1).join('/'))
      const path = url.searchParams.get('path') ?? ''
      const keys = fileKeys(repository?.id ?? '', path)
      const fault = faults.takeRefusal([...keys, url.pathname], 'cdn')
      if (fault !== undefined) return refuse(request, response, fault)
      const file = [...(repository?.commits.values() ?? [])]
        .map(commit => commit.files.get(path))
        .find(found => found?.lfs?.oid === segments.at(-1))
      if (file === undefined || !url.searchParams.has('Signature')) {
        response
          .writeHead(403, { 'content-type': 'application/xml' })
          .end('<Error><Code>AccessDenied</Code></Error>')
        return
      }
      return serveContent(request, response, {
        content: file.content,
        headers: {},
        etag: cdnEtag(file),
        faults,
        keys,
      })
    },
    { host, port: options.cdnPort ?? 0, tls: options.tls },
  )
  const cdnUrl = `${scheme}://${publicHost}:${cdn.port}`
  let url = ''
  const answer = openRoutes({
    repositories,
    faults,
    limiter: openRateLimiter(options.rateLimits ?? { api: 1e6, resolvers: 1e6 }),
    prefix,
    pageSize: options.pageSize ?? 1000,
    tokens,
    url: () => url,
    cdnUrl: () => cdnUrl,
  })
  const front = await listen(
    (request, response) => {
      log.note('hub', request, response)
      return answer(request, response)
    },
    { host, port: options.port ?? 0, tls: options.tls },
  )
  url = `${scheme}://${publicHost}:${front.port}${prefix}`

  return {
    url,
    cdnUrl,
    requests: log.requests,
    setFault: faults.set,
    addRepo,
    removeRepo: repo => void repositories.delete(repo),
    addCommit: (repo, branch, files) => commitTo(get(repo), branch, files),
    addTag: (repo, tag, commit) => void get(repo).tags.set(tag, commit),
    commitOf: (repo, revision = 'main') =>
      get(repo).branches.get(revision) ?? get(repo).tags.get(revision) ?? revision,
    gate(repo, ...readers) {
      const repository = get(repo)
      repository.gated = repository.gated === false ? 'auto' : repository.gated
      for (const token of readers) {
        repository.readers.add(token)
        tokens?.add(token)
      }
    },
    close: async () => {
      await Promise.all([front.close(), cdn.close()])
    },
  }
}
