// The port of a source: what the worker asks of a place that models come from.
import type { Format } from '../../domain/artifact.ts'
import type { Capabilities } from '../../domain/capabilities.ts'
import type { FileDigest } from '../transfer/digest.ts'
import type { MirrorFile } from '../transfer/fetch-file.ts'
import type { Wire } from '../transfer/wire.ts'

/** One file to fetch, as the source lists it. Everything in it was checked: it may become a path. */
export interface SourceFile {
  /** name in the repository; of an Ollama model: the blob's own name */
  readonly path: string
  readonly size: number
  /** what its bytes must hash to */
  readonly digest: FileDigest
  /** name of the blob in the store: the hexadecimal digest (Hub cache) or `sha256-<hex>` (Ollama store) */
  readonly blob: string
  /** git's own name of it, where that is another one than the digest */
  readonly gitOid?: string
  /** what an Ollama layer is; absent for a repository's file */
  readonly mediaType?: string
}

/** A moving name pinned to exact bytes. Absent = the source does not say. */
export interface Pin {
  /** commit or manifest digest */
  readonly revision: string
  readonly licence?: string
  readonly gated?: boolean
  /** what the source calls its task, in its own words */
  readonly declaredTask?: string
}

export interface Listing {
  readonly revision: string
  /** files to fetch, after the filters, sorted by path */
  readonly files: readonly SourceFile[]
  /** every file of the revision: for reading metadata that is not fetched */
  readonly all: readonly SourceFile[]
  readonly format: Format
  /** the registry's own bytes, or ours over a GGUF: what Ollama reads */
  readonly manifest?: Buffer
  /** blobs of our own making, by name: nobody has to be asked for them */
  readonly made?: ReadonlyMap<string, Buffer>
}

export interface Source {
  readonly kind: 'HuggingFace' | 'Ollama' | 'Local'
  /** repository id, folder of the volume, or full Ollama name `<registry>/<namespace>/<model>:<tag>` */
  readonly name: string
  /** branch, tag or Ollama tag that was asked for */
  readonly asked: string
  readonly wire: Wire
  /** MUST ask the source now. Throws WorkError NotFound, RevisionNotFound, Unauthorized, Gated, RateLimited, SourceUnavailable. */
  pin(): Promise<Pin>
  /** MUST list exactly this revision, apply the filters and refuse unsafe names (UnsafePath), pickle-only repositories
   *  (UnsafeFormat) and an empty choice (NothingToFetch). */
  list(revision: string): Promise<Listing>
  /** Address of a file's bytes; it may redirect. Never holds a token. */
  urlOf(revision: string, file: SourceFile): string
  /** The same file at the mirrors, in order; they are believed for bytes only. */
  mirrorsOf(revision: string, file: SourceFile): readonly MirrorFile[]
  /** MUST tell only what the metadata says; unknown is absent. Never throws for a file that is odd or too large. */
  inspect(listing: Listing, pin: Pin): Promise<Capabilities>
}
