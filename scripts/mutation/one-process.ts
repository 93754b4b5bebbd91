// Stryker's test runner for pure code: loads the tests once and runs them again for each mutant, in milliseconds.
// A mutant of what happens while a module loads needs fresh copies, and asks only the files that import it: who noticed the last one first.
import { globSync } from 'node:fs'
import { registerHooks, stripTypeScriptTypes } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { MutantCoverage } from '@stryker-mutator/api/core'
import { declareClassPlugin, PluginKind } from '@stryker-mutator/api/plugin'
import {
  type CompleteDryRunResult,
  type DryRunResult,
  DryRunStatus,
  determineHitLimitReached,
  type MutantRunOptions,
  type MutantRunResult,
  type TestResult,
  type TestRunner,
  TestStatus,
  toMutantRunResult,
} from '@stryker-mutator/api/test-runner'
import type * as suite from './suite.ts'

type Suite = typeof suite
interface Loaded {
  readonly file: string
  readonly tests: Awaited<ReturnType<Suite['collect']>>
}

/** What Stryker's instrumented code reads and writes; see its InstrumenterContext. */
interface Instruments {
  activeMutant?: string | undefined
  currentTestId?: string | undefined
  hitCount?: number | undefined
  hitLimit?: number | undefined
  mutantCoverage?: MutantCoverage
}

const root = pathToFileURL(`${process.cwd()}/`).href
const suiteUrl = new URL('./suite.ts', import.meta.url).href
const world = globalThis as unknown as { __stryker__: Instruments }
world.__stryker__ ??= {}

let copy = 0
/** What is loaded anew with the copy of this number; all else stays the first. */
let affected: ReadonlySet<string> = new Set()
const plain = new Map<string, string>()
const importers = new Map<string, Set<string>>()

const fileOf = (url: string) => url.split('?')[0] ?? url

const noteImport = (url: string, parent: string | undefined) => {
  const known = importers.get(url) ?? new Set()
  importers.set(url, parent ? known.add(fileOf(parent)) : known)
}

/** All modules that load this one, itself included. */
const dependents = (url: string, found = new Set<string>()): ReadonlySet<string> => {
  if (found.has(url)) return found
  found.add(url)
  for (const importer of importers.get(url) ?? []) dependents(importer, found)
  return found
}

const isOurs = (url: string) =>
  url.startsWith(root) && !url.includes('/node_modules/') && !url.startsWith(suiteUrl)

/** Our own modules carry the number of their copy; what tests take from vitest comes from the suite. */
registerHooks({
  resolve: (specifier, context, next) => {
    if (specifier === 'vitest' && !context.parentURL?.startsWith(suiteUrl)) return next(suiteUrl, context)
    const found = next(specifier, context)
    if (!isOurs(found.url) || !found.url.endsWith('.ts')) return found
    noteImport(found.url, context.parentURL)
    return { ...found, url: `${found.url}?copy=${affected.has(found.url) ? copy : 0}` }
  },
  load: (url, context, next) => {
    const file = fileOf(url)
    if (file === url) return next(url, context)
    const source = plain.get(file) ?? stripTypeScriptTypes(String(next(file, context).source))
    plain.set(file, source)
    return { format: 'module', source, shortCircuit: true }
  },
})

class OneProcess implements TestRunner {
  #files = globSync('test/domain/**/*.test.ts')
    .filter(file => !/\.(simulation|cluster|real|vllm)\./.test(file))
    .sort()
  #loaded: readonly Loaded[] = []

  capabilities() {
    return { reloadEnvironment: true }
  }

  async dryRun(): Promise<DryRunResult> {
    await this.#loadOnce()
    const results: TestResult[] = []
    for (const loaded of this.#loaded) results.push(...(await runAll(loaded, { isBailing: false })))
    const { mutantCoverage } = world.__stryker__
    return { status: DryRunStatus.Complete, tests: results, ...(mutantCoverage && { mutantCoverage }) }
  }

  async mutantRun({ activeMutant, hitLimit, ...options }: MutantRunOptions): Promise<MutantRunResult> {
    await this.#loadOnce()
    Object.assign(world.__stryker__, { activeMutant: activeMutant.id, hitLimit })
    world.__stryker__.hitCount = hitLimit === undefined ? undefined : 0
    try {
      const tests =
        options.mutantActivation === 'runtime'
          ? await this.#run(new Set(options.testFilter))
          : await this.#runFresh(options.sandboxFileName)
      const done: CompleteDryRunResult = { status: DryRunStatus.Complete, tests }
      return toMutantRunResult(determineHitLimitReached(world.__stryker__.hitCount, hitLimit) ?? done)
    } catch (error) {
      return toMutantRunResult({ status: DryRunStatus.Error, errorMessage: String(error) })
    } finally {
      world.__stryker__.activeMutant = undefined
    }
  }

  async #loadOnce() {
    if (this.#loaded.length > 0) return
    const loaded: Loaded[] = []
    for (const file of this.#files) loaded.push(await load(file))
    this.#loaded = loaded
  }

  async #run(ids: ReadonlySet<string>): Promise<TestResult[]> {
    const results: TestResult[] = []
    for (const loaded of this.#loaded) {
      results.push(...(await runAll(loaded, { isBailing: true, ids })))
      if (hasFailed(results)) break
    }
    return results
  }

  async #runFresh(sandboxFile: string): Promise<TestResult[]> {
    copy += 1
    const results: TestResult[] = []
    affected = dependents(pathToFileURL(sandboxFile).href)
    for (const file of this.#files.filter(one => affected.has(urlOf(one)))) {
      results.push(...(await runAll(await load(file), { isBailing: true })))
      if (!hasFailed(results)) continue
      this.#files = [file, ...this.#files.filter(other => other !== file)]
      break
    }
    return results
  }
}

const urlOf = (file: string) => pathToFileURL(join(process.cwd(), file)).href

const load = async (file: string): Promise<Loaded> => {
  const { collect }: Suite = await import(suiteUrl)
  return { file, tests: await collect(() => import(urlOf(file))) }
}

const hasFailed = (results: readonly TestResult[]) => results.at(-1)?.status === TestStatus.Failed

interface How {
  readonly isBailing: boolean
  readonly ids?: ReadonlySet<string>
}

const runAll = async ({ file, tests }: Loaded, { isBailing, ids }: How): Promise<TestResult[]> => {
  const results: TestResult[] = []
  for (const test of tests) {
    const id = `${file}#${test.name}`
    if (ids && ids.size > 0 && !ids.has(id)) continue
    results.push(await runOne({ id, name: test.name, fileName: file }, test.run))
    if (isBailing && hasFailed(results)) break
  }
  return results
}

const runOne = async (test: Pick<TestResult, 'id' | 'name'> & { fileName: string }, run: () => unknown) => {
  const began = performance.now()
  world.__stryker__.currentTestId = test.id
  const took = () => ({ timeSpentMs: performance.now() - began })
  try {
    await run()
    return { ...test, ...took(), status: TestStatus.Success } as const
  } catch (error) {
    const failureMessage = error instanceof Error ? error.message : String(error)
    return { ...test, ...took(), status: TestStatus.Failed, failureMessage } as const
  } finally {
    world.__stryker__.currentTestId = undefined
  }
}

export const strykerPlugins = [declareClassPlugin(PluginKind.TestRunner, 'one-process', OneProcess)]
