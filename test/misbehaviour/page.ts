// docs/engines.md from the misbehaviour library: what we see, what we say, and how soon.
import { fileURLToPath } from 'node:url'
import { reasons } from '../../src/domain/reasons.ts'
import { type Misbehaviour, misbehaviours } from '../stand-ins/engine/misbehaviours.ts'

export const pagePath: string = fileURLToPath(new URL('../../docs/engines.md', import.meta.url))

const titles: Readonly<Record<Misbehaviour['when'], string>> = {
  First: 'While the first model ever is loaded',
  Second: 'While another model is loaded, and one serves',
  Serving: 'While a model serves',
  Leaving: 'When the old model has to go',
}

const endings: Readonly<Record<NonNullable<Misbehaviour['ends']>, string>> = {
  Active: 'Active',
  Failed: 'Failed, until a person changes something',
  RolledBack: 'the model before serves again',
}

const outcomeOf = ({ ends, heals }: Misbehaviour): string => {
  if (ends) return endings[ends]
  if (heals === 'Itself') return 'Ready again by itself'
  return heals ? 'Ready again when the cause is gone' : '–'
}

const whenOf = ({ after, bound, when }: Misbehaviour): string => {
  if (after) return '10 s after its limit (`spec.switch`)'
  if (when !== 'Serving') return '10 s'
  return { exit: '2 s', look: 'one proof interval', hang: 'interval + time-out' }[bound ?? 'look']
}

const rowOf = (row: Misbehaviour): string =>
  `| ${row.does} | ${row.engine} | ${row.says} | ${whenOf(row)} | ${outcomeOf(row)} |`

const partOf = (when: Misbehaviour['when']): string => {
  const rows = misbehaviours.filter(row => row.when === when && row.says !== 'Active').map(rowOf)
  return `## ${titles[when]}

| An engine that … | Engine | Reason in Ready | Said within | What comes of it |
|---|---|---|---|---|
${rows.join('\n')}`
}

const harmless = (): string =>
  misbehaviours
    .filter(row => row.says === 'Active')
    .map(row => `* ${row.engine}: an engine that ${row.does}.`)
    .join('\n')

const todos = (): string =>
  [...new Set(misbehaviours.map(row => row.says))]
    .filter(reason => reasons[reason].todo)
    .sort()
    .map(reason => `| ${reason} | ${reasons[reason].todo} |`)
    .join('\n')

export const renderPage = (): string => `# Engines that misbehave: what we see, what we say

Written from the misbehaviour library (\`test/stand-ins/engine/misbehaviours.ts\`; \`UPDATE_GOLDEN=1\` writes this page). Every row is run: the
production loop against a real process over HTTP, with a witness that asks the engine ten times a second what would answer a
client, and compares it with Ready. A dozen of them run on a real cluster too (\`test/misbehaviour/engines.cluster.test.ts\`).

${(['First', 'Second', 'Serving', 'Leaving'] as const).map(partOf).join('\n\n')}

## What looks bad and is not

${harmless()}

vLLM counts tokens, so a busy one is told from a hung one by its counters. Ollama counts nothing: one that leaves a probe waiting for longer
than \`spec.proof.timeoutSeconds\` is EngineSilent, busy or not.

## What to do

| Reason | What to do |
|---|---|
${todos()}
`
