// `npm test`: the checks, then every layer of tests that can run here; says what could not, and closes with one line of counts.
import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { ensureOllama, whyNoOllama } from '../test/cluster/ollama.ts'
import { ensurePrograms, whyNotHere } from '../test/cluster/programs.ts'
import { check } from './check.ts'

interface Counts {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

interface OneTest {
  readonly status: string
  readonly fullName: string
  readonly failureMessages: readonly string[]
}

interface TestFile {
  readonly name: string
  readonly status: string
  readonly message: string
  readonly assertionResults: readonly OneTest[]
}

interface Report {
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly numPendingTests: number
  readonly numFailedTestSuites: number
  readonly success: boolean
  readonly testResults: readonly TestFile[]
}

const folder = mkdtempSync(join(tmpdir(), 'switchyard-test-'))
const say = (line: string): void => console.log(line)
const failures: string[] = []

/** What failed in one file: its tests with their first message, or the file itself when it could not be loaded. */
const failuresOf = (file: TestFile): string[] => {
  const tests = file.assertionResults
    .filter(one => one.status === 'failed')
    .map(one => `✗ ${file.name}\n  ${one.fullName}\n  ${one.failureMessages[0] ?? ''}`)
  if (tests.length > 0 || file.status !== 'failed') return tests
  return [`✗ ${file.name}\n  ${file.message}`]
}

/** One vitest project; a run that ends without a report counts as one failure. One that runs beside another is shown when it has ended. */
const runProject = async (project: string, isBeside = false): Promise<Counts> => {
  const title = `\n── ${project} ──`
  say(isBeside ? `${title} runs beside the next one and is shown when it has ended` : title)
  const file = join(folder, `${project}.json`)
  const reports = ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`]
  const done = await execa('vitest', ['run', '--project', project, ...reports], {
    ...(isBeside ? { stdin: 'ignore', all: true } : { stdio: 'inherit' }),
    reject: false,
    preferLocal: true,
  })
  if (isBeside) say(`${title}\n${done.all}`)
  try {
    const report = JSON.parse(readFileSync(file, 'utf8')) as Report
    failures.push(...report.testResults.flatMap(failuresOf))
    const failed = report.numFailedTests || (done.failed ? Math.max(1, report.numFailedTestSuites) : 0)
    return { passed: report.numPassedTests, failed, skipped: report.numPendingTests }
  } catch {
    failures.push(`✗ ${project}: ended without a report`)
    return { passed: 0, failed: 1, skipped: 0 }
  }
}

/** Real programs are built once per machine, outside the clone. */
const buildPrograms = async (): Promise<void> => {
  const reason = whyNotHere()
  if (reason) return say(`left out: the cluster suite: ${reason}`)
  const begun = Date.now()
  await ensurePrograms(say)
  const noOllama = whyNoOllama()
  if (noOllama) say(`left out: tests with the real Ollama: ${noOllama}`)
  else await ensureOllama(say)
  say(`programs are ready (${Math.round((Date.now() - begun) / 1000)} s)`)
}

const begun = Date.now()
const isClean = await check()
await buildPrograms()
const counts: Counts[] = [
  { passed: isClean ? 1 : 0, failed: isClean ? 0 : 1, skipped: 0 },
  await runProject('fast'),
  await runProject('simulation'),
]
// Both wait most of their time: for leases, time limits, processes that start and end.
counts.push(...(await Promise.all([runProject('real', true), runProject('cluster')])))

// repeated at the end: a log that is cut keeps its tail
if (!isClean) failures.unshift('✗ npm run check: see above')
for (const failure of failures) say(`\n${failure}`)

const sum = (key: keyof Counts): number => counts.reduce((total, one) => total + one[key], 0)
say(`\n${Math.round((Date.now() - begun) / 1000)} s`)
say(
  'left out on purpose: real vLLM (`npm run test:vllm`: 6 GB and minutes; its result stands in docs/testing.md)',
)
say(`${sum('passed')} passed, ${sum('failed')} failed, ${sum('skipped')} skipped`)
process.exit(sum('failed') > 0 ? 1 : 0)
