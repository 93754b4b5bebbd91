// What the two kinds are called and which columns they are shown in: without their schemas, which take longer to make than a list to print.
import type { Kind } from './object.ts'

export const group = 'switchyard.dev'
export const version = 'v1alpha1'

interface Column {
  readonly name: string
  readonly type: 'string' | 'date'
  readonly jsonPath: string
  readonly description: string
  /** 1 = only with -o wide */
  readonly priority?: 1
}

interface KindFacts {
  readonly plural: string
  readonly shortName: string
  readonly description: string
  readonly columns: readonly Column[]
}

const column = (name: string, jsonPath: string, description: string, priority?: 1): Column => ({
  name,
  type: jsonPath.endsWith('Timestamp') ? 'date' : 'string',
  jsonPath,
  description,
  ...(priority && { priority }),
})

const ready = (field: string) => `.status.conditions[?(@.type=="Ready")].${field}`
const first = [
  column('Ready', ready('status'), 'Whether what was asked for is true.'),
  column('Phase', '.status.phase', 'A caption for people.'),
]
const age = column('Age', '.metadata.creationTimestamp', 'Time since it was created.')
const reason = column('Reason', ready('reason'), 'Why it is ready or not.', 1)

export const kinds: Readonly<Record<Kind, KindFacts>> = {
  Model: {
    plural: 'models',
    shortName: 'mdl',
    description: 'These bytes, from this source, verified, on the volumes of these runtimes.',
    columns: [
      ...first,
      column('Progress', '.status.display.progress', 'Percent of the bytes that are there.'),
      column('Size', '.status.display.size', 'Bytes of the model.'),
      column('Source', '.status.display.source', 'Where the bytes come from.'),
      age,
      reason,
      column('Speed', '.status.display.speed', 'Speed of the download.', 1),
      column('ETA', '.status.display.eta', 'Time to go.', 1),
    ],
  },
  Runtime: {
    plural: 'runtimes',
    shortName: 'rt',
    description: 'This vLLM or Ollama server, on this hardware, serves this active model.',
    columns: [
      ...first,
      column('Active', '.status.active.model', 'Model that was proved to answer last.'),
      column('Step', '.status.switch.step', 'Step of the switch that runs.'),
      column('Engine', '.spec.engine', 'The program family.'),
      age,
      reason,
      column('Expected', '.status.display.expected', 'How long loading is expected to take.', 1),
    ],
  },
}
