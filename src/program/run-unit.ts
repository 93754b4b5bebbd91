// `switchyard run-unit UNIT -- WORDS`: what the drop-in of an adopted vLLM starts. It becomes the unit's own command, with the model that is wished.
import { readFileSync } from 'node:fs'
import { type Adoption, adoptionPath } from '../platform/host/systemd/adoption-render.ts'
import { wordsFor } from '../platform/host/systemd/unit-launch.ts'
import { readWish } from '../platform/host/systemd/unit-wish.ts'

/** Returns only by throwing: the process is another program then, with the same number and environment. */
export const runUnit = async ([unit = '', dashes, ...own]: readonly string[]): Promise<number> => {
  if (dashes !== '--' || own.length === 0)
    throw new Error('run-unit is for units that switchyard install --unit has written')
  const adoption = JSON.parse(readFileSync(adoptionPath(unit), 'utf8')) as Adoption
  const words = wordsFor(adoption, own, readWish(adoption.wish)?.launch)
  const become = process.execve
  if (!become) throw new Error(`Node ${process.version} cannot become another program: 24 can`)
  return become.call(process, words[0] ?? '', [...words])
}
