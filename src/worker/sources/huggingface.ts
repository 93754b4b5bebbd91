// The Hugging Face Hub as a source: metadata through its own client, names and ids checked before anything uses them.
import { listFiles, modelInfo } from '@huggingface/hub'
import type { Capabilities } from '../../domain/capabilities.ts'
import { show, toCommit, toEndpoint, toRepoId, toRepoPath, toRevision } from '../../domain/names.ts'
import type { BytesTask } from '../../domain/worker-task.ts'
import { inspectImage } from '../inspect/image.ts'
import { inspectRepository } from '../inspect/repository.ts'
import { WorkError } from '../outcome.ts'
import { digestOf } from '../transfer/digest.ts'
import { QuietHosts } from '../transfer/quiet-hosts.ts'
import { askSmall, type Wire } from '../transfer/wire.ts'
import { askHead } from './ask-head.ts'
import { chooseFiles, type Patterns } from './choose-files.ts'
import { commitOf, toImage } from './gguf-image.ts'
import { type HubDoor, toHubFetch } from './hub-fetch.ts'
import type { Listing, Pin, Source, SourceFile } from './source.ts'
import { openDoor, readMirrorToken } from './token.ts'

const publicHub = 'https://huggingface.co'
const mostFiles = 100_000

interface Mirror {
  readonly endpoint: string
  readonly tokenFile?: string | undefined
}

interface HubOrder extends Patterns {
  readonly repo: string
  readonly revision: string
  readonly mirrors?: readonly Mirror[] | undefined
  readonly task: BytesTask
  readonly wire: Wire
}

type UrlOf = (revision: string, file: Pick<SourceFile, 'path'>) => string

interface Hub extends HubDoor {
  readonly repo: string
  readonly asked: string
  readonly endpoint: string
  readonly patterns: Patterns
}

export const openHuggingFace = async (order: HubOrder): Promise<Source> => {
  const repo: string = toRepoId(order.repo)
  const asked: string = toRevision(order.revision, 'revision')
  const { endpoint, token } = await openDoor(order.task.hubEndpoint ?? publicHub, order.task.tokenFile)
  const wire = token ? { ...order.wire, token } : order.wire
  const hub: Hub = { repo, asked, endpoint, wire, quiet: new QuietHosts(), patterns: order }
  const urlAt = (place: string) => (revision: string, file: Pick<SourceFile, 'path'>) =>
    `${place}/${repo}/resolve/${commitOf(revision)}/${file.path.split('/').map(encodeURIComponent).join('/')}`
  const urlOf = urlAt(endpoint)
  const mirrors = (order.mirrors ?? []).map(({ endpoint: place, tokenFile }, n) => {
    const at = toEndpoint(place, `mirrors[${n}].endpoint`)
    const token = tokenFile === undefined ? {} : { token: () => readMirrorToken(at, tokenFile) }
    return { urlOf: urlAt(at), ...token }
  })
  return {
    kind: 'HuggingFace',
    name: repo,
    asked,
    wire,
    pin: () => pin(hub),
    list: revision => list(hub, urlOf, revision),
    urlOf,
    mirrorsOf: (revision, file) =>
      mirrors.map(({ urlOf: at, ...token }) => ({ url: at(revision, file), ...token })),
    inspect: (listing, pinned) => inspect(hub, listing, { pin: pinned, urlOf }),
  }
}

const fromServer = (hub: Hub, what: string, value: unknown): WorkError =>
  new WorkError(
    'Integrity',
    `${new URL(hub.endpoint).host} answers ${what} ${show(value)}, which cannot be one`,
  )

const ask = async <T>(hub: Hub, what: string, work: () => Promise<T>): Promise<T> => {
  try {
    return await work()
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) {
      const host = new URL(hub.endpoint).host
      throw new WorkError('SourceUnavailable', `${host} answered something else than ${what}`)
    }
    throw error
  }
}

const licenceOf = (cardData: unknown, tags: unknown): string | undefined => {
  const card = (cardData as { license?: unknown } | undefined)?.license
  const tag = Array.isArray(tags)
    ? tags.find(t => typeof t === 'string' && t.startsWith('license:'))
    : undefined
  const text = typeof card === 'string' ? card : tag?.slice('license:'.length)
  return text && /^[\x20-\x7e]{1,64}$/.test(text) ? text : undefined
}

const pin = async (hub: Hub): Promise<Pin> => {
  const what = `${hub.repo} at ${hub.asked}`
  const info = await ask(hub, 'model information', () =>
    modelInfo({
      name: hub.repo,
      revision: hub.asked,
      hubUrl: hub.endpoint,
      additionalFields: ['sha', 'cardData', 'tags'],
      fetch: toHubFetch(hub, what),
    }),
  )
  const licence = licenceOf(info.cardData, info.tags)
  return {
    revision: toCommitOf(hub, info.sha),
    ...(licence ? { licence } : {}),
    ...(info.gated === undefined ? {} : { gated: info.gated !== false }),
    ...(typeof info.task === 'string' ? { declaredTask: info.task } : {}),
  }
}

const toCommitOf = (hub: Hub, value: unknown): string => {
  if (typeof value === 'string' && /^[0-9a-f]{40}$/.test(value)) return toCommit(value)
  throw fromServer(hub, 'a commit', value)
}

interface RawEntry {
  readonly path?: unknown
  readonly size?: unknown
  readonly oid?: unknown
  readonly lfs?: { readonly oid?: unknown; readonly size?: unknown } | undefined
}

const isId = (value: unknown, length: number): value is string =>
  typeof value === 'string' && value.length === length && /^[0-9a-f]+$/.test(value)

const isSize = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0

const toFile = (hub: Hub, entry: RawEntry): SourceFile => {
  const path: string = toRepoPath(String(entry.path), 'file')
  const gitOid = entry.oid
  const size = entry.lfs ? entry.lfs.size : entry.size
  if (!isId(gitOid, 40)) throw fromServer(hub, `for ${path} the id`, gitOid)
  if (!isSize(size)) throw fromServer(hub, `for ${path} the size`, size)
  if (!entry.lfs) return { path, size, digest: { algorithm: 'gitSha1', hex: gitOid }, blob: gitOid }
  const hex = entry.lfs.oid
  if (!isId(hex, 64)) throw fromServer(hub, `for ${path} the SHA-256`, hex)
  return { path, size, digest: { algorithm: 'sha256', hex }, blob: hex, gitOid }
}

const list = async (hub: Hub, urlOf: UrlOf, revision: string): Promise<Listing> => {
  const commit = toCommit(commitOf(revision))
  const all = await ask(hub, 'a file list', () => listAll(hub, commit))
  all.sort((a, b) => (a.path < b.path ? -1 : 1))
  const { files, format } = chooseFiles(all, hub.patterns)
  const listing = { revision: commit, files, all, format }
  if (format !== 'GGUF') return listing
  return toImage(listing, file => readSmall(hub, urlOf(commit, file), file))
}

const listAll = async (hub: Hub, commit: string): Promise<SourceFile[]> => {
  const all: SourceFile[] = []
  const entries = listFiles({
    repo: { type: 'model', name: hub.repo },
    revision: commit,
    recursive: true,
    hubUrl: hub.endpoint,
    fetch: toHubFetch(hub, `${hub.repo} at ${commit}`),
  })
  for await (const entry of entries) {
    if (entry.type === 'file') all.push(toFile(hub, entry))
    if (all.length > mostFiles) throw new WorkError('Policy', `${hub.repo} has more than ${mostFiles} files`)
  }
  return all
}

interface Looking {
  readonly pin: Pin
  readonly urlOf: UrlOf
}

const inspect = (hub: Hub, listing: Listing, { pin: pinned, urlOf }: Looking): Promise<Capabilities> =>
  listing.made
    ? inspectGguf(hub, listing, urlOf)
    : inspectRepository({
        listing,
        declaredTask: pinned.declaredTask,
        read: file => readSmall(hub, urlOf(listing.revision, file), file),
      })

const inspectGguf = (hub: Hub, { revision, all, made }: Listing, urlOf: UrlOf): Promise<Capabilities> =>
  inspectImage({
    layers: all,
    read: async file => made?.get(file.blob) ?? Buffer.alloc(0),
    readHead: (file, bytes) => {
      const order = { url: urlOf(revision, file), what: `${hub.repo}/${file.path}` }
      return askHead(hub.wire, order, Math.min(bytes, file.size))
    },
  })

const readSmall = async (hub: Hub, url: string, file: SourceFile): Promise<Buffer> => {
  const { bytes } = await askSmall(hub.wire, { url, what: `${hub.repo}/${file.path}` }, file.size)
  if (digestOf(file.digest.algorithm, bytes) === file.digest.hex) return bytes
  throw new WorkError('Integrity', `${file.path}: its bytes do not have the digest that the source names`)
}
