// Which object the words of a command mean: `model/x`, `model x`, `x`, or a Model's source such as Qwen/Qwen2.5-7B-Instruct.
import { kinds } from '../domain/kinds.ts'
import { findMeant } from '../domain/lookup.ts'
import type { Kind } from '../domain/object.ts'
import { type Client, Refusal, type Seen } from './client.ts'
import { didYouMean } from './closest.ts'

export interface Target {
  /** absent: of either kind */
  readonly kind?: Kind
  readonly name?: string
}

const allKinds = Object.keys(kinds) as Kind[]

/** `models`, `Model`, `mdl` → Model */
export const findKind = (word: string): Kind | undefined =>
  allKinds.find(kind => {
    const { plural, shortName } = kinds[kind]
    return [kind.toLowerCase(), plural, shortName].includes(word.toLowerCase())
  })

export const parseTarget = ([first = '', second]: readonly string[]): Target => {
  const cut = first.indexOf('/')
  const kind = findKind(cut < 0 ? first : first.slice(0, cut))
  if (kind && cut >= 0) return { kind, name: first.slice(cut + 1) }
  if (kind) return second === undefined ? { kind } : { kind, name: second }
  if (second !== undefined)
    throw new Refusal(`${first} is no kind of object: write model or runtime${didYouMean(first, kindWords)}`)
  return first === '' ? {} : { name: first }
}

const kindWords = allKinds.flatMap(kind => [kind.toLowerCase(), kinds[kind].plural])

/** The one that is meant. Throws Refusal for none, with the nearest name, and for several. */
export const findTarget = async (client: Client, target: Target, namespace: string): Promise<Seen> => {
  const { name } = target
  if (name === undefined || name === '')
    throw new Refusal(`name the ${target.kind ?? 'object'}: for example model/qwen or runtime/gpu-a`)
  const wanted = target.kind ? [target.kind] : allKinds
  const all = (await Promise.all(wanted.map(kind => client.list(kind, namespace)))).flat()
  const meant = findMeant(
    all.map(({ object }) => object),
    { namespace, name },
  )
  const [found, ...more] = all.filter(({ object }) => meant.includes(object))
  if (found && more.length === 0) return found
  if (found) throw new Refusal(`${name} may be one of ${[found, ...more].map(nameOf).join(', ')}: name one`)
  const names = all.map(({ object }) => object.metadata.name)
  const what = target.kind ?? 'Model or Runtime'
  throw new Refusal(`there is no ${what} ${name} in namespace ${namespace}${didYouMean(name, names)}`)
}

export const nameOf = ({ object }: Seen): string => `${object.kind.toLowerCase()}/${object.metadata.name}`
