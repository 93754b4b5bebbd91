// A machine for tests: real systemd as the first process of namespaces of its own; begun in about a second, cut off or begun again at will.
import { type ChildProcess, spawn } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { execa, execaSync } from 'execa'

const script = fileURLToPath(new URL('./boot.sh', import.meta.url))
const firstProgram = '/lib/systemd/systemd'
const packages = ['systemd', 'dbus', 'polkitd']

/** Why no such machine can be had here, in one line; installs what is missing where that is possible. */
export const whyNoSystem = (): string | undefined => {
  if (process.getuid?.() !== 0) return 'systemd in a box needs root'
  if (isComplete()) return undefined
  const quiet = { reject: false, timeout: 300_000, env: { DEBIAN_FRONTEND: 'noninteractive' } } as const
  execaSync('apt-get', ['update', '-q'], quiet)
  execaSync('apt-get', ['install', '-q', '-y', '--no-install-recommends', ...packages], quiet)
  return isComplete() ? undefined : `systemd in a box needs the packages ${packages.join(', ')}`
}

const isComplete = (): boolean =>
  [firstProgram, '/usr/bin/dbus-daemon', '/usr/lib/polkit-1/polkitd', '/usr/bin/unshare'].every(path =>
    existsSync(path),
  )

/** Of the machine outside: accounts that the packages' own services run as, and how libraries are found. */
const kept =
  'passwd group hosts resolv.conf nsswitch.conf ld.so.cache ld.so.conf ld.so.conf.d ssl alternatives dbus-1 polkit-1 pam.d security login.defs'
const masked = ['systemd-logind.service', 'console-getty.service', 'getty.target', 'systemd-networkd.service']

const layOut = (folder: string): void => {
  const root = join(folder, 'root')
  for (const name of 'usr etc/systemd/system var/lib var/log var/cache proc sys dev run tmp root home srv opt'.split(
    ' ',
  ))
    mkdirSync(join(root, name), { recursive: true })
  for (const name of ['bin', 'sbin', 'etc', 'lib', 'share'])
    mkdirSync(join(folder, 'local', name), { recursive: true })
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) symlinkSync(`usr/${name}`, join(root, name))
  for (const name of kept.split(' '))
    if (existsSync(`/etc/${name}`))
      cpSync(`/etc/${name}`, join(root, 'etc', name), { recursive: true, verbatimSymlinks: true })
  writeFileSync(join(root, 'etc/machine-id'), '')
  for (const unit of masked) symlinkSync('/dev/null', join(root, 'etc/systemd/system', unit))
}

export type System = Awaited<ReturnType<typeof openSystem>>

/** `shown`: folders that stand inside at the same path. Node of this process is /usr/local/bin/node inside. */
export const openSystem = async (shown: readonly string[] = []) => {
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-systemd-'))
  const name = basename(folder).toLowerCase()
  layOut(folder)
  cpSync(process.execPath, join(folder, 'local/bin/node'))
  let outer: ChildProcess | undefined
  let first = 0

  const enter = (
    argv: readonly string[],
    how: Readonly<Record<string, unknown>> = {},
    stdin: 'ignore' | 'pipe' = 'ignore',
  ) =>
    execa('nsenter', ['-t', `${first}`, '-a', '--', 'env', '-i', ...insideOf(how), ...argv], {
      stdin,
      reject: false,
      all: true,
    })
  /** Its output; throws with it when it fails. */
  const run = async (...argv: readonly string[]): Promise<string> => {
    const { exitCode, all, stdout } = await enter(argv)
    if (exitCode !== 0) throw new Error(`${argv.join(' ')}: exit code ${exitCode}\n${all}`)
    return stdout
  }
  const boot = async (): Promise<void> => {
    const log = openSync(join(folder, 'boot.log'), 'a')
    const words = ['--mount', '--propagation', 'private', 'sh', script, 'groups', folder, name, ...shown]
    outer = spawn('unshare', words, { stdio: ['ignore', log, log], detached: true })
    await until('it has booted', async () => {
      first = firstOf(outer?.pid)
      return first > 0 && /running|degraded/.test((await enter(['systemctl', 'is-system-running'])).stdout)
    })
  }
  const until = async (what: string, ask: () => unknown): Promise<void> => {
    for (const end = Date.now() + 60_000; Date.now() < end; await sleep(30)) if (await ask()) return
    throw new Error(`not seen: ${what}\n${readFileSync(join(folder, 'boot.log'), 'utf8')}`)
  }
  /** As when the power goes: nothing inside is asked. */
  const cut = async (): Promise<void> => {
    if (!outer) return
    const ended =
      outer.exitCode === null && outer.signalCode === null && new Promise(done => outer?.once('exit', done))
    if (first > 0) process.kill(first, 'SIGKILL')
    else outer.kill('SIGKILL')
    await ended
    outer = undefined
  }
  const shutDown = async (): Promise<void> => {
    const ended = new Promise(done => outer?.once('exit', done))
    await enter(['systemctl', 'poweroff'])
    await ended
    outer = undefined
  }
  const close = async (): Promise<void> => {
    await cut()
    const clean = `mount -t cgroup2 cgroup2 /mnt && find /mnt/${name} -depth -type d -exec rmdir {} +`
    await execa('unshare', ['--mount', '--propagation', 'private', 'sh', '-c', clean], { reject: false })
    rmSync(folder, { recursive: true, force: true })
  }
  await boot()
  return { run, enter, boot, cut, shutDown, close, until, path: (at: string) => pathOf(folder, at) }
}

const insideOf = (environment: Readonly<Record<string, unknown>>): string[] =>
  Object.entries({ PATH: '/usr/local/bin:/usr/sbin:/usr/bin', HOME: '/root', ...environment }).map(
    ([key, value]) => `${key}=${value}`,
  )

/** Where a file of the machine stands outside. */
const pathOf = (folder: string, at: string): string =>
  at.startsWith('/usr/local/')
    ? join(folder, 'local', at.slice('/usr/local/'.length))
    : join(folder, 'root', at)

/** The first process of the box as the machine numbers it: the child of unshare, once it is systemd. */
const firstOf = (outer: number | undefined): number => {
  try {
    const children = readFileSync(`/proc/${outer}/task/${outer}/children`, 'utf8').trim().split(' ')
    const pid = Number(children[0])
    return pid > 0 && readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === 'systemd' ? pid : 0
  } catch {
    return 0
  }
}
