// From a seed: a settled world, one object of it, and one field of its spec changed, sometimes two.
import { findChangeRefusal } from '../../src/domain/crd-change.ts'
import { parseSpec } from '../../src/domain/crd-parse.ts'
import type { Kind } from '../../src/domain/object.ts'
import { findMisshapen } from '../../src/domain/pod-template.ts'
import { randomOf } from './random.ts'
import { type Change, type Field, fields, nameOf, withField } from './transition-fields.ts'
import { valuesOf } from './transition-values.ts'
import { type Cast, casts } from './transition-worlds.ts'

export interface Transition {
  readonly cast: Cast
  /** of the object: `Runtime/gpu` */
  readonly key: string
  readonly fields: readonly string[]
  readonly before: object
  readonly after: object
  /** the sentence of an API server that compares both specs: nothing is stored */
  readonly refusal?: string
  /** stored under an older CRD, and not what today's takes */
  readonly invalid?: string
}

const pick = <T>(list: readonly T[], random: () => number): T => list[Math.floor(random() * list.length)] as T

/** The field comes from the seed's number, so that each has its turn; all else from its chance. */
export const transitionOf = (seed: number): Transition => {
  const random = randomOf(seed)
  const field = fields[seed % fields.length] as Field
  const cast = pick(casts, random)
  const { kind } = field
  const key = keyFor(kind, cast, random)
  const before = cast.specs[key as keyof Cast['specs']] ?? {}
  const second = random() < 0.3 ? [pick(launching[kind], random)] : []
  const first = withField(kind, before, [field.path, valueFor(field, before, random)])
  const after = second.reduce((spec, change) => withField(kind, spec, change), first)
  const told = [nameOf(field), ...second.map(([path]) => nameOf({ kind, path }))]
  return { cast, key, fields: told, before, after, ...judgeSpec(kind, before, after) }
}

/** Mostly the Model that serves. */
const keyFor = (kind: Kind, { runtime }: Cast, random: () => number): string =>
  kind === 'Runtime' ? `Runtime/${runtime}` : random() < 0.75 ? 'Model/a' : 'Model/b'

/** Changes that ask for another launch, so that what is drawn meets a switch. */
const launching: Readonly<Record<Kind, readonly Change[]>> = {
  Runtime: [
    [['activeModel'], 'b'],
    [['engineArgs'], ['--crash']],
    [['desiredState'], 'Idle'],
  ],
  Model: [
    [['engineArgs'], [{ engine: 'VLLM', args: ['--seed', '7'] }]],
    [['engineArgs'], [{ engine: 'VLLM', args: ['--crash'] }]],
    [['paused'], true],
  ],
}

/** Another than the one that stands. */
const valueFor = (field: Field, spec: object, random: () => number): unknown => {
  const written = (value: unknown): string => JSON.stringify(withField(field.kind, spec, [field.path, value]))
  const others = valuesOf(field).filter(value => written(value) !== JSON.stringify(spec))
  return pick(others, random)
}

const judgeSpec = (kind: Kind, before: object, after: object): Pick<Transition, 'refusal' | 'invalid'> => {
  const [old, next] = [parseSpec(kind, before), parseSpec(kind, after)]
  if ('invalid' in next) return { invalid: next.invalid }
  const refusal = 'spec' in old ? findChangeRefusal(kind, old.spec, next.spec) : undefined
  if (refusal !== undefined) return { refusal }
  const invalid = findMisshapen(next.spec)?.sentence
  return invalid === undefined ? {} : { invalid }
}

/** In one line, as a failing test prints it. */
export const tell = ({ cast, key, before, after, invalid }: Transition): string => {
  const shown = (spec: object): string =>
    JSON.stringify(spec)
      .replace(/(.)\1{20,}/g, '$1…')
      .slice(0, 600)
  const how = invalid === undefined ? '' : ` (invalid: ${invalid.slice(0, 120)})`
  return `${cast.name}: ${key} from ${shown(before)} to ${shown(after)}${how}`
}
