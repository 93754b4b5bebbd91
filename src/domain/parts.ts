// Schema parts that both kinds use.
import * as z from 'zod'
import { count, dateTime, text, withKeywords, withRules, word } from './schema.ts'

/** Those of the published contract. */
export const engines = ['VLLM', 'Ollama'] as const
/** Those that only the store of a host accepts: an API server knows nothing of them. */
const hostEngines = ['LlamaCpp'] as const
export type EngineName = (typeof engines)[number] | (typeof hostEngines)[number]

export const engineName = () => withKeywords(z.enum([...engines, ...hostEngines]), { enum: engines })

/** One word of an engine's command line; which flags are refused is decided per engine (`engine-facts/`). */
export const argument = () =>
  withRules(text(1024), [
    {
      rule: `!self.matches('[\\\\x00-\\\\x1f\\\\x7f]')`,
      message: 'an argument must not contain control characters',
      holds: self => !/[\x00-\x1f\x7f]/.test(self),
    },
  ])

/** Name of an object of Kubernetes that may contain dots. */
export const dnsName = (max = 253) => word(max, '^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$')

/** Key inside a Secret or ConfigMap. */
export const dataKey = () => word(253, '^[A-Za-z0-9._-]+$')

/** The key of an engine that answers only who has it. */
export const apiKeyRef = () =>
  z.object({
    name: dnsName().describe('Secret of this namespace.'),
    key: dataKey().default('api-key').describe('Key inside the Secret.'),
  })

export const ConditionSchema = z.object({
  type: word(64, '^[A-Za-z]+$').describe('What the condition is about.'),
  status: z.enum(['True', 'False', 'Unknown']).describe('Whether it holds.'),
  reason: word(64, '^[A-Za-z]+$').describe('One word from the closed table in docs/reasons.md.'),
  message: text(1024).describe('The same for people, with names and numbers.'),
  observedGeneration: count().optional().describe('Generation of the spec that was looked at.'),
  lastTransitionTime: dateTime().describe('When the status flipped last.'),
})

const handled = () => text(256).optional()

/** Values of the request annotations that were carried out, so that one request works once. */
export const Handled = z.object({
  reconcile: handled().describe('Handled value of switchyard.dev/reconcile-requested-at.'),
  retry: handled().describe('Handled value of switchyard.dev/retry-requested-at.'),
  refresh: handled().describe('Handled value of switchyard.dev/refresh-requested-at.'),
  verify: handled().describe('Handled value of switchyard.dev/verify-requested-at.'),
  cancel: handled().describe('Handled value of switchyard.dev/cancel-requested-at.'),
  restore: handled().describe('Handled value of switchyard.dev/restore-requested-at.'),
})
