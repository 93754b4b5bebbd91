// The most telling misbehaviour on a real cluster: kubelet, scheduler and a real network between operator and engine.

import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Condition } from '../../src/domain/conditions.ts'
import { clusterOrSkip } from '../cluster/access.ts'
import { ensurePrograms } from '../cluster/programs.ts'
import { claim, hubModel, podSpec, runtime } from '../journeys/engines.ts'
import { openScene, type Scene, vllm } from '../journeys/scene.ts'
import {
  buildTown,
  conditionOf,
  installSwitchyard,
  operatorLog,
  type Seen,
  type Town,
  until,
} from '../journeys/town.ts'
import type { EngineFault } from '../stand-ins/engine/faults.ts'
import { awakeNow } from './awake-time.ts'
import { Oracle } from './oracle.ts'

const { cluster, reason, images } = clusterOrSkip('switchyard', 'engine')
const image = images?.engine ?? ''
const controlPort = 8001
const namespace = 'misbehaviour'

interface Told {
  readonly at: number
  readonly reason: string
  readonly message: string
  readonly phase: string
}

/** One engine of the namespace: its Runtime's story as the API server's watch tells it. */
class Place {
  readonly name: string
  readonly told: Told[] = []
  readonly oracle: Oracle
  address = ''

  constructor(name: string) {
    this.name = name
    this.oracle = new Oracle(() => (this.address ? [`http://${this.address}:${controlPort}`] : []))
  }

  note(object: Seen): void {
    const ready: Condition | undefined = conditionOf(object, 'Ready')
    if (!ready) return
    const { phase, active } = object.status
    this.told.push({ at: awakeNow(), reason: ready.reason, message: ready.message, phase })
    const identity = active && `/models/hub/models--tiny--${active.model}/snapshots/${active.revision}`
    this.oracle.note({ isReady: ready.status === 'True' && Boolean(active), identity, reason: ready.reason })
  }

  async untilTold(wanted: string, since: number, seconds: number): Promise<Told> {
    const find = () => this.told.find(one => one.at >= since && one.reason === wanted)
    await until(
      async () => ({ status: { told: this.told } }),
      () => find() !== undefined,
      seconds,
    )
    return find() as Told
  }
}

interface Row {
  readonly name: string
  readonly does: string
  readonly says: string
  readonly told?: RegExp
  /** from the start on */
  readonly faults?: readonly EngineFault[]
  /** set when alpha serves */
  readonly later?: readonly EngineFault[]
  readonly spec?: object
  /** of the pod template's container, or the whole pod */
  readonly container?: object
  readonly pod?: object
  /** it becomes active before it is wrong */
  readonly serves?: boolean
  /** beta is made active after alpha */
  readonly next?: boolean
  /** seconds of its own limits */
  readonly after?: number
  readonly bound?: 'look' | 'hang'
  readonly kills?: boolean
}

/** Holds the engine's port before the engine begins. */
const sidecar = {
  name: 'another',
  restartPolicy: 'Always',
  startupProbe: { tcpSocket: { port: 8000 }, periodSeconds: 1, failureThreshold: 60 },
  image,
  imagePullPolicy: 'Never',
  command: ['ollama', 'serve'],
  env: [
    { name: 'OLLAMA_HOST', value: '0.0.0.0:8000' },
    { name: 'OLLAMA_MODELS', value: '/tmp/none' },
    { name: 'HOME', value: '/tmp' },
  ],
  securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
}

const rows: readonly Row[] = [
  { name: 'fails', does: 'ends while it loads', faults: [{ fault: 'load-fails' }], says: 'LoadFailed' },
  {
    name: 'image',
    does: 'has no image',
    container: { image: 'nowhere.invalid/none:1' },
    says: 'PodNotStarted',
    told: /Image/,
    after: 5,
  },
  {
    name: 'device',
    does: 'finds no node with so many devices',
    container: { resources: { limits: { 'nvidia.com/gpu': 99 } } },
    says: 'PodNotStarted',
    told: /nvidia/,
    after: 5,
  },
  {
    name: 'port',
    does: 'finds its port taken by another container',
    pod: { sidecar },
    says: 'PortTaken',
    told: /98/,
  },
  {
    name: 'stalls',
    does: 'stops loading at 99 %',
    faults: [{ fault: 'load-stops-at' }],
    spec: { switch: { stallSeconds: 5, drainSeconds: 1 } },
    after: 5,
    says: 'LoadStalled',
  },
  {
    name: 'loops',
    does: 'serves for a while and ends, again and again (crash loop)',
    faults: [{ fault: 'loads-then-exits', milliseconds: 20_000 }],
    serves: true,
    after: 50,
    says: 'CrashLoop',
  },
  { name: 'killed', does: 'is killed', kills: true, says: 'ModelGone' },
  { name: 'dead', does: 'says that it is dead', later: [{ fault: 'health-dead' }], says: 'EngineUnhealthy' },
  { name: 'page', does: 'answers 200 with a web page', later: [{ fault: 'html' }], says: 'WrongEngine' },
  {
    name: 'silent',
    does: 'hangs behind a healthy server',
    later: [{ fault: 'chat-hangs' }],
    says: 'EngineSilent',
    bound: 'hang',
  },
  {
    name: 'other',
    does: 'serves another model',
    later: [{ fault: 'wrong-root', value: '/models/x' }],
    says: 'WrongModel',
  },
  {
    name: 'term',
    does: 'ignores TERM until it is killed',
    faults: [{ fault: 'hangs-on-term', model: 'alpha' }],
    next: true,
    says: 'Unloading',
  },
]

const promisedSeconds = 10
/** with a proof interval of 2 s and a time-out of 3 s; and room for a machine with other work */
const boundMs = { look: 2_000, hang: 5_000 }
const slackMs = 3_000

describe.skipIf(reason !== undefined)('The misbehaviour library on a real cluster', () => {
  let town: Town
  let scene: Scene
  let stop = (): unknown => undefined
  const places = new Map<string, Place>()
  const figures: string[] = []

  beforeAll(async () => {
    town = await buildTown(cluster(), [{ name: 'alpha' }, { name: 'beta' }])
    const { hub, registry } = town
    await installSwitchyard(cluster(), {
      hubUrl: hub.url,
      registryUrl: registry.url,
      image: images?.switchyard ?? '',
    })
    scene = await openScene(town, namespace)
    stop = await watchRuntimes(name => places.get(name))
    // The first claim is bound, and both models are fetched, before any engine is there.
    await scene.apply([
      claim(namespace, 'models'),
      runtimeOf({ name: 'store', does: '', says: '' }, { desiredState: 'Idle' }),
      hubModel(namespace, 'alpha', { runtimes: [{ name: 'store' }] }),
      hubModel(namespace, 'beta', { runtimes: [{ name: 'store' }] }),
    ])
    for (const name of ['alpha', 'beta'])
      await until(
        () => town.get(namespace, 'model', name),
        seen => seen.status?.phase === 'Ready',
        120,
      )
  })

  afterAll(async () => {
    console.log(figures.sort().join('\n'))
    stop()
    scene?.story.end()
    if (figures.length < rows.length && scene) console.log(await operatorLog(cluster()))
    if (scene) await cluster().kubectl(['delete', 'namespace', namespace, '--wait=false'])
    await town?.close()
  })

  it.concurrent.for(rows.map(row => [row.does, row] as const))(
    'an engine that %s',
    { timeout: 170_000 },
    async ([does, row], { expect, onTestFinished }) => {
      const place = new Place(row.name)
      places.set(row.name, place)
      onTestFinished(async () => {
        place.oracle.end()
        await scene.kubectl('delete', 'runtime', row.name, '--wait=false')
      })
      const since = await provoke(place, row)
      const said = await place.untilTold(row.says, since, (row.after ?? 0) + promisedSeconds + 5)
      if (row.told) expect(said.message).toMatch(row.told)
      const seconds = (said.at - since) / 1000
      const { longestLie } = place.oracle.judge()
      figures.push(
        `${seconds.toFixed(1).padStart(5)} s until said, ${(longestLie / 1000).toFixed(1)} s wrongly Ready  ${does}`,
      )
      expect(longestLie).toBeLessThanOrEqual(boundMs[row.bound ?? 'look'] + slackMs)
      if (row.next) await scene.untilActive(row.name, 'beta', 60)
    },
  )

  /** The moment from which on it is wrong. */
  const provoke = async (place: Place, row: Row): Promise<number> => {
    await scene.apply([runtimeOf(row, { activeModel: 'alpha' })])
    if (!row.later && !row.next && !row.kills && !row.serves) return untilStarted(row)
    await scene.untilActive(row.name, 'alpha', 120)
    const [pod] = await podsOf(row)
    place.address = pod?.status.podIP ?? ''
    void place.oracle.watch()
    if (row.later) await setFaults(place, row.later)
    const since = awakeNow()
    if (row.next) await scene.wish(row.name, 'beta')
    if (row.kills) await scene.kubectl('delete', 'pod', pod.metadata.name, '--grace-period=1', '--wait=false')
    return since
  }

  const podsOf = async ({ name }: Row): Promise<Seen[]> =>
    JSON.parse(await scene.kubectl('get', 'pods', '-l', `switchyard.dev/runtime=${name}`, '-o', 'json')).items

  /** Wrong from the moment on at which its container was tried first, or its pod was there when it never starts. */
  const untilStarted = async (row: Row): Promise<number> => {
    const isThere = ({ status }: Seen) =>
      row.says === 'PodNotStarted' || status.containerStatuses?.some(wasTried)
    await until(
      async () => ({ status: await podsOf(row) }),
      ({ status }) => status.some(isThere),
      60,
    )
    return awakeNow()
  }
})

/** Not one that still waits for a container before it. */
const wasTried = ({ state, restartCount }: Seen): boolean =>
  Boolean(state?.running ?? state?.terminated) || restartCount > 0

const setFaults = async (place: Place, faults: readonly EngineFault[]): Promise<void> => {
  const answer = await fetch(`http://${place.address}:${controlPort}/__control`, {
    method: 'POST',
    body: JSON.stringify(faults),
  })
  expect(answer.status).toBe(200)
}

const runtimeOf = (row: Row, more: object) => {
  const env = {
    // so that the other container listens by then, or the model is seen to be gone before its next pod has loaded it
    ENGINE_LOAD_MS: row.pod || row.kills ? '3000' : '300',
    ENGINE_CONTROL_PORT: String(controlPort),
    ENGINE_FAULTS: JSON.stringify(row.faults ?? []),
  }
  const spec = podSpec(vllm(namespace, image, { args: [], env }))
  const [engine] = spec.containers
  const beside = (row.pod as { sidecar?: object } | undefined)?.sidecar
  const sidecars = beside ? { initContainers: [beside] } : {}
  const containers = [{ ...engine, ...row.container }]
  return runtime(namespace, row.name, {
    engine: 'VLLM',
    kubernetes: { podTemplate: { spec: { ...spec, ...sidecars, containers } }, container: 'engine' },
    proof: { intervalSeconds: 2, timeoutSeconds: 3 },
    switch: { drainSeconds: 1 },
    ...row.spec,
    ...more,
  })
}

/** Every change of a Runtime of the namespace, as the API server's watch tells it. */
const watchRuntimes = async (placeOf: (name: string) => Place | undefined): Promise<() => void> => {
  const kubectl = join((await ensurePrograms()).bin, 'kubectl')
  const args = ['get', 'runtimes', '-n', namespace, '--watch', '-o', 'json', '--output-watch-events']
  const watch = execa(kubectl, args, {
    env: { KUBECONFIG: cluster().kubeconfigPath },
    reject: false,
    buffer: false,
  })
  createInterface({ input: watch.stdout }).on('line', line => {
    const { object }: Seen = JSON.parse(line)
    placeOf(object.metadata.name)?.note(object)
  })
  return () => void watch.kill()
}
