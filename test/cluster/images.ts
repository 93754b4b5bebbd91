// The images that the cluster tests run: the engine stand-in and real engines; the product's own is made by scripts/image.ts.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { nodeLayer } from '../../scripts/image.ts'
import { bundleEngine } from '../stand-ins/engine/bundle.ts'
import { buildImage, type ImageEntry, type Layer } from './image.ts'
import { ensureOllama } from './ollama.ts'
import { vllmImage } from './vllm.ts'

/** The names to write into pods, with `imagePullPolicy: Never`. */
export const imageNames = {
  switchyard: 'localhost/switchyard:test',
  engine: 'localhost/engine-stand-in:test',
  ollama: 'localhost/ollama:test',
  vllm: 'localhost/vllm-cpu:test',
} as const

/** Node, and the stand-in as `vllm`, `ollama` and `python3` on the PATH. */
export async function buildEngineImage(folder: string, name: string = imageNames.engine): Promise<string> {
  const work = join(folder, 'engine-bundle')
  mkdirSync(work, { recursive: true })
  const programs = await bundleEngine(work, '/usr/bin/node')
  const files = programs.map((path): [string, ImageEntry] => [
    `/usr/local/bin/${nameOf(path)}`,
    { from: path },
  ])
  const image = { name, user: '65532:65532', workdir: '/tmp', cmd: ['vllm'] }
  const layers = [await nodeLayer(), Object.fromEntries(files)]
  return buildImage({ ...image, layers }, join(folder, 'engine.tar'))
}

const nameOf = (path: string) => path.split('/').at(-1) ?? path

/** The real server with the libraries that it loads; a shell-less root that any user may run. */
export async function buildOllamaImage(
  folder: string,
  say?: (line: string) => void,
  name: string = imageNames.ollama,
): Promise<string> {
  const program = await ensureOllama(say)
  const layers = [
    { ...(await librariesOf(program)), ...people, '/usr/bin/ollama': { from: program, mode: 0o755 } },
  ]
  const image = {
    name,
    entrypoint: ['/usr/bin/ollama'],
    cmd: ['serve'],
    user: '65532:65532',
  }
  const env = {
    HOME: '/tmp',
    OLLAMA_HOST: '0.0.0.0:11434',
    OLLAMA_CONTEXT_LENGTH: '2048',
    OLLAMA_NO_CLOUD: '1',
  }
  return buildImage({ ...image, env, workdir: '/tmp', layers }, join(folder, 'ollama.tar'))
}

export const buildVllmImage = (folder: string): Promise<string> =>
  buildImage(vllmImage(), join(folder, 'vllm.tar'))

const people: Layer = {
  '/tmp': { folder: true, mode: 0o1777 },
  '/etc/passwd': { text: 'root:x:0:0::/:/bin/false\nnonroot:x:65532:65532::/tmp:/bin/false\n' },
  '/etc/group': { text: 'root:x:0:\nnonroot:x:65532:\n' },
}

async function librariesOf(program: string): Promise<Layer> {
  const { stdout } = await execa('ldd', [program])
  const paths = stdout.match(/\/[^ ]+(?= \()/g) ?? []
  return Object.fromEntries(paths.map(path => [path, { from: path, mode: 0o755 }]))
}
