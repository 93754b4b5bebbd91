// The box with Switchyard installed in it as a person does: the bundle, and `install`.
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { bundle } from '../../scripts/build.ts'
import { openSystem } from './system.ts'

export const repository = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '')

/** With settings of the daemon. */
export const openInstalled = async (settings: Readonly<Record<string, string>> = {}) => {
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-bundle-'))
  await bundle(join(folder, 'switchyard.mjs'))
  const system = await openSystem([repository])
  cpSync(folder, system.path('/opt/bundle'), { recursive: true })
  rmSync(folder, { recursive: true })
  mkdirSync(system.path('/etc/switchyard'), { recursive: true })
  const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}\n`)
  writeFileSync(system.path('/etc/switchyard/environment'), lines.join(''))
  const told = await system.run('node', '/opt/bundle/switchyard.mjs', 'install')
  return { ...system, told }
}

/** Words that run what follows as the account of the daemon. */
export const asDaemon = [
  'setpriv',
  '--reuid=switchyard',
  '--regid=switchyard',
  '--groups=systemd-journal',
] as const
