// Writes to the store of a host until it is killed, and says each time what was acknowledged: `node endless-writer.ts FOLDER`.
import { writeSync } from 'node:fs'
import { openParts } from './host-parts.ts'

const namespace = 'default'
const { people, store, journal } = openParts(process.argv[2] ?? '')

/** At once and whole: what is buffered would be lost with the process. */
const acknowledge = (what: object): void => void writeSync(1, `${JSON.stringify(what)}\n`)

const first = store.listModels(namespace).length
for (let n = first; ; n++) {
  const name = `model-${n}`
  people.apply({ kind: 'Model', namespace, name, spec: { source: { ollama: { name } } } }, 'person')
  acknowledge({ name })
  const model = store.getModel({ namespace, name })
  if (!model) throw new Error(`${name} is not shown`)
  journal.write(model, { type: 'Normal', reason: 'Active', message: name })
  await store.writeModelStatus(model, { phase: `${n}` })
  acknowledge({ name, phase: `${n}` })
}
