// `switchyard doctor`: what is wrong with this host, and what to do. Exit code 1 when there is a fault.
import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { doctor } from '../cli/doctor/doctor.ts'
import { hasFault } from '../cli/doctor/finding.ts'
import { printFindings, toJson } from '../cli/doctor/print-findings.ts'
import type { World } from '../cli/doctor/world.ts'
import { readDisks } from '../platform/host/monitor/disks.ts'
import { GpuLook } from '../platform/host/monitor/gpu-look.ts'
import { readManifestSight } from '../platform/host/sights/manifest-sight.ts'
import { findPortHolder } from '../platform/host/sights/port-holder.ts'
import { readStoreSight } from '../platform/host/sights/store-sight.ts'
import { readDoctorSettings } from '../settings.ts'

type Given = Pick<World, 'environment' | 'settings'>

export const openWorld = ({ environment, settings }: Given): World => {
  const kept = Object.entries(environment).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  )
  const gpus = new GpuLook({ environment: Object.fromEntries(kept) })
  return {
    nodeVersion: process.versions.node,
    now: () => new Date(),
    uid: process.getuid?.() ?? 0,
    environment,
    settings,
    limits: readFileSync('/proc/self/limits', 'utf8'),
    hasSystemd: existsSync('/run/systemd/system'),
    readDisk: async folder => (await readDisks([folder]))[0],
    readStore: readStoreSight,
    readManifests: readManifestSight,
    findListener: findPortHolder,
    lookAtGpus: () => gpus.look(),
    ask: (program, words) => ask(program, words, environment),
  }
}

const ask = (
  program: string,
  words: readonly string[],
  env: World['environment'],
): Promise<string | undefined> =>
  new Promise(resolve => {
    execFile(program, words, { env: { ...env }, timeout: 5_000, killSignal: 'SIGKILL' }, (error, output) =>
      resolve(error ? undefined : output),
    )
  })

const usage = `switchyard doctor [-o json]

  Looks at everything that a host needs, changes nothing, and says what to do. Exit code 1 when there is a fault.`

export const doctorMain = async (words: readonly string[]): Promise<number> => {
  const isJson = ['-o json', '-ojson', '--output json', '--output=json'].includes(words.join(' '))
  if (words.length > 0 && !isJson) {
    console.error(usage)
    return words[0] === '--help' ? 0 : 2
  }
  const given: Given = readDoctorSettings()
  const findings = await doctor(openWorld(given))
  const isColoured = process.stdout.isTTY === true && !given.environment['NO_COLOR']
  process.stdout.write(isJson ? toJson(findings) : printFindings(findings, { isColoured }))
  return Number(hasFault(findings))
}
