// What lies on a volume, as the worker that looked tells it: one JSON document for people and programs.
import * as z from 'zod'

const DiscoveredCopy = z.object({
  layout: z.enum(['HubCache', 'OllamaStore', 'Folder']),
  /** of the cache, store or folder, from the root */
  path: z.string(),
  model: z.string(),
  revision: z.string().optional(),
  bytes: z.number(),
  isComplete: z.boolean(),
  /** Fetched or Adopted by a Model of ours; None: no receipt speaks of it */
  receipt: z.enum(['Fetched', 'Adopted', 'None']),
  /** Runtimes that would use it where it lies, as namespace/name; absent where nobody knows */
  runtimes: z.array(z.string()).optional(),
})
export type DiscoveredCopy = Readonly<z.infer<typeof DiscoveredCopy>>

export const Discovery = z.object({
  root: z.string(),
  /** of all of it together: a file that several copies share counts once */
  bytes: z.number(),
  copies: z.array(DiscoveredCopy),
  /** from the root: what may be there and cannot be read by whom we run as */
  unreadable: z.array(z.string()).default([]),
})
export type Discovery = Readonly<z.infer<typeof Discovery>>
