// Fetches llama.cpp on first use: packages of a committed lock, each proved by its digest, without a script of theirs being run.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { StartFailure } from './failure.ts'
import lock from './llama-cpp.lock.json' with { type: 'json' }

export interface InstallParts {
  /** holds one folder for each version */
  readonly cacheFolder: string
  /** another such folder, which is only read */
  readonly sharedFolder?: string | undefined
  readonly npmEnvironment: Readonly<Record<string, string>>
  readonly say: (line: string) => void
  readonly signal: AbortSignal
}

const binaries = { x64: '@node-llama-cpp/linux-x64', arm64: '@node-llama-cpp/linux-arm64' } as const
const library = 'node-llama-cpp'
export const llamaCppVersion: string = lock.packages[''].dependencies[library]

/** The folder with its `node_modules`; there at once after the first time. Throws StartFailure. */
export const ensureLlamaCpp = async (parts: InstallParts): Promise<string> => {
  const { arch, platform } = process
  if (platform !== 'linux' || (arch !== 'x64' && arch !== 'arm64'))
    throw cannot(`there is no binary for ${platform} on ${arch}`)
  const { files, hash } = toFiles(arch)
  const name = `llama-cpp-${llamaCppVersion}-${arch}-${hash}`
  const folder = join(parts.cacheFolder, name)
  const shared = parts.sharedFolder === undefined ? folder : join(parts.sharedFolder, name)
  for (const one of [shared, folder]) if (existsSync(one)) return one
  const started = performance.now()
  parts.say(`installing llama.cpp (${library} ${llamaCppVersion}, for the CPU; once) into ${folder}`)
  await install(parts, folder, files)
  parts.say(`llama.cpp is installed after ${((performance.now() - started) / 1000).toFixed(1)} s`)
  return folder
}

const cannot = (why: string): StartFailure => new StartFailure(`llama.cpp cannot be installed: ${why}`)

/** The lock with the binary of this machine alone. */
const toFiles = (arch: keyof typeof binaries) => {
  const other = binaries[arch === 'x64' ? 'arm64' : 'x64']
  const root = lock.packages['']
  const project = { ...root, private: true, dependencies: without(root.dependencies, other) }
  const packages = { ...without(lock.packages, `node_modules/${other}`), '': project }
  const files = {
    'package.json': JSON.stringify(project),
    'package-lock.json': JSON.stringify({ ...lock, packages }),
  }
  const hash = createHash('sha256').update(files['package-lock.json']).digest('hex').slice(0, 8)
  return { files, hash }
}

const without = (map: object, name: string): object =>
  Object.fromEntries(Object.entries(map).filter(([one]) => one !== name))

/** Whole or not there: made beside it and renamed. Whoever comes second keeps what the first has made. */
const install = async (
  parts: InstallParts,
  folder: string,
  files: Readonly<Record<string, string>>,
): Promise<void> => {
  await mkdir(parts.cacheFolder, { recursive: true })
  const made = await mkdtemp(`${folder}.`)
  try {
    for (const [name, text] of Object.entries(files)) await writeFile(join(made, name), text)
    await runNpm(parts, made)
    await rename(made, folder).catch(error => {
      if (!existsSync(folder)) throw error
    })
  } finally {
    await rm(made, { recursive: true, force: true })
  }
}

/** No scripts: one of them would build from source where the binary does not fit. What is optional, the variants for GPUs, is not in the lock. */
const npmWords = [
  'ci',
  '--ignore-scripts',
  // what it says is all that we know of a failure: `npm --silent` above us must not silence it
  '--loglevel=error',
  '--no-audit',
  '--no-fund',
  '--no-update-notifier',
  '--fetch-retries=1',
  '--fetch-retry-mintimeout=1000',
  '--fetch-retry-maxtimeout=5000',
]

const runNpm = ({ npmEnvironment: env, signal }: InstallParts, cwd: string): Promise<void> =>
  new Promise((resolve, reject) => {
    const npm = spawn('npm', npmWords, { cwd, env, signal, stdio: ['ignore', 'ignore', 'pipe'] })
    let said = ''
    npm.stderr.setEncoding('utf8').on('data', (text: string) => {
      said = `${said}${text}`.slice(-8192)
    })
    npm.once('error', error =>
      reject(cannot(toCause((error as NodeJS.ErrnoException).code ?? error.message))),
    )
    npm.once('close', code => (code === 0 ? resolve() : reject(cannot(toReason(said, code)))))
  })

const toCause = (code: string): string =>
  code === 'ENOENT' ? 'npm is not on the PATH; install Node.js with npm' : code

const unreachable =
  /\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ERR_SOCKET_TIMEOUT)\b/

/** The first thing that npm said; of a registry that cannot be reached, what to do. */
const toReason = (said: string, code: number | null): string => {
  const found = unreachable.exec(said)?.[1]
  const address = /https?:\/\/[^/\s]+/.exec(said)?.[0] ?? 'its registry'
  if (found)
    return `npm cannot reach ${address} (${found}); it is needed once: connect this machine, or name a mirror (npm config set registry URL)`
  const first = /^npm (?:error|ERR!) (?!code )(.+)$/m.exec(said)?.[1]
  return `npm ci ended with ${code}${first ? `: ${first.slice(0, 200)}` : ''}`
}
