// Lets the daemon switch a vLLM that is a unit of somebody else, and takes that back. Needs root, once: what is written here is all that the
// daemon may do to the unit.
import { existsSync, mkdirSync, readdirSync, realpathSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { findEntrypoint } from '../../../domain/engine-facts/vllm-entrypoints.ts'
import {
  type Adoption,
  adoptionPath,
  adoptionsFolder,
  commandOf,
  dropInPath,
  modelsGroup,
  renderDropIn,
  renderUnitRule,
  rulePath,
  type Start,
  wishesName,
} from './adoption-render.ts'
import { folders, programFolder, run, shareModels, user } from './install.ts'

export interface AdoptionWish {
  readonly unit: string
  /** folder that the unit may read models from; default: the daemon's */
  readonly models?: string
  readonly node: string
  readonly say: (line: string) => void
}

const manager = ['org.freedesktop.systemd1', '/org/freedesktop/systemd1', 'org.freedesktop.systemd1.Manager']

const busctl = async (...words: readonly string[]): Promise<unknown> =>
  (JSON.parse(await run('busctl', '--json=short', ...words)) as { readonly data: unknown }).data

const propertyOf = (unit: string, name: string): Promise<string> =>
  run('systemctl', 'show', '-P', name, '--', unit).then(text => text.trim())

const startsOf = async (unit: string): Promise<readonly Start[]> => {
  const [path] = (await busctl('call', ...manager, 'LoadUnit', 's', unit)) as readonly [string]
  const service = [manager[0] ?? '', path, 'org.freedesktop.systemd1.Service']
  const found = await busctl('get-property', ...service, 'ExecStartEx')
  return (found as readonly [string, readonly string[], readonly string[]][]).map(([path, words, flags]) => ({
    path,
    words,
    flags,
  }))
}

const checkUnit = async (unit: string): Promise<void> => {
  if (!/^[A-Za-z0-9_][A-Za-z0-9:_.@-]*\.service$/.test(unit))
    throw new Error(`${JSON.stringify(unit)} is not the whole name of a service, for example vllm.service`)
  if (unit.startsWith('switchyard')) throw new Error(`${unit} is a unit of ours`)
  const state = await propertyOf(unit, 'LoadState')
  if (state === 'not-found') throw new Error(`unit ${unit} does not exist: install it first`)
  if (state !== 'loaded')
    throw new Error(`unit ${unit} cannot be loaded (${state}): systemctl status ${unit}`)
  const id = await propertyOf(unit, 'Id')
  if (id !== unit) throw new Error(`${unit} is another name of ${id}: name that one`)
}

/** Throws a sentence for a command that is not understood. */
const readCommand = async (unit: string): Promise<readonly string[]> => {
  const command = commandOf(unit, await startsOf(unit))
  try {
    findEntrypoint({ command, args: [] })
  } catch (error) {
    throw new Error(
      `ExecStart= of ${unit} must start vLLM itself, as vllm serve or python -m vllm.entrypoints.openai.api_server do: ${(error as Error).message}`,
    )
  }
  return command
}

/** Twice takes over what its owner changed. */
export const adoptUnit = async ({ unit, models, node, say }: AdoptionWish): Promise<number> => {
  if (process.getuid?.() !== 0) throw new Error('this changes the machine: run it as root')
  if (!existsSync(join(programFolder, 'switchyard.mjs')))
    throw new Error('Switchyard is not installed here: run switchyard install first')
  await checkUnit(unit)
  const folder = realpathSync(models ?? folders.modelsFolder)
  rmSync(dropInPath(unit), { force: true })
  await run('systemctl', 'daemon-reload')
  const command = await readCommand(unit)
  const wish = join(folders.stateFolder, wishesName, `${unit}.json`)
  if (!(await shareModels(folder)))
    say(`${folder} is not all ours: its account must let the group ${modelsGroup} read it`)
  await write({ unit, command, models: folder, wish }, node)
  tell(unit, command, say)
  return 0
}

const write = async (adoption: Adoption, node: string): Promise<void> => {
  const { unit } = adoption
  const program = [existsSync(join(programFolder, 'node')) ? join(programFolder, 'node') : realpathSync(node)]
  const put = (path: string, text: string): void => {
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text)
  }
  put(adoptionPath(unit), `${JSON.stringify(adoption, null, 2)}\n`)
  put(rulePath(unit), renderUnitRule(unit, user))
  put(dropInPath(unit), renderDropIn(adoption, [...program, join(programFolder, 'switchyard.mjs')]))
  await run('systemctl', 'daemon-reload')
}

const tell = (unit: string, command: readonly string[], say: AdoptionWish['say']): void => {
  say(`${unit} may be switched now. It was not restarted, and serves what it served.`)
  say(`  drop-in   ${dropInPath(unit)}   switchyard uninstall --unit ${unit} takes it away`)
  say(`  next      a Runtime with engine VLLM and host: { unit: ${unit}, port: … }`)
  if (command.some(word => word.replaceAll('_', '-') === '--trust-remote-code'))
    say(
      `  note      its own words have --trust-remote-code: code of each model that is chosen runs as its account`,
    )
}

const dropAdoption = (unit: string): void => {
  for (const path of [dropInPath(unit), rulePath(unit), adoptionPath(unit)]) rmSync(path, { force: true })
  rmSync(join(folders.stateFolder, wishesName, `${unit}.json`), { force: true })
  const folder = dirname(dropInPath(unit))
  if (existsSync(folder) && readdirSync(folder).length === 0) rmdirSync(folder)
}

export const adoptedUnits = (): readonly string[] =>
  existsSync(adoptionsFolder) ? readdirSync(adoptionsFolder).map(name => name.replace(/\.json$/, '')) : []

/** Its owner's files stay as they are; without any, the next start has its own command. */
export const releaseUnits = async (units: readonly string[], say: AdoptionWish['say']): Promise<void> => {
  for (const unit of units) {
    dropAdoption(unit)
    say(`${unit} is as it was; what it serves now it serves until systemctl restart ${unit}.`)
  }
  if (units.length > 0) await run('systemctl', 'daemon-reload')
}

export const releaseUnit = async (unit: string, say: AdoptionWish['say']): Promise<number> => {
  if (process.getuid?.() !== 0) throw new Error('this changes the machine: run it as root')
  if (!adoptedUnits().includes(unit))
    throw new Error(`unit ${unit} was not let be switched: nothing to take away`)
  await releaseUnits([unit], say)
  return 0
}
