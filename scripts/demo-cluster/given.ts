// The cluster that KUBECONFIG names, used as it is: nothing of it is started or ended here, and what the story made stays.
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import type { Place } from './place.ts'

const chart = fileURLToPath(new URL('../../charts/switchyard', import.meta.url))
const system = 'switchyard-system'

/** What stops the story before it begins, in one sentence with the way out; undefined when it can begin. */
export async function whyNotGiven(kubeconfig: string): Promise<string | undefined> {
  for (const [program, link] of [
    ['kubectl', 'https://kubernetes.io/docs/tasks/tools/'],
    ['helm', 'https://helm.sh/docs/intro/install/'],
  ] as const) {
    const tried = await execa(program, ['version', '--client'], { reject: false })
    if (tried.failed && tried.code === 'ENOENT') return `${program} is not on the PATH: install it (${link})`
  }
  const asked = await execa('kubectl', ['get', '--raw', '/readyz', '--request-timeout=10s'], {
    reject: false,
  })
  if (asked.failed) return `KUBECONFIG=${kubeconfig} does not answer: ${asked.stderr.split('\n')[0]}`
  if (process.env['SWITCHYARD_IMAGE']) return undefined
  return 'KUBECONFIG is set: say which image its nodes shall run, SWITCHYARD_IMAGE=registry.example/switchyard:0.1.0 (npm run image makes one to push; npm run demo:kind loads it into kind; without KUBECONFIG a cluster is started here)'
}

/** `helmArgs` go to `helm upgrade --install` as they are: values of this cluster, such as a mirror of the hub. */
export async function givenPlace(kubeconfig: string, helmArgs: readonly string[]): Promise<Place> {
  const kubectl: Place['kubectl'] = async (args, { input } = {}) =>
    (await execa('kubectl', args, input === undefined ? { stdin: 'ignore' } : { input })).stdout
  const install = async (): Promise<void> => {
    const [repository = '', tag = ''] = (process.env['SWITCHYARD_IMAGE'] ?? '').split(/:(?=[^:/]*$)/)
    const image = ['--set-string', `image.repository=${repository}`, '--set-string', `image.tag=${tag}`]
    const into = ['switchyard', chart, '-n', system, '--create-namespace']
    await execa('helm', ['upgrade', '--install', ...into, ...image, ...helmArgs])
    await kubectl(['-n', system, 'rollout', 'status', 'deployment/switchyard', '--timeout=180s'])
  }
  return {
    kubectl,
    kubectlPath: 'kubectl',
    kubeconfig,
    vllm: (await hasGpu(kubectl)) ? 'the image of the sample, on a GPU node' : undefined,
    patienceSeconds: 1_800,
    exports: [`KUBECONFIG=${kubeconfig}`],
    ends: 'what was installed stays: helm uninstall switchyard -n switchyard-system takes the operator away',
    install,
    stop: async () => {},
  }
}

const hasGpu = async (kubectl: Place['kubectl']): Promise<boolean> => {
  const nodes = JSON.parse(await kubectl(['get', 'nodes', '-o', 'json'])) as {
    items: { status: { allocatable?: Record<string, string> } }[]
  }
  return nodes.items.some(({ status }) => Number(status.allocatable?.['nvidia.com/gpu'] ?? 0) > 0)
}
