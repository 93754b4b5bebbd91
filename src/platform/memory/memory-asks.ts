// The worker that asks an engine of the memory world behind its key.
import type { WorkOrder } from '../../domain/platform.ts'
import type { AskTask, WorkerResult } from '../../domain/worker-task.ts'
import { podAt, proofOf } from './memory-engines.ts'
import type { World } from './memory-world.ts'

export const askEngine = (world: World, { tokenSecret }: WorkOrder, task: AskTask): WorkerResult => {
  const denied = (message: string): WorkerResult => ({
    failure: { reason: 'EngineKeyNeeded', message, retry: 'WhenAble' },
  })
  const pod = podAt(world, task.address)
  if (!tokenSecret || !world.script.secrets.has(tokenSecret.name))
    return denied('the Secret or key named in apiKeySecretRef does not exist or is empty')
  if (!pod?.isReady)
    return { failure: { reason: 'EngineUnreachable', message: 'nobody listens', retry: 'Later' } }
  const key = world.script.engineKeys.get(pod.deployment)
  if (key && key !== tokenSecret.name) return denied('the engine refuses the key that apiKeySecretRef names')
  if (!task.wanted) return { asked: {} }
  const options = { mode: task.mode, timeoutMs: task.timeoutSeconds * 1000 }
  return {
    asked: { proof: proofOf({ world, pod }, { ...task.wanted, engine: task.engine, args: [] }, options) },
  }
}
