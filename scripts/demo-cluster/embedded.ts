// The embedded default of `npm run demo:cluster`: a real cluster on this machine, with a hub and a registry of constructed tiny models.
import { mkdirSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AttachedCluster } from '../../test/cluster/attached.ts'
import { startCluster } from '../../test/cluster/cluster.ts'
import { buildEngineImage, buildOllamaImage } from '../../test/cluster/images.ts'
import { whyNoOllama } from '../../test/cluster/ollama.ts'
import { cacheRoot, ensurePrograms } from '../../test/cluster/programs.ts'
import { installSwitchyard } from '../../test/journeys/town.ts'
import { filesOfFolder, startHub } from '../../test/stand-ins/hub.ts'
import { startRegistry } from '../../test/stand-ins/registry.ts'
import { ollamaLayers, writeTinyModel } from '../../test/stand-ins/tiny-model.ts'
import { buildProductImage } from '../image.ts'
import type { Place } from './place.ts'

const productImage = 'localhost/switchyard:start'
/** The names that the samples have; what stands behind them here is said on the screen. */
const vllmImage = 'docker.io/vllm/vllm-openai:v0.32.0'
const ollamaImage = 'docker.io/ollama/ollama:0.22.0'

const megabytes = 24_000_000
const slow = { kind: 'slow', bytesPerSecond: 6_000_000 } as const

/** What the models of the samples answer here, whatever they are asked. */
const answers = {
  'llama3.2:1b': 'I am a tiny stand-in for llama3.2:1b.',
  'qwen2.5:0.5b': 'And I am a tiny stand-in for qwen2.5:0.5b.',
  'Qwen/Qwen2.5-0.5B-Instruct': 'I am a tiny stand-in for Qwen2.5-0.5B-Instruct.',
} as const

export async function startEmbedded(say: (line: string) => void): Promise<Place> {
  await ensurePrograms(say)
  const noOllama = whyNoOllama()
  if (noOllama) throw new Error(`the real Ollama cannot be built here: ${noOllama}`)
  const images = await buildImages(say)
  const cluster = await startCluster({ nodes: [{ name: 'gpu-node', gpus: 1 }, { name: 'cpu-node' }] })
  for (const tar of images) await cluster.importImage(tar)
  say(`a cluster runs: 2 nodes, 1 pretend GPU, KUBECONFIG=${cluster.kubeconfigPath}`)
  const { hub, registry } = await startSources(cluster.bridgeAddress)
  const stop = async (): Promise<void> => {
    await Promise.all([hub.close(), registry.close()])
    await cluster.stop()
  }
  const install = () =>
    installSwitchyard(cluster, { hubUrl: hub.url, registryUrl: registry.url, image: productImage })
  return placeOf(cluster, cluster.data.bin, { install, stop })
}

const placeOf = (
  cluster: AttachedCluster,
  bin: string,
  { install, stop }: Pick<Place, 'install' | 'stop'>,
): Place => ({
  kubectl: cluster.kubectl,
  kubectlPath: join(bin, 'kubectl'),
  kubeconfig: cluster.kubeconfigPath,
  vllm: 'no GPU here: a stand-in speaks vLLM’s dialect',
  patienceSeconds: 180,
  exports: [`KUBECONFIG=${cluster.kubeconfigPath}`, `PATH=${bin}:$PATH`],
  ends: 'Ctrl-C ends the cluster',
  install,
  stop,
})

async function buildImages(say: (line: string) => void): Promise<string[]> {
  const folder = join(cacheRoot(), 'start-images')
  mkdirSync(folder, { recursive: true })
  return [
    await buildProductImage(productImage, join(folder, 'switchyard.tar')),
    await buildEngineImage(folder, vllmImage),
    await buildOllamaImage(folder, say, ollamaImage),
  ]
}

async function startSources(host: string) {
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-start-'))
  const make = (name: string, answer: string) =>
    writeTinyModel(join(folder, name), { name, answer, padBytes: megabytes, maxContext: 32_768 })
  const qwen = make('qwen', answers['Qwen/Qwen2.5-0.5B-Instruct'])
  const hub = await startHub({
    host,
    repos: [{ id: 'Qwen/Qwen2.5-0.5B-Instruct', files: filesOfFolder(qwen.folder) }],
  })
  const models = {
    'library/llama3.2:1b': ollamaLayers(make('llama', answers['llama3.2:1b'])),
    'library/qwen2.5:0.5b': ollamaLayers(make('qwen-ollama', answers['qwen2.5:0.5b'])),
  }
  const registry = await startRegistry({ host, models })
  for (const source of [hub, registry]) source.setFault('*', slow)
  return { hub, registry }
}
