// Writes docs/reasons.md from the one table of reasons; `npm run reasons`.
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type Reason, reasonNames } from '../src/domain/conditions.ts'
import { hostText } from '../src/domain/host-reasons.ts'
import { reasons } from '../src/domain/reasons.ts'

export const reasonsPath: string = fileURLToPath(new URL('../docs/reasons.md', import.meta.url))

/** Only what differs; empty where a host says the same. */
const onHost = (reason: Reason): string => {
  const host = hostText(reason)
  if (!host) return 'No host gives it.'
  const { means, todo } = reasons[reason]
  return [host.means === means ? '' : host.means, host.todo === todo ? '' : host.todo]
    .filter(Boolean)
    .join(' ')
}

export const renderReasons = (): string => {
  const rows = [...reasonNames].sort().map(reason => {
    const { means, todo } = reasons[reason]
    return `| ${reason} | ${means} | ${todo || '–'} | ${onHost(reason)} |`.replace(/ {2}\|$/, ' |')
  })
  return `# Reasons

Every reason a condition, an event or a failure note can have; the same word everywhere. \`switchyard explain REASON\` says the same for the
host or the cluster that it speaks to. Written by \`npm run reasons\` from \`src/domain/reasons.ts\` and \`host-reasons.ts\`.

| Reason | What it means | What to do | Where a host differs |
|---|---|---|---|
${rows.join('\n')}
`
}

if (import.meta.main) writeFileSync(reasonsPath, renderReasons())
