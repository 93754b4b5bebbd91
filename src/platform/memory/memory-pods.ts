// Pods of the memory world come and go as a Deployment makes them: old ones leave first only when it is told Recreate.
import type { Deed, Deployment, Pod, World } from './memory-world.ts'
import type { Readable } from './table.ts'

const actMs = 100
const startMs = 1_000
const againMs = 10_000

/** Follows every change of a Deployment and its pods; one per world. */
export const runDeployments = (world: World): void => {
  const settles = (name: string): void => world.later(actMs, { does: 'settleDeployment', name })
  world.deployments.subscribe(({ name }) => settles(name))
  world.pods.subscribe(({ name }) =>
    settles(world.pods.get(name)?.deployment ?? name.slice(0, name.lastIndexOf('-'))),
  )
}

const isOf = (deployment: Deployment, pod: Pod): boolean =>
  JSON.stringify(pod.template) === JSON.stringify(deployment.template)

export const podsOf = (seen: { readonly pods: Readable<Pod> }, key: string): readonly Pod[] =>
  seen.pods.list().filter(pod => pod.deployment === key)

export const settleDeployment = (world: World, { name: key }: Deed): void => {
  const deployment = world.deployments.get(key)
  const pods = podsOf(world, key)
  if (!deployment || deployment.replicas === 0) for (const pod of pods) letLeave(world, pod.name)
  if (!deployment) return
  if (deployment.observedGeneration !== deployment.generation)
    world.edit(world.deployments, key, one => ({ ...one, observedGeneration: one.generation }))
  if (deployment.replicas === 0) return
  replacePods(world, key, deployment)
}

const replacePods = (world: World, key: string, deployment: Deployment): void => {
  const pods = podsOf(world, key)
  const old = pods.filter(pod => !isOf(deployment, pod))
  const current = pods.filter(pod => isOf(deployment, pod) && !pod.isLeaving)
  const isRecreated = deployment.strategy === 'Recreate'
  if (isRecreated || current.some(pod => pod.isReady)) for (const pod of old) letLeave(world, pod.name)
  if (current.length === 0 && !(isRecreated && old.length > 0)) createPod(world, deployment, key)
}

/** SIGTERM, then the grace period: not ready at once, gone at its end. */
export const letLeave = (world: World, name: string): void => {
  const pod = world.pods.get(name)
  if (!pod || pod.isLeaving) return
  world.edit(world.pods, name, one => ({ ...one, isLeaving: true, isReady: false }))
  world.later(world.script.graceSeconds * 1000, { does: 'dropPod', name })
}

/** A pod as the cluster makes it from a Deployment: nothing of it runs yet. */
export const freshPod = (world: World, deployment: Deployment, key: string): Pod => {
  const name = `${key}-${world.serial()}`
  return {
    name,
    uid: `uid-${name.slice(name.lastIndexOf('/') + 1)}`,
    deployment: key,
    engine: deployment.engine,
    template: deployment.template,
    isRunning: false,
    isReady: false,
    isLeaving: false,
    isInService: true,
    restarts: 0,
    createdAt: world.now(),
    log: [],
    loaded: [],
  }
}

const createPod = (world: World, deployment: Deployment, key: string): void => {
  const pod = freshPod(world, deployment, key)
  world.pods.put(pod.name, () => pod)
  world.later(startMs, { does: 'startPod', name: pod.name })
}

/** One device: the same template's next pod waits for it; a rolling update takes it from two sides, which is a violation. */
export const startPod = (world: World, deed: Deed): void => {
  const { name } = deed
  const pod = world.pods.get(name)
  if (!pod || pod.isLeaving || pod.isRunning) return
  const others = podsOf(world, pod.deployment).filter(one => one.isRunning && one.name !== name)
  if (others.some(one => one.isLeaving)) {
    world.later(500, deed)
    return
  }
  if (others.length > 0) world.violations.push(`two pods of ${pod.deployment} run side by side`)
  world.edit(world.pods, name, one => ({
    ...one,
    isRunning: true,
    log: [...one.log, 'vLLM API server version 0.32'],
  }))
  const seconds = pod.engine === 'VLLM' ? world.script.loadSeconds : 1
  world.later((seconds * 1000) / 2, { does: 'loadHalf', name })
  world.later(seconds * 1000, { does: 'finishStart', name })
}

export const loadHalf = (world: World, { name }: Deed): void =>
  world.edit(world.pods, name, one =>
    one.isRunning
      ? { ...one, log: [...one.log, 'Loading safetensors checkpoint shards:  50% Completed | 1/2'] }
      : one,
  )

export const finishStart = (world: World, { name }: Deed): void => {
  const pod = world.pods.get(name)
  if (!pod || pod.isLeaving || !pod.isRunning) return
  const failure = pod.engine === 'VLLM' ? loadFailure(world, pod) : undefined
  if (failure) {
    crash(world, name, failure)
    return
  }
  const { problem: _, ...well } = pod
  world.pods.put(name, () => ({ ...well, isReady: true, readyAt: world.now() }))
}

/** The container ended: the kubelet starts it again after a while. */
export const crash = (world: World, name: string, line: string): void => {
  world.edit(
    world.pods,
    name,
    (one): Pod => ({
      ...one,
      isRunning: false,
      isReady: false,
      restarts: one.restarts + 1,
      loaded: [],
      log: [...one.log, line],
      problem: { reason: 'LoadFailed', message: 'the container ended (exit code 1)' },
    }),
  )
  world.later(againMs, { does: 'startPod', name })
}

const loadFailure = (world: World, pod: Pod): string | undefined => {
  const words = pod.template.args.join(' ')
  for (const [word, line] of world.script.loadFails) if (words.includes(word)) return line
  const folder = pod.template.args.find(word => word.startsWith('/models/hub/'))
  if (!folder) return undefined
  const deployment = world.deployments.get(pod.deployment)
  const claim = deployment && world.claims.get(`${deployment.namespace}/${deployment.claim}`)
  return claim?.copies.some(copy => copy.model === folder) ? undefined : `OSError: ${folder} is not a folder`
}

/** Ollama: what its store holds, by listed name. */
export const storedIn = (world: World, pod: Pod): ReadonlyMap<string, string> => {
  const deployment = world.deployments.get(pod.deployment)
  const claim = deployment && world.claims.get(`${deployment.namespace}/${deployment.claim}`)
  return new Map(claim?.copies.map(copy => [copy.model, copy.revision]) ?? [])
}
