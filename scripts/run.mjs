// The front door of every npm script: installs what is missing, then runs the program on the project's own Node 24.
// Plain JavaScript on purpose: it is the only file that runs on whatever Node the machine has.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const begun = Date.now()
const root = dirname(dirname(fileURLToPath(import.meta.url)))
const major = Number(process.versions.node.split('.')[0])
if (major < 18) {
  console.error(
    `Switchyard's scripts need Node 18 or newer to start (they bring Node 24 themselves); this is Node ${process.versions.node}. Install a newer Node from https://nodejs.org.`,
  )
  process.exit(1)
}

const bin = name => join(root, 'node_modules', '.bin', name)
const isInstalled = () => {
  const marker = join(root, 'node_modules', '.package-lock.json')
  if (!existsSync(marker) || !existsSync(bin('node'))) return false
  const own = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages
  const got = JSON.parse(readFileSync(marker, 'utf8')).packages
  return Object.entries(own).every(
    ([path, p]) => path === '' || p.optional || got[path]?.version === p.version,
  )
}

if (!isInstalled()) {
  console.error('Installing dependencies (npm ci) …')
  const done = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: 'inherit',
  })
  if (done.status !== 0) {
    console.error('npm ci failed: see the lines above; a registry that cannot be reached is the usual cause.')
    process.exit(1)
  }
}

const [program, ...args] = process.argv.slice(2)
const isScript = /\.(ts|mjs|js)$/.test(program ?? '')
const command = isScript ? bin('node') : bin(program)
const done = spawnSync(
  command,
  isScript ? ['--disable-warning=ExperimentalWarning', program, ...args] : args,
  {
    cwd: root,
    stdio: 'inherit',
    env: {
      ...process.env,
      SWITCHYARD_BEGUN: String(begun),
      PATH: `${join(root, 'node_modules', '.bin')}:${process.env.PATH}`,
    },
  },
)
process.exit(done.status ?? 1)
