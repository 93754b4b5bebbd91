// Bad weather from a seed: a share of all requests meets a fault that its kind can meet.
import { randomOf } from '../../simulation/random.ts'
import { expired, type Fault, html, isWatch, refusal, type Treatment } from './faults.ts'

const ofAll: readonly Treatment[] = [
  { do: 'reset', when: 'before' },
  { do: 'reset', when: 'inside' },
  { do: 'reset', when: 'after' },
  { do: 'answer', answer: refusal(401, 'Unauthorized') },
  { do: 'answer', answer: refusal(429, 'TooManyRequests', { 'retry-after': '1' }) },
  { do: 'answer', answer: refusal(429, 'TooManyRequests') },
  { do: 'answer', answer: refusal(500, 'InternalError') },
  { do: 'answer', answer: refusal(503, 'ServiceUnavailable') },
  { do: 'answer', answer: html(200) },
  { do: 'answer', answer: html(502) },
  { do: 'drip', bytes: 3, everyMs: 0 },
  { do: 'drip', bytes: 100, everyMs: 50 },
  { do: 'tear' },
]
const ofCalls: readonly Treatment[] = [
  ...ofAll,
  { do: 'reset', when: 'instead' },
  { do: 'answer', answer: refusal(409, 'Conflict') },
  { do: 'answer', answer: refusal(504, 'Timeout'), tookEffect: true },
  { do: 'hold', tookEffect: true },
]
const ofWatches: readonly Treatment[] = [
  ...ofAll,
  { do: 'answer', answer: refusal(410, 'Expired') },
  { do: 'tell', event: expired },
]

export const randomFaults = (seed: number, share: number): Fault => {
  const random = randomOf(seed)
  return {
    name: `seed ${seed}`,
    treat: request => {
      const treatments = isWatch(request) ? ofWatches : ofCalls
      const isHit = random() < share
      const treatment = treatments[Math.floor(random() * treatments.length)]
      return isHit ? treatment : undefined
    },
  }
}
