// A resolved source: which exact bytes a Model means, and what their metadata says they can do.
import * as z from 'zod'
import { Capabilities } from './capabilities.ts'
import type { EngineName } from './parts.ts'
import { bytes, count, text } from './schema.ts'

export const formats = ['Safetensors', 'GGUF', 'Ollama'] as const
export type Format = (typeof formats)[number]

const served: Readonly<Record<EngineName, readonly Format[]>> = {
  VLLM: ['Safetensors'],
  Ollama: ['Ollama', 'GGUF'],
  LlamaCpp: ['Ollama', 'GGUF'],
}

/** Undefined for a repository of the Hub that was not looked into yet. */
export const formatOf = (
  { ollama, local }: { readonly ollama?: unknown; readonly local?: unknown },
  known: Format | undefined,
): Format | undefined => (ollama ? 'Ollama' : (known ?? (local ? 'Safetensors' : undefined)))

export const canServe = (engine: EngineName, format: Format): boolean => served[engine].includes(format)

/** What `resolve` found; stands in `status.resolved`. `bytes` are after the filters. */
export const Resolved = z.object({
  sourceHash: text(64).describe('Hash of spec.source that this belongs to.'),
  revision: text(128).describe(
    'Commit (Hugging Face; of a GGUF with the digest of its manifest), digest of the manifest (Ollama) or of the file list (local).',
  ),
  files: count().describe('Files to fetch, after the patterns.'),
  bytes: bytes().describe('Their bytes.'),
  format: z.enum(formats).describe('Format of the weights.'),
  listDigest: text(64).describe(
    'SHA-256 over the sorted lines "<path> <size> <sha256 or git sha1>" of the files to fetch.',
  ),
  licence: text(128).optional().describe('Licence as the source names it.'),
  gated: z.boolean().optional().describe('Whether the source asks for an accepted licence and a token.'),
})
export type Resolved = Readonly<z.infer<typeof Resolved>>

export const Resolution = Resolved.extend({ capabilities: Capabilities.optional() })
export type Resolution = Readonly<z.infer<typeof Resolution>>

/** What `download` and `verify` end with: the digest of the receipt that stands on the volume. */
export const CopyResult = z.object({
  receipt: z.string(),
  bytes: z.number(),
  bytesFetched: z.number(),
  bytesReused: z.number(),
  /** folder (vLLM) that is given to the engine, absolute in the container; absent for Ollama */
  path: z.string().optional(),
  seconds: z.number().optional(),
  /** somebody else had put the whole copy there */
  isAdopted: z.literal(true).optional(),
  /** what people should know about how the bytes are stored */
  note: z.string().max(256).optional(),
})
export type CopyResult = Readonly<z.infer<typeof CopyResult>>
