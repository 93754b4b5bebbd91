// Commands on a client in memory and a terminal that remembers: what a person would see, without a process.
import { Readable } from 'node:stream'
import { type Client, Refusal, type Seen } from '../../src/cli/client.ts'
import { Printer } from '../../src/cli/print.ts'
import { runProgram } from '../../src/cli/program.ts'
import { rowOf } from '../../src/cli/row.ts'
import { toSeen } from '../../src/cli/seen.ts'
import type { Discovery } from '../../src/domain/discovery.ts'

export const now = new Date('2026-11-27T03:00:00.000Z')
const created = '2026-11-27T02:00:00.000Z'

const meta = (name: string) => ({
  name,
  namespace: 'default',
  uid: `uid-${name}`,
  generation: 1,
  resourceVersion: '7',
  creationTimestamp: created,
})

const ready = (status: string, reason: string, message: string) => ({
  type: 'Ready',
  status,
  reason,
  message,
  observedGeneration: 1,
  lastTransitionTime: '2026-11-27T02:59:00.000Z',
})

export const aModel = (name: string, status: object = {}, spec: object = {}): Seen =>
  toSeen({
    kind: 'Model',
    metadata: meta(name),
    spec: { source: { huggingFace: { repo: `org/${name}` } }, ...spec },
    status,
  } as Parameters<typeof toSeen>[0])

export const aRuntime = (name: string, status: object = {}, spec: object = {}): Seen =>
  toSeen({
    kind: 'Runtime',
    metadata: meta(name),
    spec: { engine: 'VLLM', host: { port: 8000 }, ...spec },
    status,
  } as Parameters<typeof toSeen>[0])

const resolved = (bytes: number) => ({
  sourceHash: 'h',
  revision: 'a'.repeat(40),
  files: 12,
  bytes,
  format: 'Safetensors',
  listDigest: 'd',
  licence: 'apache-2.0',
})

/** A machine in the middle of its work. */
export const aBusyHost = (): readonly Seen[] => [
  aRuntime(
    'gpu-a',
    {
      observedGeneration: 1,
      phase: 'Active',
      strategy: 'Recreate',
      active: {
        model: 'qwen',
        revision: 'a'.repeat(40),
        recipe: 'r1',
        since: '2026-11-27T02:50:00.000Z',
        endpoint: 'http://127.0.0.1:8000',
      },
      lastSwitch: {
        id: '1',
        from: { model: 'llama', recipe: 'r0' },
        to: { model: 'qwen', revision: 'a'.repeat(40), recipe: 'r1' },
        result: 'Committed',
        startedAt: '2026-11-27T02:49:00.000Z',
        finishedAt: '2026-11-27T02:49:42.000Z',
        downtimeMilliseconds: 31_200,
      },
      operations: [
        {
          id: '1',
          type: 'Activate',
          phase: 'Succeeded',
          requestedBy: 'cli:ann',
          from: 'llama',
          to: 'qwen',
          startedAt: '2026-11-27T02:49:00.000Z',
          finishedAt: '2026-11-27T02:49:42.000Z',
          durationSeconds: 42,
          downtimeMilliseconds: 31_200,
        },
      ],
      storage: { quotaBytes: 200_000_000_000, usedBytes: 15_200_000_000, reservedBytes: 8_000_000_000 },
      conditions: [ready('True', 'Active', 'qwen answers')],
    },
    { activeModel: 'qwen' },
  ),
  aRuntime(
    'gpu-b',
    {
      observedGeneration: 1,
      phase: 'Switching',
      strategy: 'Recreate',
      switch: {
        id: '2',
        from: { model: 'qwen', recipe: 'r1' },
        to: { model: 'llama', recipe: 'r2' },
        step: 'Loading',
        message: 'loading weights',
        percent: 45,
        startedAt: '2026-11-27T02:59:30.000Z',
        stepSince: '2026-11-27T02:59:40.000Z',
        lastProgressAt: '2026-11-27T02:59:59.000Z',
        expectedSeconds: 90,
        attempt: 1,
      },
      conditions: [ready('False', 'Switching', 'loading weights')],
    },
    { activeModel: 'llama' },
  ),
  aRuntime(
    'gpu-c',
    {
      observedGeneration: 1,
      phase: 'Waiting',
      conditions: [ready('False', 'PortTaken', 'port 8000 is in use by a process that is not ours')],
    },
    { activeModel: 'qwen' },
  ),
  aModel('qwen', {
    observedGeneration: 1,
    phase: 'Ready',
    resolved: resolved(15_231_233_024),
    capabilities: { task: 'Chat', contextLength: 32768, quantization: 'awq' },
    copies: [
      {
        claim: 'disk-1',
        subPath: '',
        runtimes: ['gpu-a'],
        origin: 'Fetched',
        isNamed: false,
        phase: 'Ready',
        path: '/models/qwen',
      },
    ],
    inUseBy: ['gpu-a'],
    display: { source: 'hf:org/qwen', size: '15.2 GB' },
    conditions: [ready('True', 'Downloaded', 'every byte was verified')],
  }),
  aModel('llama', {
    observedGeneration: 1,
    phase: 'Downloading',
    resolved: resolved(8_000_000_000),
    progress: {
      percent: 62,
      bytesDone: 4_960_000_000,
      bytesTotal: 8_000_000_000,
      bytesPerSecond: 112_000_000,
      etaSeconds: 27,
    },
    display: { source: 'hf:org/llama', size: '8 GB', progress: '62%', speed: '112 MB/s', eta: '27s' },
    conditions: [ready('False', 'Downloading', '62%')],
  }),
  aModel('secret', {
    observedGeneration: 1,
    phase: 'Failed',
    failure: { reason: 'Gated', message: 'the licence must be accepted', attempts: 1, at: created },
    conditions: [ready('False', 'Gated', 'the licence must be accepted on https://hub/org/secret')],
  }),
]

export interface Shown {
  readonly exitCode: number
  readonly out: string
  readonly err: string
  /** what was asked of the client, in order */
  readonly asked: readonly unknown[]
}

const clientOf = (all: readonly Seen[], asked: unknown[], owner: string | undefined): Client => ({
  platform: 'host',
  place: 'this host',
  namespace: 'default',
  rows: async kind => all.filter(({ object }) => object.kind === kind).map(rowOf),
  list: async kind => all.filter(({ object }) => object.kind === kind),
  find: async (kind, { name }) =>
    all.find(({ object }) => object.kind === kind && object.metadata.name === name),
  apply: async wish => {
    asked.push({ apply: `${wish.kind}/${wish.name}` })
    return 'created'
  },
  change: async ({ metadata }, { spec, annotations }) => {
    asked.push({ [metadata.name]: spec ?? annotations })
    return 'configured'
  },
  remove: async ({ metadata }) => {
    asked.push({ remove: metadata.name })
    return true
  },
  logs: async function* () {
    yield 'INFO loading\u001b[2J'
  },
  happenings: async function* ({ about, since, onGone }) {
    if (since > 0 && since < 100) onGone?.(100)
    const at = '2026-11-27T02:59:00.000Z'
    const base = { at, namespace: 'default', actor: 'switchyard', type: 'Normal' } as const
    yield {
      ...base,
      seq: 1,
      kind: about?.kind ?? 'Model',
      name: about?.metadata.name ?? 'qwen',
      reason: 'Resolved',
      message: 'pinned',
    }
  },
  ownerOf: () => owner,
  close: async () => undefined,
})

const copy = { bytes: 8_000_000_000, isComplete: true, receipt: 'None' } as const
const found: Discovery = {
  root: '/models',
  bytes: 16_000_000_000,
  unreadable: ['closed'],
  copies: [
    { ...copy, layout: 'HubCache', path: 'hub', model: 'Qwen/Qwen2.5-7B-Instruct', receipt: 'Fetched' },
    { ...copy, layout: 'OllamaStore', path: '', model: 'registry.ollama.ai/library/llama3.2:3b' },
    { ...copy, layout: 'Folder', path: 'team/ft', model: 'ft', isComplete: false },
  ],
}

export interface Wish {
  /** default: a host */
  readonly speaksTo?: 'host' | 'cluster' | 'nobody'
  readonly all?: readonly Seen[]
  readonly owner?: string
  readonly isTTY?: boolean
  readonly wantsColour?: boolean
  readonly input?: string
  readonly secretsFolder?: string
}

export const show = async (words: readonly string[], wish: Wish = {}): Promise<Shown> => {
  const [out, err]: [string[], string[]] = [[], []]
  const asked: unknown[] = []
  const { isTTY = false, wantsColour = false } = wish
  const exitCode = await runProgram(words, {
    print: new Printer({
      out: { write: text => out.push(text), isTTY, columns: 100 },
      err: { write: text => err.push(text) },
      wantsColour,
    }),
    connect: async () => {
      if (wish.speaksTo === 'nobody') throw new Refusal('nobody is there', 4)
      return { ...clientOf(wish.all ?? aBusyHost(), asked, wish.owner), platform: wish.speaksTo ?? 'host' }
    },
    now: () => now,
    input: Readable.from([wish.input ?? '']) as unknown as NodeJS.ReadStream,
    secretsFolder: wish.secretsFolder ?? '/nowhere',
    usualFolders: ['/models', '/nowhere'],
    discover: async folder => (folder === '/models' ? found : { root: folder, failure: 'is no folder' }),
  })
  return { exitCode, out: out.join(''), err: err.join(''), asked }
}
