// Gives a vitest run its one cluster: a given one, or our own with two nodes; or the reason why there is none.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { whyNoBundle } from '../../scripts/build.ts'
import { buildProductImage } from '../../scripts/image.ts'
import type { TestCluster } from './access.ts'
import { type Cluster, startCluster } from './cluster.ts'
import { buildEngineImage, buildOllamaImage, buildVllmImage, imageNames } from './images.ts'
import { whyNoOllama } from './ollama.ts'
import { cacheRoot, ensurePrograms, whyNotHere } from './programs.ts'
import { ensureVllm, whyNoVllm } from './vllm.ts'

const say = (line: string) => console.log(`[cluster] ${line}`)

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const given = process.env['SWITCHYARD_TEST_KUBECONFIG']
  if (given) {
    project.provide('cluster', { kind: 'given', kubeconfigPath: given })
    return async () => {}
  }
  const reason = whyNotHere()
  if (reason) {
    say(`left out: ${reason}`)
    project.provide('cluster', { kind: 'absent', reason })
    return async () => {}
  }
  const { cluster, provided } = await makeCluster(project.name === 'vllm')
  project.provide('cluster', provided)
  // Tests that need no more than an API server ask the environment, as they would for anybody's cluster.
  process.env['KUBECONFIG'] = cluster.kubeconfigPath
  return () => cluster.stop()
}

async function makeCluster(withVllm: boolean): Promise<{ cluster: Cluster; provided: TestCluster }> {
  await ensurePrograms(say)
  const images = await buildImages(withVllm)
  const nodes = [{ name: 'gpu-node', gpus: 1 }, { name: 'cpu-node' }]
  const start = Date.now()
  const cluster = await startCluster({ nodes })
  try {
    for (const each of images.built) await cluster.importImage(each)
  } catch (error) {
    await cluster.stop()
    throw error
  }
  say(`two nodes and ${images.built.length} images ready in ${((Date.now() - start) / 1000).toFixed(1)} s`)
  return { cluster, provided: { kind: 'own', data: cluster.data, images: imageNames, absent: images.absent } }
}

/** Images that cannot be made here are named with their reason; the tests that need them skip. */
async function buildImages(withVllm: boolean) {
  const folder = join(cacheRoot(), 'images')
  mkdirSync(folder, { recursive: true })
  const absent: Partial<Record<keyof typeof imageNames, string>> = {}
  const built: string[] = []
  const attempt = async (
    name: keyof typeof imageNames,
    reason: string | undefined,
    make: () => Promise<string>,
  ) => {
    if (reason) absent[name] = reason
    else built.push(await make())
    if (reason) say(`no ${name} image: ${reason}`)
  }
  const product = join(folder, 'switchyard.tar')
  await attempt('switchyard', whyNoBundle(), () => buildProductImage(imageNames.switchyard, product))
  await attempt('engine', undefined, () => buildEngineImage(folder))
  await attempt('ollama', whyNoOllama(), () => buildOllamaImage(folder, say))
  const vllmReason = withVllm ? whyNoVllm() : 'only in the vllm project'
  if (withVllm) await attempt('vllm', vllmReason, () => ensureVllm(say).then(() => buildVllmImage(folder)))
  else absent.vllm = vllmReason ?? ''
  return { built, absent }
}
