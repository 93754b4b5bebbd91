// Every word of a user or a server that becomes a path, an argument or a URL passes one constructor of this file.
import { Rejected } from './failure.ts'

declare const brand: unique symbol
type Branded<Name extends string> = string & { readonly [brand]: Name }

/** `owner/name` on the Hugging Face Hub; also the single-word form of canonical models. */
export type RepoId = Branded<'RepoId'>
/** Branch, tag or commit: ≤ 255 characters, no `..`, no leading `-` or `/`. */
export type Revision = Branded<'Revision'>
/** Git commit: 40 lower-case hexadecimal digits. */
export type Commit = Branded<'Commit'>
/** `sha256:` and 64 lower-case hexadecimal digits. */
export type Digest = Branded<'Digest'>
/** Path of a file inside a repository: relative, `/`-separated, no `..`, no empty or control segment. */
export type RepoPath = Branded<'RepoPath'>
/** Folder of a volume, relative to its root: no `..`, no hidden first folder. */
export type LocalPath = Branded<'LocalPath'>
/** `[registry/][namespace/]model[:tag]` as Ollama writes it. */
export type OllamaName = Branded<'OllamaName'>
/** Absolute http(s) URL without userinfo, query and fragment. */
export type Endpoint = Branded<'Endpoint'>
/** `http://ip:port` of one pod: never a name, which could lead elsewhere at the next look. */
export type PodAddress = Branded<'PodAddress'>

export const repoPattern = '^[A-Za-z0-9][A-Za-z0-9._-]{0,95}(/[A-Za-z0-9][A-Za-z0-9._-]{0,95})?$'
export const revisionPattern = '^[A-Za-z0-9_.][A-Za-z0-9_./-]{0,254}$'
export const commitPattern = '^[0-9a-f]{40}$'
export const digestPattern = '^sha256:[0-9a-f]{64}$'
export const globPattern = '^[A-Za-z0-9_.*?\\[\\]{},][A-Za-z0-9_.*?\\[\\]{},/ -]{0,254}$'
export const ollamaNamePattern =
  '^([a-z0-9][a-z0-9.-]{0,252}(:[0-9]{1,5})?/)?([A-Za-z0-9][A-Za-z0-9._-]{0,79}/)?[A-Za-z0-9][A-Za-z0-9._-]{0,79}(:[A-Za-z0-9_][A-Za-z0-9._-]{0,79})?$'
export const localPathPattern = '^[A-Za-z0-9_]([A-Za-z0-9_./@+=-]{0,253}[A-Za-z0-9_.@+=-])?$'
export const objectNamePattern = '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'

const checked = <T extends string>(field: string, value: string, pattern: string, advice: string): T => {
  if (typeof value !== 'string' || value.length > 512 || !new RegExp(pattern).test(value) || hasDots(value)) {
    throw new Rejected('InvalidName', `${field}: ${show(value)} ${advice}`)
  }
  return value as T
}

/** What of a hostile value may stand in a message: at most 60 printable ASCII characters. */
export const show = (value: unknown): string =>
  JSON.stringify(String(value).slice(0, 60)).replace(
    /[^\x20-\x7e]/g,
    c => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )

const hasDots = (value: string): boolean =>
  /(^|\/)\.{1,2}(\/|$)/.test(value) || value.includes('..') || value.includes('//')

export const toRepoId = (value: string, field = 'repo'): RepoId =>
  checked(
    field,
    value,
    repoPattern,
    'is not a repository id; write owner/name, for example Qwen/Qwen2.5-7B-Instruct',
  )
export const toRevision = (value: string, field = 'revision'): Revision =>
  checked(field, value, revisionPattern, 'is not a branch, tag or commit')
export const toCommit = (value: string, field = 'commit'): Commit =>
  checked(field, value, commitPattern, 'is not a commit of 40 hexadecimal digits')
export const toDigest = (value: string, field = 'digest'): Digest =>
  checked(field, value, digestPattern, 'is not sha256: and 64 hexadecimal digits')
export const toLocalPath = (value: string, field = 'path'): LocalPath =>
  checked(field, value, localPathPattern, 'is not a folder of the volume; write team/model, from its root')
export const toOllamaName = (value: string, field = 'name'): OllamaName =>
  checked(field, value, ollamaNamePattern, 'is not an Ollama name; write [registry/][namespace/]model[:tag]')

const segment = /^[^\x00-\x1f\x7f\\/]{1,255}$/

/** Accepts a file name that a repository listed; throws Rejected `UnsafePath` for anything that could leave its folder. */
export const toRepoPath = (value: string, field = 'path'): RepoPath => {
  const segments = value.split('/')
  const isSafe =
    segments.every(s => segment.test(s) && s !== '.' && s !== '..') && Buffer.byteLength(value) <= 1024
  if (!isSafe || /^[A-Za-z]:/.test(value)) {
    throw new Rejected('UnsafePath', `${field}: ${show(value)} is not a safe file name inside a repository`)
  }
  return value as RepoPath
}

/** What the API server accepts as an endpoint; `toEndpoint` has the last word. */
export const endpointPattern =
  '^https?://[A-Za-z0-9]([A-Za-z0-9.-]{0,252}[A-Za-z0-9])?(:[0-9]{1,5})?(/[A-Za-z0-9._~-]{1,64}){0,8}/?$'

/** Accepts an endpoint of a hub, registry or mirror: http or https, no userinfo, no query, no trailing slash kept. */
export const toEndpoint = (value: string, field = 'endpoint'): Endpoint => {
  const url = URL.canParse(value) ? new URL(value) : undefined
  const isSafe =
    url && /^https?:$/.test(url.protocol) && !url.username && !url.password && !url.search && !url.hash
  if (!isSafe || /[^\x21-\x7e]/.test(value)) {
    throw new Rejected(
      'InvalidEndpoint',
      `${field}: ${show(value)} is not an http(s) address without user, query and fragment`,
    )
  }
  return value.replace(/\/+$/, '') as Endpoint
}

export interface OllamaReference {
  readonly registry: string
  readonly namespace: string
  readonly model: string
  readonly tag: string
}

/** Splits an Ollama name as Ollama does: registry.ollama.ai, library and latest are what is left out. */
export const parseOllamaName = (value: string, field = 'name'): OllamaReference => {
  const name: string = toOllamaName(value, field)
  const slash = name.lastIndexOf('/')
  const [model = '', tag = 'latest'] = name.slice(slash + 1).split(':')
  const parents = slash < 0 ? [] : name.slice(0, slash).split('/')
  const hasRegistry = parents.length === 2 || (parents.length === 1 && /[.:]/.test(parents[0] ?? ''))
  const registry = hasRegistry ? (parents[0] ?? '') : 'registry.ollama.ai'
  const namespace = (hasRegistry ? parents[1] : parents[0]) ?? 'library'
  return { registry, namespace, model, tag }
}

const podAddress = /^http:\/\/(\d{1,3}(?:\.\d{1,3}){3}|\[[0-9a-f:]{2,39}\]):\d{1,5}$/
const neverPods = /^(169\.254\.|0\.|\[fe[89ab]|\[::ffff:)/

/** Accepts where one pod listens. What is sent there is sent nowhere else. */
export const toPodAddress = (value: string, field = 'address'): PodAddress => {
  const host = podAddress.exec(value)?.[1]
  const isItself = host !== undefined && URL.canParse(value) && new URL(value).hostname === host
  if (!isItself || neverPods.test(host)) {
    throw new Rejected(
      'InvalidEndpoint',
      `${field}: ${show(value)} is not the address of a pod, http://ip:port`,
    )
  }
  return value as PodAddress
}
