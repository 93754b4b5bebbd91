// A stand-in for the Ollama registry: manifests, blobs by 307 from another host name, an optional token challenge,
// and faults on demand. The real `ollama pull` from it keeps it honest.
import { createHash, randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Content } from './content.ts'
import { type Fault, openFaultBook } from './faults.ts'
import { listen, sendJson } from './listening.ts'
import { type LoggedRequest, openRequestLog } from './request-log.ts'
import { refuse, serveContent } from './serve-content.ts'
import { MANIFEST_TYPE } from './tiny-model/ollama-layers.ts'

/** What the registry keeps of a model; `ollamaLayers` makes it. */
interface RegistryImage {
  readonly manifest: Buffer
  readonly blobs: ReadonlyMap<string, Content>
}

export interface RegistryOptions {
  /** By name: `library/tiny:latest`. */
  readonly models?: Readonly<Record<string, RegistryImage>>
  readonly host?: string
  readonly port?: number
  readonly cdnPort?: number
  /** The name by which others reach it, when it is not `host`. */
  readonly publicHost?: string
  /** The host name in the 307: it must differ from the front's. Default: localhost beside 127.0.0.1. */
  readonly cdnHost?: string
  /** Ask for a bearer token, as registry.ollama.ai does for some models. */
  readonly challenge?: boolean
  /** Answer blobs with 200 at the front, as a plain mirror does: the real Ollama refuses that. */
  readonly plainBlobs?: boolean
}

export interface Registry {
  readonly url: string
  /** host:port, as it stands in a model's name. */
  readonly address: string
  readonly cdnUrl: string
  readonly requests: LoggedRequest<'registry' | 'cdn'>[]
  /** A key is a digest, a manifest's `ns/model:tag`, a URL path, or `*`. undefined takes the fault away. */
  readonly setFault: (key: string, fault: Fault | readonly Fault[] | undefined) => void
  /** Also moves a tag. Returns the manifest's digest. */
  readonly addModel: (name: string, image: RegistryImage) => string
  readonly removeModel: (name: string) => void
  readonly close: () => Promise<void>
}

const fullName = (name: string) => (name.includes(':') ? name : `${name}:latest`)
const digestOf = (bytes: Buffer) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`
const unknown = (code: string, message: string) => ({ errors: [{ code, message }] })

const MANIFEST = /^\/v2\/(.+)\/manifests\/([^/]+)$/
const BLOB = /^\/v2\/(.+)\/blobs\/(sha256:[0-9a-f]{64})$/

interface Asked {
  readonly pathname: string
  /** namespace/model */
  readonly path: string
  readonly manifest?: { readonly path: string; readonly tag: string }
  readonly digest?: string
  readonly keys: readonly string[]
}

function parse(request: IncomingMessage): Asked {
  const { pathname } = new URL(request.url ?? '/', 'http://registry')
  const [, path, tag] = MANIFEST.exec(pathname) ?? []
  if (path !== undefined && tag !== undefined)
    return { pathname, path, manifest: { path, tag }, keys: [pathname, `${path}:${tag}`] }
  const [, blobPath, digest] = BLOB.exec(pathname) ?? []
  if (blobPath !== undefined && digest !== undefined)
    return { pathname, path: blobPath, digest, keys: [pathname, digest] }
  return { pathname, path: '', keys: [pathname] }
}

export async function startRegistry(options: RegistryOptions = {}): Promise<Registry> {
  const names = new Map<string, Buffer>()
  const manifests = new Map<string, Buffer>()
  const blobs = new Map<string, Content>()
  const faults = openFaultBook()
  const log = openRequestLog<'registry' | 'cdn'>()
  const host = options.host ?? '127.0.0.1'
  const publicHost = options.publicHost ?? host
  const cdnHost = options.cdnHost ?? (publicHost === '127.0.0.1' ? 'localhost' : publicHost)
  const token = randomBytes(12).toString('hex')
  let address = ''

  const addModel = (name: string, image: RegistryImage) => {
    names.set(fullName(name), image.manifest)
    manifests.set(digestOf(image.manifest), image.manifest)
    for (const [digest, content] of image.blobs) blobs.set(digest, content)
    return digestOf(image.manifest)
  }
  for (const [name, image] of Object.entries(options.models ?? {})) addModel(name, image)

  const sendBlob = (request: IncomingMessage, response: ServerResponse, digest: string) => {
    const content = blobs.get(digest)
    if (content === undefined)
      return sendJson(response, unknown('BLOB_UNKNOWN', 'blob unknown to registry'), { status: 404 })
    const etag = `"${digest.slice(7)}"`
    return serveContent(request, response, { content, headers: {}, etag, faults, keys: [digest] })
  }

  const cdn = await listen(
    (request, response) => {
      log.note('cdn', request, response)
      const digest = new URL(request.url ?? '/', 'http://cdn').pathname.split('/').at(-1) ?? ''
      const fault = faults.takeRefusal([digest], 'cdn')
      if (fault !== undefined) return refuse(request, response, fault)
      return sendBlob(request, response, digest)
    },
    { host, port: options.cdnPort ?? 0 },
  )
  const cdnUrl = `http://${cdnHost}:${cdn.port}`

  function answerManifest(
    request: IncomingMessage,
    response: ServerResponse,
    at: { path: string; tag: string },
  ) {
    const bytes = at.tag.startsWith('sha256:') ? manifests.get(at.tag) : names.get(`${at.path}:${at.tag}`)
    if (bytes === undefined)
      return sendJson(response, unknown('MANIFEST_UNKNOWN', 'manifest unknown'), { status: 404 })
    response.writeHead(200, {
      'content-type': MANIFEST_TYPE,
      'content-length': bytes.length,
      'docker-content-digest': digestOf(bytes),
      'ollama-content-digest': digestOf(bytes).slice(7),
    })
    response.end(request.method === 'HEAD' ? undefined : bytes)
  }

  function answerBlob(request: IncomingMessage, response: ServerResponse, digest: string) {
    const content = blobs.get(digest)
    const isHead = request.method === 'HEAD'
    if (content === undefined || isHead || options.plainBlobs) return sendBlob(request, response, digest)
    response.writeHead(307, { location: `${cdnUrl}/blobs/${digest}`, 'content-length': 0 }).end()
  }

  function sendChallenge(request: IncomingMessage, response: ServerResponse, path: string) {
    const realm = `http://${request.headers.host ?? address}/v2/token`
    const scope = `repository:${path}:pull`
    sendJson(response, unknown('UNAUTHORIZED', 'authentication required'), {
      status: 401,
      headers: { 'www-authenticate': `Bearer realm="${realm}",service="${address}",scope="${scope}"` },
    })
  }

  function answer(request: IncomingMessage, response: ServerResponse, asked: Asked) {
    if (asked.manifest !== undefined) return answerManifest(request, response, asked.manifest)
    if (asked.digest !== undefined) return answerBlob(request, response, asked.digest)
    if (asked.pathname === '/v2/') return sendJson(response, {})
    sendJson(response, unknown('NAME_UNKNOWN', 'not found'), { status: 404 })
  }

  const front = await listen(
    (request, response) => {
      log.note('registry', request, response)
      const asked = parse(request)
      const fault = faults.takeRefusal(asked.keys, 'front')
      if (fault !== undefined) return refuse(request, response, fault)
      if (asked.pathname === '/v2/token')
        return sendJson(response, { token, access_token: token, expires_in: 300 })
      const isKnown = request.headers.authorization === `Bearer ${token}`
      if (options.challenge && !isKnown) return sendChallenge(request, response, asked.path)
      return answer(request, response, asked)
    },
    { host, port: options.port ?? 0 },
  )
  address = `${publicHost}:${front.port}`

  return {
    url: `http://${address}`,
    address,
    cdnUrl,
    requests: log.requests,
    setFault: faults.set,
    addModel,
    removeModel: name => void names.delete(fullName(name)),
    close: async () => {
      await Promise.all([front.close(), cdn.close()])
    },
  }
}
