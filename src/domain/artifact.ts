// A resolved source: which exact bytes a Model means, and what their metadata says they can do.
import * as z from 'zod'
import { Capabilities } from './capabilities.ts'

export const formats = ['Safetensors', 'GGUF', 'Ollama'] as const
export type Format = (typeof formats)[number]

/** What `resolve` found; stands in `status.resolved`. `bytes` are after the filters. */
export const Resolved = z.object({
  /** hash of spec.source this resolution belongs to */
  sourceHash: z.string(),
  /** commit (Hugging Face) or manifest digest `sha256:…` (Ollama) */
  revision: z.string(),
  files: z.number().int(),
  bytes: z.number().int(),
  format: z.enum(formats),
  /** sha256 over the sorted lines "<path> <size> <sha256 or git sha1>" of the files to fetch */
  listDigest: z.string(),
  licence: z.string().optional(),
  gated: z.boolean().optional(),
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
})
export type CopyResult = Readonly<z.infer<typeof CopyResult>>
