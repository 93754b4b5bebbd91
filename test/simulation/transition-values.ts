// What may be written into a field of a spec: what its schema takes, its bounds, what it refuses, and what a person could mean.
import type { Structural } from '../../src/domain/crd-schema.ts'
import { manifest } from '../builders/memory-cast.ts'
import { type Field, nameOf } from './transition-fields.ts'

/** Words of the transition worlds: other good ones, and what is bad for a reason that no schema knows. */
const meant: Readonly<Record<string, readonly unknown[]>> = {
  'Runtime.activeModel': ['a', 'b', 'absent', 'alien', 'broken'],
  'Runtime.alias': ['live', 'b', 'Active_1'],
  'Runtime.engineArgs': [
    ['--max-num-seqs', '8'],
    ['--crash'],
    ['--model', 'x'],
    ['--port=1'],
    ['--seed', '7', '--seed'],
  ],
  'Runtime.engineArgs.[]': ['--enforce-eager', '--crash', '--served-model-name', 'a\u0007'],
  'Runtime.kubernetes': [{ deploymentName: 'absent' }, { deploymentName: 'spare' }, {}],
  'Runtime.kubernetes.deploymentName': ['spare', 'absent', 'gpu'],
  'Runtime.kubernetes.podTemplate': [
    { spec: { containers: [{ name: 'vllm' }, { name: 'other' }] } },
    { spec: { containers: 'none' } },
    { spec: { containers: [{ name: 'vllm', args: [7] }] } },
  ],
  'Runtime.kubernetes.serviceName': ['front'],
  'Runtime.host.url': ['http://127.0.0.1:11434'],
  'Runtime.host.unit': ['ollama.service', '../x.service'],
  'Runtime.storage.claimName': ['models', 'spare', 'absent'],
  'Runtime.storage.path': ['/models', '/other', '/../etc'],
  'Runtime.storage.directory': ['/srv/models', '/../etc'],
  'Runtime.storage.quota': ['200Gi', '1', '0', '-1', '1.5Ti', 'much'],
  'Runtime.apiKeySecretRef': [{ name: 'engine-key' }, { name: 'absent' }],
  'Runtime.apiKeySecretRef.name': ['engine-key', 'absent'],
  'Runtime.worker.resources': [{ requests: { cpu: 1 } }, { requests: 7 }],
  'Model.source': [{ huggingFace: { repo: 'org/b' } }, { local: { path: 'in-house/a' } }, {}],
  'Model.source.huggingFace.repo': ['org/b', 'org/absent', '../x'],
  'Model.source.huggingFace.revision': ['v2', 'gone', 'a..b'],
  'Model.source.huggingFace.tokenSecretRef.name': ['hub', 'absent'],
  'Model.source.huggingFace.include.[]': ['*.safetensors', '../*'],
  'Model.source.huggingFace.mirrors.[].endpoint': ['https://hub.example.internal/api/hf', 'https://x/../y'],
  'Model.source.ollama.name': ['b:latest', 'absent:latest'],
  'Model.source.ollama.digest': [manifest('a'), manifest('f'), manifest('0')],
  'Model.source.local.path': ['in-house/a', '../a'],
  'Model.runtimes': [[], [{ name: 'absent' }], [{ name: 'other' }], [{ name: 'gpu' }, { name: 'gpu' }]],
  'Model.runtimes.[].name': ['absent', 'other'],
  'Model.engineArgs': [
    [{ engine: 'VLLM', args: ['--max-model-len', '1024'] }],
    [{ engine: 'VLLM', args: ['--crash'] }],
    [{ engine: 'VLLM', args: ['--api-key', 'x'] }],
    [{ engine: 'Ollama', args: ['--max-num-seqs', '8'] }],
  ],
  'Model.engineArgs.[].args': [['--enforce-eager'], ['--config', 'x']],
}

export const namedFields: readonly string[] = Object.keys(meant)

const fitting = (schema: Structural): readonly unknown[] => {
  const { type, enum: words, minimum = 0, maximum, default: usual } = schema
  switch (type) {
    case 'boolean':
      return [true, false]
    case 'integer':
      return [minimum, minimum + 1, maximum, usual]
    case 'string':
      return words ?? ['x', usual]
    case 'array':
      return [[]]
    default:
      return schema.properties ? [{}] : [{}, { 'example.org/key': 'value' }]
  }
}

const refused = ({ type, maximum = 2 ** 53, maxLength = 1024, maxItems = 128, minimum = 0 }: Structural) => {
  switch (type) {
    case 'boolean':
      return ['yes']
    case 'integer':
      return [minimum - 1, maximum + 1, 1.5, '8']
    case 'string':
      return ['', 'x'.repeat(maxLength + 1), 'a\u0000b', '-x', 7, 'Neither']
    case 'array':
      return ['x', [7], Array.from({ length: maxItems + 1 }, (_, i) => `x${i}`)]
    default:
      return ['x', [], { nobody: { knows: 'this' } }]
  }
}

/** Good ones, bounds and bad ones; undefined = absent. */
export const valuesOf = (field: Field): readonly unknown[] => {
  const words = meant[nameOf(field)] ?? []
  // What people mean counts for more than what no schema takes.
  return [...words, ...words, undefined, null, ...fitting(field.schema), ...refused(field.schema)]
}
