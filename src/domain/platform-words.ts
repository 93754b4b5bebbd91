// What the same thing is called on each platform: a reason is the same word everywhere, a sentence has the words of the machine it is read on.
import type { Platform } from './platform.ts'

export interface PlatformWords {
  /** what runs an engine: `pod gpu-a-5d9c`, `engine gpu-a-3` */
  readonly pod: string
  /** what keeps it running */
  readonly workload: string
  /** where copies stand */
  readonly placeOf: (copy: { readonly claim: string; readonly subPath: string }) => string
  readonly noPod: string
  /** the workload was not made yet; absent: the reason's own sentence */
  readonly noWorkload?: string
  /** a process that is ready and does not answer us */
  readonly unanswered: string
}

const cluster: PlatformWords = {
  pod: 'pod',
  workload: 'the Deployment',
  placeOf: ({ claim }) => `claim ${claim}`,
  noPod: 'no pod of the engine is there',
  unanswered: 'does not answer the operator: allow it in the NetworkPolicy of the engine',
}

const host: PlatformWords = {
  pod: 'engine',
  workload: 'the engine',
  placeOf: ({ claim, subPath }) => `folder ${subPath || claim}`,
  noPod: 'the engine does not run',
  noWorkload: 'the engine was not started yet',
  unanswered: 'listens and does not answer: read its log',
}

/** Absent in views of before: a cluster. */
export const wordsOf = ({ platform }: { readonly platform?: Platform['name'] }): PlatformWords =>
  platform === 'host' ? host : cluster
