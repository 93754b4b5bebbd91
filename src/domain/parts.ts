// Schema parts that both kinds use.
import * as z from 'zod'
import { count, dateTime, text, withRules, word } from './schema.ts'

export const engines = ['VLLM', 'Ollama'] as const
export type EngineName = (typeof engines)[number]

/** One word of an engine's command line; which flags are refused is decided per engine (`engine-facts/`). */
export const argument = () =>
  withRules(text(1024), [
    {
      rule: `!self.matches('[\\\\x00-\\\\x1f]')`,
      message: 'an argument must not contain control characters',
    },
  ])

export const ConditionSchema = z.object({
  type: word(64, '^[A-Za-z]+$'),
  status: z.enum(['True', 'False', 'Unknown']),
  reason: word(64, '^[A-Za-z]+$'),
  message: text(1024),
  observedGeneration: count().optional(),
  lastTransitionTime: dateTime(),
})
