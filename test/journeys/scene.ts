// One namespace in which one story is played: its engines, its Runtime, what clients get, and what the watch told.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { execa, type ResultPromise } from 'execa'
import { ensurePrograms } from '../cluster/programs.ts'
import { type EngineWish, namespaceOf } from './engines.ts'
import { expectStory, follow, type Story } from './story.ts'
import { conditionOf, isReady, type KubeObject, type Seen, type Town, until } from './town.ts'

export type Scene = {
  readonly namespace: string
  readonly story: Story
  apply(objects: readonly KubeObject[], args?: readonly string[]): Promise<string>
  kubectl(...args: readonly string[]): Promise<string>
  runtime(name: string): Promise<Seen>
  deployment(name: string): Promise<Seen>
  /** Pods of the engine, as the API server knows them; pods that ended are left out. */
  pods(engine: string): Promise<Seen[]>
  wish(runtime: string, model: string): Promise<string>
  /** Until the Runtime says that the model is active and proved; answers the Runtime. */
  untilActive(runtime: string, model: string, seconds?: number): Promise<Seen>
  untilPhase(runtime: string, phase: string, seconds?: number): Promise<Seen>
  /** Counts through the API server's watch, so that no moment is missed between two looks. */
  watchPods(selector: string): PodCount
  /** What a client gets who knows nothing but the Service. */
  ask(service: string, model?: string): Promise<string>
}

/** The watch may tell the end a moment after a look has shown it. */
export async function expectTold(scene: Scene, file: URL): Promise<void> {
  const last = readFileSync(file, 'utf8').trim().split('\n').at(-1) ?? ''
  for (let n = 0; n < 50 && scene.story.lines.at(-1) !== last; n++) await sleep(100)
  expectStory(scene.story, file)
}

type PodCount = {
  /** How many different pods there were. */
  seen(): number
  /** The most that had a running container at one time. */
  mostRunning(): number
  end(): void
}

export async function openScene(town: Town, namespace: string): Promise<Scene> {
  const { cluster } = town
  await town.apply([namespaceOf(namespace)])
  const kubectl = join((await ensurePrograms()).bin, 'kubectl')
  const read = async (...args: string[]): Promise<Seen> =>
    JSON.parse(await cluster.kubectl([...args, '-n', namespace, '-o', 'json']))
  const runtime = (name: string) => read('get', 'runtime', name)
  const pods = async (engine: string): Promise<Seen[]> => {
    const { items } = await read('get', 'pods', '-l', podLabel(engine))
    return items.filter((pod: Seen) => pod.status.phase === 'Running' || pod.status.phase === 'Pending')
  }
  return {
    namespace,
    story: follow(kubectl, cluster.kubeconfigPath, namespace),
    apply: town.apply,
    kubectl: (...args) => cluster.kubectl([...args, '-n', namespace]),
    runtime,
    deployment: name => read('get', 'deployment', name),
    pods,
    wish: (name, model) => town.patch(namespace, `runtime/${name}`, { spec: { activeModel: model } }),
    untilActive: (name, model, seconds = 90) => until(() => runtime(name), isServing(model), seconds),
    untilPhase: (name, phase, seconds = 90) => until(() => runtime(name), isSettledIn(phase), seconds),
    watchPods: selector => {
      const args = ['get', 'pods', '-n', namespace, '-l', selector, '--watch', '-o', 'json']
      return countPods(execa(kubectl, [...args, '--output-watch-events'], watching(cluster.kubeconfigPath)))
    },
    ask: (service, model = 'active') => askService(read, service, model),
  }
}

const watching = (kubeconfig: string) =>
  ({ env: { KUBECONFIG: kubeconfig }, reject: false, buffer: false }) as const

function countPods(watch: ResultPromise<ReturnType<typeof watching>>): PodCount {
  const pods = new Map<string, boolean>()
  let most = 0
  createInterface({ input: watch.stdout }).on('line', line => {
    const { type, object }: Seen = JSON.parse(line)
    const isRunning = object.status.containerStatuses?.some((one: Seen) => one.state.running) ?? false
    pods.set(object.metadata.uid, type !== 'DELETED' && isRunning)
    most = Math.max(most, [...pods.values()].filter(Boolean).length)
  })
  return { seen: () => pods.size, mostRunning: () => most, end: () => void watch.kill() }
}

/** Adopted engines of the stories are labelled by their own name, made ones by the Runtime's. */
const podLabel = (engine: string): string =>
  engine.startsWith('made') ? `switchyard.dev/runtime=${engine}` : `app=${engine}`

const isServing = (model: string) => (seen: Seen) =>
  isReady(seen) && seen.status.active?.model === model && !seen.status.switch

const isSettledIn = (phase: string) => (seen: Seen) =>
  seen.status?.phase === phase &&
  seen.status.observedGeneration === seen.metadata.generation &&
  conditionOf(seen, 'Ready') !== undefined

/** Asks the address behind the Service: the machine itself has no proxy for Services. It may appear a moment after Ready. */
async function askService(
  read: (...args: string[]) => Promise<Seen>,
  service: string,
  model: string,
): Promise<string> {
  const find = async (): Promise<Seen> => {
    const slices = await read('get', 'endpointslices', '-l', `kubernetes.io/service-name=${service}`)
    const [slice] = slices.items
    const address = slice?.endpoints?.find((one: Seen) => one.conditions.ready)?.addresses[0]
    return { status: address ? `${address}:${slice.ports[0].port}` : undefined }
  }
  const { status: address } = await until(find, seen => seen.status !== undefined, 10)
  const answer = await fetch(`http://${address}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      model,
      messages: [{ role: 'user', content: 'Who are you?' }],
      max_tokens: 32,
      temperature: 0,
    }),
  })
  const body = (await answer.json()) as Seen
  if (!answer.ok) throw new Error(`${service} answered ${answer.status}: ${JSON.stringify(body)}`)
  return body.choices[0].message.content.trim()
}

export const vllm = (namespace: string, image: string, more: Partial<EngineWish> = {}): EngineWish => ({
  namespace,
  name: 'vllm',
  image,
  claim: 'models',
  port: 8000,
  command: ['vllm', 'serve'],
  args: ['--config', '/etc/vllm/engine.yaml'],
  env: { ENGINE_LOAD_MS: '300' },
  ...more,
})

export const ollama = (namespace: string, image: string): EngineWish => ({
  namespace,
  name: 'ollama',
  image,
  claim: 'models',
  port: 11434,
  env: { OLLAMA_MODELS: '/models/ollama', OLLAMA_HOST: '0.0.0.0:11434' },
})
