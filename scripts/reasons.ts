// Writes docs/reasons.md from the one table of reasons; `npm run reasons`.
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { reasons } from '../src/domain/conditions.ts'

export const reasonsPath: string = fileURLToPath(new URL('../docs/reasons.md', import.meta.url))

export const renderReasons = (): string => {
  const rows = Object.entries(reasons)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([reason, { means, todo }]) => `| ${reason} | ${means} | ${todo || '–'} |`)
  return `# Reasons

Every reason a condition, an event or a failure note can have; the same word everywhere. Written by \`npm run reasons\` from
\`src/domain/conditions.ts\`.

| Reason | What it means | What to do |
|---|---|---|
${rows.join('\n')}
`
}

if (import.meta.main) writeFileSync(reasonsPath, renderReasons())
