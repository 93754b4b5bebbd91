// Builds the test cluster's programs once into a cache folder named after everything that goes into them.
import { createHash } from 'node:crypto'
import {
  accessSync,
  constants,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa, execaSync } from 'execa'
import { missingPackages, requirePackages } from './debian.ts'
import { exclusively } from './exclusive.ts'
import { buildImage } from './image.ts'
import { type GoBuild, kubernetesPrograms, lanes, type ProgramGroup } from './program-recipes.ts'

/** Paths of what was built; `bin` is a folder that can be put on a PATH. */
export type Programs = {
  readonly bin: string
  readonly kubectl: string
  readonly helm: string
  readonly pauseImage: string
}

const modules = fileURLToPath(new URL('./programs/', import.meta.url))
const buildPackages = {
  'libseccomp-dev': 'seccomp.h',
  'pkg-config': 'pkg-config',
  gcc: 'gcc',
  'libc6-dev': 'stdio.h',
}
const runPackages = {
  iproute2: 'ip',
  iptables: 'iptables',
  nftables: 'nft',
  conntrack: 'conntrack',
  openssl: 'openssl',
  'util-linux': 'nsenter',
}

export const cacheRoot = (): string =>
  join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'switchyard')

/** Why the cluster cannot run on this machine, in one line; undefined when it can. */
export function whyNotHere(): string | undefined {
  if (process.platform !== 'linux') return 'the test cluster needs Linux'
  if (process.getuid?.() !== 0) return 'the test cluster needs root (namespaces, bridges, mounts)'
  if (isWhole(programFolder())) return undefined
  if (!onPath('go')) return 'the test cluster needs Go 1.26 or newer on the PATH to build its programs once'
  return undefined
}

/** Answers at once when the programs are there; builds them otherwise (about 8 minutes on two cores). */
export async function ensurePrograms(say: (line: string) => void = console.log): Promise<Programs> {
  await requirePackages(missingPackages(runPackages), say)
  const folder = programFolder()
  if (isWhole(folder)) return programsIn(folder)
  return exclusively('programs', async () => {
    if (isWhole(folder)) return programsIn(folder)
    await requirePackages(missingPackages(buildPackages), say)
    await buildAll(folder, say)
    return programsIn(folder)
  })
}

const isWhole = (folder: string) => existsSync(join(folder, '.whole'))

function programsIn(folder: string): Programs {
  const bin = join(folder, 'bin')
  return {
    bin,
    kubectl: join(bin, 'kubectl'),
    helm: join(bin, 'helm'),
    pauseImage: join(folder, 'pause.tar'),
  }
}

export function onPath(program: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some(folder => {
    try {
      accessSync(join(folder, program), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

/** Where there is no Go, a cache that was carried along is good whatever Go made it. */
function programFolder(): string {
  const id = sourceStamp()
  const cache = join(cacheRoot(), 'cluster')
  if (onPath('go')) return join(cache, `${id}-${execaSync('go', ['env', 'GOVERSION']).stdout}`)
  return globSync(join(cache, `${id}-*`)).find(isWhole) ?? join(cache, `${id}-any`)
}

function sourceStamp(): string {
  const files = globSync('**/{go.mod,go.sum,*.go}', { cwd: modules }).sort()
  const hash = createHash('sha256').update(JSON.stringify(lanes.flat().map(group => recipeOf(group))))
  for (const file of files) hash.update(file).update(readFileSync(join(modules, file)))
  return hash.digest('hex').slice(0, 16)
}

const recipeOf = (group: ProgramGroup) => [group.name, group.builds('v0')]

/** A folder that stopped half-way keeps its finished groups; the whole one carries a mark. */
async function buildAll(folder: string, say: (line: string) => void): Promise<void> {
  mkdirSync(join(folder, 'bin', 'cni'), { recursive: true })
  say(`building the test cluster's programs into ${folder}`)
  await Promise.all(
    lanes.map(async lane => {
      for (const group of lane) await buildGroup(group, folder, say)
    }),
  )
  for (const name of kubernetesPrograms) {
    rmSync(join(folder, 'bin', name), { force: true })
    symlinkSync('hyperkube', join(folder, 'bin', name))
  }
  await buildPause(folder)
  writeFileSync(join(folder, '.whole'), '')
}

async function buildGroup(group: ProgramGroup, folder: string, say: (line: string) => void): Promise<void> {
  const mark = join(folder, `.built-${group.module}`)
  if (existsSync(mark)) return
  const version = versionOf(group)
  say(`building ${group.name} ${version.replace(/^v/, '')} (${group.cost}) …`)
  const start = Date.now()
  for (const build of group.builds(version)) await goBuild(group, build, join(folder, 'bin'))
  writeFileSync(mark, '')
  say(`built ${group.name} in ${Math.round((Date.now() - start) / 1000)} s`)
}

function versionOf(group: ProgramGroup): string {
  const text = readFileSync(join(modules, group.module, 'go.mod'), 'utf8')
  const line = text.split('\n').find(each => new RegExp(`^(require )?\\s*${group.versionOf} v`).test(each))
  return (
    line
      ?.trim()
      .split(/\s+/)
      .at(line.startsWith('require') ? 2 : 1) ?? 'v0.0.0'
  )
}

async function goBuild(group: ProgramGroup, build: GoBuild, bin: string): Promise<void> {
  const output = join(bin, build.output)
  const flags = [
    '-mod=readonly',
    '-trimpath',
    '-buildvcs=false',
    '-ldflags',
    `-s -w ${build.ldflags ?? ''}`.trim(),
  ]
  const tags = build.tags ? ['-tags', build.tags] : []
  await execa('go', ['build', ...flags, ...tags, '-o', `${output}.part`, build.package], {
    cwd: join(modules, group.module),
    env: { CGO_ENABLED: build.cgo ? '1' : '0', GOFLAGS: '', GOWORK: 'off', GOTOOLCHAIN: 'local' },
  })
  await execa('mv', [`${output}.part`, output])
}

/** The pause program's C source is in the Kubernetes module itself. */
async function buildPause(folder: string): Promise<void> {
  const cwd = join(modules, 'kubernetes')
  const { stdout: source } = await execa('go', ['list', '-m', '-f', '{{.Dir}}', 'k8s.io/kubernetes'], { cwd })
  const work = mkdtempSync(join(tmpdir(), 'switchyard-pause-'))
  const program = join(work, 'pause')
  await execa('gcc', [
    '-Os',
    '-static',
    '-s',
    '-DVERSION=1',
    '-o',
    program,
    `${source}/build/pause/linux/pause.c`,
  ])
  const image = { name: 'localhost/pause:1', entrypoint: ['/pause'], user: '65535:65535' }
  await buildImage({ ...image, layers: [{ '/pause': { from: program } }] }, join(folder, 'pause.tar'))
  rmSync(work, { recursive: true })
}
