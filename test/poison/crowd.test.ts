// More users of one Model than a status can name: the lists end, the status is still one that a server takes.
import { expect, it } from 'vitest'
import { publish, writeModel, writeRuntime } from '../builders/memory-cast.ts'
import { addClaim, addDeployment, createWorld, modelIn, startController } from '../builders/memory-stage.ts'

it.each([
  [
    'one volume',
    () => 'models',
    { copies: 1, phase: 'Ready', reason: 'Downloaded', message: 'the copy is verified' },
  ],
  [
    'a volume each',
    (n: number) => `models-${n}`,
    {
      copies: 32,
      phase: 'Waiting',
      reason: 'Policy',
      message: 'runtime gpu-38: a Model can have copies on at most 32 volumes',
    },
  ],
] as const)(
  'Forty Runtimes with %s make one Model active',
  async (_, claimOf, wanted) => {
    const world = createWorld()
    publish(world, 'org/a', 'a')
    Object.assign(world.script, { downloadSeconds: 1, loadSeconds: 1 })
    for (let n = 0; n < 40; n++) {
      if (!world.claims.get(`default/${claimOf(n)}`)) addClaim(world, claimOf(n))
      addDeployment(world, `gpu-${n}`, 'VLLM', { claim: claimOf(n) })
      writeRuntime(world, `gpu-${n}`, 'VLLM', { activeModel: 'a' })
    }
    writeModel(world, 'a')
    const onError = (line: string): void => void world.violations.push(line)
    const controller = startController(world, { maxDownloads: 100, onError })
    await world.clock.run(120_000)
    controller.stop()
    const { inUseBy, copies, phase, conditions } = modelIn(world, 'a')?.status ?? {}
    const { reason, message } = conditions?.find(one => one.type === 'Ready') ?? {}
    expect({ copies: copies?.length, phase, reason, message }).toEqual(wanted)
    expect([inUseBy?.length, copies?.every(one => one.phase === 'Ready'), world.violations]).toEqual([
      32,
      true,
      [],
    ])
  },
  60_000,
)
