// What controller and worker say to each other, field by field: what one writes the other must read whole.
import { describe, expect, it } from 'vitest'
import { exitCodes } from '../../src/domain/exit-codes.ts'
import { ownerKind, parseWorkerResult, WorkerTask, withSecretFiles } from '../../src/domain/worker-task.ts'

const who = {
  owner: 'uid',
  source: {
    huggingFace: {
      repo: 'org/a',
      revision: 'main',
      include: ['*.json'],
      exclude: ['x'],
      mirrors: [{ endpoint: 'https://m' }],
    },
  },
  sourceHash: 'hash',
  hubEndpoint: 'https://hub',
  registryEndpoint: 'https://registry',
  tokenFile: '/token',
}
const layout = { root: '/models', kind: 'HubCache', path: '/models/hub' } as const
const pinned = { ...who, revision: 'main', layout }
const wanted = { model: 'a', identity: '/a', servedNames: ['a', 'active'], task: 'Chat', hash: 'h' } as const
const ask = {
  owner: 'uid',
  engine: 'VLLM',
  address: 'http://10.0.0.1:8000',
  mode: 'Task',
  timeoutSeconds: 20,
}

const resolution = {
  sourceHash: 'hash',
  revision: 'main',
  files: 3,
  bytes: 10,
  format: 'Safetensors',
  listDigest: 'd',
  capabilities: { contextLength: 4096 },
}
const copy = {
  receipt: 'r',
  bytes: 10,
  bytesFetched: 4,
  bytesReused: 6,
  path: '/x',
  seconds: 3,
  isAdopted: true,
  note: 'n'.repeat(256),
}
const failure = {
  reason: 'NoSpace',
  message: 'm',
  retry: 'WhenAble',
  needBytes: 5,
  haveBytes: 2,
  retryAfterSeconds: 9,
}
const proof = { isProved: true, reason: 'Active', message: 'answered', milliseconds: 5 }

describe('A task', () => {
  it.each<[string, object]>([
    ['to resolve', { command: 'resolve', ...who }],
    ['to download', { command: 'download', ...pinned, listDigest: 'd', budgetBytes: 5, bytesPerSecond: 7 }],
    [
      'to download from Ollama',
      {
        command: 'download',
        ...pinned,
        source: { ollama: { name: 'llama3.2', digest: 'sha256:0' } },
        layout: { ...layout, kind: 'OllamaStore' },
        listDigest: 'd',
      },
    ],
    ['to verify', { command: 'verify', ...pinned }],
    ['to verify a folder', { command: 'verify', ...pinned, source: { local: { path: '/models/a' } } }],
    ['to remove', { command: 'remove', ...pinned, aliases: ['active'] }],
    ['to ask whether a key is taken', { command: 'ask', ...ask, keyFile: '/key' }],
    ['to ask for a proof', { command: 'ask', ...ask, engine: 'Ollama', wanted, mode: 'ListOnly' }],
  ])('%s arrives whole', (_, task) => {
    expect(WorkerTask.parse(task)).toEqual(task)
  })

  it.each<[string, object]>([
    ['of a command that nobody knows', { command: 'dance', ...pinned }],
    ['without an owner', { command: 'verify', ...pinned, owner: undefined }],
    ['to download without the digest of the list', { command: 'download', ...pinned }],
    ['to remove from nowhere', { command: 'remove', ...pinned, layout: {} }],
    ['to verify no source', { command: 'verify', ...pinned, source: { huggingFace: {} } }],
    [
      'with a mirror of no address',
      { command: 'verify', ...pinned, source: { huggingFace: { repo: 'a', revision: 'b', mirrors: [{}] } } },
    ],
    ['to verify an Ollama model of no name', { command: 'verify', ...pinned, source: { ollama: {} } }],
    ['to verify a folder of no path', { command: 'verify', ...pinned, source: { local: {} } }],
    ['to ask another engine', { command: 'ask', ...ask, engine: 'Other' }],
    ['to ask nobody', { command: 'ask', engine: 'VLLM' }],
    ['to ask for nothing', { command: 'ask', ...ask, wanted: {} }],
  ])('%s is refused', (_, task) => {
    expect(WorkerTask.safeParse(task).success).toBe(false)
  })

  it('to ask belongs to a Runtime, every other to a Model', () => {
    const commands = ['resolve', 'download', 'verify', 'remove', 'ask'] as const
    expect(commands.map(ownerKind)).toEqual(['Model', 'Model', 'Model', 'Model', 'Runtime'])
  })
})

describe('The Secrets of a task', () => {
  const bare = { ...pinned, tokenFile: undefined }
  const verify = (source: object, more: object = {}) =>
    ({ command: 'verify', ...bare, ...more, source }) as WorkerTask
  const hub = { repo: 'org/a', revision: 'main' }
  const mirrors = [{ endpoint: 'https://m0' }, { endpoint: 'https://m1' }, { endpoint: 'https://m2' }]
  const asked = { command: 'ask', ...ask } as WorkerTask

  it('are named by their files, each where it is used', () => {
    const task = verify({ huggingFace: { ...hub, mirrors } })
    const files = {
      own: '/own',
      mirrors: [
        { mirror: 2, file: '/m2' },
        { mirror: 0, file: '/m0' },
      ],
    }
    const told = [{ ...mirrors[0], tokenFile: '/m0' }, mirrors[1], { ...mirrors[2], tokenFile: '/m2' }]
    expect(withSecretFiles(task, files)).toStrictEqual(
      verify({ huggingFace: { ...hub, mirrors: told } }, { tokenFile: '/own' }),
    )
  })

  it('of mirrors alone say nothing of its own', () => {
    const task = verify({ huggingFace: { ...hub, mirrors } })
    const told = [mirrors[0], { ...mirrors[1], tokenFile: '/m1' }, mirrors[2]]
    expect(withSecretFiles(task, { mirrors: [{ mirror: 1, file: '/m1' }] })).toStrictEqual(
      verify({ huggingFace: { ...hub, mirrors: told } }),
    )
  })

  it('are an engine’s key where an engine is asked', () =>
    expect(withSecretFiles(asked, { own: '/key' })).toStrictEqual({ ...asked, keyFile: '/key' }))

  it.each<[string, WorkerTask, object]>([
    ['an engine without a key', asked, {}],
    ['a source without a token', verify({ huggingFace: hub }), {}],
    ['mirrors without one', verify({ huggingFace: { ...hub, mirrors } }), { mirrors: [] }],
    ['a source without mirrors', verify({ huggingFace: hub }), { mirrors: [{ mirror: 0, file: '/m0' }] }],
    ['no Hub', verify({ ollama: { name: 'a' } }), { mirrors: [{ mirror: 0, file: '/m0' }] }],
  ])('are none for %s: the task stays as it is', (_, task, files) =>
    expect(withSecretFiles(task, files)).toBe(task),
  )
})

const fallen = { owner: 'uid-b', bytes: 5, receipt: 'd'.repeat(64) }

describe('A result', () => {
  it.each<[string, object]>([
    ['of a resolve', { resolution }],
    ['of a resolve that used the limit up', { resolution, quietSeconds: 9 }],
    ['of a copy', { copy }],
    ['of a removal', { removed: { bytesFreed: 7 } }],
    ['of a removal that others keep bytes of', { removed: { bytesFreed: 7, fallen: [fallen] } }],
    ['of a key that was taken', { asked: {} }],
    ['of a proof', { asked: { proof } }],
    ['of a failure', { failure }],
  ])('%s arrives whole', (_, result) => {
    expect(parseWorkerResult(JSON.stringify(result))).toEqual(result)
  })

  it('is the last line of what was written', () => {
    const text = `starting\n{"copy":5}\n${JSON.stringify({ removed: { bytesFreed: 7 } })}\n`
    expect(parseWorkerResult(text)).toEqual({ removed: { bytesFreed: 7 } })
  })

  it.each([
    [undefined],
    [''],
    ['\n'],
    ['Killed'],
    ['{"failure":'],
    ['{"failure":{}}'],
    ['{"failure":{"reason":"Other","message":"m","retry":"Never"}}'],
    ['{"failure":{"reason":"NoSpace","message":"m","retry":"Soon"}}'],
    ['{"removed":{}}'],
    ['{"asked":{"proof":{}}}'],
    ['{"resolution":{}}'],
    ['{"copy":{}}'],
  ])('is not %j', text => {
    expect(parseWorkerResult(text)).toBeUndefined()
  })

  it.each(['Never', 'Later', 'WhenAble'])('may say that it is tried again: %s', retry => {
    const told = { failure: { reason: 'NoSpace', message: 'm', retry } }
    expect(parseWorkerResult(JSON.stringify(told))).toEqual(told)
  })

  it('goes with an exit code that other programs may rely on', () => {
    expect(exitCodes).toEqual({ ok: 0, never: 10, whenAble: 11, later: 75, terminated: 143 })
  })
})
