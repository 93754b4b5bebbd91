// For every CEL rule one spec that it lets through and one that it refuses, and the bad input that the schema itself refuses.
// Used twice: against parseSpec, and against the real API server, which must agree.
import type { Kind } from '../../src/domain/object.ts'

type Spec = Record<string, unknown>

export interface RuleCase {
  readonly kind: Kind
  /** place of the rule in the schema */
  readonly at: string
  readonly message: string
  readonly good: Spec
  readonly bad: Spec
  /** set for rules about a change: the spec that stands before */
  readonly before?: Spec
}

export const fromHub = (more: Spec = {}): Spec => ({
  source: { huggingFace: { repo: 'Qwen/Qwen2.5-0.5B', ...more } },
})
export const fromOllama = (name: string): Spec => ({ source: { ollama: { name } } })
export const fromFolder = (path: string): Spec => ({ source: { local: { path } } })
export const adopting = (more: Spec = {}, kubernetes: Spec = {}): Spec => ({
  engine: 'VLLM',
  kubernetes: { deploymentName: 'vllm', ...kubernetes },
  ...more,
})

const dots = (field: string) => `${field} must not contain '..' or '//'`
const long = 'k'.repeat(318)
const keys = 'keys must have at most 317 characters'
const control = 'an argument must not contain control characters'
const fixed = (field: string) => `${field} is immutable; create another Model for another source`

const modelRules: readonly Omit<RuleCase, 'kind'>[] = [
  {
    at: 'source.huggingFace.repo',
    message: dots('repo'),
    good: fromHub({ repo: 'a/b.c' }),
    bad: fromHub({ repo: 'a/b..c' }),
  },
  {
    at: 'source.huggingFace.repo',
    message: fixed('repo'),
    before: fromHub(),
    good: fromHub({ revision: 'v2' }),
    bad: fromHub({ repo: 'other/name' }),
  },
  {
    at: 'source.huggingFace.revision',
    message: dots('revision'),
    good: fromHub({ revision: 'refs/pr/1' }),
    bad: fromHub({ revision: 'refs/../main' }),
  },
  {
    at: 'source.huggingFace.mirrors[].endpoint',
    message: "endpoint must not contain '..'",
    good: fromHub({ mirrors: [{ endpoint: 'https://hub.example:8443/api/hf' }] }),
    bad: fromHub({ mirrors: [{ endpoint: 'https://hub.example/api/../x' }] }),
  },
  {
    at: 'source.huggingFace.include[]',
    message: dots('include'),
    good: fromHub({ include: ['*.safetensors', 'sub/*.json'] }),
    bad: fromHub({ include: ['ok', 'sub/../*.json'] }),
  },
  {
    at: 'source.huggingFace.exclude[]',
    message: dots('exclude'),
    good: fromHub({ exclude: ['original/**'] }),
    bad: fromHub({ exclude: ['a//b'] }),
  },
  {
    at: 'source.ollama.name',
    message: dots('name'),
    good: fromOllama('registry.example:5000/team/model:tag'),
    bad: fromOllama('mod..el'),
  },
  {
    at: 'source.ollama.name',
    message: fixed('name'),
    before: fromOllama('llama3.2:3b'),
    good: { ...fromOllama('llama3.2:3b'), paused: true },
    bad: fromOllama('llama3.2:1b'),
  },
  {
    at: 'source',
    message: 'exactly one of huggingFace, ollama and local must be set',
    good: fromFolder('in-house/llama-ft-3'),
    bad: { source: { ollama: { name: 'c' }, local: { path: 'in-house/llama-ft-3' } } },
  },
  {
    at: 'source.local.path',
    message: dots('path'),
    good: fromFolder('in-house/llama.ft-3'),
    bad: fromFolder('in-house/../other'),
  },
  {
    at: 'source.local.path',
    message: fixed('path'),
    before: fromFolder('in-house/llama-ft-3'),
    good: { ...fromFolder('in-house/llama-ft-3'), paused: true },
    bad: fromFolder('in-house/llama-ft-4'),
  },
  {
    at: 'source',
    message: 'the kind of source is immutable; create another Model for another source',
    before: fromHub(),
    good: fromHub({ include: ['*.json'] }),
    bad: fromOllama('llama3.2'),
  },
  {
    at: 'source',
    message: 'the kind of source is immutable; create another Model for another source',
    before: fromOllama('llama3.2'),
    good: { ...fromOllama('llama3.2'), paused: true },
    bad: fromFolder('in-house/llama-ft-3'),
  },
  {
    at: 'engineArgs[].args[]',
    message: control,
    good: { ...fromHub(), engineArgs: [{ engine: 'VLLM', args: ['--max-model-len', '4096'] }] },
    bad: { ...fromHub(), engineArgs: [{ engine: 'VLLM', args: ['--a\nb'] }] },
  },
]

const runtimeRules: readonly Omit<RuleCase, 'kind'>[] = [
  {
    at: 'engineArgs[]',
    message: control,
    good: adopting({ engineArgs: ['--enforce-eager'] }),
    bad: adopting({ engineArgs: ['a\u0000b'] }),
  },
  {
    at: 'kubernetes',
    message: 'exactly one of deploymentName (adopt) and podTemplate (make) must be set',
    good: { engine: 'VLLM', kubernetes: { podTemplate: { spec: { containers: [] } } } },
    bad: adopting({}, { podTemplate: {} }),
  },
  {
    at: 'kubernetes',
    message: 'configMap is for an adopted Deployment; a made one needs none',
    good: adopting({}, { configMap: { name: 'vllm-engine' } }),
    bad: { engine: 'VLLM', kubernetes: { podTemplate: {}, configMap: { name: 'vllm-engine' } } },
  },
  {
    at: 'storage',
    message: "path must not contain '..'",
    good: adopting({ storage: { path: '/models' } }),
    bad: adopting({ storage: { path: '/models/../etc' } }),
  },
  {
    at: 'placement.nodeSelector',
    message: keys,
    good: adopting({ placement: { nodeSelector: { 'kubernetes.io/hostname': 'a' } } }),
    bad: adopting({ placement: { nodeSelector: { [long]: 'a' } } }),
  },
  {
    at: 'worker.labels',
    message: keys,
    good: adopting({ worker: { labels: { team: 'a' } } }),
    bad: adopting({ worker: { labels: { [long]: 'a' } } }),
  },
  {
    at: 'worker.annotations',
    message: keys,
    good: adopting({ worker: { annotations: { team: 'a' } } }),
    bad: adopting({ worker: { annotations: { [long]: 'a' } } }),
  },
  {
    at: '',
    message: 'configMap is for vLLM; Ollama reads no such file',
    good: { engine: 'Ollama', kubernetes: { deploymentName: 'ollama' } },
    bad: { engine: 'Ollama', kubernetes: { deploymentName: 'ollama', configMap: { name: 'x' } } },
  },
  {
    at: '',
    message: 'apiKeySecretRef is for vLLM; Ollama knows no API key',
    good: adopting({ apiKeySecretRef: { name: 'engine-key' } }),
    bad: {
      engine: 'Ollama',
      kubernetes: { deploymentName: 'ollama' },
      apiKeySecretRef: { name: 'engine-key' },
    },
  },
  {
    at: '',
    message: 'kubernetes or host must say what runs the engine',
    good: { engine: 'VLLM', host: {} },
    bad: { engine: 'VLLM' },
  },
  {
    at: 'host.command[]',
    message: control,
    good: { engine: 'VLLM', host: { command: ['vllm', 'serve'] } },
    bad: { engine: 'VLLM', host: { command: ['vllm', 'serve\n'] } },
  },
  {
    at: 'host',
    message: 'url is for a process that is not ours; command, port and hardening are for one that is',
    good: { engine: 'Ollama', host: { url: 'http://127.0.0.1:11434' } },
    bad: { engine: 'Ollama', host: { url: 'http://127.0.0.1:11434', port: 11434 } },
  },
  {
    at: 'host',
    message: 'unit is for a unit that is not ours; command, url and hardening do not go with it',
    good: { engine: 'Ollama', host: { unit: 'ollama.service', port: 11434 } },
    bad: { engine: 'Ollama', host: { unit: 'ollama.service', hardening: 'None' } },
  },
  {
    at: 'host',
    message: "url must not contain '..'",
    good: { engine: 'Ollama', host: { url: 'http://127.0.0.1:11434' } },
    bad: { engine: 'Ollama', host: { url: 'http://a..b:11434' } },
  },
  {
    at: '',
    message: 'host.url is for Ollama; vLLM changes its model only with a new process',
    good: { engine: 'Ollama', host: { url: 'http://127.0.0.1:11434' } },
    bad: { engine: 'VLLM', host: { url: 'http://127.0.0.1:8000' } },
  },
  {
    at: 'storage',
    message: "directory must not contain '..'",
    good: adopting({ storage: { directory: '/srv/models' } }),
    bad: adopting({ storage: { directory: '/srv/../etc' } }),
  },
  {
    at: '',
    message: 'engine is immutable; create another Runtime',
    before: adopting(),
    good: adopting({ activeModel: 'other' }),
    bad: adopting({ engine: 'Ollama' }),
  },
]

export const ruleCases: readonly RuleCase[] = [
  ...modelRules.map(rule => ({ kind: 'Model' as const, ...rule })),
  ...runtimeRules.map(rule => ({ kind: 'Runtime' as const, ...rule })),
]

export interface BadInput {
  readonly what: string
  readonly kind: Kind
  readonly spec: unknown
  /** the field that the error must name */
  readonly field: string
}

const megabyte = 'a'.repeat(1_000_000)

export const badInputs: readonly BadInput[] = [
  { what: 'an unknown field', kind: 'Model', spec: { ...fromHub(), colour: 'red' }, field: 'spec.colour' },
  {
    what: 'an unknown field below',
    kind: 'Model',
    spec: fromHub({ branch: 'main' }),
    field: 'spec.source.huggingFace.branch',
  },
  {
    what: 'an unknown field in a list',
    kind: 'Model',
    spec: { ...fromHub(), runtimes: [{ name: 'a', x: 1 }] },
    field: 'spec.runtimes[0].x',
  },
  {
    what: 'a number for a text',
    kind: 'Model',
    spec: fromHub({ repo: 5 }),
    field: 'spec.source.huggingFace.repo',
  },
  {
    what: 'a text for a list',
    kind: 'Model',
    spec: fromHub({ include: '*.json' }),
    field: 'spec.source.huggingFace.include',
  },
  {
    what: 'a text for a boolean',
    kind: 'Model',
    spec: { ...fromHub(), paused: 'yes' },
    field: 'spec.paused',
  },
  { what: 'no source', kind: 'Model', spec: {}, field: 'spec.source' },
  { what: 'an empty source', kind: 'Model', spec: { source: {} }, field: 'spec.source' },
  {
    what: 'two sources',
    kind: 'Model',
    spec: { source: { huggingFace: { repo: 'a/b' }, ollama: { name: 'c' } } },
    field: 'spec.source',
  },
  {
    what: 'an empty repo',
    kind: 'Model',
    spec: fromHub({ repo: '' }),
    field: 'spec.source.huggingFace.repo',
  },
  {
    what: 'a repo that climbs',
    kind: 'Model',
    spec: fromHub({ repo: '../etc' }),
    field: 'spec.source.huggingFace.repo',
  },
  {
    what: 'a repo that climbs inside',
    kind: 'Model',
    spec: fromHub({ repo: 'a/..' }),
    field: 'spec.source.huggingFace.repo',
  },
  {
    what: 'a repo starting with -',
    kind: 'Model',
    spec: fromHub({ repo: '-rf/x' }),
    field: 'spec.source.huggingFace.repo',
  },
  {
    what: 'look-alike letters in a repo',
    kind: 'Model',
    spec: fromHub({ repo: 'Qwеn/Qwen2.5-0.5B' }),
    field: 'spec.source.huggingFace.repo',
  },
  {
    what: 'a repo with an address',
    kind: 'Model',
    spec: fromHub({ repo: 'https://user:pw@evil.example/a' }),
    field: 'spec.source.huggingFace.repo',
  },
  {
    what: 'a repo of 1 MB',
    kind: 'Model',
    spec: fromHub({ repo: megabyte }),
    field: 'spec.source.huggingFace.repo',
  },
  {
    what: 'a repo with a line end',
    kind: 'Model',
    spec: fromHub({ repo: 'a/b\n' }),
    field: 'spec.source.huggingFace.repo',
  },
  {
    what: 'a revision that climbs',
    kind: 'Model',
    spec: fromHub({ revision: '../x' }),
    field: 'spec.source.huggingFace.revision',
  },
  {
    what: 'a revision starting with -',
    kind: 'Model',
    spec: fromHub({ revision: '-x' }),
    field: 'spec.source.huggingFace.revision',
  },
  {
    what: 'a revision starting with /',
    kind: 'Model',
    spec: fromHub({ revision: '/x' }),
    field: 'spec.source.huggingFace.revision',
  },
  {
    what: 'a pattern that climbs',
    kind: 'Model',
    spec: fromHub({ include: ['../*'] }),
    field: 'spec.source.huggingFace.include[0]',
  },
  {
    what: 'a pattern from the root',
    kind: 'Model',
    spec: fromHub({ exclude: ['/etc/*'] }),
    field: 'spec.source.huggingFace.exclude[0]',
  },
  {
    what: 'a pattern starting with -',
    kind: 'Model',
    spec: fromHub({ include: ['-x'] }),
    field: 'spec.source.huggingFace.include[0]',
  },
  {
    what: '65 patterns',
    kind: 'Model',
    spec: fromHub({ include: Array(65).fill('*') }),
    field: 'spec.source.huggingFace.include',
  },
  ...['ftp://hub.example', 'https://user@hub.example', 'https://hub.example/a?b', '//hub', '-x', ''].map(
    endpoint => ({
      what: `a mirror at "${endpoint}"`,
      kind: 'Model' as const,
      spec: fromHub({ mirrors: [{ endpoint }] }),
      field: 'spec.source.huggingFace.mirrors[0].endpoint',
    }),
  ),
  {
    what: 'an Ollama name that climbs',
    kind: 'Model',
    spec: fromOllama('../x'),
    field: 'spec.source.ollama.name',
  },
  {
    what: 'an Ollama name starting with -',
    kind: 'Model',
    spec: fromOllama('-x'),
    field: 'spec.source.ollama.name',
  },
  {
    what: 'an Ollama name with a scheme',
    kind: 'Model',
    spec: fromOllama('http://registry.example/x'),
    field: 'spec.source.ollama.name',
  },
  {
    what: 'an Ollama name with userinfo',
    kind: 'Model',
    spec: fromOllama('user@registry.example/x'),
    field: 'spec.source.ollama.name',
  },
  {
    what: 'look-alike letters in an Ollama name',
    kind: 'Model',
    spec: fromOllama('llаma3'),
    field: 'spec.source.ollama.name',
  },
  {
    what: 'a short digest',
    kind: 'Model',
    spec: { source: { ollama: { name: 'a', digest: 'sha256:12' } } },
    field: 'spec.source.ollama.digest',
  },
  {
    what: 'an absolute local path',
    kind: 'Model',
    spec: fromFolder('/etc'),
    field: 'spec.source.local.path',
  },
  {
    what: 'a local path starting with -',
    kind: 'Model',
    spec: fromFolder('-rf'),
    field: 'spec.source.local.path',
  },
  {
    what: 'a local path into a hidden folder',
    kind: 'Model',
    spec: fromFolder('.switchyard/blobs'),
    field: 'spec.source.local.path',
  },
  {
    what: 'a local path that ends with a slash',
    kind: 'Model',
    spec: fromFolder('team/'),
    field: 'spec.source.local.path',
  },
  {
    what: 'a control character in a local path',
    kind: 'Model',
    spec: fromFolder('a\nb'),
    field: 'spec.source.local.path',
  },
  {
    what: 'a Runtime name starting with -',
    kind: 'Model',
    spec: { ...fromHub(), runtimes: [{ name: '-a' }] },
    field: 'spec.runtimes[0].name',
  },
  {
    what: 'an unknown policy',
    kind: 'Model',
    spec: { ...fromHub(), deletionPolicy: 'Keep' },
    field: 'spec.deletionPolicy',
  },
  {
    what: 'an argument of 1 MB',
    kind: 'Runtime',
    spec: adopting({ engineArgs: [megabyte] }),
    field: 'spec.engineArgs[0]',
  },
  {
    what: 'a shell string for arguments',
    kind: 'Runtime',
    spec: adopting({ engineArgs: '--a --b' }),
    field: 'spec.engineArgs',
  },
  { what: 'an unknown engine', kind: 'Runtime', spec: adopting({ engine: 'TGI' }), field: 'spec.engine' },
  { what: 'no engine', kind: 'Runtime', spec: { kubernetes: { deploymentName: 'a' } }, field: 'spec.engine' },
  {
    what: 'an active model with a slash',
    kind: 'Runtime',
    spec: adopting({ activeModel: 'a/b' }),
    field: 'spec.activeModel',
  },
  {
    what: 'an active model that climbs',
    kind: 'Runtime',
    spec: adopting({ activeModel: '../b' }),
    field: 'spec.activeModel',
  },
  { what: 'a port of 0', kind: 'Runtime', spec: adopting({}, { port: 0 }), field: 'spec.kubernetes.port' },
  { what: 'half a port', kind: 'Runtime', spec: adopting({}, { port: 80.5 }), field: 'spec.kubernetes.port' },
  {
    what: 'a path that is relative',
    kind: 'Runtime',
    spec: adopting({ storage: { path: 'models' } }),
    field: 'spec.storage.path',
  },
  {
    what: 'a path that climbs',
    kind: 'Runtime',
    spec: adopting({ storage: { path: '/a/../b' } }),
    field: 'spec.storage.path',
  },
  {
    what: 'a quota in words',
    kind: 'Runtime',
    spec: adopting({ storage: { quota: 'much' } }),
    field: 'spec.storage.quota',
  },
  {
    what: 'a negative wait',
    kind: 'Runtime',
    spec: adopting({ switch: { drainSeconds: -1 } }),
    field: 'spec.switch.drainSeconds',
  },
  {
    what: '33 labels',
    kind: 'Runtime',
    spec: adopting({
      worker: { labels: Object.fromEntries(Array.from({ length: 33 }, (_, i) => [`k${i}`, 'v'])) },
    }),
    field: 'spec.worker.labels',
  },
]
