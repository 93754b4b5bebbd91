// `npm run demo:kind`: the product on a kind cluster, for people with Docker; says what is missing where it cannot run.
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { buildProductImage } from './image.ts'

const cluster = 'switchyard'
const image = { repository: 'localhost/switchyard', tag: 'dev' }
const fromRoot = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url))

const needs = [
  {
    program: 'docker',
    args: ['info'],
    advice: 'Docker, with its daemon running (https://docs.docker.com/get-docker/)',
  },
  { program: 'kind', args: ['version'], advice: 'kind (https://kind.sigs.k8s.io/docs/user/quick-start/)' },
  { program: 'helm', args: ['version'], advice: 'Helm 3 or newer (https://helm.sh/docs/intro/install/)' },
  {
    program: 'kubectl',
    args: ['version', '--client'],
    advice: 'kubectl (https://kubernetes.io/docs/tasks/tools/)',
  },
] as const

/** What a person must install first; empty when nothing is missing. */
async function missing(): Promise<string[]> {
  const tried = await Promise.all(needs.map(need => execa(need.program, need.args, { reject: false })))
  return needs.filter((_, n) => tried[n]?.failed).map(need => need.advice)
}

const read = async (program: string, ...args: string[]): Promise<string> =>
  (await execa(program, args, { stderr: 'inherit' })).stdout

const run = (program: string, ...args: string[]) => execa(program, args, { stdio: 'inherit' })

async function demo(): Promise<void> {
  const clusters = await read('kind', 'get', 'clusters')
  if (!clusters.split('\n').includes(cluster))
    await run('kind', 'create', 'cluster', '--config', fromRoot('config/kind/cluster.yaml'))
  await run('kubectl', 'config', 'use-context', `kind-${cluster}`)
  const archive = await buildProductImage(`${image.repository}:${image.tag}`)
  await run('kind', 'load', 'image-archive', archive, '--name', cluster)
  const values = Object.entries(image).flatMap(([key, value]) => ['--set', `image.${key}=${value}`])
  const place = ['-n', 'switchyard-system', '--create-namespace', '--wait']
  await run('helm', 'upgrade', '--install', 'switchyard', fromRoot('charts/switchyard'), ...place, ...values)
  for (const name of ['runtime-ollama', 'model-ollama'])
    await run('kubectl', 'apply', '-f', fromRoot(`config/samples/${name}.yaml`))
  console.log(`\nWatch it:  kubectl get models,runtimes -w\nEnd it:    kind delete cluster --name ${cluster}`)
}

async function main(): Promise<number> {
  const absent = await missing()
  if (absent.length === 0) {
    await demo()
    return 0
  }
  console.log('npm run demo:kind cannot run here. Install first:')
  for (const each of absent) console.log(`  - ${each}`)
  console.log('Without Docker, npm run demo:cluster shows the same on a cluster of its own.')
  return 1
}

process.exit(await main())
