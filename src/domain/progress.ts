// The progress line: one JSON object per line on the worker's standard output, at most one per second.
import * as z from 'zod'

export const workPhases = [
  'Resolving',
  'Planning',
  'Downloading',
  'Verifying',
  'Publishing',
  'Removing',
  'Done',
] as const

export const Progress = z.object({
  phase: z.enum(workPhases),
  /** exact, after the filters; absent until the plan is made */
  bytesTotal: z.number().optional(),
  /** never goes down; equals bytesTotal only after publish */
  bytesDone: z.number().optional(),
  bytesReused: z.number().optional(),
  filesTotal: z.number().optional(),
  filesDone: z.number().optional(),
  bytesPerSecond: z.number().optional(),
  /** absent until ten seconds of data */
  etaSeconds: z.number().optional(),
  message: z.string().max(256).optional(),
  /** no byte has come for a while: since when and why, in words; absent while bytes come */
  stalled: z.string().max(200).optional(),
})
export type Progress = Readonly<z.infer<typeof Progress>>

/** Undefined for a line that is not a progress line (a log line, half a line). */
export const parseProgressLine = (line: string): Progress | undefined => {
  if (!line.startsWith('{"progress":') || line.length > 4096) return undefined
  try {
    return Progress.safeParse(JSON.parse(line).progress).data
  } catch {
    return undefined
  }
}

export const printProgressLine = (progress: Progress): string => JSON.stringify({ progress })

/** Whole percent, 100 only when every byte is published. */
export const toPercent = (done: number, total: number): number =>
  total <= 0 ? 0 : Math.min(100, Math.floor((done * 100) / total))
