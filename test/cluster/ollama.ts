// A real Ollama server (CPU), built once from the Go module proxy.
import { createHash } from 'node:crypto'
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { missingPackages, requirePackages } from './debian.ts'
import { exclusively } from './exclusive.ts'
import { cacheRoot, onPath } from './programs.ts'

export const ollamaVersion = 'v0.22.0'
const malgoVersion = 'v0.11.24'
const packages = {
  'nlohmann-json3-dev': 'nlohmann/json_fwd.hpp',
  'libstb-dev': 'stb/stb_image.h',
  gcc: 'gcc',
  'g++': 'g++',
}

/** Why Ollama cannot be had here, in one line; undefined when it can. */
export function whyNoOllama(): string | undefined {
  if (existsSync(programPath())) return undefined
  return onPath('go') ? undefined : 'Ollama needs Go on the PATH to be built once (about 4 minutes)'
}

/** Answers the path of the program at once when it is built already. */
export async function ensureOllama(say: (line: string) => void = console.log): Promise<string> {
  if (existsSync(programPath())) return programPath()
  return exclusively('ollama', async () => {
    if (!existsSync(programPath())) await build(programPath(), say)
    return programPath()
  })
}

function programPath(): string {
  const stamp = createHash('sha256').update(JSON.stringify([ollamaVersion, malgoVersion, machineFlags()]))
  return join(cacheRoot(), 'ollama', stamp.digest('hex').slice(0, 16), 'bin', 'ollama')
}

/** Plain x86-64 code is four times slower; AVX2 code does not run on a processor without it. */
function machineFlags(): string {
  const hasAvx2 = process.arch === 'x64' && /\bavx2\b/.test(readFileSync('/proc/cpuinfo', 'utf8'))
  return hasAvx2 ? '-O3 -march=x86-64-v3 -w' : '-O2 -w'
}

async function build(program: string, say: (line: string) => void): Promise<void> {
  await requirePackages(missingPackages(packages), say)
  say(`building Ollama ${ollamaVersion.slice(1)} (about 4 min, once) …`)
  const start = Date.now()
  const work = mkdtempSync(join(tmpdir(), 'switchyard-ollama-'))
  try {
    const source = await completeSource(work)
    mkdirSync(join(program, '..'), { recursive: true })
    const version = `-X=github.com/ollama/ollama/version.Version=${ollamaVersion.slice(1)}`
    const flags = ['-trimpath', '-buildvcs=false', '-ldflags', `-s -w ${version}`]
    const env = { CGO_ENABLED: '1', CGO_CFLAGS: machineFlags(), CGO_CXXFLAGS: machineFlags(), GOFLAGS: '' }
    await execa('go', ['build', ...flags, '-o', `${program}.part`, '.'], { cwd: source, env })
    renameSync(`${program}.part`, program)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
  say(`built Ollama in ${Math.round((Date.now() - start) / 1000)} s`)
}

/** Go leaves folders named vendor/ out of module archives, and Ollama keeps three C++ headers in one: put back. */
async function completeSource(work: string): Promise<string> {
  writeFileSync(join(work, 'go.mod'), 'module probe\n\ngo 1.24\n')
  const ollama = await moduleFolder(work, `github.com/ollama/ollama@${ollamaVersion}`)
  const malgo = await moduleFolder(work, `github.com/gen2brain/malgo@${malgoVersion}`)
  const source = join(work, 'source')
  cpSync(ollama, source, { recursive: true })
  await execa('chmod', ['-R', 'u+w', source])
  const vendor = join(source, 'llama/llama.cpp/vendor')
  cpSync('/usr/include/nlohmann', join(vendor, 'nlohmann'), { recursive: true })
  cpSync('/usr/include/stb/stb_image.h', join(vendor, 'stb/stb_image.h'))
  cpSync(join(malgo, 'miniaudio.h'), join(vendor, 'miniaudio/miniaudio.h'))
  chmodSync(join(vendor, 'miniaudio/miniaudio.h'), 0o644)
  return source
}

async function moduleFolder(cwd: string, module: string): Promise<string> {
  const { stdout } = await execa('go', ['mod', 'download', '-json', module], { cwd, env: { GOFLAGS: '' } })
  return (JSON.parse(stdout) as { Dir: string }).Dir
}
